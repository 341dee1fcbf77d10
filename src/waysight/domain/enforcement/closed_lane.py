"""Driving where this class of vehicle may not: bus lanes, shoulders, pavements, roads closed at certain hours.

A box that touches the zone is no proof: at least three neighbouring points of the path must lie clearly inside,
over some metres or seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import in_zone, run_inside, travel_m, zones_of
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import Sighting

Closed = Literal["bus_lane", "shoulder", "pavement", "restricted_hours"]
LEAST_POINTS = 3
LEAST_TRAVEL_M = 5.0
LEAST_STAY_MS = 2_000


def judge(law: Law, scene: Scene, sighting: Sighting, kind: Closed) -> Iterator[Violation]:
    """One violation for each zone of a kind that a pass was provably in; those by the register are `papers`'."""
    return judge_closed(law, scene, sighting, kind, lambda zone: not zone.by_register)


def judge_closed(
    law: Law, scene: Scene, sighting: Sighting, kind: Closed, concerned: Callable[[Zone], bool]
) -> Iterator[Violation]:
    """The same for the zones of which `concerned` says that they are closed to this vehicle."""
    for zone in zones_of(scene, kind, sighting):
        points = run_inside(scene, zone, sighting) if concerned(zone) else ()
        if len(points) < LEAST_POINTS:
            continue
        stay_ms = points[-1].captured_ms - points[0].captured_ms
        way_m = travel_m(points)
        if way_m < LEAST_TRAVEL_M and stay_ms < LEAST_STAY_MS:
            continue
        yield in_zone(
            law,
            kind,
            scene,
            zone,
            sighting,
            points[0].captured_ms,
            distance_m=round(way_m, 3) if way_m else None,
            duration_ms=stay_ms,
        )
