"""What a vehicle looks like, as a unit vector of 64 numbers: kept as base64 of int8, summed over a track's views."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

SIZE = 64
_FULL = 127.0

Sum = tuple[int, ...]


def encode(vector: npt.NDArray[np.floating]) -> str:
    """A vector (64,) of any length but zero as text; "" for zeros."""
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        return ""
    return base64.b64encode(np.rint(vector / length * _FULL).astype(np.int8).tobytes()).decode()


def decode(text: str) -> npt.NDArray[np.int8] | None:
    """The vector (64,) of a text, int8; None for "" and for anything else that is no look."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return np.frombuffer(raw, np.int8) if len(raw) == SIZE else None


def added(total: Sum, text: str, weight: int) -> Sum:
    """A track's sum with one more view, `weight` times; views without a look change nothing."""
    look = decode(text)
    if look is None:
        return total
    fresh = look.astype(np.int64) * weight
    return tuple((fresh + np.array(total, np.int64) if total else fresh).tolist())


def mean(total: Sum) -> str:
    """The look that a sum points to; "" for an empty one."""
    return encode(np.array(total, np.float64)) if total else ""


def likeness(one: str, other: str) -> float:
    """Cosine of two looks, -1..1; 0 when one is missing."""
    a, b = decode(one), decode(other)
    if a is None or b is None:
        return 0.0
    x, y = a.astype(np.float64), b.astype(np.float64)
    return float(x @ y / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-9))
