"""Overtaking where it is forbidden: in the oncoming half of the road, from clearly behind to clearly before another.

The zone is the half for oncoming traffic, `towards` its legal direction. The other vehicle must have moved: who
passes a parked one, or an obstacle, overtakes nobody.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import in_zone, run_inside, zones_of
from waysight.domain.enforcement.wrong_way import against_m
from waysight.domain.observations import VEHICLES
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE: Final = "overtaking"
LEAST_POINTS = 3
LEAST_TRAVEL_M = 10.0
CLEAR_M = 3.0  # of the contact points, behind before and ahead after
LEAST_MOVED_M = 5.0
_LONGEST_GAP_MS = 1_500


def judge(law: Law, scene: Scene, sighting: Sighting, others: Iterable[Sighting]) -> Iterator[Violation]:
    """One violation for each forbidden half of a road in which a vehicle overtook one of `others`."""
    vehicles = [o for o in others if o.label in VEHICLES]
    for zone in zones_of(scene, "no_overtaking", sighting):
        points = run_inside(scene, zone, sighting)
        if len(points) < LEAST_POINTS or against_m(scene, zone, points) < LEAST_TRAVEL_M:
            continue
        if any(zone.zone_id not in o.zones and _passed(zone, sighting, points, o) for o in vehicles):
            yield in_zone(
                law,
                PURPOSE,
                scene,
                zone,
                sighting,
                points[0].captured_ms,
                duration_ms=points[-1].captured_ms - points[0].captured_ms,
            )


def _passed(zone: Zone, mine: Sighting, inside: tuple[PathPoint, ...], other: Sighting) -> bool:
    """Whether a vehicle was clearly behind another and later clearly ahead, and in the zone between these times."""
    theirs = [(p.captured_ms, _along_m(zone, p)) for p in other.path if not math.isnan(p.x_m)]
    if len(theirs) < LEAST_POINTS or theirs[-1][1] - theirs[0][1] < LEAST_MOVED_M:
        return False
    behind_ms: int | None = None
    for point in mine.path:
        at_m = None if math.isnan(point.x_m) else _at(theirs, point.captured_ms)
        if at_m is None:
            continue
        ahead_m = _along_m(zone, point) - at_m
        if ahead_m <= -CLEAR_M:
            behind_ms = point.captured_ms
        elif ahead_m >= CLEAR_M and behind_ms is not None:
            return any(behind_ms <= p.captured_ms <= point.captured_ms for p in inside)
    return False


def _along_m(zone: Zone, point: PathPoint) -> float:
    """How far along the own direction, which is against the zone's."""
    x, y = zone.towards or (0.0, 1.0)
    return -(point.x_m * x + point.y_m * y) / math.hypot(x, y)


def _at(places: list[tuple[int, float]], at_ms: int) -> float | None:
    """Where something was at a time, by straight lines between its places; None outside them or in a long gap."""
    index = bisect_left(places, (at_ms, -math.inf))
    if index == len(places) or (index == 0 and places[0][0] != at_ms):
        return None
    after_ms, after_m = places[index]
    if after_ms == at_ms:
        return after_m
    before_ms, before_m = places[index - 1]
    if after_ms - before_ms > _LONGEST_GAP_MS:
        return None
    return before_m + (after_m - before_m) * (at_ms - before_ms) / (after_ms - before_ms)
