"""What an officer should look at first: what would lapse, then what endangers people, then what has waited longest."""

from __future__ import annotations

from dataclasses import dataclass

from waysight.domain.fines.pricing import over_limit_kmh
from waysight.messages import Violation

DAY_MS = 86_400_000
URGENT_DAYS = 7
Rank = tuple[bool, int, int, int, str]

# How much an offence endangers others, 0..100; of a speed the km/h over the limit count where they are more.
SEVERITY = {
    "wrong_way": 90, "red_light": 70, "pedestrian_priority": 70, "overtaking": 60, "shoulder": 45, "pavement": 45,
    "solid_line": 40, "illegal_turn": 40, "average_speed": 20, "spot_speed": 20, "stop_line": 25, "no_plate": 30,
    "no_insurance": 25, "no_inspection": 25, "box_junction": 20, "double_parking": 15, "bus_lane": 15,
    "restricted_zone": 15, "restricted_hours": 15, "illegal_stopping": 10, "illegal_parking": 10,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of a violation decides whether it waits for an officer, and on its place among those that do.

    `begun`: an officer has accepted it, and it may wait for another. Times are UTC epoch ms, speeds km/h.
    """

    violation_id: str
    camera_id: str
    country: str
    offence: str
    occurred_ms: int
    enforced_kmh: float | None = None
    limit_kmh: float | None = None
    corrected_by: str = ""
    revised_ms: int = 0
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Pressing:
    """Of a country's violations those before `lapsed_ms` have lapsed, those before `urgent_ms` do so within a week."""

    country: str
    lapsed_ms: int
    urgent_ms: int


def severity(violation: Violation | Candidate) -> int:
    """How grave a violation is, 0 (least) to 100."""
    over = over_limit_kmh(violation)
    return max(SEVERITY.get(violation.offence, 0), min(100, int(over)) if over is not None else 0)


def rank(violation: Violation | Candidate, deadline_ms: int | None, now_ms: int) -> Rank:
    """A key to sort by, first to look at first; all times UTC epoch ms.

    `deadline_ms` is when the right to impose a fine lapses, None where the law names no such time. What lapses
    within a week comes first, by its deadline; what has lapsed already comes last.
    """
    lapsed = deadline_ms is not None and deadline_ms <= now_ms
    urgent = deadline_ms is not None and not lapsed and deadline_ms - now_ms <= URGENT_DAYS * DAY_MS
    by_deadline = deadline_ms if urgent and deadline_ms is not None else 2**62
    return lapsed, by_deadline, -severity(violation), violation.occurred_ms, violation.violation_id
