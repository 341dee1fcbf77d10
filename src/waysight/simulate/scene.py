"""Whole pictures: road users painted over a backdrop, with exact labels; random scenes for training."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.simulate.backdrop import VERGES, Road, make_backdrop
from waysight.simulate.bodies import make_body
from waysight.simulate.figures import Figure, bicycle, motorcycle, paint_figure, walker
from waysight.simulate.geometry import View, aimed
from waysight.simulate.looks import person_look, random_colour, vehicle_look
from waysight.simulate.mesh import Body
from waysight.simulate.painter import Light, Look, Painted, Pose, paint_body
from waysight.simulate.plates import list_designs, random_text

Image = NDArray[np.uint8]
Rng = np.random.Generator
Label = tuple[str, tuple[float, float, float, float], NDArray[np.float64] | None, str | None]

KIND_SHARES = {
    "sedan": 0.2, "hatch": 0.13, "suv": 0.15, "wagon": 0.06, "minivan": 0.05, "bus": 0.07, "truck": 0.08,
    "van": 0.04, "motorcycle": 0.08, "bicycle": 0.05, "person": 0.09,
}  # fmt: skip
PLATE_DESIGNS = (
    "kz_2012",
    "kz_2012",
    "kz_2012",
    "pe_2010",
    "ma_2000",
    "generic_eu",
    "generic_us",
    "generic_br",
)


@dataclass
class Actor:
    """One road user in one picture."""

    thing: Body | Figure
    pose: Pose
    look: Look
    plate_text: str | None = None


def paint_actor(picture: Image, view: View, actor: Actor, light: Light, with_mask: bool = False) -> Painted:
    """Paints one road user in place."""
    if isinstance(actor.thing, Body):
        return paint_body(picture, view, actor.thing, actor.pose, actor.look, light, with_mask)
    return paint_figure(picture, view, actor.thing, actor.pose, actor.look, light, with_mask)


def clipped(
    xyxy: tuple[float, float, float, float], width: int, height: int
) -> tuple[float, float, float, float]:
    """A box cut to the picture."""
    x0, y0, x1, y1 = xyxy
    return (min(max(x0, 0), width), min(max(y0, 0), height), min(max(x1, 0), width), min(max(y1, 0), height))


def paint_actors(picture: Image, view: View, actors: list[Actor], light: Light) -> list[Label]:
    """Paints far to near and labels those of which at least 30 % and 8 x 8 pixels show, in place.

    A plate's corners (4, 2) px, clockwise from top left, are given where the whole plate is in sight.
    """
    far_first = sorted(actors, key=lambda a: -float(np.hypot(a.pose.x_m, a.pose.y_m)))
    owner = np.zeros(picture.shape[:2], np.uint8)
    done: list[tuple[Actor, Painted, int]] = []
    for number, actor in enumerate(far_first, start=1):
        painted = paint_actor(picture, view, actor, light, with_mask=True)
        if painted.mask is not None and painted.mask.any():
            left, top, right, bottom = painted.region
            owner[top:bottom, left:right][painted.mask > 0] = number
            done.append((actor, painted, int((painted.mask > 0).sum())))
        else:
            done.append((actor, painted, 0))
    labels: list[Label] = []
    for number, (actor, painted, area) in enumerate(done, start=1):
        x0, y0, x1, y1 = clipped(painted.xyxy, view.width_px, view.height_px)
        full = (painted.xyxy[2] - painted.xyxy[0]) * (painted.xyxy[3] - painted.xyxy[1])
        rx0, ry0, rx1, ry1 = painted.region
        shown = int((owner[ry0:ry1, rx0:rx1] == number).sum())
        inside = (x1 - x0) * (y1 - y0) / max(full, 1.0)
        if area == 0 or min(x1 - x0, y1 - y0) < 8 or shown < 0.3 * area or inside < 0.2:
            continue
        quad = painted.plate_quad
        if quad is not None and not _all_in_sight(quad, owner, number):
            quad = None
        labels.append(
            (actor.thing.label, (x0, y0, x1, y1), quad, actor.plate_text if quad is not None else None)
        )
    return labels


def _all_in_sight(quad: NDArray[np.float64], owner: Image, number: int) -> bool:
    height, width = owner.shape
    spots = np.concatenate([quad, quad.mean(axis=0)[None]]).round().astype(int)
    if (spots < 0).any() or (spots[:, 0] >= width).any() or (spots[:, 1] >= height).any():
        return False
    # Corners may fall on the silhouette's edge, so only a different road user there counts as hiding it.
    values = owner[spots[:, 1], spots[:, 0]]
    return bool((values[:4] <= number).all() and values[4] == number)


def sensor(picture: Image, rng: Rng, noise: float, blur: float) -> Image:
    """What lens and sensor do: defocus of `blur` px, noise of `noise` grey levels."""
    if blur > 0.25:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.uint8)
    if noise > 0.2:
        grain = np.empty(picture.shape[:2], np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        cv2.randn(grain, 0, noise)
        picture = np.clip(picture.astype(np.int16) + grain[:, :, None], 0, 255).astype(np.uint8)
    return picture


def random_light(rng: Rng) -> Light:
    """Any hour: bright or overcast day, dusk, night under lamps."""
    hour = rng.random()
    if hour < 0.6:
        azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.95)
        flat = np.sqrt(1 - height**2)
        sun = rng.uniform(0.05, 0.65)
        cast = tuple(rng.uniform(0.93, 1.07, 3).tolist())
        return Light(
            sun, rng.uniform(0.5, 0.75), 0.0, cast, (flat * np.cos(azimuth), flat * np.sin(azimuth), height)
        )
    dark = rng.uniform(0.3, 1.0)
    cast = (rng.uniform(0.85, 1.1), rng.uniform(0.92, 1.02), rng.uniform(0.95, 1.15))
    return Light(0.05 * (1 - dark), 0.62 - 0.42 * dark, dark, cast, (0.0, 0.0, 1.0), 0.1)


def random_actor(kind: str, pose: Pose, rng: Rng, lamps: bool) -> Actor:
    """One road user of a kind of `KIND_SHARES` with a random look and plate."""
    phase = rng.uniform(0, 2 * np.pi)
    if kind == "person":
        return Actor(walker(rng.uniform(1.45, 1.95), phase, rng.uniform(0.9, 1.25)), pose, person_look(rng))
    if kind == "bicycle":
        return Actor(bicycle(phase, rng), pose, person_look(rng))
    design = str(rng.choice(list_designs() if rng.random() < 0.3 else PLATE_DESIGNS))
    text = random_text(design, rng) if rng.random() < 0.94 else None
    look = vehicle_look(rng, random_colour(rng), design, text)
    look.headlamps, look.braking = lamps, bool(rng.random() < 0.25)
    thing = motorcycle(rng) if kind == "motorcycle" else make_body(kind, rng)
    return Actor(thing, pose, look, text)


def _random_view(rng: Rng, size_px: tuple[int, int]) -> View:
    width, height = size_px
    focal = width * float(np.exp(rng.uniform(np.log(0.75), np.log(4.2))))
    stand = rng.uniform(2.2, 9.0)
    half_angle = np.arctan2(height / 2, focal)
    near = rng.uniform(0.8, 2.2) * stand / np.tan(min(1.2, 2 * half_angle + 0.05)) * rng.uniform(0.8, 1.2)
    near = float(np.clip(near, 4.0, 40.0))
    return aimed(width, height, focal, stand, near, rng.uniform(-0.22, 0.22))


def _random_pose(kind: str, view: View, road: Road, rng: Rng) -> Pose | None:
    """A place in sight, denser near the camera: vehicles on lanes, people mostly beside them."""
    v = view.height_px * (1 - rng.random() ** 1.5)
    spot = view.ground(np.array([[rng.uniform(0, view.width_px), v]]))[0]
    if not np.isfinite(spot).all() or spot[1] > 130 or spot[1] < 3:
        return None
    x, y = spot.tolist()
    off = x - road.centre_m
    if kind == "person":
        return Pose(x, y, rng.uniform(0, 2 * np.pi))
    if abs(off) > road.half_m + 4:
        return None
    lane = int(np.clip((off + road.half_m) // road.lane_m, 0, road.lanes - 1))
    x = road.centre_m - road.half_m + (lane + 0.5) * road.lane_m + rng.normal(0, 0.2)
    away = (lane * 2 >= road.lanes) if road.both_ways else True
    heading = rng.normal(0, 0.06) + (0 if away else np.pi)
    if not road.both_ways and road.wear > 0.5:
        heading += np.pi
    if rng.random() < 0.15:
        heading = rng.uniform(0, 2 * np.pi)
    return Pose(x, y, heading)


def _touching(a: Actor, b: Actor) -> bool:
    """Whether two road users' footprints come too close, judged by boxes around them."""
    gaps = []
    for axis, mine in ((0, np.sin), (1, np.cos)):
        reach = 0.3
        for actor in (a, b):
            share = abs(float(mine(actor.pose.heading_rad)))
            width, length = actor.thing.size_m[0], actor.thing.size_m[1]
            reach += (length * share + width * float(np.sqrt(max(0.0, 1 - share**2)))) / 2
        centre_a = (a.pose.x_m, a.pose.y_m)[axis]
        gaps.append(abs(centre_a - (b.pose.x_m, b.pose.y_m)[axis]) - reach)
    return max(gaps) < 0


def render_training_scene(rng: Rng, size_px: tuple[int, int] = (1280, 720)) -> tuple[Image, list[Label]]:
    """A random traffic picture with exact labels.

    Returns the image uint8 BGR (H, W, 3) and, per road user of which enough shows, its label (person, bicycle,
    motorcycle, car, bus, truck), box xyxy in pixels cut to the image, plate corners (4, 2) px clockwise from
    top left (None unless the whole plate is in sight) and plate text. A bicycle's or motorcycle's box includes
    its rider, who has no label of their own. Everything is drawn from `rng`.
    """
    view, light = _random_view(rng, size_px), random_light(rng)
    lanes = int(rng.integers(1, 5))
    scenery = tuple(s for s in ("buildings", "trees", "poles", "rail") if rng.random() < 0.5)
    grey = rng.uniform(60, 150)
    road = Road(
        centre_m=rng.uniform(-3, 3),
        lanes=lanes,
        lane_m=rng.uniform(3.0, 3.8),
        asphalt=(grey + rng.uniform(-6, 6), grey + rng.uniform(-4, 4), grey + rng.uniform(-6, 8)),
        verge=str(rng.choice(list(VERGES))),
        stop_line_m=rng.uniform(8, 40) if rng.random() < 0.3 else None,
        crossing_m=rng.uniform(8, 40) if rng.random() < 0.3 else None,
        cross_road_m=rng.uniform(20, 60) if rng.random() < 0.2 else None,
        both_ways=bool(rng.random() < 0.5),
        wear=rng.random(),
        scenery=scenery,
    )
    picture = make_backdrop(view, road, light, rng)
    actors: list[Actor] = []
    kinds, shares = list(KIND_SHARES), np.array(list(KIND_SHARES.values()))
    lamps = bool(light.dark > 0.25 or rng.random() < 0.25)
    for _ in range(int(rng.integers(0, 15)) * 3):
        kind = str(rng.choice(kinds, p=shares / shares.sum()))
        pose = _random_pose(kind, view, road, rng)
        if pose is None:
            continue
        actor = random_actor(kind, pose, rng, lamps)
        if not any(_touching(actor, other) for other in actors):
            actors.append(actor)
        if len(actors) >= 14:
            break
    labels = paint_actors(picture, view, actors, light)
    noise = rng.uniform(0, 4) + 5 * light.dark * rng.random()
    picture = sensor(picture, rng, noise, rng.uniform(0, 1.0))
    if rng.random() < 0.5:
        quality = int(rng.integers(35, 95))
        picture = np.asarray(
            cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1), np.uint8
        )
    return picture, labels
