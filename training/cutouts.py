"""Things cut out to be set into other pictures: real ones from still cameras, rendered and drawn ones.

What was drawn or rendered is kept as far as the public teacher takes it for what it is; cached with that
share as its weight, below `.waysight/training`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.objects import OBJECT_LABELS

from training.mannequins import person
from training.pasting import PERSON, Cutout
from training.sources import clip_frames, shrink
from training.teacher import BAG, Rows, Teacher, open_teacher, taught_boxes, teacher_scores

Bgr = npt.NDArray[np.uint8]
MOST_TALL_PX = 220
STILL_CAMERAS = {"persons-indoor.mp4": 0.4, "street-us.mp4": 0.5, "highway-small.avi": 0.4, "toll-1.mp4": 0.4}
OVERHEAD = ("cars-overhead.mp4", 0.4)
DRAWN_PEOPLE, RENDERED = (
    2400,
    {"bus": 160, "truck": 160, "van": 60, "motorcycle": 120, "bicycle": 260, "suv": 90},
)
LEAST_WEIGHT = 0.12


def trimmed(bgra: Bgr, objects: list[tuple[int, npt.NDArray[np.float32]]], weight: float) -> Cutout:
    """A cut-out without empty margins, at most 220 px tall."""
    ys, xs = np.nonzero(bgra[..., 3] > 20)
    x0, y0, x1, y1 = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    part, scale = bgra[y0:y1, x0:x1], min(1.0, MOST_TALL_PX / (y1 - y0))
    if scale < 1:
        size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    boxes = (
        np.array([box for _, box in objects], np.float32) - np.array([x0, y0, x0, y0], np.float32)
    ) * scale
    return Cutout(
        np.ascontiguousarray(part), np.array([label for label, _ in objects], np.int64), boxes, weight
    )


def drawn_people(rng: np.random.Generator, count: int) -> Iterator[Cutout]:
    """People as `mannequins.py` draws them, with their bags."""
    for _ in range(count):
        bgra, objects = person(rng)
        yield trimmed(bgra, [(OBJECT_LABELS.index(label), box) for label, box in objects], 1.0)


def rendered_vehicles(rng: np.random.Generator) -> Iterator[Cutout]:
    """Road users of the simulator by themselves, from random sides and heights."""
    from waysight.simulate.geometry import aimed
    from waysight.simulate.painter import Pose
    from waysight.simulate.scene import paint_actor, random_actor, random_light

    for kind, count in RENDERED.items():
        for _ in range(count):
            away_m, focal_px = float(rng.uniform(9, 30)), float(rng.uniform(500, 900))
            view = aimed(640, 480, focal_px, float(rng.uniform(1.5, 9)), away_m * 0.6)
            light = random_light(rng)
            pose = Pose(float(rng.normal(0, 1.5)), away_m, float(rng.uniform(0, 2 * np.pi)))
            actor = random_actor(kind, pose, rng, bool(light.dark > 0.3))
            picture = np.full((480, 640, 3), 120, np.uint8)
            painted = paint_actor(picture, view, actor, light, with_mask=True)
            x0, y0, x1, y1 = painted.region
            if (
                painted.mask is None
                or (painted.mask > 0).sum() < 900
                or x0 <= 0
                or y0 <= 0
                or x1 >= 640
                or y1 >= 480
            ):
                continue
            bgra = np.dstack([picture[y0:y1, x0:x1], cv2.GaussianBlur(painted.mask, (0, 0), 0.8)])
            ys, xs = np.nonzero(painted.mask)
            box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
            yield trimmed(np.asarray(bgra, np.uint8), [(OBJECT_LABELS.index(actor.thing.label), box)], 1.0)


def moving_things(teacher: Teacher, clip: Path, every_s: float) -> Iterator[Cutout]:
    """What the teacher is sure of and the clip's empty scene does not have, cut along the difference."""
    frames = clip_frames(clip, every_s)
    empty = np.median(np.stack(frames[:: max(1, len(frames) // 40)]), axis=0).astype(np.uint8)
    for frame in frames:
        rows = taught_boxes(teacher, frame)
        for row in rows[(rows[:, 4] > 0.45) & (rows[:, 5] != BAG)]:
            x0, y0, x1, y1 = (int(v) for v in np.clip(row[:4], 0, [frame.shape[1], frame.shape[0]] * 2))
            if (
                min(x1 - x0, y1 - y0) < 16
                or x0 < 3
                or y0 < 3
                or x1 > frame.shape[1] - 3
                or y1 > frame.shape[0] - 3
            ):
                continue
            mask = difference(frame[y0:y1, x0:x1], empty[y0:y1, x0:x1])
            if 0.3 < (mask > 127).mean() < 0.93:
                box = np.array([0, 0, x1 - x0, y1 - y0], np.float32)
                yield trimmed(np.dstack([frame[y0:y1, x0:x1], mask]), [(int(row[5]), box)], 1.0)


def overhead_cars(clip: Path, every_s: float) -> list[tuple[Bgr, Rows]]:
    """Pictures of the overhead clip and the boxes of the cars in them, from the difference to the empty scene."""
    frames = clip_frames(clip, every_s)
    empty = np.median(np.stack(frames[:: max(1, len(frames) // 40)]), axis=0).astype(np.uint8)
    result = []
    for frame in frames:
        mask = difference(frame, empty)
        _, _, stats, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))
        parts = [row for row in stats[1:] if row[4] > 4000 and row[2] * row[3] < 0.5 * mask.size]
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in parts], np.float32).reshape(-1, 4)
        result.append((frame, boxes))
    return result


def difference(image: Bgr, empty: Bgr) -> Bgr:
    """Where a picture differs from the empty scene, closed to one solid piece, uint8 0..255."""
    gap = cv2.absdiff(cv2.GaussianBlur(image, (0, 0), 1), cv2.GaussianBlur(empty, (0, 0), 1)).max(2)
    size = max(3, min(image.shape[:2]) // 14) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    mask = cv2.morphologyEx((gap > 22).astype(np.uint8) * 255, cv2.MORPH_CLOSE, kernel)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = np.zeros_like(mask)
    large = [
        line for line in outlines if cv2.contourArea(line) > 0.05 * mask.size or cv2.contourArea(line) > 4000
    ]
    cv2.drawContours(solid, large, -1, 255, -1)
    return np.asarray(cv2.GaussianBlur(cv2.erode(solid, np.ones((2, 2), np.uint8)), (0, 0), 1.0), np.uint8)


def labelled_things(stills: list[tuple[Bgr, Rows, npt.NDArray[np.int64]]]) -> Iterator[Cutout]:
    """Motorcycles, lorries and cars of labelled stills, cut out by GrabCut within their boxes."""
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    for image, boxes, labels in stills:
        for box, label in zip(boxes, labels, strict=True):
            side = box[2:] - box[:2]
            if (
                label < 1
                or min(side) < 40
                or box[0] < 4
                or box[3] > image.shape[0] - 4
                or box[2] > image.shape[1] - 4
            ):
                continue
            low = np.maximum(box[:2] - 0.15 * side, 0).astype(int)
            high = np.minimum(box[2:] + 0.15 * side, [image.shape[1], image.shape[0]]).astype(int)
            cut = shrink(np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]), 160)
            scale = cut.shape[1] / (high[0] - low[0])
            inner = (box.reshape(2, 2) - low) * scale
            rect = (*(int(v) for v in inner[0]), *(int(v) for v in inner[1] - inner[0]))
            mask = np.zeros(cut.shape[:2], np.uint8)
            cv2.grabCut(cut, mask, rect, background, foreground, 2, cv2.GC_INIT_WITH_RECT)
            solid = cv2.morphologyEx(
                ((mask == 1) | (mask == 3)).astype(np.uint8) * 255, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)
            )
            if 0.4 < (solid > 0).sum() / max(1, rect[2] * rect[3]) < 0.97:
                bgra = np.dstack([cut, cv2.GaussianBlur(solid, (0, 0), 1.2)])
                yield trimmed(
                    np.asarray(bgra, np.uint8), [(int(label), inner.reshape(4).astype(np.float32))], 1.0
                )


def judged(
    teacher: Teacher, rng: np.random.Generator, things: list[Cutout], scenes: list[Bgr]
) -> list[Cutout]:
    """Those the teacher takes for what they are on two backgrounds, weighted by how sure it is."""
    totals = np.zeros(len(things))
    for _ in range(2):
        order = rng.permutation(len(things))
        for start in range(0, len(order), 8):
            chosen = order[start : start + 8]
            scene = scenes[int(rng.integers(len(scenes)))]
            canvas = cv2.resize(scene, (640, 400), interpolation=cv2.INTER_AREA)
            boxes = [_lay(canvas, things[k], rng, slot) for slot, k in enumerate(chosen)]
            labels = [int(things[k].labels[0]) for k in chosen]
            totals[chosen] += teacher_scores(teacher, canvas, np.array(boxes, np.float32), labels) / 2
    return [
        Cutout(thing.bgra, thing.labels, thing.boxes, float(weight))
        for thing, weight in zip(things, totals, strict=True)
        if weight >= LEAST_WEIGHT
    ]


def _lay(canvas: Bgr, thing: Cutout, rng: np.random.Generator, slot: int) -> npt.NDArray[np.float32]:
    height = rng.uniform(90, 170) if thing.labels[0] == PERSON else rng.uniform(70, 120)
    scale = min(height / thing.bgra.shape[0], 150 / thing.bgra.shape[1])
    small = cv2.resize(thing.bgra, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = 160 * (slot % 4) + 4, 200 * (slot // 4) + 12
    region = canvas[y : y + small.shape[0], x : x + small.shape[1]]
    share = small[..., 3:].astype(np.float32) / 255
    region[:] = (region * (1 - share) + small[..., :3] * share).astype(np.uint8)
    return thing.boxes[0] * scale + np.array([x, y, x, y], np.float32)


def cutouts(
    data: Path, cache: Path, stills: list[tuple[Bgr, Rows, npt.NDArray[np.int64]]]
) -> dict[str, list[Cutout]]:
    """All cut-outs by group: drawn (people), rendered, moving (real), labelled (real), overhead (real)."""
    folder = cache / "cutouts"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        rng, teacher = np.random.default_rng(4), open_teacher(data)
        scenes = [image for image, _, _ in stills]
        groups = {
            "drawn": judged(teacher, rng, list(drawn_people(rng, DRAWN_PEOPLE)), scenes),
            "rendered": judged(teacher, rng, list(rendered_vehicles(rng)), scenes),
            "moving": [
                c
                for clip, s in STILL_CAMERAS.items()
                for c in moving_things(teacher, data / "footage" / clip, s)
            ],
            "labelled": list(labelled_things(stills)),
        }
        for group, things in groups.items():
            for index, thing in enumerate(things):
                cv2.imwrite(str(folder / f"{group}-{index:05d}.png"), thing.bgra)
                entry = {
                    "labels": thing.labels.tolist(),
                    "boxes": thing.boxes.tolist(),
                    "weight": thing.weight,
                }
                (folder / f"{group}-{index:05d}.json").write_text(json.dumps(entry))
        (folder / "complete").touch()
    found: dict[str, list[Cutout]] = {}
    for path in sorted(folder.glob("*.json")):
        entry = json.loads(path.read_text())
        bgra = np.asarray(cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_UNCHANGED), np.uint8)
        boxes = np.array(entry["boxes"], np.float32).reshape(-1, 4)
        thing = Cutout(bgra, np.array(entry["labels"], np.int64), boxes, float(entry["weight"]))
        found.setdefault(path.stem.split("-")[0], []).append(thing)
    return found
