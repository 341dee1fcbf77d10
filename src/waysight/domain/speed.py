"""Speed from places on the road plane over time, with the bound that the law may lean on.

Weighted least squares of a straight, steady motion: near fixes weigh more, because the same pixel error
is fewer metres there. The bound holds the scatter of the fixes, the pixel noise carried through the
homography, and the survey of the calibration points (NIST/GUM law of propagation, coverage 95 %).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_COVERAGE = 1.96
_OUTLIER = 3.5  # of the robust standard deviation
_LEAST_ERROR_M = 0.02
_TO_KMH = 3.6


@dataclass(frozen=True, slots=True)
class Fix:
    """One place: time (UTC ms), X and Y (m) and the one-sigma error of each (m)."""

    captured_ms: int
    x_m: float
    y_m: float
    x_error_m: float
    y_error_m: float


@dataclass(frozen=True, slots=True)
class Motion:
    """Velocity (m/s) on the road plane, speed (km/h) and its 95 % bound (km/h), travel (m), fixes used."""

    vx_mps: float
    vy_mps: float
    speed_kmh: float
    error_kmh: float
    travel_m: float
    fixes: int


def measure(fixes: Sequence[Fix], calibration_error_m: float = 0.0) -> Motion | None:
    """The steady motion that fits the fixes; None with fewer than two places in time.

    `calibration_error_m` is one sigma of a surveyed point; it stretches the whole plane, so it counts at
    both ends of the travel and no number of frames averages it away.
    """
    if len(fixes) < 2 or fixes[0].captured_ms == fixes[-1].captured_ms:
        return None
    t = np.array([f.captured_ms - fixes[0].captured_ms for f in fixes], dtype=np.float64) / 1000.0
    x, sx = _column([f.x_m for f in fixes]), _errors([f.x_error_m for f in fixes])
    y, sy = _column([f.y_m for f in fixes]), _errors([f.y_error_m for f in fixes])
    keep = _without_outliers(t, x, sx) & _without_outliers(t, y, sy)
    if keep.sum() >= 2 and t[keep].max() > t[keep].min():
        t, x, sx, y, sy = t[keep], x[keep], sx[keep], y[keep], sy[keep]
    vx, vx_error = _slope(t, x, sx)
    vy, vy_error = _slope(t, y, sy)
    speed = math.hypot(vx, vy)
    duration = float(t.max() - t.min())
    travel = speed * duration
    along = (vx / speed, vy / speed) if speed > 0 else (0.0, 1.0)
    random = math.hypot(vx_error * along[0], vy_error * along[1])
    survey = math.sqrt(2.0) * calibration_error_m / duration
    return Motion(
        vx_mps=vx,
        vy_mps=vy,
        speed_kmh=speed * _TO_KMH,
        error_kmh=_COVERAGE * math.hypot(random, survey) * _TO_KMH,
        travel_m=travel,
        fixes=len(t),
    )


def crossing_ms(times_ms: Sequence[int], distances_m: Sequence[float], at_m: float) -> float | None:
    """When a distance that runs one way passes `at_m`, by straight lines between fixes; None if it does not.

    >>> crossing_ms([0, 1000], [-1.0, 3.0], 0.0)
    250.0
    """
    for (t0, d0), (t1, d1) in zip(
        zip(times_ms, distances_m, strict=True),
        zip(times_ms[1:], distances_m[1:], strict=True),
        strict=False,
    ):
        if d0 < at_m <= d1:
            return t0 + (t1 - t0) * (at_m - d0) / (d1 - d0)
    return None


def _column(values: list[float]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _errors(values: list[float]) -> NDArray[np.float64]:
    return np.maximum(_column(values), _LEAST_ERROR_M)


def _slope(t: NDArray[np.float64], s: NDArray[np.float64], error: NDArray[np.float64]) -> tuple[float, float]:
    weights = 1.0 / error**2
    middle = float((weights * t).sum() / weights.sum())
    spread = float((weights * (t - middle) ** 2).sum())
    slope = float((weights * (t - middle) * s).sum() / spread)
    offset = float((weights * (s - slope * t)).sum() / weights.sum())
    expected = 1.0 / math.sqrt(spread)
    if len(t) < 3:
        return slope, expected
    scatter = math.sqrt(float((weights * (s - slope * t - offset) ** 2).sum()) / (len(t) - 2))
    return slope, expected * max(1.0, scatter)


def _without_outliers(
    t: NDArray[np.float64], s: NDArray[np.float64], error: NDArray[np.float64]
) -> NDArray[np.bool_]:
    if len(t) < 5:
        return np.ones(len(t), dtype=np.bool_)
    slopes = [
        (s[j] - s[i]) / (t[j] - t[i]) for i in range(len(t)) for j in range(i + 1, len(t)) if t[j] > t[i]
    ]
    slope = float(np.median(slopes))  # Theil-Sen
    left = (s - slope * t) / error
    left = left - np.median(left)
    scale = max(1.0, 1.4826 * float(np.median(np.abs(left))))
    kept: NDArray[np.bool_] = np.abs(left) <= _OUTLIER * scale
    return kept
