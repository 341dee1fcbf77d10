"""Driving through a crossing while somebody is on it: the person was there before, during and near.

In the driver's favour: the person stood clearly in the zone half a second before the vehicle came into it, and
still did when the vehicle had come in; the nearest distance between both was small; the vehicle did not wait there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import (
    clearly_inside,
    error_m,
    in_force,
    in_zone,
    run_inside,
    travel_m,
    zones_of,
)
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE: Final = "pedestrian_priority"
AHEAD_MS = 500
NEAR_M = 6.0
LEAST_POINTS = 2
LEAST_TRAVEL_M = 2.0
LEAST_STRENGTH = 0.5  # of the class of the person


def judge(law: Law, scene: Scene, sighting: Sighting, others: Iterable[Sighting]) -> Iterator[Violation]:
    """One violation for each crossing that a vehicle drove through while one of `others` was on it."""
    people = [o for o in others if o.label == "person" and o.label_confidence >= LEAST_STRENGTH]
    for zone in zones_of(scene, "crossing", sighting):
        points = run_inside(scene, zone, sighting)
        if len(points) < LEAST_POINTS or travel_m(points) < LEAST_TRAVEL_M:
            continue
        if any(zone.zone_id in p.zones and _in_the_way(scene, zone, points, p) for p in people):
            yield in_zone(
                law,
                PURPOSE,
                scene,
                zone,
                sighting,
                points[0].captured_ms,
                duration_ms=points[-1].captured_ms - points[0].captured_ms,
            )


def _in_the_way(scene: Scene, zone: Zone, points: tuple[PathPoint, ...], person: Sighting) -> bool:
    there = [
        p
        for p in person.path
        if clearly_inside(scene, zone, p) and in_force(scene, zone.hours, p.captured_ms, 0)
    ]
    came_ms = points[0].captured_ms
    before = any(p.captured_ms <= came_ms - AHEAD_MS for p in there)
    if not before or there[-1].captured_ms < points[1].captured_ms:
        return False
    return any(_near(scene, a, b) for a in points for b in there if abs(a.captured_ms - b.captured_ms) <= 250)


def _near(scene: Scene, a: PathPoint, b: PathPoint) -> bool:
    if math.isnan(a.x_m) or math.isnan(b.x_m):
        return False
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) + error_m(scene, a) + error_m(scene, b) <= NEAR_M
