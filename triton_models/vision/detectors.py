"""The detector that a model folder describes: ours, or any YOLOX, chosen by `detector.json` beside the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .objects import OBJECT_LABELS, OVERLAP, Detector
from .sessions import open_network, shape_of_input
from .vehicles import own_detector
from .yolox import COCO, SCORE, YoloxDetector

DESCRIPTION = "detector.json"
KINDS = ("waysight", "yolox")


class BadDescription(ValueError):
    """A `detector.json` that cannot be used, or weights that do not fit it; the message says why."""


@dataclass(frozen=True, slots=True)
class Description:
    """How a detector's network is fed and read.

    `labels`: our label per class of the network, "" for classes of no interest; `input_px`: width, height;
    `score`: least score of an answer (0..1); `overlap`: of two boxes overlapping more, one is dropped;
    `boxes`: "offsets" (raw heads) or "pixels" (decoded in the network). A `waysight` network needs none.
    """

    kind: str = "waysight"
    labels: tuple[str, ...] = COCO
    input_px: tuple[int, int] = (0, 0)
    score: float = SCORE
    overlap: float = OVERLAP
    boxes: str = "offsets"


def parse_description(text: str) -> Description:
    """The content of a `detector.json`; raises BadDescription naming the key at fault."""
    try:
        raw: dict[str, Any] = json.loads(text)
        width, height = raw.get("input_px", (0, 0))
        given = Description(
            kind=raw["kind"],
            labels=tuple(raw.get("labels", COCO)),
            input_px=(int(width), int(height)),
            score=float(raw.get("score", SCORE)),
            overlap=float(raw.get("overlap", OVERLAP)),
            boxes=raw.get("boxes", "offsets"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BadDescription(
            f"{DESCRIPTION}: {problem!r}; expected an object with at least `kind`"
        ) from problem
    unknown = sorted({label for label in given.labels if label and label not in OBJECT_LABELS})
    faults = {
        "kind": given.kind not in KINDS and f"{given.kind!r} is none of {', '.join(KINDS)}",
        "labels": unknown and f"{unknown} are none of ours ({', '.join(OBJECT_LABELS)}, or empty)",
        "input_px": min(given.input_px) < 0 and f"{given.input_px} is no width and height",
        "score": not 0 < given.score < 1 and f"{given.score} is not between 0 and 1",
        "overlap": not 0 < given.overlap <= 1 and f"{given.overlap} is not between 0 and 1",
        "boxes": given.boxes not in ("offsets", "pixels") and f"{given.boxes!r} is not offsets or pixels",
    }
    for key, fault in faults.items():
        if fault:
            raise BadDescription(f"{DESCRIPTION}: {key}: {fault}")
    return given


def read_description(folder: Path) -> Description:
    """The description beside the weights in `folder`; without one the network is of our own kind."""
    path = folder / DESCRIPTION
    return parse_description(path.read_text(encoding="utf-8")) if path.exists() else Description()


def open_detector(folder: Path) -> Detector:
    """The detector of a folder with `model.onnx` and perhaps `detector.json`; raises BadDescription."""
    description, weights = read_description(folder), folder / "model.onnx"
    network = open_network(weights)
    if description.kind == "waysight":
        return own_detector(network)
    width, height = input_size(weights, description.input_px)
    return YoloxDetector(
        network,
        (width, height),
        description.labels,
        description.score,
        description.overlap,
        description.boxes == "pixels",
    )


def input_size(weights: Path, wanted: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a network's input: what the file fixes, else what is wanted; raises BadDescription."""
    shape = shape_of_input(weights)
    if len(shape) != 4 or shape[1] not in (3, None):
        raise BadDescription(f"{weights}: the input {shape} is not (n, 3, height, width)")
    fixed = (shape[3] or wanted[0], shape[2] or wanted[1])
    if 0 in fixed or fixed[0] % 32 or fixed[1] % 32:
        raise BadDescription(
            f"{weights}: input of {fixed[0]}x{fixed[1]} px; state multiples of 32 (input_px)"
        )
    if wanted not in ((0, 0), fixed):
        raise BadDescription(f"{weights} takes {fixed[0]}x{fixed[1]} px only, not {wanted[0]}x{wanted[1]}")
    return fixed
