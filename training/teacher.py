"""The public teacher, YOLOX-nano (Apache-2.0): what it finds in a picture, whole, mirrored and in parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.boxes import overlap, suppress
from waysight.triton_models.vision.objects import OBJECT_LABELS
from waysight.triton_models.vision.sessions import open_network
from waysight.triton_models.vision.yolox import YoloxDetector

Bgr = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float32]
Teacher = Callable[[Bgr, float], Rows]
PERSON, BAG = OBJECT_LABELS.index("person"), OBJECT_LABELS.index("bag")
SUSPECTED = 0.1
PART_SHARE = 0.6


def open_teacher(data: Path) -> Teacher:
    """A function of a picture and a least score giving rows x0, y0, x1, y1 px, score, our class; float32 (n, 6)."""
    detector = YoloxDetector(open_network(data / "models" / "yolox_nano.onnx", 1), (416, 416))

    def look(image: Bgr, least: float = SUSPECTED) -> Rows:
        found = detector([image], least)[0]
        rows = [(*thing.box, thing.score, OBJECT_LABELS.index(thing.label)) for thing in found]
        return np.array(rows, np.float32).reshape(-1, 6)

    return look


def taught_boxes(teacher: Teacher, image: Bgr) -> Rows:
    """The teacher's boxes at two scales, mirrored too: rows as of `open_teacher`.

    A box of one part of the picture that ends at the part's inner edge is a piece of something and dropped;
    the whole picture's own view of it stands.
    """
    height, width = image.shape[:2]
    found = [_seen(teacher, image, 0, 0)]
    part_w, part_h = round(width * PART_SHARE), round(height * PART_SHARE)
    for x in (0, width - part_w):
        for y in (0, height - part_h):
            rows = _seen(teacher, np.ascontiguousarray(image[y : y + part_h, x : x + part_w]), x, y)
            edge = 0.012 * width
            inner_x = rows[:, 2] > x + part_w - edge if x == 0 else rows[:, 0] < x + edge
            inner_y = rows[:, 3] > y + part_h - edge if y == 0 else rows[:, 1] < y + edge
            found.append(rows[~(inner_x | inner_y)])
    every = _one_each(np.concatenate(found), 0.5)
    return every[[not _piece(row, every) for row in every]] if len(every) else every


def _seen(teacher: Teacher, image: Bgr, x: int, y: int) -> Rows:
    rows = teacher(image, SUSPECTED)
    mirrored = teacher(np.ascontiguousarray(image[:, ::-1]), SUSPECTED)
    mirrored[:, [0, 2]] = image.shape[1] - mirrored[:, [2, 0]]
    both = _one_each(np.concatenate([rows, mirrored]), 0.55)
    both[:, :4] += np.array([x, y, x, y], np.float32)
    return both


def _one_each(rows: Rows, threshold: float) -> Rows:
    apart = np.where(rows[:, 5] == PERSON, 1, np.where(rows[:, 5] == BAG, 2, 0)) * np.float32(1e5)
    return rows[suppress(rows[:, :4] + apart[:, None], rows[:, 4], threshold)]


def _piece(row: Rows, rows: Rows) -> bool:
    """Whether a box lies almost wholly in a larger, about as sure one of the same kind."""
    area = np.prod(row[2:4] - row[:2])
    low, high = np.maximum(row[:2], rows[:, :2]), np.minimum(row[2:4], rows[:, 2:4])
    inside = np.prod(np.clip(high - low, 0, None), axis=1) > 0.85 * area
    kind = (rows[:, 5] == PERSON) == (row[5] == PERSON)
    larger = np.prod(rows[:, 2:4] - rows[:, :2], axis=1) > 1.6 * area
    return bool((inside & kind & larger & (rows[:, 4] > 0.6 * row[4]) & (rows[:, 5] != BAG)).any())


def teacher_scores(teacher: Teacher, image: Bgr, boxes: Rows, labels: list[int]) -> npt.NDArray[np.float32]:
    """How sure the teacher is of an object of each box's class at each box (n, 4); 0 where it sees none."""
    rows = teacher(image, 0.03)
    best = np.zeros(len(boxes), np.float32)
    for index, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        near = (overlap(box, rows[:, :4]) > 0.5) & (rows[:, 5] == label)
        best[index] = rows[near, 4].max() if near.any() else 0
    return best
