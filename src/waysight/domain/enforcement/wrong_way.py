"""Driving against the direction of a one-way road or lane: travel over metres, not a car that sets back a little."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import error_m, in_zone, run_inside, zones_of
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE: Final = "wrong_way"
LEAST_POINTS = 3
LEAST_TRAVEL_M = 10.0


def against_m(scene: Scene, zone: Zone, points: tuple[PathPoint, ...]) -> float:
    """How far (m) a path provably goes against a zone's direction, places at both ends at their worst.

    -inf where it cannot be known: no direction, too few known places, or no steady course.
    """
    known = [p for p in points if not math.isnan(p.x_m)]
    if zone.towards is None or len(known) < LEAST_POINTS:
        return -math.inf
    x, y = zone.towards
    length = math.hypot(x, y)
    along = [-(p.x_m * x + p.y_m * y) / length for p in known]
    if along[len(along) // 2] < along[0] or along[len(along) // 2] > along[-1]:
        return -math.inf
    return along[-1] - along[0] - error_m(scene, known[0]) - error_m(scene, known[-1])


def judge(law: Law, scene: Scene, sighting: Sighting) -> Iterator[Violation]:
    """One violation for each one-way zone that a vehicle provably drove through the wrong way."""
    for zone in zones_of(scene, "one_way", sighting):
        points = run_inside(scene, zone, sighting)
        way_m = against_m(scene, zone, points)
        if way_m >= LEAST_TRAVEL_M:
            yield in_zone(
                law,
                PURPOSE,
                scene,
                zone,
                sighting,
                points[0].captured_ms,
                distance_m=round(way_m, 3),
                duration_ms=points[-1].captured_ms - points[0].captured_ms,
            )
