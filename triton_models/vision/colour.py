"""A vehicle's colour by a rule on the pixels of its body."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from .boxes import Bgr

Ints = npt.NDArray[np.int64]
NAMES = ("white", "silver", "grey", "black", "red", "blue", "green", "yellow", "orange", "brown", "unknown")
SIDE_PX = 40
# Hue (degrees / 2, as OpenCV has it) up to which a name holds.
HUES = ((7, "red"), (17, "orange"), (34, "yellow"), (85, "green"), (132, "blue"), (160, "red"), (180, "red"))
MIN_BOX_PX = 24


def vehicle_colour(picture: Bgr, box: Sequence[float]) -> tuple[str, float]:
    """Colour name and confidence 0..1 of the vehicle in a box (xyxy, pixels); ("unknown", 0.0) where too small."""
    x0, y0, x1, y1 = box
    if min(x1 - x0, y1 - y0) < MIN_BOX_PX:
        return "unknown", 0.0
    left, right = int(max(0, x0 + 0.12 * (x1 - x0))), int(x1 - 0.12 * (x1 - x0))
    top, bottom = int(max(0, y0 + 0.08 * (y1 - y0))), int(y1 - 0.18 * (y1 - y0))
    body = picture[top:bottom, left:right]
    if min(body.shape[:2]) < 4:
        return "unknown", 0.0
    small = cv2.resize(body, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV).reshape(-1, 3).astype(np.int64)
    hue, saturation, value = hsv[:, 0], hsv[:, 1], hsv[:, 2]
    vivid = (saturation > 95) & (value > 45)
    share = float(vivid.mean())
    if share > 0.22:
        return _chromatic(hue[vivid], value[vivid], share)
    return _neutral(value, share)


def _chromatic(hue: Ints, value: Ints, share: float) -> tuple[str, float]:
    edges = np.array([limit for limit, _ in HUES])
    votes: dict[str, float] = {}
    for index, weight in zip(
        *np.unique(np.searchsorted(edges, hue, side="left"), return_counts=True), strict=True
    ):
        name = HUES[min(int(index), len(HUES) - 1)][1]
        votes[name] = votes.get(name, 0.0) + float(weight)
    name, count = max(votes.items(), key=lambda vote: vote[1])
    if name == "orange" and float(np.median(value)) < 140:
        name = "brown"
    return name, round(min(0.95, 0.35 + 0.4 * count / len(hue) + 0.4 * min(share, 0.5)), 3)


def _neutral(value: Ints, share: float) -> tuple[str, float]:
    # Glass, tyres and the grille are dark on every car: the body is what the brighter half shows.
    level = float(np.percentile(value, 70))
    limits = ((70.0, "black"), (135.0, "grey"), (196.0, "silver"), (256.0, "white"))
    lower = 0.0
    for limit, name in limits:
        if level < limit:
            distance = min(level - lower if lower else 60.0, limit - level if limit < 256 else 60.0)
            return name, round(min(0.9, 0.4 + distance / 60) * (1 - share), 3)
        lower = limit
    return "unknown", 0.0
