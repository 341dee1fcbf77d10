"""Standing too long where one may not: no-stopping and no-parking zones, junction boxes.

A stay is a run of points clearly inside the zone, within its hours, all at one place. How long it provably
lasted is the time between its first and last point less what both time stamps may be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import (
    clearly_inside,
    error_m,
    in_force,
    in_zone,
    zones_of,
)
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

Standing = Literal["illegal_stopping", "illegal_parking", "box_junction"]
KIND_OF: Final[dict[str, str]] = {
    "illegal_stopping": "no_stopping",
    "illegal_parking": "no_parking",
    "double_parking": "double_parking",
    "box_junction": "box",
}
MAX_DWELL_S: Final[dict[str, float]] = {
    "no_stopping": 10.0,
    "no_parking": 300.0,
    "double_parking": 60.0,
    "box": 10.0,
}
STILL_M = 1.0
STILL_PX = 12.0
_JITTER_PX = 2.0
_WAY_M = 3.0  # less shows no direction
_TURN_DEG = 30.0


@dataclass(frozen=True, slots=True)
class Stay:
    """From the first to the last point (UTC epoch ms) at which something stood, and how long it did provably."""

    first: PathPoint
    last: PathPoint
    dwell_ms: int


def longest_stay(scene: Scene, zone: Zone, sighting: Sighting) -> Stay | None:
    """The longest time that a pass provably stood at one place of a zone, in its hours; None if it never did."""
    error_ms = sighting.clock_error_ms
    good = [
        clearly_inside(scene, zone, p) and in_force(scene, zone.hours, p.captured_ms, error_ms)
        for p in sighting.path
    ]
    best: Stay | None = None
    start = 0
    while start < len(good):
        end = start
        while end < len(good) and good[end] and at_one_place(scene, sighting.path[start], sighting.path[end]):
            end += 1
        if end - start >= 2:
            first, last = sighting.path[start], sighting.path[end - 1]
            dwell_ms = last.captured_ms - first.captured_ms - 2 * error_ms
            if dwell_ms > (best.dwell_ms if best else 0):
                best = Stay(first, last, dwell_ms)
        start += 1
    return best


def allowed_ms(zone: Zone) -> float:
    """How long (ms) one may stand in a zone."""
    return 1000.0 * (MAX_DWELL_S[zone.kind] if zone.max_dwell_s is None else zone.max_dwell_s)


def judge(law: Law, scene: Scene, sighting: Sighting, offence: Standing) -> Iterator[Violation]:
    """One violation for each zone in which a pass stood longer than is allowed, at the end of its stay."""
    for zone in zones_of(scene, KIND_OF[offence], sighting):
        stay = longest_stay(scene, zone, sighting)
        if stay is not None and stay.dwell_ms > allowed_ms(zone):
            if offence == "box_junction" and _turns(sighting, stay):
                continue  # who waits in a box to turn may
            yield stood(law, scene, sighting, offence, zone, stay)


def stood(
    law: Law,
    scene: Scene,
    sighting: Sighting,
    offence: Standing | Literal["double_parking"],
    zone: Zone,
    stay: Stay,
) -> Violation:
    """The violation of a stay."""
    return in_zone(
        law,
        offence,
        scene,
        zone,
        sighting,
        stay.last.captured_ms,
        dwell_ms=stay.dwell_ms,
    )


def _turns(sighting: Sighting, stay: Stay) -> bool:
    """Whether it provably drove off in another direction than it came from; never without places before and after."""
    places = [p for p in sighting.path if not math.isnan(p.x_m)]
    came = [p for p in places if p.captured_ms <= stay.first.captured_ms]
    went = [p for p in places if p.captured_ms >= stay.last.captured_ms]
    ways = [(w[-1].x_m - w[0].x_m, w[-1].y_m - w[0].y_m) for w in (came, went) if w]
    if len(ways) < 2 or any(math.hypot(*way) < _WAY_M for way in ways):
        return False
    (ax, ay), (bx, by) = ways
    return abs(math.degrees(math.atan2(ax * by - ay * bx, ax * bx + ay * by))) >= _TURN_DEG


def at_one_place(scene: Scene, a: PathPoint, b: PathPoint) -> bool:
    """Whether two points are one place: within 1 m and what a contact point jitters, or 12 px without calibration."""
    if math.isnan(a.x_m) or math.isnan(b.x_m):
        return math.hypot(b.x_px - a.x_px, b.y_px - a.y_px) <= STILL_PX
    moved_m = math.hypot(b.x_m - a.x_m, b.y_m - a.y_m)
    return moved_m <= STILL_M + error_m(scene, a, _JITTER_PX)
