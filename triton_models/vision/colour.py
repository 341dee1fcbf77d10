"""A vehicle's colour: statistics of its crop, weighed by a small network whose confidences were checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .boxes import Bgr, Floats

COLOURS = ("white", "silver", "grey", "black", "red", "blue", "green", "yellow", "orange", "brown")
SIDE_PX = 64
# The probabilities hold (docs/models.md): from 0.5 on four in five are right. Who needs that asks for it.
LEAST = 0.3
CHROMA_STEPS, HUE_BINS = (8.0, 14.0, 22.0, 35.0), 12


@dataclass(frozen=True, slots=True)
class ColourNetwork:
    """One hidden layer on standardised statistics: `mean`, `scale` (76,), `w1` (76, h), `b1`, `w2` (h, 10), `b2`."""

    mean: Floats
    scale: Floats
    w1: Floats
    b1: Floats
    w2: Floats
    b2: Floats

    def probabilities(self, crops: list[Bgr]) -> Floats:
        """Probabilities (n, 10) of `COLOURS` for crops of vehicles, uint8 BGR (64, 64, 3), with a margin of 12 %."""
        x = (statistics(np.stack(crops)) - self.mean) / self.scale
        logits = np.maximum(x @ self.w1 + self.b1, 0) @ self.w2 + self.b2
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(odds / odds.sum(1, keepdims=True), np.float32)

    def colours(self, crops: list[Bgr]) -> list[tuple[str, float]]:
        """Name and probability for each crop; "unknown" where no colour reaches `LEAST`."""
        if not crops:
            return []
        rows = self.probabilities(crops)
        best = rows.argmax(1)
        sure = [round(float(row[k]), 4) for row, k in zip(rows, best, strict=True)]
        return [(COLOURS[k] if s >= LEAST else "unknown", s) for k, s in zip(best, sure, strict=True)]


def load_colours(path: Path) -> ColourNetwork:
    """The network from an .npz file with the fields' names."""
    with np.load(path) as kept:
        return ColourNetwork(**{name: np.asarray(kept[name], np.float32) for name in kept.files})


def statistics(crops: npt.NDArray[np.uint8]) -> Floats:
    """Statistics (n, 76) of crops (n, 64, 64, 3) in Lab: medians of 15 fields, the surroundings, levels, chroma, hues."""
    n = len(crops)
    lab = cv2.cvtColor(np.ascontiguousarray(crops).reshape(n * SIDE_PX, SIDE_PX, 3), cv2.COLOR_BGR2LAB)
    lab = lab.reshape(n, SIDE_PX, SIDE_PX, 3).astype(np.float32) - np.array([0, 128, 128], np.float32)
    fields = lab[:, 6:56, 8:56].reshape(n, 5, 10, 3, 16, 3).transpose(0, 1, 3, 2, 4, 5).reshape(n, 15, 160, 3)
    # The margin shows road and sky: what white and grey look like in this light.
    edges = (lab[:, :5], lab[:, -5:], lab[:, :, :5], lab[:, :, -5:])
    around = np.concatenate([edge.reshape(n, -1, 3) for edge in edges], 1)
    body = lab[:, 20:54, 8:56, 1:].reshape(n, -1, 2)
    chroma, hue = np.hypot(body[..., 0], body[..., 1]), np.arctan2(body[..., 1], body[..., 0])
    bins = np.minimum(((hue + np.pi) / (2 * np.pi) * HUE_BINS).astype(np.int64), HUE_BINS - 1)
    weights = np.minimum(chroma, 60)
    parts = [
        np.median(fields, axis=2).reshape(n, -1),
        np.median(around, axis=1),
        np.percentile(around[..., 0], (10, 90), axis=1).T,
        np.percentile(lab[:, 8:56, 8:56, 0].reshape(n, -1), (5, 15, 30, 50, 70, 85, 95), axis=1).T,
        np.stack([60 * (chroma > step).mean(1) for step in CHROMA_STEPS], 1),
        np.stack([2 * (weights * (bins == k)).mean(1) for k in range(HUE_BINS)], 1),
        np.percentile(chroma, (50, 80, 95), axis=1).T,
    ]
    return np.concatenate(parts, 1).astype(np.float32)
