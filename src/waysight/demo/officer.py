"""The demo's reviewing officer: decides as `waysight review` lets an officer decide, and never looks at the truth.

What nothing speaks against is accepted together (`accept-all`). At each of the others the officer looks singly: where
the model named no colour he looks at the paint himself (glance.py), a colour that only the light decides is accepted
with a note (`accept --despite`), all else is rejected for the first thing that speaks against it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.pictures import crop
from waysight.authority.review import acts
from waysight.authority.review.desk import Desk
from waysight.authority.review.examination import inspect, load_frames, pictures_of
from waysight.codec import Codec
from waysight.demo.glance import shows
from waysight.domain.reviews.conflicts import conflicts_of
from waysight.domain.vehicle_table import COLOURS, colour_code
from waysight.messages import Review, Vehicle, Violation
from waysight.settings import Settings
from waysight.storage.review_queue import waiting_violations

OFFICER = "demo-officer"
PURPOSE, CASE = "review of violations in the demonstration", "DEMO-1"
MOST = 10_000
_LIGHT_PAINTS = {"white", "silver", "grey"}
_LIGHT = "light paint: white, silver and grey look alike here; type and plate agree"
_SAME_PAINT = "the pictures show the colour of the register"
_OTHER_PAINT = "the pictures show another colour than the register"


def review_all(
    settings: Settings, clickhouse: ClickHouse, codec: Codec, say: Callable[[str], None]
) -> list[Review]:
    """Decide on every violation that waits, one line each; the decisions go to `reviews` and the audit log."""
    desk = Desk(settings, codec, OFFICER)
    waiting = waiting_violations(clickhouse, MOST, True)
    AuditLog(settings, codec).record("review.list", PURPOSE, CASE, {"limit": MOST}, len(waiting), OFFICER)
    register = desk.vehicles({v.plate for v in waiting})
    bulk = acts.accept_all(desk, waiting)
    reviews = {review.violation_id: review for review in bulk.accepted}
    for violation in waiting:
        if violation.violation_id not in reviews:
            reviews[violation.violation_id] = _decide(desk, violation, register.get(violation.plate))
        review = reviews[violation.violation_id]
        measured = f" {violation.enforced_kmh:.1f} km/h" if violation.enforced_kmh is not None else ""
        why = f"{review.reason} {' '.join(review.conflicts)}".strip()
        say(f"{OFFICER}: {violation.offence} {violation.plate}{measured} → {review.decision} {why}".rstrip())
    return [reviews[v.violation_id] for v in waiting]


def _unclear(violation: Violation, vehicle: Vehicle | None) -> bool:
    """Whether the register names a colour and the model saw none: nobody has compared them yet."""
    return vehicle is not None and bool(colour_code(vehicle.colour)) and not colour_code(violation.colour)


def _decide(desk: Desk, violation: Violation, vehicle: Vehicle | None) -> Review:
    if not violation.enforceable:
        return acts.reject(desk, violation, "not_enforceable")
    frames = load_frames(violation, desk.evidence)
    conflicts = conflicts_of(inspect(violation, frames, vehicle))
    if vehicle is None or (conflicts and not only_the_light(conflicts, violation.colour, vehicle.colour)):
        return acts.reject(desk, violation, conflicts[0])
    if conflicts:
        return acts.accept(desk, violation, despite=conflicts, note=_LIGHT)
    seen = [
        crop(picture, (ref.x1, ref.y1, ref.x2, ref.y2)) for ref, picture in pictures_of(violation, frames)
    ]
    if _unclear(violation, vehicle) and not shows(seen, COLOURS[colour_code(vehicle.colour)]):
        return acts.reject(desk, violation, "register_colour", _OTHER_PAINT)
    return acts.accept(desk, violation, note=_SAME_PAINT)


def only_the_light(conflicts: Collection[str], seen: str, entered: str) -> bool:
    """Whether all that conflicts is a light paint that was taken for another light paint."""
    return [*conflicts] == ["register_colour"] and {seen, entered} <= _LIGHT_PAINTS
