"""Where a thing of the picture will be: steady motion in space, and an uncertainty that grows while it is unseen.

One Kalman filter per track over the four edges of its box (white-noise acceleration). Noise is stated in sizes of
the thing (square root of its box's area), so that near and far things are treated alike and the four edges share
one covariance. What approaches at a steady pace moves and grows ever faster in the picture: an edge at x with the
velocity v is at x + v·t / (1 - g·t) after t seconds, g being the rate at which the box grows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from waysight.domain.geometry import Box, area, centre

MEASURED = 0.08**2  # variance of an edge as seen, sizes²
UNKNOWN = 1.3**2  # variance of the velocity of something seen once, sizes²/s²
_CHANGE = 0.6  # spectral density of the acceleration, sizes²/s³
_SIZE_JITTER = 0.12**2  # variance of the logarithm of the size as seen
_SIZE_CHANGE = 0.35  # standard deviation that it gains in a second
_SPARSE_S = 0.4  # from this gap on growth can be told from jitter
_FARTHEST_S = 2.0  # beyond it neither motion nor uncertainty go on
_MOST_GROWTH = (-1.0, 0.5)


@dataclass(frozen=True, slots=True)
class Movement:
    """State of one thing: box (px), velocity of its edges (px/s), variances, and the gap (s) of the last two views."""

    box: Box
    velocity: Box = (0.0, 0.0, 0.0, 0.0)
    place: float = MEASURED
    both: float = 0.0
    speed: float = UNKNOWN
    gap_s: float = 0.0


def size_of(box: Box) -> float:
    """Square root of a box's area, px; at least 1."""
    return max(1.0, math.sqrt(area(box)))


def ahead(movement: Movement, dt: float) -> Movement:
    """The movement `dt` seconds later, unseen meanwhile."""
    far = min(dt, _FARTHEST_S)
    nearing = _nearing(movement, far)
    a, b, c, d = (e + v * far * nearing for e, v in zip(movement.box, movement.velocity, strict=True))
    p, q, r, s = (v * nearing * nearing for v in movement.velocity)
    return Movement(
        (a, b, c, d) if c - a > 1.0 and d - b > 1.0 else movement.box,
        (p, q, r, s),
        movement.place + 2.0 * far * movement.both + far * far * movement.speed + _CHANGE * far**3 / 3.0,
        movement.both + far * movement.speed + _CHANGE * far * far / 2.0,
        movement.speed + _CHANGE * far,
        movement.gap_s,
    )


def corrected(movement: Movement, seen: Box, gap_s: float) -> Movement:
    """The movement, brought to the time of a view, after that view; `gap_s` is the time since the one before."""
    whole = movement.place + MEASURED
    gain, pull = movement.place / whole, movement.both / whole
    # The mean velocity of a gap lags behind that at its end by as much as the thing grew.
    growth = max(0.6, min(1.7, size_of(seen) / size_of(movement.box))) ** _sparse(gap_s)
    off = [z - e for z, e in zip(seen, movement.box, strict=True)]
    a, b, c, d = (e + gain * o for e, o in zip(movement.box, off, strict=True))
    p, q, r, s = (v + pull * growth * o for v, o in zip(movement.velocity, off, strict=True))
    return Movement(
        (a, b, c, d),
        (p, q, r, s),
        (1.0 - gain) * movement.place,
        (1.0 - gain) * movement.both,
        movement.speed - pull * movement.both,
        gap_s,
    )


def surprise(movement: Movement, seen: Box, dt: float) -> float:
    """How unlikely a view is for a movement unseen for `dt` seconds: negative log likelihood per size², no unit."""
    now = ahead(movement, dt)
    size = size_of(now.box)
    a, b = centre(now.box), centre(seen)
    variance = now.place + MEASURED
    off = ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / (size * size)
    growth = math.log(size_of(seen) / size)
    spread = _SIZE_JITTER + (_SIZE_CHANGE * min(dt, _FARTHEST_S)) ** 2
    return 0.5 * (off / variance + growth * growth / spread + math.log(variance * variance * spread))


def _nearing(movement: Movement, dt: float) -> float:
    a, b, c, d = movement.box
    p, q, r, s = movement.velocity
    rate = 0.5 * ((r - p) / max(1.0, c - a) + (s - q) / max(1.0, d - b))
    low, high = _MOST_GROWTH
    return 1.0 / (1.0 - _sparse(movement.gap_s) * max(low, min(high, rate * dt)))


def _sparse(gap_s: float) -> float:
    return min(1.0, gap_s / _SPARSE_S)
