"""What a vehicle looks like: one small network gives a vector for comparing vehicles, and the colour's odds.

Two crops of one vehicle have vectors that point the same way (cosine); no class is needed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .boxes import Bgr, Floats, grown, to_batch

Network = Callable[[Floats], Floats]
COLOURS = ("white", "silver", "grey", "black", "red", "blue", "green", "yellow", "orange", "brown")
SIDE_PX, MARGIN = 64, 0.12
SIZE = 64
LEAST_PX = 40
# Divides the colour logits, so that a stated 0.8 is right eight times in ten (docs/models.md).
TEMPERATURE = 1.0
LEAST_COLOUR = 0.35


@dataclass(frozen=True, slots=True)
class Appearance:
    """A vehicle's look (64 int8 as base64) and colour, with the colour's probability; "unknown" where not sure."""

    looks: str
    colour: str
    colour_confidence: float


def crop(picture: Bgr, box: Sequence[float], side_px: int = SIDE_PX, margin: float = MARGIN) -> Bgr:
    """A box (xyxy, px) with a margin of its sides, stretched to a square; beyond the picture its edge goes on."""
    x0, y0, x1, y1 = (round(edge) for edge in grown(np.asarray(box, np.float32), margin, margin))
    height, width = picture.shape[:2]
    left, top = min(max(0, x0), width - 2), min(max(0, y0), height - 2)
    right, bottom = max(left + 2, min(width, x1)), max(top + 2, min(height, y1))
    inner = picture[top:bottom, left:right]
    edges = tuple(max(0, edge) for edge in (top - y0, y1 - bottom, left - x0, x1 - right))
    scale = side_px / max(x1 - x0, y1 - y0, 1)
    if any(edges):
        if scale < 0.5:  # the border is as good on a smaller picture
            inner = cv2.resize(inner, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
            edges = tuple(round(edge * 2 * scale) for edge in edges)
        inner = cv2.copyMakeBorder(inner, *edges, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(inner, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)


def appearances(network: Network, crops: Sequence[Bgr]) -> list[Appearance]:
    """The look and colour of each crop, all in one batch."""
    if not crops:
        return []
    return [appearance_of(row) for row in network(to_batch(list(crops)))]


def appearance_of(row: Floats) -> Appearance:
    """One row of the network (64 + 10): the vector, then the colours' logits."""
    vector, logits = row[:SIZE].astype(np.float64), row[SIZE:].astype(np.float64) / TEMPERATURE
    look = np.rint(vector / max(float(np.linalg.norm(vector)), 1e-9) * 127).astype(np.int8)
    odds = np.exp(logits - logits.max())
    best = int(odds.argmax())
    confidence = round(float(odds[best] / odds.sum()), 4)
    colour = COLOURS[best] if confidence >= LEAST_COLOUR else "unknown"
    return Appearance(base64.b64encode(look.tobytes()).decode(), colour, confidence)


def large_enough(box: Sequence[float]) -> bool:
    """Whether a vehicle's box shows enough to compare it by."""
    return box[2] - box[0] >= LEAST_PX and box[3] - box[1] >= LEAST_PX / 2
