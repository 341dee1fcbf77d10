"""Views of vehicles for the looks network: one simulated vehicle before several cameras, and tracks of open clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.boxes import overlap
from waysight.triton_models.vision.looks import crop

from training.sources import backgrounds
from training.traffic import CLIPS_EVERY_S, LABELS, Picture, real_pictures
from waysight.evaluation.vehicle_labels import open_picture, read_labels
from waysight.simulate.bodies import make_body
from waysight.simulate.figures import motorcycle
from waysight.simulate.geometry import View
from waysight.simulate.looks import PAINTS, vehicle_look
from waysight.simulate.painter import Pose
from waysight.simulate.plates import random_text
from waysight.simulate.scene import Actor, paint_actor, random_light

Bgr = npt.NDArray[np.uint8]
Rng = np.random.Generator
SIDE_PX, MARGIN = 88, 0.3  # kept wider than the network's input, so that training may shift and scale
VIEWS = 4
KINDS = ("sedan", "sedan", "hatch", "suv", "suv", "wagon", "minivan", "bus", "truck", "van", "motorcycle")
NIGHT = 0.55  # darker views do not teach colours
LEAST_PX = 40
HELD_OUT_FROM_S = {"highway-small.avi": 17.0, "street-us.mp4": 22.0}  # later vehicles are for evaluation only
COLOUR_LABELS = Path(__file__).parent / "labels" / "colours.csv"


def simulated_views(rng: Rng, count: int, backdrops: Sequence[Bgr]) -> tuple[list[Bgr], list[bool], str, str]:
    """`count` views of one random vehicle, whether each is lit well enough for its colour, its kind and colour."""
    kind, colour = str(rng.choice(KINDS)), str(rng.choice(list(PAINTS)))
    design = str(rng.choice(["kz_2012", "pe_2010", "ma_2000", "generic_eu", "generic_us"]))
    thing = motorcycle(rng) if kind == "motorcycle" else make_body(kind, rng)
    look = vehicle_look(rng, colour, design, random_text(design, rng))
    towards = rng.random() < 0.5
    views, lit = [], []
    while len(views) < count:
        size = (420, 320)
        x, y, stand = rng.normal(0, 4.0), rng.uniform(9, 55), rng.uniform(2.2, 9)
        focal = rng.uniform(60, 260) / 2.0 * float(np.hypot(y, stand))
        pitch, yaw = float(np.arctan2(stand - 0.8, y)), float(np.arctan2(x, y))
        view = View(*size, min(focal, 150 / max(thing.size_m[2], 1) * y), stand, pitch, yaw)
        heading = rng.normal(0, 0.15) + (np.pi if towards != (rng.random() < 0.12) else 0.0)
        if rng.random() < 0.12:
            heading = rng.uniform(0, 2 * np.pi)
        light = random_light(rng)
        lamps = light.dark > 0.3 or rng.random() < 0.2
        seen = replace(look, headlamps=bool(lamps), braking=bool(rng.random() < 0.25))
        picture = _ground(rng, size, backdrops, light.sky * (1 - 0.6 * light.dark))
        painted = paint_actor(picture, view, Actor(thing, Pose(x, y, heading), seen), light)
        x0, y0, x1, y1 = painted.xyxy
        if min(x0, y0, size[0] - x1, size[1] - y1) < -0.2 * (x1 - x0) or min(x1 - x0, y1 - y0) < 24:
            continue
        views.append(crop(picture, painted.xyxy, SIDE_PX, MARGIN))
        lit.append(light.dark < NIGHT)
    return views, lit, kind, colour


def _ground(rng: Rng, size: tuple[int, int], backdrops: Sequence[Bgr], brightness: float) -> Bgr:
    if backdrops and rng.random() < 0.6:
        source = backdrops[int(rng.integers(len(backdrops)))]
        x = int(rng.integers(max(1, source.shape[1] - size[0])))
        y = int(rng.integers(max(1, source.shape[0] - size[1])))
        part = source[y : y + size[1], x : x + size[0]]
        mixed = part.astype(np.float32) * min(1.0, brightness / 0.62)
        return np.asarray(cv2.resize(mixed, size), np.float32).astype(np.uint8)
    grey = rng.uniform(70, 150) * brightness / 0.62 + rng.normal(0, 4, 3)
    return np.clip(
        np.full((size[1], size[0], 3), grey) + rng.normal(0, 3, (size[1], size[0], 1)), 0, 255
    ).astype(np.uint8)


def _cached(
    path: Path, make: Callable[[], dict[str, npt.NDArray[np.generic]]]
) -> dict[str, npt.NDArray[np.generic]]:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path.with_suffix(".part.npz"), **make())  # type: ignore[arg-type]
        path.with_suffix(".part.npz").replace(path)
    with np.load(path) as kept:
        return {name: kept[name] for name in kept.files}


def simulated(cache: Path, data: Path, count: int, seed: int) -> dict[str, npt.NDArray[np.generic]]:
    """`crops` uint8 (count, 4, 88, 88, 3), `lit` (count, 4), `kinds` and `colours` (count,) of simulated vehicles."""

    def make() -> dict[str, npt.NDArray[np.generic]]:
        pictures = backgrounds(data, cache)
        made = [simulated_views(np.random.default_rng([seed, k]), VIEWS, pictures) for k in range(count)]
        return {
            "crops": np.array([views for views, _, _, _ in made]),
            "lit": np.array([lit for _, lit, _, _ in made]),
            "kinds": np.array([kind for _, _, kind, _ in made]),
            "colours": np.array([colour for _, _, _, colour in made]),
        }

    return _cached(cache / f"look-views-{seed}-{count}.npz", make)


def real_tracks(cache: Path, data: Path) -> dict[str, npt.NDArray[np.generic]]:
    """`crops` (n, 88, 88, 3) of vehicles in open pictures and `tracks` (n,): equal numbers are one vehicle."""

    def make() -> dict[str, npt.NDArray[np.generic]]:
        crops: list[Bgr] = []
        tracks: list[int] = []
        before: list[tuple[npt.NDArray[np.float32], int]] = []
        clip, number = "", 0
        clips = {Path(name).stem: name for name in CLIPS_EVERY_S}
        for picture in real_pictures(data, cache):
            name, _, place = picture.path.stem.rpartition("-")
            if name and int(place) * CLIPS_EVERY_S[clips[name]] >= HELD_OUT_FROM_S.get(clips[name], 1e9):
                continue
            image = picture.image()
            before = before if name and name == clip else []
            clip, now = name, []
            for box in _vehicles(picture):
                near = [(float(overlap(box, other[None])[0]), track) for other, track in before]
                share, track = max(near, default=(0.0, -1))
                if share < 0.45:
                    number, track = number + 1, number
                now.append((box, track))
                crops.append(crop(image, box, SIDE_PX, MARGIN))
                tracks.append(track)
            before = now
        return {"crops": np.array(crops), "tracks": np.array(tracks)}

    return _cached(cache / "look-tracks-2.npz", make)


def _vehicles(picture: Picture) -> list[npt.NDArray[np.float32]]:
    wanted = [LABELS.index(name) for name in ("motorcycle", "car", "bus", "truck")]
    return [
        box
        for box, label in zip(picture.boxes, picture.labels, strict=True)
        if int(label) in wanted and box[2] - box[0] >= LEAST_PX and box[3] - box[1] >= 0.6 * LEAST_PX
    ]


def labelled_colours(
    cache: Path, data: Path, labels: Path = COLOUR_LABELS
) -> list[tuple[Bgr, tuple[str, ...]]]:
    """Crops (88, 88, 3) of labelled vehicles in open pictures, each with the colours that are right for it."""

    def make() -> dict[str, npt.NDArray[np.generic]]:
        crops, colours = [], []
        for row in read_labels(labels):
            clip, _, at_s = row.path.partition("@")
            held_out = at_s and float(at_s) >= HELD_OUT_FROM_S.get(Path(clip).name, 1e9)
            if not held_out and row.box is not None:
                crops.append(crop(open_picture(data, row.path), row.box, SIDE_PX, MARGIN))
                colours.append("|".join(row.colours))
        return {"crops": np.array(crops), "colours": np.array(colours)}

    if not data.is_dir():
        return []
    kept = _cached(cache / "look-colours.npz", make)
    return [
        (image, tuple(str(names).split("|")))
        for image, names in zip(kept["crops"], kept["colours"], strict=True)
    ]
