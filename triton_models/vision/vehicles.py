"""Vehicles and people in whole pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from .boxes import Bgr, Floats, Placement, place, sigmoid, to_batch
from .objects import OBJECT_LABELS, OVERLAP, Detector, Found, distinct

Network = Callable[[Floats], Floats]
LABELS = OBJECT_LABELS
INPUT_PX = (416, 256)
STRIDES = (8, 16, 32)
SCORE = 0.35
# The network's logits as odds of a true object, fitted by training/calibrate_vehicles.py.
SLOPE, OFFSET = 3.33, 0.80
# The class logits as shares of an object's label, fitted by the same.
LABEL_SLOPE = 2.15


@lru_cache(maxsize=4)
def cells(width: int, height: int) -> npt.NDArray[np.float32]:
    """Centres x, y of the network's cells in the order of its rows, float32 (n, 2)."""
    parts = []
    for stride in STRIDES:
        ys, xs = np.mgrid[0 : height // stride, 0 : width // stride]
        parts.append(np.stack([xs, ys], -1).reshape(-1, 2) * stride + stride / 2)
    return np.concatenate(parts).astype(np.float32)


def own_detector(network: Network) -> Detector:
    """The detector around our network, or around another of the same input and rows."""
    return partial(detect_vehicles, network)


def detect_vehicles(
    network: Network, pictures: Sequence[Bgr], least: float | None = None
) -> list[list[Found]]:
    """Objects per picture, best first; all pictures go through the network as one batch."""
    score = SCORE if least is None else least
    placed = [place(picture, (0, 0, picture.shape[1], picture.shape[0]), INPUT_PX) for picture in pictures]
    rows = network(to_batch([canvas for canvas, _ in placed]))
    return [
        objects_of(row, placement, picture.shape[1], picture.shape[0], score)
        for row, (_, placement), picture in zip(rows, placed, pictures, strict=True)
    ]


def objects_of(
    rows: Floats, placement: Placement, width: int, height: int, score: float = SCORE
) -> list[Found]:
    """The network's rows (cells, classes + 4) of one picture as objects within the picture."""
    marks = rows[:, :-4]
    best = marks.max(1)
    odds = SLOPE * best + OFFSET
    chosen = np.nonzero(odds > np.log(score / (1 - score)))[0]
    if not len(chosen):
        return []
    picked = rows[chosen]
    labels, scores = marks[chosen].argmax(1), sigmoid(odds[chosen])
    shares = np.exp(LABEL_SLOPE * (marks[chosen] - best[chosen, None]))
    centre, edges = cells(*INPUT_PX)[chosen], picked[:, -4:]
    boxes = placement.to_picture(np.hstack([centre - edges[:, :2], centre + edges[:, 2:]]))
    return distinct([LABELS[k] for k in labels], scores, boxes, width, height, OVERLAP, 1 / shares.sum(1))
