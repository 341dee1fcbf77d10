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
VIVID_SHARE = 0.18
USUAL_ROAD = 100.0
LEVELS = ((45.0, "black"), (126.0, "grey"), (163.0, "silver"), (1e9, "white"))


def daylight(picture: Bgr) -> float:
    """Brightness 0..255 of the road: the median of the picture's lower half, a reference for white and black."""
    small = cv2.resize(picture[picture.shape[0] // 2 :], (64, 32), interpolation=cv2.INTER_NEAREST)
    return float(np.median(small.max(2)))


def vehicle_colour(picture: Bgr, box: Sequence[float], road: float = USUAL_ROAD) -> tuple[str, float]:
    """Colour name and confidence 0..1 of the vehicle in a box (xyxy, pixels); ("unknown", 0.0) where too small.

    `road` is the picture's `daylight`: at dusk a white car is no brighter than a grey one at noon.
    """
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
    if share > VIVID_SHARE:
        return _chromatic(hue[vivid], value[vivid], share)
    return _neutral(value * (USUAL_ROAD / float(np.clip(road, 40, 140))) ** 0.75, share)


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


def _neutral(value: npt.NDArray[np.float64], share: float) -> tuple[str, float]:
    # Glass, tyres and the grille are dark on every car: white, silver and grey are told apart by the brighter
    # half; on a black car most of the body is dark too, and only reflections are bright.
    dark, middle, level = (float(v) for v in np.percentile(value, (30, 50, 70)))
    if dark < 52 and middle < 62 and level < 145:
        return "black", round(min(0.9, 0.45 + (62 - middle) / 60) * (1 - share), 3)
    for k, (limit, name) in enumerate(LEVELS):
        if level < limit:
            below = level - LEVELS[k - 1][0] if k else 60.0
            return name, round(min(0.9, 0.4 + min(below, limit - level) / 50) * (1 - share), 3)
    return "unknown", 0.0
