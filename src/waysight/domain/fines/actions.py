"""What people may do about a fine: a table of when each act is allowed, and what it does.

An act that is not allowed is refused with a reason and changes nothing; doubt goes in the driver's favour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from waysight.domain.fines.pricing import nomination_until
from waysight.domain.fines.standing import (
    ZERO,
    End,
    Ground,
    Pending,
    Standing,
    held,
    made_liable,
    released,
    with_price,
    with_status,
)
from waysight.messages import FineAction

Effect = Callable[[Ground, Standing, FineAction], Standing]


@dataclass(frozen=True, slots=True)
class Act:
    """When an act is allowed: from which statuses, what must be pending, what the action must carry."""

    statuses: tuple[str, ...]
    effect: Effect
    pending: tuple[Pending, ...] | None = None
    needs: tuple[str, ...] = ()


def applied(ground: Ground, standing: Standing, action: FineAction) -> Standing | str:
    """The fine after an act, or why it is refused."""
    act, fine = ACTS[action.kind], standing.fine
    missing = [name for name in ("by", *act.needs) if getattr(action, name) in ("", None)]
    if missing:
        return f"{action.kind} needs {', '.join(missing)}"
    # A date alone is the start of its day: what was done on the day of the issue was done after it.
    early = ground.day(action.at_ms) < ground.day(fine.issued_ms)
    if early and action.kind != "cancelled":
        return f"{action.kind} is dated before the fine was issued"
    superseded = action.kind == "cancelled" and standing.beaten_by
    if fine.status not in act.statuses and not superseded:
        return f"{action.kind} of a fine that is {fine.status}"
    if act.pending is not None and standing.pending not in act.pending:
        waits = " or ".join(p or "nothing" for p in act.pending)
        return f"{action.kind} while {standing.pending or 'nothing'} is pending; it takes {waits}"
    refused = _against(ground, standing, action)
    return refused or act.effect(ground, standing, action)


def _against(ground: Ground, standing: Standing, action: FineAction) -> str:
    fine, day = standing.fine, ground.day(action.at_ms).isoformat()
    if action.kind == "served" and fine.served_ms is not None:
        return "served again: the first service counts"
    last = _last_day(ground, standing, action.kind)
    if last and day > last:
        return f"{action.kind} on {day}, after the period that ended on {last}"
    if action.kind == "appealed" and fine.appeal:
        return f"appealed again: the appeal was {fine.appeal}"
    if action.kind == "refunded" and (action.amount or ZERO) > (fine.refund_due or ZERO):
        return f"refunded {action.amount}, due are {fine.refund_due or ZERO}"
    if action.kind == "refunded" and (action.amount or ZERO) <= 0:
        return f"refunded {action.amount}, which is no amount"
    if action.kind == "written_off":
        if not fine.limitation_until:
            return "written off: the rule pack does not surely say when the period of limitation ends"
        if day <= fine.limitation_until:
            return f"written off on {day}, the period ends with {fine.limitation_until}"
    return ""


def _last_day(ground: Ground, standing: Standing, kind: str) -> str:
    """Until when a driver may be nominated or an appeal lodged, as an ISO date; empty where no end is known.

    Where the law has no period of its own for a nomination, that of the appeal counts.
    """
    fine = standing.fine
    if kind == "nominated" and ground.law.pack.nomination is not None:
        last = nomination_until(ground.law.pack, *ground.clock_days(fine), standing.holds)
        return last.isoformat() if last else ""
    return fine.appeal_until if kind in ("nominated", "appealed") else ""


def _noted(_ground: Ground, standing: Standing, _action: FineAction) -> Standing:
    return standing


def _served(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    fine = replace(standing.fine, served_ms=action.at_ms)
    return with_price(ground, replace(standing, fine=fine), action.at_ms)


def _owner_changed(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    on = ground.day(action.at_ms)
    return made_liable(ground, released(ground, standing, on), action, action.at_ms)


def _nominated(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    return with_status(replace(held(standing, "nomination", ground.day(action.at_ms)), nominee=action))


def _nomination_confirmed(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    assert standing.nominee is not None
    after = released(ground, standing, ground.day(action.at_ms))
    return made_liable(ground, after, standing.nominee, action.at_ms)


def _nomination_rejected(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    return replace(released(ground, standing, ground.day(action.at_ms)), nominee=None)


def _appealed(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    fine = replace(standing.fine, appeal="lodged")
    return with_status(held(replace(standing, fine=fine), "appeal", ground.day(action.at_ms)))


def _appeal_upheld(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    return _cancelled(ground, replace(standing, fine=replace(standing.fine, appeal="upheld")), action)


def _appeal_dismissed(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    fine = replace(standing.fine, appeal="dismissed")
    return released(ground, replace(standing, fine=fine), ground.day(action.at_ms))


def _suspended(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    return with_status(held(standing, "order", ground.day(action.at_ms)))


def _resumed(ground: Ground, standing: Standing, action: FineAction) -> Standing:
    return released(ground, standing, ground.day(action.at_ms))


def _cancelled(_ground: Ground, standing: Standing, _action: FineAction) -> Standing:
    return ended(standing, "cancelled", "act")


def _written_off(_ground: Ground, standing: Standing, _action: FineAction) -> Standing:
    return ended(standing, "written_off")


def _refunded(_ground: Ground, standing: Standing, action: FineAction) -> Standing:
    return with_status(replace(standing, refunded=standing.refunded + (action.amount or ZERO)))


def _reminded(_ground: Ground, standing: Standing, _action: FineAction) -> Standing:
    return replace(standing, fine=replace(standing.fine, reminders=standing.fine.reminders + 1))


def ended(standing: Standing, status: str, end: End = "") -> Standing:
    """Cancelled or written off: nothing is owed any more, what was paid is to be paid back."""
    fine = replace(standing.fine, status="cancelled" if status == "cancelled" else "written_off")
    after = replace(standing, fine=fine, pending="", since=None, nominee=None, end=end)
    return with_status(replace(after, beaten_by="", beaten_on=None))


_OPEN, _ALIVE = ("issued", "suspended"), ("issued", "suspended", "paid")
_PERSON = ("person_id", "person_name")
ACTS: dict[str, Act] = {
    "served": Act(_ALIVE, _served, needs=("channel", "proof")),
    "service_failed": Act(_ALIVE, _noted, needs=("channel", "reason")),
    "owner_changed": Act(_OPEN, _owner_changed, ("", "order"), (*_PERSON, "proof")),
    "nominated": Act(("issued",), _nominated, ("",), _PERSON),
    "nomination_confirmed": Act(_ALIVE, _nomination_confirmed, ("nomination",), ("reason",)),
    "nomination_rejected": Act(_ALIVE, _nomination_rejected, ("nomination",), ("reason",)),
    "appealed": Act(("issued", "paid"), _appealed, ("",)),
    "appeal_upheld": Act(_ALIVE, _appeal_upheld, ("appeal",), ("reason",)),
    "appeal_dismissed": Act(_ALIVE, _appeal_dismissed, ("appeal",), ("reason",)),
    "suspended": Act(("issued",), _suspended, ("",), ("reason",)),
    "resumed": Act(_ALIVE, _resumed, ("order",)),
    "cancelled": Act((*_ALIVE, "written_off"), _cancelled, needs=("reason",)),
    "refunded": Act((*_ALIVE, "cancelled", "written_off"), _refunded, needs=("amount",)),
    "reminded": Act(("issued",), _reminded, ("",)),
    "written_off": Act(_OPEN, _written_off, needs=("reason",)),
}  # fmt: skip
