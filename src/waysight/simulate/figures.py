"""People, bicycles and motorcycles: skeletons of rounded limbs."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.simulate.geometry import View
from waysight.simulate.mesh import Body, disc, front_rectangle, rear_rectangle
from waysight.simulate.painter import (
    Brush,
    Light,
    Look,
    Painted,
    Pose,
    fixed,
    paint_lamps,
    paint_shadow,
    shade,
    visible_plate,
    warp_into,
)

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Rng = np.random.Generator
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Limb:
    """A rounded rod between two points, metres."""

    start: Point
    end: Point
    radius_m: float
    material: str


@dataclass(frozen=True)
class Ring:
    """A wheel in the plane x = const, seen as a band of `band_m`."""

    centre: Point
    radius_m: float
    band_m: float


@dataclass
class Figure:
    """A walker or a rider standing at the origin, facing +y."""

    label: str
    limbs: list[Limb]
    size_m: tuple[float, float, float]
    rings: list[Ring] = field(default_factory=list)
    plates: dict[str, Array] = field(default_factory=dict)
    lamps: dict[str, list[Array]] = field(default_factory=dict)

    def as_body(self) -> Body:
        """What the lamp and plate painters need."""
        return Body(self.label, [], self.size_m, self.plates, self.lamps)


def walker(height_m: float, phase: float, wide: float = 1.0) -> Figure:
    """A walking person; `phase` in radians moves legs and arms, one step per pi."""
    s = height_m / 1.75
    swing, limbs = float(np.sin(phase)), []
    for side in (-1, 1):
        reach = side * swing
        hip, knee = (side * 0.09, 0.0, 0.92), (side * 0.1, 0.2 * reach + 0.05, 0.5)
        foot = (side * 0.1, 0.34 * reach, 0.07 + 0.06 * max(0.0, -reach))
        hand = (side * 0.27, -0.28 * reach + 0.06, 0.86)
        shoulder, elbow = (side * 0.2, 0.0, 1.42), (side * 0.25, -0.12 * reach - 0.02, 1.12)
        limbs += [
            Limb(hip, knee, 0.085, "legs"),
            Limb(knee, foot, 0.065, "legs"),
            Limb(foot, (foot[0], foot[1] + 0.14, 0.05), 0.05, "shoes"),
            Limb(shoulder, elbow, 0.055, "top"),
            Limb(elbow, hand, 0.045, "top"),
            Limb(hand, (hand[0], hand[1] + 0.03, 0.8), 0.04, "skin"),
        ]
    limbs += [
        Limb((0, 0, 0.98), (0, 0, 1.36), 0.165 * wide, "top"),
        Limb((-0.16, 0, 1.4), (0.16, 0, 1.4), 0.075, "top"),
        Limb((0, 0.01, 1.5), (0, 0.02, 1.55), 0.055, "skin"),
        Limb((0, 0.02, 1.62), (0, 0.02, 1.66), 0.1, "skin"),
        Limb((0, -0.015, 1.67), (0, 0.0, 1.69), 0.105, "hair"),
    ]
    limbs = [Limb(_scaled(b.start, s), _scaled(b.end, s), b.radius_m * s, b.material) for b in limbs]
    return Figure("person", limbs, (0.5 * wide, 0.5, height_m))


def _scaled(point: Point, s: float) -> Point:
    return (point[0] * s, point[1] * s, point[2] * s)


def _rider(seat: Point, bars: Point, pegs: float, phase: float, head: str) -> list[Limb]:
    lean = 0.3 if head == "helmet" else 0.26
    neck = (0.0, seat[1] + lean, seat[2] + 0.52)
    limbs = []
    for side in (-1, 1):
        turn = side * np.sin(phase) if pegs < 0.3 else 0.0
        foot = (
            side * 0.14,
            0.03 + 0.15 * float(np.cos(phase)) * side * (pegs < 0.3),
            pegs + 0.12 * float(turn),
        )
        knee = (side * 0.2, seat[1] + 0.36, (seat[2] + foot[2]) / 2 + 0.16)
        limbs += [
            Limb((side * 0.1, seat[1], seat[2]), knee, 0.085, "legs"),
            Limb(knee, foot, 0.065, "legs"),
            Limb(foot, (foot[0], foot[1] + 0.12, foot[2] - 0.03), 0.05, "shoes"),
            Limb(
                (side * 0.19, neck[1], neck[2] - 0.05),
                (side * 0.3, bars[1] - 0.22, bars[2] + 0.12),
                0.055,
                "top",
            ),
            Limb((side * 0.3, bars[1] - 0.22, bars[2] + 0.12), (side * 0.26, bars[1], bars[2]), 0.045, "top"),
        ]
    return [
        *limbs,
        Limb((0, seat[1] + 0.02, seat[2] + 0.1), (0, neck[1] - 0.05, neck[2] - 0.12), 0.17, "top"),
        Limb((-0.15, neck[1], neck[2] - 0.06), (0.15, neck[1], neck[2] - 0.06), 0.08, "top"),
        Limb((0, neck[1] + 0.06, neck[2] + 0.16), (0, neck[1] + 0.06, neck[2] + 0.2), 0.105, "skin"),
        Limb(
            (0, neck[1] + 0.04, neck[2] + 0.2),
            (0, neck[1] + 0.05, neck[2] + 0.23),
            0.125 if head == "helmet" else 0.105,
            head,
        ),
    ]


def bicycle(phase: float, rng: Rng) -> Figure:
    """A bicycle with its rider pedalling at `phase` radians."""
    frame = [
        Limb((0, -0.52, 0.34), (0, -0.05, 0.32), 0.018, "paint"),
        Limb((0, -0.05, 0.32), (0, 0.42, 0.82), 0.02, "paint"),
        Limb((0, -0.05, 0.32), (0, -0.2, 0.86), 0.018, "paint"),
        Limb((0, -0.2, 0.8), (0, 0.4, 0.84), 0.018, "paint"),
        Limb((0, 0.52, 0.34), (0, 0.4, 0.95), 0.02, "paint"),
        Limb((-0.27, 0.4, 0.98), (0.27, 0.4, 0.98), 0.015, "trim"),
        Limb((0, -0.28, 0.92), (0, -0.08, 0.93), 0.04, "trim"),
    ]
    rider = _rider((0, -0.18, 0.96), (0, 0.4, 1.0), 0.28, phase, "helmet" if rng.random() < 0.4 else "hair")
    rings = [Ring((0, y, 0.34), 0.33, 0.035) for y in (-0.52, 0.52)]
    return Figure("bicycle", frame + rider, (0.55, 1.7, 1.75), rings)


def motorcycle(rng: Rng) -> Figure:
    """A motorcycle with its rider; only a rear plate."""
    fat = rng.uniform(0.85, 1.2)
    machine = [
        Limb((0, -0.62, 0.3), (0, -0.35, 0.34), 0.07, "trim"),
        Limb((0, -0.1, 0.42), (0, 0.22, 0.42), 0.17 * fat, "trim"),
        Limb((0, 0.0, 0.8), (0, 0.3, 0.84), 0.15 * fat, "paint"),
        Limb((0, -0.75, 0.78), (0, -0.1, 0.76), 0.11 * fat, "trim"),
        Limb((0, -0.85, 0.72), (0, -0.6, 0.76), 0.08, "paint"),
        Limb((0, 0.72, 0.32), (0, 0.45, 0.95), 0.045, "trim"),
        Limb((-0.33, 0.38, 1.03), (0.33, 0.38, 1.03), 0.02, "trim"),
        Limb((0, 0.5, 0.88), (0, 0.56, 0.86), 0.12, "paint"),
        Limb((0, 0.62, 0.62), (0, 0.82, 0.62), 0.07, "paint"),
    ]
    for side in (-1, 1):
        machine.append(Limb((side * 0.3, 0.36, 1.05), (side * 0.36, 0.34, 1.2), 0.035, "trim"))
        machine.append(Limb((side * 0.16, -0.75, 0.34), (side * 0.15, -0.2, 0.34), 0.05, "rim"))
    rider = _rider((0, -0.3, 0.86), (0, 0.36, 1.04), 0.36, 0.0, "helmet")
    figure = Figure(
        "motorcycle",
        machine + rider,
        (0.75, 2.1, 1.6),
        [Ring((0, y, 0.31), 0.29, 0.12) for y in (-0.68, 0.72)],
    )
    figure.plates["rear"] = rear_rectangle((0, -1.0, 0.62), 1, 1)
    figure.lamps["rear"] = [rear_rectangle((0, -0.98, 0.82), 0.2, 0.09)]
    figure.lamps["front"] = [front_rectangle((0, 0.68, 0.88), 0.17, 0.17)]
    return figure


def paint_figure(
    picture: Image, view: View, figure: Figure, pose: Pose, look: Look, light: Light, with_mask: bool = False
) -> Painted:
    """Paints a figure with its shadow in place and says where it is."""
    paint_shadow(picture, view, figure.size_m, pose, light)
    ends = pose.place(np.array([p for limb in figure.limbs for p in (limb.start, limb.end)]))
    pixels, depth = view.project(ends)
    scale = view.focal_px / np.maximum(depth, 0.6)
    radius = np.repeat([limb.radius_m for limb in figure.limbs], 2) * scale
    rings = [
        view.project(pose.place(disc(r.centre, r.radius_m, "tyre", 18).corners))[0] for r in figure.rings
    ]
    low, high = (pixels - radius[:, None]).min(axis=0), (pixels + radius[:, None]).max(axis=0)
    for ring in rings:
        low, high = np.minimum(low, ring.min(axis=0)), np.maximum(high, ring.max(axis=0))
    size = (view.width_px, view.height_px)
    region = tuple(int(np.clip(v, 0, size[i % 2])) for i, v in enumerate([*(low - 2), *(high + 3)]))
    mask = np.zeros((region[3] - region[1], region[2] - region[0]), np.uint8) if with_mask else None
    brush = Brush(picture, view, light, look)
    up = np.array([0.0, 0.0, 1.0])
    for ring, spec in zip(rings, figure.rings, strict=True):
        band = max(1, round(spec.band_m * float(scale[0])))
        cv2.polylines(picture, [fixed(ring)], True, brush.colour("tyre", up), band, cv2.LINE_AA, SHIFT_BITS)
        if mask is not None:
            cv2.polylines(mask, [fixed(ring - region[:2])], True, 255, band, cv2.LINE_8, SHIFT_BITS)
    _lamps_and_plate(picture, view, figure, pose, look, light, "front")
    for i in np.argsort(-(depth[::2] + depth[1::2])):
        limb, a, b = figure.limbs[i], pixels[2 * i], pixels[2 * i + 1]
        width = max(1, round(float(radius[2 * i] + radius[2 * i + 1])))
        base = look.colours.get(limb.material) or brush.colour(limb.material, up)
        for grow, side in ((1.0, -0.62), (0.6, 0.55)):
            colour = shade(base, np.array([side * 0.4, side * 0.6, 0.5]), light)
            offset = np.array([-0.12, -0.08]) * width * (grow < 1)
            thick = max(1, round(width * grow))
            start, end = fixed(np.stack([a + offset, b + offset]))
            cv2.line(picture, start.tolist(), end.tolist(), colour, thick, cv2.LINE_AA, SHIFT_BITS)
        if mask is not None:
            start, end = fixed(np.stack([a, b]) - region[:2])
            cv2.line(mask, start.tolist(), end.tolist(), 255, width, cv2.LINE_8, SHIFT_BITS)
    x0, y0, x1, y1 = region
    if x1 - x0 > 6 and y1 - y0 > 6:
        picture[y0:y1, x0:x1] = cv2.GaussianBlur(picture[y0:y1, x0:x1], (3, 3), 0.7)
    quad = _lamps_and_plate(picture, view, figure, pose, look, light, "rear")
    return Painted(
        (float(low[0]), float(low[1]), float(high[0]), float(high[1])), quad, (x0, y0, x1, y1), mask
    )


SHIFT_BITS = 3


def _lamps_and_plate(
    picture: Image, view: View, figure: Figure, pose: Pose, look: Look, light: Light, end: str
) -> Array | None:
    body = figure.as_body()
    body.lamps = {key: value for key, value in body.lamps.items() if key == end}
    paint_lamps(picture, view, body, pose, look, light)
    seen = visible_plate(view, body, pose, look.plate_size_m)
    if end != "rear" or look.plate is None or seen is None:
        return None
    gain = (light.sky + 0.35 * light.sun) * (1 - light.dark) + 0.78 * light.dark
    warp_into(picture, look.plate, seen[1], gain, light.cast)
    return seen[1]
