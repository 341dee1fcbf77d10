"""The demo's reviewing officer: decides as `waysight review` lets an officer decide, and never looks at the truth.

What nothing speaks against is accepted together (`accept-all`). At each of the others the officer looks singly: a
colour that only the light decides is accepted with a note (`accept --despite`), all else is rejected for the first
thing that speaks against it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import ClickHouse
from waysight.authority.review import acts
from waysight.authority.review.desk import Desk
from waysight.authority.review.examination import inspect, load_frames
from waysight.codec import Codec
from waysight.domain.reviews.conflicts import conflicts_of
from waysight.messages import Review, Vehicle, Violation
from waysight.settings import Settings
from waysight.storage.review_queue import waiting_violations

OFFICER = "demo-officer"
PURPOSE, CASE = "review of violations in the demonstration", "DEMO-1"
MOST = 10_000
_LIGHT_PAINTS = {"white", "silver", "grey"}
_NOTE = "light paint: white, silver and grey look alike here; type and plate agree"


def review_all(
    settings: Settings, clickhouse: ClickHouse, codec: Codec, say: Callable[[str], None]
) -> list[Review]:
    """Decide on every violation that waits, one line each; the decisions go to `reviews` and the audit log."""
    desk = Desk(settings, codec, OFFICER)
    waiting = waiting_violations(clickhouse, MOST, True)
    AuditLog(settings, codec).record("review.list", PURPOSE, CASE, {"limit": MOST}, len(waiting), OFFICER)
    bulk = acts.accept_all(desk, waiting)
    reviews = {review.violation_id: review for review in bulk.accepted}
    register = desk.vehicles({v.plate for v in waiting if v.violation_id in bulk.left})
    for violation in waiting:
        if violation.violation_id in bulk.left:
            reviews[violation.violation_id] = _decide(desk, violation, register.get(violation.plate))
        review = reviews[violation.violation_id]
        measured = f" {violation.enforced_kmh:.1f} km/h" if violation.enforced_kmh is not None else ""
        why = f"{review.reason} {' '.join(review.conflicts)}".strip()
        say(f"{OFFICER}: {violation.offence} {violation.plate}{measured} → {review.decision} {why}".rstrip())
    return [reviews[v.violation_id] for v in waiting]


def _decide(desk: Desk, violation: Violation, vehicle: Vehicle | None) -> Review:
    conflicts = conflicts_of(inspect(violation, load_frames(violation, desk.evidence), vehicle))
    entered = vehicle.colour if vehicle else ""
    if violation.enforceable and only_the_light(conflicts, violation.colour, entered):
        return acts.accept(desk, violation, despite=conflicts, note=_NOTE)
    against = conflicts[0] if violation.enforceable and conflicts else "not_enforceable"
    return acts.reject(desk, violation, against)


def only_the_light(conflicts: Collection[str], seen: str, entered: str) -> bool:
    """Whether all that conflicts is a light paint that was taken for another light paint."""
    return [*conflicts] == ["register_colour"] and {seen, entered} <= _LIGHT_PAINTS
