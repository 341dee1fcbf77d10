"""How things moved lately before one camera: a guess for what has been seen too seldom to have a velocity.

Serves traffic on fixed lanes as well as a moving camera, before which all that stands moves alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from waysight.domain.geometry import Box, centre
from waysight.domain.movement import UNKNOWN, Movement, size_of

MOST_COURSES = 48
_GUESSES = 3
_FEW_VIEWS = 3  # up to so many, what others did may say more than the own velocity
_FARTHEST = 4.0
_AGE_S = 3.0  # as far as two sizes away
_SPREAD = 0.4  # standard deviation of a guessed velocity, sizes/s


@dataclass(frozen=True, slots=True)
class Course:
    """One thing's movement: its class, when (ms), where and how large (px), its edges' velocity (sizes/s)."""

    kind: str
    at_ms: int
    x_px: float
    y_px: float
    size_px: float
    velocity: Box


def guesses(
    courses: Sequence[Course], kind: str, movement: Movement, views: int, at_ms: int
) -> list[Movement]:
    """Movements that a thing may have: its own, and after few views also those of its like near by."""
    if views > _FEW_VIEWS:
        return [movement]
    x, y = centre(movement.box)
    size = size_of(movement.box)
    ranked = sorted(
        (
            math.hypot(x - c.x_px, y - c.y_px) / (2.0 * size)
            + 2.0 * abs(math.log(size / c.size_px))
            + (at_ms - c.at_ms) / 1000.0 / _AGE_S,
            rank,
        )
        for rank, c in enumerate(courses)
        if c.kind == kind
    )
    found = [movement]
    for far, rank in ranked[:_GUESSES]:
        if far < _FARTHEST:
            a, b, c, d = (v * size for v in courses[rank].velocity)
            spread = min(UNKNOWN, (_SPREAD * (1.0 + far)) ** 2)
            found.append(replace(movement, velocity=(a, b, c, d), speed=spread, gap_s=1.0))
    return found


def course_of(
    kind: str, at_ms: int, before: Box, now: Box, dt: float, movement: Movement, views: int
) -> Course:
    """What one more view tells: the step between the first two, later the movement itself."""
    if views == 2:
        box, growth = before, max(0.5, min(2.0, size_of(now) / size_of(before)))
        a, b, c, d = ((n - o) / (dt * growth) for n, o in zip(now, before, strict=True))
    else:
        box, (a, b, c, d) = now, movement.velocity
    size = size_of(box)
    return Course(kind, at_ms, *centre(box), size, (a / size, b / size, c / size, d / size))
