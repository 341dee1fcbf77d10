"""One act, one fine: which violations of one plate are the same act, and which of them stands.

Two measurements of one drive, a line and the light behind it, and captures of one parking are one act. Both
functions look at two violations only and do not care which comes first, so that the order of arrival changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from waysight.messages.enforcement import Violation

LIGHT_MS = 120_000
ZONE_MS = 300_000
REPEAT_MS = 60_000
PARKING_GAP_MS = 1_800_000

_SPEEDS: Final = frozenset(("spot_speed", "average_speed"))
_LIGHTS: Final = frozenset(("red_light", "stop_line"))
STAYS: Final = frozenset(("illegal_stopping", "illegal_parking", "double_parking", "box_junction"))
_ZONES: Final = frozenset(("restricted_zone", "bus_lane", "shoulder", "pavement", "restricted_hours"))
_LANES: Final = frozenset(("solid_line", "overtaking", "wrong_way"))
_PAPERS: Final = frozenset(("no_insurance", "no_inspection"))
# Of one act the one named first stands.
_RANK: Final = (
    "red_light", "stop_line",
    "overtaking", "wrong_way", "solid_line",
    "pavement", "shoulder", "bus_lane", "restricted_hours", "restricted_zone",
    "double_parking", "box_junction", "illegal_stopping", "illegal_parking",
)  # fmt: skip


def same_act(a: Violation, b: Violation) -> bool:
    """Whether two violations are one act of one vehicle; never without a plate, never of different plates."""
    if not a.plate or a.plate != b.plate or a.violation_id == b.violation_id:
        return False
    kinds = {a.offence, b.offence}
    apart_ms = abs(a.occurred_ms - b.occurred_ms)
    if kinds <= _SPEEDS:
        return _one_drive(a, b, apart_ms)
    if a.camera_id != b.camera_id:
        return False
    if kinds <= _LIGHTS:
        return apart_ms <= LIGHT_MS
    if kinds <= STAYS:
        return _one_stay(a, b)
    if kinds <= _ZONES:
        return apart_ms <= ZONE_MS and (a.zone_id == b.zone_id or len(kinds) == 2) and _shared(a, b)
    if kinds <= _LANES:
        return apart_ms <= REPEAT_MS
    # Papers are judged once a day already; any other offence is one act within a minute at one place.
    place = (a.zone_id, a.line_id) == (b.zone_id, b.line_id)
    return len(kinds) == 1 and not kinds & _PAPERS and place and apart_ms <= REPEAT_MS


def prevails(a: Violation, b: Violation, amounts: Mapping[str, Decimal] | None = None) -> Violation:
    """The one of two violations of one act that stands: what may be fined before what may not, then the graver.

    `amounts` are prices by violation_id where the law's are known; between speeds, without them, the higher excess.
    """
    return min(a, b, key=lambda v: _standing(v, amounts or {}))


def _standing(
    violation: Violation, amounts: Mapping[str, Decimal]
) -> tuple[bool, Decimal, int, float, int, int, str]:
    rank = _RANK.index(violation.offence) if violation.offence in _RANK else len(_RANK)
    over = (violation.enforced_kmh or 0.0) - (violation.limit_kmh or 0.0)
    price = amounts.get(violation.violation_id, Decimal(0))
    dwell = violation.dwell_ms or 0
    key = violation.violation_id
    return not violation.enforceable, -price, rank, -over, -dwell, violation.occurred_ms, key


def _one_drive(a: Violation, b: Violation, apart_ms: int) -> bool:
    """Speeds: two at one camera within a minute, one section twice, or a spot within a section's passage."""
    if a.offence == b.offence == "spot_speed":
        return a.camera_id == b.camera_id and apart_ms <= REPEAT_MS
    if a.offence == b.offence:
        return a.section_id == b.section_id and apart_ms <= REPEAT_MS
    section, spot = (a, b) if a.offence == "average_speed" else (b, a)
    if spot.sighting_ids and spot.sighting_ids[-1] in section.sighting_ids:
        return True
    # Whoever is between the two ends of a section is on it, whichever camera measures it there.
    return section.occurred_ms - (section.duration_ms or 0) <= spot.occurred_ms <= section.occurred_ms


def _one_stay(a: Violation, b: Violation) -> bool:
    """Whether two stays are captures of one parking: the gap between them is short, or they overlap."""
    first, second = sorted((a, b), key=lambda v: (v.occurred_ms, v.violation_id))
    return second.occurred_ms - (second.dwell_ms or 0) - first.occurred_ms <= PARKING_GAP_MS


def _shared(a: Violation, b: Violation) -> bool:
    """Whether two zone offences rest on one pass, or are the same offence of the same zone."""
    return a.offence == b.offence or not set(a.sighting_ids).isdisjoint(b.sighting_ids)
