"""Crossing a line that must not be crossed: solid lines between lanes, and the mouth of a forbidden turn.

The middle of the vehicle must have been clearly on one side and then clearly on the other, and have passed
between the line's ends; wheels on the line are not enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Literal

from waysight.domain.enforcement.case import Law, of_pass
from waysight.domain.enforcement.presence import error_m, in_force
from waysight.domain.geometry import Point, along_line_m, apply_homography, beyond_line_m, same_side
from waysight.domain.scene import RoadLine, Scene
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

Crossed = Literal["solid_line", "illegal_turn"]
KIND_OF: Final[dict[str, str]] = {"solid_line": "solid", "illegal_turn": "turn"}
CLEAR_M = 0.8
_END_M = 0.5


def judge(law: Law, scene: Scene, sighting: Sighting, offence: Crossed) -> Iterator[Violation]:
    """One violation for each line of the offence's kind that a pass provably crossed in a forbidden sense."""
    for line in scene.lines:
        if line.kind != KIND_OF[offence]:
            continue
        at_ms = crossed_ms(scene, line, sighting)
        if at_ms is not None and in_force(scene, line.hours, at_ms, sighting.clock_error_ms):
            yield of_pass(law, offence, scene, sighting, at_ms, line.line_id, line_id=line.line_id)


def crossed_ms(scene: Scene, line: RoadLine, sighting: Sighting) -> int | None:
    """When (UTC epoch ms) a pass was first clearly beyond a line after it was clearly before it, or None."""
    ground = _on_road(scene, line)
    known = [p for p in sighting.path if not math.isnan(p.x_m)]
    if ground is None:
        return None
    last_clear: dict[float, tuple[PathPoint, float]] = {}
    for point in known:
        away = abs(beyond_line_m(ground, (point.x_m, point.y_m)))
        side = _side(line, point)
        # Near the line nothing is said: a vehicle there is on it.
        if away < CLEAR_M + error_m(scene, point, 1.0):
            continue
        before = last_clear.get(-side)
        if before is not None and _forbidden(line, -side) and _between_ends(ground, before, (point, away)):
            return point.captured_ms
        last_clear = {side: (point, away)}
    return None


def _between_ends(
    ground: tuple[Point, Point], before: tuple[PathPoint, float], after: tuple[PathPoint, float]
) -> bool:
    """Whether the straight way between two places, each with its distance from the line, meets it between its ends."""
    (a, from_m), (b, to_m) = before, after
    share = from_m / (from_m + to_m)
    at = along_line_m(ground, (a.x_m + share * (b.x_m - a.x_m), a.y_m + share * (b.y_m - a.y_m)))
    return _END_M <= at <= math.dist(*ground) - _END_M


def _side(line: RoadLine, point: PathPoint) -> float:
    """1 on the right of the line as the picture shows it (its y grows downwards), -1 on the left."""
    (ax, ay), (bx, by) = line.image
    return math.copysign(1.0, (bx - ax) * (point.y_px - ay) - (by - ay) * (point.x_px - ax))


def _forbidden(line: RoadLine, from_side: float) -> bool:
    return line.forbidden == "both" or (line.forbidden == "left_to_right") == (from_side < 0)


def _on_road(scene: Scene, line: RoadLine) -> tuple[Point, Point] | None:
    if scene.homography is None or not same_side(scene.homography, *line.image):
        return None
    a, b = (apply_homography(scene.homography, point) for point in line.image)
    return (a, b) if a is not None and b is not None and a != b else None
