"""Standing in the second row: a long stay in the zone beside another vehicle that stands, at the same time.

Both must have been seen standing together for longer than is allowed. Who stands alone there is judged by other
rules, and who waits beside moving traffic by none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import error_m, zones_of
from waysight.domain.enforcement.standing import Stay, allowed_ms, longest_stay, stood
from waysight.domain.observations import VEHICLES
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE: Final = "double_parking"
BESIDE_M = 4.5
STILL_M = 1.5


def judge(law: Law, scene: Scene, sighting: Sighting, others: Iterable[Sighting]) -> Iterator[Violation]:
    """One violation for each zone in which a vehicle stood beside one of `others` for longer than is allowed."""
    for zone in zones_of(scene, "double_parking", sighting):
        stay = longest_stay(scene, zone, sighting)
        if stay is None or stay.dwell_ms <= allowed_ms(zone):
            continue
        together = max(
            (
                _beside_ms(scene, zone, stay, o)
                for o in others
                if o.label in VEHICLES and o.sighting_id != sighting.sighting_id
            ),
            default=0,
        )
        dwell_ms = min(stay.dwell_ms, together - 2 * sighting.clock_error_ms)
        if dwell_ms > allowed_ms(zone):
            yield stood(law, scene, sighting, PURPOSE, zone, replace(stay, dwell_ms=dwell_ms))


def _beside_ms(scene: Scene, zone: Zone, stay: Stay, other: Sighting) -> int:
    """How long (ms) another vehicle stood beside a stay; 0 for one in the same zone or too far away."""
    if zone.zone_id in other.zones:
        return 0
    near = [
        p
        for p in other.path
        if stay.first.captured_ms <= p.captured_ms <= stay.last.captured_ms and _near(scene, stay.first, p)
    ]
    if len(near) < 2 or any(_apart_m(near[0], p) > STILL_M for p in near):
        return 0
    return near[-1].captured_ms - near[0].captured_ms


def _near(scene: Scene, a: PathPoint, b: PathPoint) -> bool:
    return _apart_m(a, b) + error_m(scene, a, 1.0) + error_m(scene, b, 1.0) <= BESIDE_M


def _apart_m(a: PathPoint, b: PathPoint) -> float:
    """Distance (m); nan, and so near nothing, where a place is not known."""
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m)
