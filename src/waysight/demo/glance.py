"""A glance at the paint, for the demo's officer: do the pictures show the colour that the register says?

A rule of thumb that stands for a person's eyes where the model named no colour. It tells coloured paint from white,
silver, grey and black, and the colours from each other; which of the four it is, light may decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from waysight.adapters.pictures import Picture

_HUES = {
    "red": (170, 8),
    "orange": (6, 19),
    "brown": (6, 19),
    "yellow": (20, 38),
    "green": (36, 92),
    "blue": (93, 130),
}  # OpenCV's 0..179
_LEAST_SATURATION, _LEAST_VALUE = 70, 35
_SHOWN, _COLOURED = 0.15, 0.25
_SIDE = 96


def shows(vehicles: Sequence[Picture], colour: str) -> bool:
    """Whether every picture (uint8 BGR, cut to the vehicle) can be of a vehicle of this colour; False without one.

    At dusk windows mirror a blue sky: blue on some pictures only is no paint.
    """
    found = [_shares(vehicle) for vehicle in vehicles]
    if not found:
        return False
    if colour in _HUES:
        return all(shares[colour] >= _SHOWN for shares in found)
    other = max(shares[name] for shares in found for name in _HUES if name != "blue")
    return other < _COLOURED and min(shares["blue"] for shares in found) < _COLOURED


def _shares(vehicle: Picture) -> dict[str, float]:
    """The share of the vehicle's middle that has each hue, 0..1."""
    small = cv2.resize(vehicle, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    middle = small[_SIDE * 3 // 16 : _SIDE * 11 // 16, _SIDE // 7 : _SIDE * 6 // 7]
    hue, saturation, value = cv2.cvtColor(middle, cv2.COLOR_BGR2HSV).reshape(-1, 3).astype(int).T
    vivid = (saturation > _LEAST_SATURATION) & (value > _LEAST_VALUE)
    within = {
        name: (hue >= first) & (hue <= last) if first < last else (hue >= first) | (hue <= last)
        for name, (first, last) in _HUES.items()
    }
    return {name: float(np.mean(vivid & mask)) for name, mask in within.items()}
