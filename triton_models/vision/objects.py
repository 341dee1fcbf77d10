"""Objects on a picture as every detector hands them over: labels, boxes, suppression of doubles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .boxes import Bgr, Floats, suppress

OBJECT_LABELS = ("person", "bicycle", "motorcycle", "car", "bus", "truck", "bag")
# Labels of which one may cover another without being the same thing: a rider a motorcycle, a bag its bearer.
APART = ("person", "bag")
OVERLAP, MIN_SIDE_PX = 0.55, 4
SYNONYMS = {
    "pedestrian": "person", "people": "person", "man": "person", "woman": "person", "child": "person",
    "bike": "bicycle", "cyclist": "bicycle", "pushbike": "bicycle",
    "motorbike": "motorcycle", "scooter": "motorcycle", "moped": "motorcycle",
    "van": "car", "suv": "car", "taxi": "car", "pickup": "car", "sedan": "car", "automobile": "car",
    "coach": "bus", "minibus": "bus",
    "lorry": "truck", "trailer": "truck",
    "backpack": "bag", "handbag": "bag", "suitcase": "bag",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One object: label, score (the chance that it is one, 0..1), box xyxy in picture pixels.

    `label_confidence` is the chance that the label is right, given that it is an object; 0: not known.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]
    label_confidence: float = 0.0


# Pictures (uint8 BGR, h x w x 3) and the least score of an answer (None: the detector's own) to the objects
# of each picture, best first.
Detector = Callable[[Sequence[Bgr], float | None], list[list[Found]]]


def label_of(name: str) -> str:
    """Our label for another data set's class name ("motorbike", "van"), or "" when we have none for it."""
    plain = name.strip().lower().replace("-", " ").replace("_", " ")
    return plain if plain in OBJECT_LABELS else SYNONYMS.get(plain, "")


def distinct(
    labels: Sequence[str],
    scores: Floats,
    boxes: Floats,
    width: int,
    height: int,
    overlap: float = OVERLAP,
    sure: Floats | None = None,
) -> list[Found]:
    """Boxes xyxy (n, 4) in picture pixels, cut to the picture, of which doubles are dropped; best first.

    `sure` (n,) are the labels' confidences. Vehicles are compared whatever their label, because networks call one lorry a car and a truck at once;
    people and bags only among themselves.
    """
    if not len(scores):
        return []
    boxes = np.clip(boxes, 0, np.array([width, height] * 2, np.float32))
    group = np.array([1 + APART.index(label) if label in APART else 0 for label in labels], np.float32)
    kept = suppress(boxes + group[:, None] * np.float32(4 * max(width, height)), scores, overlap)
    return [
        Found(labels[k], float(scores[k]), _edges(boxes[k]), 0.0 if sure is None else float(sure[k]))
        for k in kept
        if boxes[k, 2] - boxes[k, 0] >= MIN_SIDE_PX and boxes[k, 3] - boxes[k, 1] >= MIN_SIDE_PX
    ]


def _edges(box: Floats) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box.tolist()
    return x0, y0, x1, y1
