"""What a vehicle looks like, as a vector: two crops of one vehicle point the same way (cosine); no class is needed."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from .boxes import Bgr, Floats, grown, to_batch

Network = Callable[[Floats], Floats]
SIDE_PX, MARGIN = 64, 0.12
SIZE = 64
LEAST_PX = 40


def crop(picture: Bgr, box: Sequence[float], side_px: int = SIDE_PX, margin: float = MARGIN) -> Bgr:
    """A box (xyxy, px) with a margin of its sides, stretched to a square; beyond the picture its edge goes on."""
    x0, y0, x1, y1 = (round(edge) for edge in grown(np.asarray(box, np.float32), margin, margin))
    height, width = picture.shape[:2]
    left, top = min(max(0, x0), width - 2), min(max(0, y0), height - 2)
    right, bottom = max(left + 2, min(width, x1)), max(top + 2, min(height, y1))
    inner = picture[top:bottom, left:right]
    edges = [max(0, edge) for edge in (top - y0, y1 - bottom, left - x0, x1 - right)]
    scale = side_px / max(x1 - x0, y1 - y0, 1)
    if any(edges):
        if scale < 0.5:  # the border is as good on a smaller picture
            inner = cv2.resize(inner, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
            edges = [round(edge * 2 * scale) for edge in edges]
        above, below, before, behind = edges
        inner = cv2.copyMakeBorder(inner, above, below, before, behind, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(inner, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)


def looks_of(network: Network, crops: Sequence[Bgr]) -> list[str]:
    """The look of each crop, 64 int8 as base64, all in one batch."""
    if not crops:
        return []
    vectors = network(to_batch(list(crops)))[:, :SIZE].astype(np.float64)
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    units = np.rint(vectors / lengths * 127).astype(np.int8)
    return [base64.b64encode(unit.tobytes()).decode() for unit in units]


def large_enough(box: Sequence[float]) -> bool:
    """Whether a vehicle's box shows enough to compare it by."""
    return box[2] - box[0] >= LEAST_PX and box[3] - box[1] >= LEAST_PX / 2
