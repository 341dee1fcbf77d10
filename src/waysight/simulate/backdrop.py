"""The picture behind the traffic: road, markings, kerbs, grass, buildings, trees and sky."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.simulate.geometry import View
from waysight.simulate.mesh import Face, Part, box, flatten
from waysight.simulate.painter import Brush, Light, Look, warp_into

Float = NDArray[np.float32]
Image = NDArray[np.uint8]
Rng = np.random.Generator
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Road:
    """What lies on the ground plane; lengths in metres, colours B, G, R."""

    centre_m: float = 0.0
    lane_m: float = 3.6
    lanes: int = 2
    asphalt: Colour = (108, 108, 106)
    verge: str = "grass"
    stop_line_m: float | None = None
    crossing_m: float | None = None
    cross_road_m: float | None = None
    dashes_m: tuple[float, float] = (4.0, 8.0)
    both_ways: bool = False
    wear: float = 0.5
    scenery: tuple[str, ...] = field(default=("trees", "poles"))

    @property
    def half_m(self) -> float:
        return self.lanes * self.lane_m / 2


VERGES: dict[str, Colour] = {
    "grass": (62, 108, 96),
    "dry": (118, 158, 172),
    "pavement": (148, 152, 156),
    "gravel": (128, 136, 140),
    "snow": (222, 216, 212),
}


def _noise(rng: Rng, size: int, cell: int) -> Float:
    """Smooth tileable noise, (size, size), mean 0, deviation about 1, features of `cell` pixels."""
    n = max(2, size // cell)
    grid = rng.standard_normal((n, n)).astype(np.float32)
    padded = np.pad(grid, 2, mode="wrap")
    big = cv2.resize(padded, ((n + 4) * cell, (n + 4) * cell), interpolation=cv2.INTER_CUBIC)
    return np.asarray(big[2 * cell : 2 * cell + n * cell, 2 * cell : 2 * cell + n * cell], np.float32)


def _sample(texture: Float, x: Float, y: Float, metres: float) -> Float:
    """Texture values on the ground, repeating every `metres`."""
    n = texture.shape[0]
    u, v = x * np.float32(1 / metres), y * np.float32(1 / metres)
    u, v = (u - np.floor(u)) * np.float32(n - 1), (v - np.floor(v)) * np.float32(n - 1)
    return np.asarray(cv2.remap(texture, u, v, cv2.INTER_LINEAR), np.float32)


def _band(x: Float, centre: float, half: float, soft: Float) -> Float:
    """1 inside |x - centre| < half, 0 outside, softened over one pixel's footprint."""
    return np.asarray(np.clip((half - np.abs(x - centre)) / soft + 0.5, 0, 1), np.float32)


def ground_layer(view: View, road: Road, rng: Rng) -> tuple[Float, Float]:
    """The lit-neutral ground (h, w, 3) float 0-255, and where the ground is (h, w) 0 or 1."""
    rows, cols = np.mgrid[0 : view.height_px, 0 : view.width_px]
    flat = view.ground(np.stack([cols.ravel(), rows.ravel()], axis=1))
    x = flat[:, 0].reshape(rows.shape).astype(np.float32)
    y = flat[:, 1].reshape(rows.shape).astype(np.float32)
    below = np.isfinite(y) & (y < 900)
    x, y = np.where(below, x, 0), np.where(below, y, 900)
    reach = np.hypot(y, view.height_m) / view.focal_px
    soft_x, soft_y = np.maximum(reach, 0.004), np.maximum(reach * np.maximum(y, 1) / view.height_m, 0.01)
    fine, coarse, wide = _noise(rng, 512, 2), _noise(rng, 256, 8), _noise(rng, 256, 32)
    fade = np.clip(1.4 - y / 90, 0.15, 1)
    grain = _sample(fine, x, y, 3.1) * 5 * fade + _sample(coarse, x, y * 0.6, 9.0) * 3.5
    patches = _sample(wide, x, y * 0.25, 41.0) * 5
    off = x - road.centre_m
    lane_pos = np.mod(off + road.half_m, road.lane_m) / road.lane_m - 0.5
    ruts = np.exp(-(((np.abs(lane_pos) - 0.22) / 0.09) ** 2)) * -7 * road.wear
    oil = np.exp(-((lane_pos / 0.1) ** 2)) * -5 * road.wear
    asphalt = np.asarray(road.asphalt, np.float32) + (grain + patches + ruts + oil)[:, :, None]
    verge = np.asarray(VERGES[road.verge], np.float32)
    rough = 4.0 if road.verge == "pavement" else 15.0
    tint = (
        _sample(coarse, x, y, 4.0) * rough * 0.7
        + _sample(fine, x, y, 1.7) * rough * 0.5 * fade
        + patches * 1.5
    )
    side = verge + tint[:, :, None] * np.array([0.7, 1.0, 1.05], np.float32)
    if road.verge == "pavement":
        joints = np.maximum(
            _band(np.mod(x, 1.0), 0.5, 0.02, soft_x), _band(np.mod(y, 1.0), 0.5, 0.02, soft_y)
        )
        side = side - 22 * (joints * fade)[:, :, None]
    on_road = _band(off, 0, road.half_m + 0.45, soft_x)
    if road.cross_road_m is not None:
        on_road = np.maximum(on_road, _band(y, road.cross_road_m, 5.5, soft_y))
    kerb = _band(np.abs(off), road.half_m + 0.6, 0.12, soft_x) * (road.verge in ("pavement", "grass"))
    ground = side * (1 - on_road[:, :, None]) + asphalt * on_road[:, :, None]
    clear = np.ones_like(x) if road.cross_road_m is None else 1 - _band(y, road.cross_road_m, 6.0, soft_y)
    ground = (
        ground * (1 - (kerb * clear)[:, :, None])
        + np.array([170, 172, 174], np.float32) * (kerb * clear)[:, :, None]
    )
    paint = _markings(road, off, y, soft_x, soft_y) * clear
    paint = paint * np.clip(0.86 - road.wear * 0.25 + _sample(fine, x, y, 2.3) * 0.16 * road.wear, 0, 1)
    ground = ground * (1 - paint[:, :, None]) + np.array([218, 222, 224], np.float32) * paint[:, :, None]
    return ground.astype(np.float32), below.astype(np.float32)


def _markings(road: Road, off: Float, y: Float, soft_x: Float, soft_y: Float) -> Float:
    paint = np.maximum(_band(off, -road.half_m, 0.075, soft_x), _band(off, road.half_m, 0.075, soft_x))
    mark, period = road.dashes_m[0], sum(road.dashes_m)
    dash = _band(np.mod(y, period), mark / 2 + 0.5, mark / 2, soft_y)
    for lane in range(1, road.lanes):
        middle = road.both_ways and lane * 2 == road.lanes
        line = _band(off, lane * road.lane_m - road.half_m, 0.065, soft_x)
        if road.stop_line_m is not None:
            dash = np.maximum(dash, (y < road.stop_line_m).astype(np.float32) * (y > road.stop_line_m - 15))
        paint = np.maximum(paint, line if middle else line * dash)
    inside = _band(off, 0, road.half_m, soft_x)
    if road.stop_line_m is not None:
        paint = np.maximum(paint, _band(y, road.stop_line_m + 0.2, 0.2, soft_y) * inside)
    if road.crossing_m is not None:
        bars = _band(np.mod(off, 0.9), 0.45, 0.22, soft_x)
        paint = np.maximum(paint, bars * inside * _band(y, road.crossing_m, 1.8, soft_y))
    return np.asarray(paint, np.float32)


def facade(rng: Rng, storeys: int, columns: int, dark: float) -> Image:
    """A house front, uint8 BGR: wall with rows of windows, some lit when it is dark."""
    wall = np.array([rng.uniform(110, 190)] * 3) + rng.uniform(-25, 25, 3)
    cell = 24
    picture = np.full((storeys * cell, columns * cell, 3), wall, np.float32)
    picture += rng.normal(0, 5, picture.shape[:2])[:, :, None]
    for r in range(storeys):
        for c in range(columns):
            lit = rng.random() < 0.35 * dark
            tone = (
                np.array([110, 190, 235]) * rng.uniform(0.8, 1.6)
                if lit
                else np.array([85, 75, 62]) * rng.uniform(0.6, 1.5)
            )
            picture[r * cell + 5 : r * cell + 19, c * cell + 5 : c * cell + 18] = tone
    return np.clip(picture, 0, 255).astype(np.uint8)


def sky_layer(view: View, rng: Rng, dark: float) -> Float:
    """A sky (h, w, 3) float 0-255: gradient and soft clouds, dusk colours when dark."""
    t = np.linspace(0, 1, view.height_px, dtype=np.float32)[:, None]
    day_top, day_low = np.array([225, 175, 125]), np.array([235, 225, 210])
    dusk_top, dusk_low = np.array([95, 62, 45]), np.array([95, 125, 190])
    top = day_top * (1 - dark) + dusk_top * dark
    low = day_low * (1 - dark) + dusk_low * dark
    sky = (top * (1 - t) + low * t)[:, None, :].repeat(view.width_px, axis=1)
    clouds = cv2.resize(_noise(rng, 128, 32), (view.width_px, view.height_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(sky + np.clip(clouds, 0, 3)[:, :, None] * 14 * (1 - 0.6 * dark), np.float32)


def make_backdrop(view: View, road: Road, light: Light, rng: Rng) -> Image:
    """The empty scene as a picture uint8 BGR (h, w, 3)."""
    ground, below = ground_layer(view, road, rng)
    gain = light.sky + light.sun * max(0.0, light.direction[2])
    lit = ground * (gain * np.asarray(light.cast, np.float32))
    sky = sky_layer(view, rng, light.dark) * np.asarray(light.cast, np.float32)
    mask = cv2.GaussianBlur(below, (0, 0), 1.0)[:, :, None]
    picture = np.clip(lit * mask + sky * (1 - mask), 0, 255).astype(np.uint8)
    if "buildings" in road.scenery:
        _buildings(picture, view, road, light, rng)
    if "trees" in road.scenery:
        _trees(picture, view, road, light, rng)
    if "poles" in road.scenery:
        _poles(picture, view, road, light, rng)
    if "rail" in road.scenery:
        _rail(picture, view, road, light)
    return np.asarray(cv2.GaussianBlur(picture, (3, 3), 0.6), np.uint8)


def paint_part(picture: Image, view: View, part: Part, look: Look, light: Light) -> None:
    """Paints one convex solid that stands in the world frame."""
    corners, solids = flatten([part])
    pixels, depth = view.project(corners)
    if depth.min() >= 0.6:
        Brush(picture, view, light, look).solid(solids[0], pixels, np.eye(3), np.zeros(3))


def _buildings(picture: Image, view: View, road: Road, light: Light, rng: Rng) -> None:
    blocks = []
    for side in (-1, 1):
        y = 30.0
        while y < 260:
            depth, setback = rng.uniform(12, 30), road.half_m + rng.uniform(7, 16)
            blocks.append((y, side, depth, setback, rng.uniform(6, 28)))
            y += depth + rng.uniform(2, 18)
    for y, side, depth, setback, height in sorted(blocks, key=lambda b: -b[0]):
        xs = sorted((road.centre_m + side * setback, road.centre_m + side * (setback + 20)))
        part = box((xs[0], xs[1]), (y, y + depth), (0, height), "white", 1)
        storeys = max(2, int(height / 3))
        front = part.faces[0]
        front.decals.append(Face(front.corners[[3, 2, 1, 0]], "white", image="front"))
        street = part.faces[4 if side > 0 else 5]
        x = xs[0] if side > 0 else xs[1]
        near_first = np.array([[x, y + depth, height], [x, y, height], [x, y, 0], [x, y + depth, 0]])
        street.decals.append(Face(near_first, "white", image="street"))
        images = {
            "front": facade(rng, storeys, 6, light.dark),
            "street": facade(rng, storeys, max(2, int(depth / 3)), light.dark),
        }
        paint_part(
            picture, view, part, Look({"paint": (150, 150, 150), "white": (215, 215, 215)}, images), light
        )


def _trees(picture: Image, view: View, road: Road, light: Light, rng: Rng) -> None:
    green = np.array([rng.uniform(30, 60), rng.uniform(75, 105), rng.uniform(55, 95)])
    spots = sorted(
        ((rng.uniform(14, 170), rng.choice([-1, 1])) for _ in range(int(rng.integers(4, 22)))), reverse=True
    )
    for y, side in spots:
        x = road.centre_m + side * (road.half_m + rng.uniform(2.5, 12))
        height, crown = rng.uniform(4, 10), rng.uniform(1.0, 2.4)
        (foot, top), depth = view.project(np.array([[x, y, 0.0], [x, y, height]]))
        if depth.min() < 3:
            continue
        px = view.focal_px / float(depth[0])
        trunk = tuple(c * (light.sky + 0.2) for c in (45, 60, 75))
        cv2.line(
            picture,
            foot.astype(int).tolist(),
            top.astype(int).tolist(),
            trunk,
            max(1, int(0.25 * px)),
            cv2.LINE_AA,
        )
        for k in range(70):
            offset = rng.normal(0, 0.5, 2) * crown * px
            shade_gain = (0.55 + 0.6 * (k / 70)) * (light.sky + 0.6 * light.sun)
            colour = tuple(np.clip(green * shade_gain * rng.uniform(0.75, 1.25), 0, 255).tolist())
            cv2.circle(
                picture,
                (top + offset).astype(int).tolist(),
                max(1, int(rng.uniform(0.1, 0.35) * crown * px)),
                colour,
                -1,
                cv2.LINE_AA,
            )


def _poles(picture: Image, view: View, road: Road, light: Light, rng: Rng) -> None:
    start = rng.uniform(8, 25)
    for y in np.arange(start + 150, start - 1, -30):
        for side in (-1, 1):
            x = road.centre_m + side * (road.half_m + 1.4)
            points = np.array([[x, y, 0], [x, y, 7.5], [x - side * 1.8, y, 7.9], [x, y, 2.6]])
            pixels, depth = view.project(points)
            if depth.min() < 2:
                continue
            px = view.focal_px / float(depth[0])
            tone = tuple(c * (light.sky + 0.3 * light.sun) for c in (120, 122, 120))
            cv2.polylines(
                picture, [pixels[:3].astype(np.int32)], False, tone, max(1, int(0.14 * px)), cv2.LINE_AA
            )
            if rng.random() < 0.3:
                _traffic_sign(picture, pixels[3], 0.35 * px, light, rng)


def _traffic_sign(picture: Image, centre: NDArray[np.float64], radius: float, light: Light, rng: Rng) -> None:
    size = max(8, int(2 * radius))
    face = np.full((64, 64, 3), 128, np.uint8)
    cv2.circle(face, (32, 32), 31, (40, 40, 200), -1, cv2.LINE_AA)
    cv2.circle(face, (32, 32), 24, (235, 235, 235), -1, cv2.LINE_AA)
    cv2.putText(
        face,
        str(rng.choice([40, 50, 60, 70, 90])),
        (12, 42),
        cv2.FONT_HERSHEY_DUPLEX,
        1.0,
        (20, 20, 20),
        2,
        cv2.LINE_AA,
    )
    angles = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size / 2
    warp_into(picture, face, centre + angles, light.sky + 0.3, light.cast)


def _rail(picture: Image, view: View, road: Road, light: Light) -> None:
    for side in (-1, 1):
        x = road.centre_m + side * (road.half_m + 1.0)
        for y in np.arange(160, 4, -4.0):
            part = box((x - 0.04, x + 0.04), (y, y + 4.0), (0.45, 0.75), "steel", 1)
            paint_part(picture, view, part, Look({"paint": (1, 1, 1), "steel": (165, 165, 162)}), light)
