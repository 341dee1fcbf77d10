"""Speed from places on the road plane over time, with the bound that the law may lean on.

Weighted, robust least squares of a steady motion: near fixes weigh more, because the same pixel error is
fewer metres there, and fixes that leave the motion (a box cut by the picture's edge, another vehicle) are
left out. The 95 % bound adds in squares (law of propagation, GUM JCGM 100): the scatter of the fixes with
their correlation from frame to frame, the calibration, the clock, and what no calibration sees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waysight.domain.geometry import Matrix

Column = NDArray[np.float64]
Chosen = NDArray[np.bool_]

_COVERAGE = 1.96
_OUTLIER = 3.5  # of the robust standard deviation
_HUBER = 1.5  # of it: fixes beyond weigh less and less
_LEAST_ERROR_M = 0.1  # what a lower edge wanders over a vehicle as it nears
_MOST_CORRELATION = 0.95
_LEAST_CORRELATED = 16  # fewer fixes tell nothing of correlation
_TO_KMH = 3.6
_ROUNDS = 8
_STARTS = (0.25, 0.5, 0.75)  # quantiles of the first guesses
FRAME_ERROR_MS = 1.0  # one sigma of when a frame was taken, against the frame before
MODEL_ERROR = 0.015  # one sigma: a lower edge 0.1 m above the road seen from 8 m, the lens, an uneven road


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
    """Velocity (m/s) on the road plane, speed (km/h) and its 95 % bound (km/h), travel (m), fixes used.

    The bound's parts, one sigma each in km/h: tracking, calibration, clock and model.
    """

    vx_mps: float
    vy_mps: float
    speed_kmh: float
    error_kmh: float
    travel_m: float
    fixes: int
    tracking_kmh: float = 0.0
    calibration_kmh: float = 0.0
    clock_kmh: float = 0.0
    model_kmh: float = 0.0


def measure(
    fixes: Sequence[Fix],
    calibration_error_m: float = 0.0,
    sways: Sequence[Matrix] = (),
    frame_error_ms: float = FRAME_ERROR_MS,
) -> Motion | None:
    """The steady motion that fits the fixes; None with fewer than two places in time.

    `sways` are maps ground m → ground m: the plane as it would be one sigma away along each independent
    error of the calibration. Without them `calibration_error_m`, one sigma of a surveyed point, counts at
    both ends of the travel. No number of frames averages either away.
    """
    if len(fixes) < 2 or fixes[0].captured_ms == fixes[-1].captured_ms:
        return None
    times = {f.captured_ms: f for f in reversed(fixes)}
    fixes = [times[ms] for ms in sorted(times)]
    t = np.array([f.captured_ms - fixes[0].captured_ms for f in fixes], dtype=np.float64) / 1000.0
    at = np.array([(f.x_m, f.y_m) for f in fixes], dtype=np.float64)
    error = np.maximum(
        np.array([(f.x_error_m, f.y_error_m) for f in fixes], dtype=np.float64), _LEAST_ERROR_M
    )
    guesses, along = _first_guesses(t, at)
    kept, weights = _steady(t, at, error, guesses, along)
    t, at, error, weights = t[kept], at[kept], error[kept], weights[kept]
    vx, vy = _slope(t, at[:, 0], weights), _slope(t, at[:, 1], weights)
    speed = math.hypot(vx, vy)
    duration = float(t[-1] - t[0])
    if speed > 0:
        along = (vx / speed, vy / speed)
    tracking = _tracking_error(t, at @ np.array(along), _toward(error, along), weights)
    if sways:
        calibration = math.sqrt(sum((s - speed) ** 2 for s in (_swayed(w, t, at, weights) for w in sways)))
    else:
        calibration = math.sqrt(2.0) * calibration_error_m / duration
    clock = speed * math.sqrt(2.0) * frame_error_ms / 1000.0 / duration
    model = MODEL_ERROR * speed
    parts = [p * _TO_KMH for p in (tracking, calibration, clock, model)]
    return Motion(
        vx, vy, speed * _TO_KMH, _COVERAGE * math.hypot(*parts), speed * duration, len(t), *parts
    )  # fmt: skip


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


def _first_guesses(t: Column, at: Column) -> tuple[list[float], tuple[float, float]]:
    """Speeds (m/s) to begin from, and the direction, by displacements over a sixth of the fixes.

    The middle one serves unless many fixes stand still or jump; then the fits of the quartiles compete.
    """
    step = max(1, len(t) // 6)
    rates = (at[step:] - at[:-step]) / (t[step:] - t[:-step])[:, None]
    vx, vy = np.median(rates, axis=0)
    speed = math.hypot(vx, vy)
    along = (float(vx / speed), float(vy / speed)) if speed > 0 else (0.0, 1.0)
    return np.quantile(rates @ np.array(along), _STARTS).tolist(), along


def _steady(
    t: Column, at: Column, error: Column, guesses: Sequence[float], along: tuple[float, float]
) -> tuple[Chosen, Column]:
    """Which fixes lie on one steady motion, and their weights (1/m²): of all fits the one that most agree with."""
    across = (-along[1], along[0])
    s, e = at @ np.array(along), _toward(error, along)
    everything = np.ones(len(t), dtype=np.bool_), 1.0 / e**2
    if len(t) < 5:
        return everything
    aside, e_aside = at @ np.array(across), _toward(error, across)
    straight = np.abs(_standard(aside - _line(t, aside), e_aside, everything[0])) <= _OUTLIER
    best, least = everything, math.inf
    for guess in guesses:
        kept, weights, velocity = _fitted(t, s, e, guess, straight)
        off = s - velocity * t
        off = np.minimum(np.abs(off - np.median(off[kept])) / e, _OUTLIER)
        if float(off @ off) < least:
            best, least = (kept, weights), float(off @ off)
    return best


def _fitted(
    t: Column, s: Column, e: Column, velocity: float, straight: Chosen
) -> tuple[Chosen, Column, float]:
    """Reweighted least squares from a first speed: fixes kept, weights (Huber, 1964), speed (m/s)."""
    kept, weights = np.ones(len(t), dtype=np.bool_), 1.0 / e**2
    for _ in range(_ROUNDS):
        off = _standard(s - velocity * t, e, kept)
        chosen = (np.abs(off) <= _OUTLIER) & straight
        if chosen.sum() < max(3, len(t) // 3):
            break
        weights = np.where(np.abs(off) > _HUBER, _HUBER / np.maximum(np.abs(off), 1e-9), 1.0) / e**2
        found = _slope(t[chosen], s[chosen], weights[chosen])
        settled = bool((chosen == kept).all()) and abs(found - velocity) < 1e-4
        kept, velocity = chosen, found
        if settled:
            break
    return kept, weights, velocity


def _toward(error: Column, direction: tuple[float, float]) -> Column:
    return np.asarray(np.sqrt(error**2 @ np.square(np.array(direction))))


def _standard(residual: Column, error: Column, kept: Chosen) -> Column:
    """Residuals in robust standard deviations from their median, never finer than the stated error."""
    z = (residual - np.median(residual[kept])) / error
    z = z - np.median(z[kept])
    return np.asarray(z / max(1.0, 1.4826 * float(np.median(np.abs(z[kept])))))


def _line(t: Column, s: Column) -> Column:
    step = max(1, len(t) // 6)
    return np.asarray(float(np.median((s[step:] - s[:-step]) / (t[step:] - t[:-step]))) * t)


def _slope(t: Column, s: Column, weights: Column) -> float:
    middle = float((weights * t).sum() / weights.sum())
    return float((weights * (t - middle) * s).sum() / (weights * (t - middle) ** 2).sum())


def _tracking_error(t: Column, s: Column, error: Column, weights: Column) -> float:
    """One sigma (m/s) of the slope: the larger of expected and seen scatter, correlation counted in (AR(1))."""
    middle = float((weights * t).sum() / weights.sum())
    spread = float((weights * (t - middle) ** 2).sum())
    if len(t) < 3:
        return 1.0 / math.sqrt(float(((t - middle) ** 2 / error**2).sum()))
    residual = s - _slope(t, s, weights) * t
    residual = (residual - float((weights * residual).sum() / weights.sum())) * np.sqrt(weights)
    power = float((residual**2).sum())
    scatter = math.sqrt(power / (len(t) - 2))
    correlation = 0.0
    if len(t) >= _LEAST_CORRELATED and power > 0:
        seen = float((residual[1:] * residual[:-1]).sum()) / power
        correlation = (seen + 2.0 / len(t)) / (1.0 - 4.0 / len(t))  # a fitted line hides some (Tanaka, 1984)
    correlation = min(max(correlation, 0.0), _MOST_CORRELATION)
    return max(1.0, scatter) * math.sqrt((1.0 + correlation) / (1.0 - correlation) / spread)


def _swayed(sway: Matrix, t: Column, at: Column, weights: Column) -> float:
    """The speed (m/s) of the same fixes on a plane that is one sigma off."""
    matrix = np.array(sway, dtype=np.float64).reshape(3, 3)
    ground = np.column_stack([at, np.ones(len(at))]) @ matrix.T
    moved = ground[:, :2] / ground[:, 2:]
    return math.hypot(_slope(t, moved[:, 0], weights), _slope(t, moved[:, 1], weights))
