"""The story of a fine: its facts in the order of their own time, told as transitions.

A fold over the facts of a case. The same facts give the same story, in whatever order they arrived; a fact
that arrives late takes its place in time, and what came after it is told again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from waysight.domain.fines.actions import applied, ended
from waysight.domain.fines.facts import Case, Law, Transition
from waysight.domain.fines.issue import begin, decisions, referral, undecided
from waysight.domain.fines.pricing import NoFine, Referred
from waysight.domain.fines.standing import (
    ZERO,
    Ground,
    Standing,
    person_of,
    priced,
    with_money,
    with_price,
    with_status,
)
from waysight.domain.reviews.verdict import Verdict
from waysight.messages import Fine, FineAction, Payment, Penalty, Vehicle

Told = tuple[Standing, str, str, str]  # standing after it, kind, by, reason


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact that follows the issue: when, its place among those of the same moment, its name, what it does."""

    at_ms: int
    rank: int
    cause: str
    apply: Callable[[Standing], Told | None]


def settle(
    law: Law | None, case: Case, owner: Vehicle | None, ready_ms: int, penalties: tuple[Penalty, ...] = ()
) -> Case:
    """The case with its fine, history, referral or reasons as its facts have them.

    `law` is None where no rule pack covers the country. `owner` is who the register names for the time of the
    offence, `ready_ms` since when everything needed is known (UTC epoch ms); what a case was issued with stays.
    """
    violation = case.violation
    if violation is None or not case.reviews:
        return case
    if law is None:
        return replace(case, reasons=("no_rule_pack",))
    ground = Ground(law, violation, penalties)
    said = decisions(law, violation, case.reviews)
    owner, ready_ms = (case.owner, case.ready_ms) if case.serial else (owner, ready_ms)
    issued_ms, accepted = _issued_at(said, ready_ms)
    if accepted is None:
        withdrawn = replace(case.referral, withdrawn=True) if case.referral else None
        return replace(_without(case, undecided(said)), referral=withdrawn)
    begun = begin(ground, case, accepted, owner, issued_ms)
    if isinstance(begun, NoFine):
        return _without(case, begun.reasons)
    if isinstance(begun, Referred):
        assert owner is not None
        gone = bool(undecided(said))
        record = replace(referral(case, law, begun, accepted, owner), withdrawn=gone)
        return replace(
            _without(case, (f"referral:{begun.refer_to}",)), referral=record, owner=owner, ready_ms=ready_ms
        )
    first = _transition("issued", "issued", issued_ms, begun.fine.officer, "", begun.fine)
    standing, history, persons = begun, [first], [person_of(begun.fine)]
    for entry in sorted(_entries(ground, case, said, issued_ms), key=lambda e: (e.at_ms, e.rank, e.cause)):
        told = entry.apply(standing)
        if told is not None:
            standing, kind, by, reason = told
            history.append(_transition(entry.cause, kind, entry.at_ms, by, reason, standing.fine))
            persons.append(person_of(standing.fine))
    last = [t for t in history if t.kind != "refused"][-1]
    fine = replace(standing.fine, transition=last.kind, changed_ms=last.at_ms, number=_number(case))
    return replace(
        case,
        fine=fine,
        history=tuple(history),
        owner=owner,
        ready_ms=ready_ms,
        referral=replace(case.referral, withdrawn=True) if case.referral else None,
        penalties=_penalties(ground, fine, tuple(dict.fromkeys(persons)), history),
        reasons=undecided(said),
    )


def _number(case: Case) -> str:
    return case.fine.number if case.fine and case.serial else ""


def _without(case: Case, reasons: tuple[str, ...]) -> Case:
    """No fine, or, where one was issued before this became known, that fine cancelled."""
    if case.fine is None:
        return replace(case, reasons=reasons)
    if case.fine.status == "cancelled":
        return replace(case, reasons=reasons)
    paid = case.fine.paid
    fine = replace(
        case.fine, status="cancelled", transition="cancelled", refund_due=paid if paid > 0 else None
    )
    after = _transition("withheld", "cancelled", case.newest_ms, "", ",".join(reasons), fine)
    never = tuple(replace(p, ended_ms=p.imposed_ms) for p in case.penalties)
    return replace(case, fine=fine, history=(*case.history, after), penalties=never, reasons=reasons)


def _issued_at(said: list[Verdict], ready_ms: int) -> tuple[int, Verdict | None]:
    for verdict in said:
        if verdict.decision == "accepted":
            at_ms = max(verdict.decided_ms, ready_ms)
            stands = [v for v in said if v.decided_ms <= at_ms][-1]
            if stands.decision == "accepted":
                return at_ms, stands
    return 0, None


def _entries(ground: Ground, case: Case, said: list[Verdict], issued_ms: int) -> list[Entry]:
    found = [
        Entry(max(p.paid_ms, issued_ms), 2, f"payment:{p.payment_id}", _payment(ground, p))
        for p in case.payments
    ]
    found += [
        Entry(max(a.at_ms, issued_ms), 3, f"action:{a.action_id}", _action(ground, a)) for a in case.actions
    ]
    for verdict in said:
        if verdict.decided_ms > issued_ms and verdict.first is not None:
            cause = f"review:{(verdict.second or verdict.first).review_id}"
            found.append(Entry(verdict.decided_ms, 1, cause, _review(verdict)))
    for penalty in ground.penalties:
        if penalty.ended_ms is not None and penalty.ended_ms > issued_ms:
            cause = f"penalty:{penalty.fine_id}:{penalty.person}"
            found.append(Entry(penalty.ended_ms, 0, cause, _repriced(ground, penalty.ended_ms)))
    if case.superseded is not None:
        at_ms = max(case.superseded.at_ms, issued_ms)
        found.append(Entry(at_ms, 1, f"act:{case.superseded.fine_id}", _superseded(case.superseded.fine_id)))
    return found


def _payment(ground: Ground, payment: Payment) -> Callable[[Standing], Told | None]:
    def apply(standing: Standing) -> Told | None:
        if payment.currency != standing.fine.currency:
            return (
                standing,
                "refused",
                "",
                f"paid in {payment.currency}, the fine is in {standing.fine.currency}",
            )
        after, kind = with_money(ground, standing, payment)
        return after, kind, "", payment.channel

    return apply


def _action(ground: Ground, action: FineAction) -> Callable[[Standing], Told | None]:
    def apply(standing: Standing) -> Told | None:
        after = applied(ground, standing, action)
        if isinstance(after, str):
            return standing, "refused", action.by, after
        return after, action.kind, action.by, action.reason

    return apply


def _review(verdict: Verdict) -> Callable[[Standing], Told | None]:
    def apply(standing: Standing) -> Told | None:
        assert verdict.first is not None
        fine = standing.fine
        if verdict.decision in ("rejected", "returned"):
            if fine.status == "cancelled":
                return None
            reason = f"{verdict.decision}:{verdict.first.reason}".rstrip(":")
            return ended(standing, "cancelled"), "cancelled", verdict.first.officer, reason
        if verdict.decision == "accepted" and fine.status == "cancelled":
            again = with_status(replace(standing, fine=replace(fine, status="issued")))
            return again, "reinstated", (verdict.second or verdict.first).officer, ""
        return None

    return apply


def _repriced(ground: Ground, at_ms: int) -> Callable[[Standing], Told | None]:
    def apply(standing: Standing) -> Told | None:
        after = with_price(ground, standing, at_ms)
        if after.fine.repeat_of == standing.fine.repeat_of or standing.fine.status == "cancelled":
            return None
        return after, "repriced", "", f"repeat_of:{after.fine.repeat_of}"

    return apply


def _superseded(fine_id: str) -> Callable[[Standing], Told | None]:
    def apply(standing: Standing) -> Told | None:
        if standing.fine.status == "cancelled":
            return None
        return ended(standing, "cancelled"), "cancelled", "", f"same_act:{fine_id}"

    return apply


def _penalties(
    ground: Ground, fine: Fine, persons: tuple[str, ...], history: list[Transition]
) -> tuple[Penalty, ...]:
    """What stands against the liable person, where a repetition would cost more, and against nobody else.

    Everybody who was liable for a while is named too, so that their other penalties are told to this plate.
    """
    law = priced(ground, fine, fine.changed_ms).first_law
    if not any(law in repeat.of for repeat in ground.law.pack.repeats):
        return ()
    ended_ms = None
    if fine.status == "cancelled":
        ended_ms = next(t.at_ms for t in reversed(history) if t.kind in ("cancelled", "appeal_upheld"))
    liable = person_of(fine)
    return tuple(
        Penalty(
            person=person,
            fine_id=fine.fine_id,
            violation_id=fine.violation_id,
            plate=fine.plate,
            law=law,
            imposed_ms=fine.issued_ms,
            ended_ms=ended_ms if person == liable else fine.issued_ms,
            version=0,
        )
        for person in persons
        if person
    )


def _transition(cause: str, kind: str, at_ms: int, by: str, reason: str, fine: Fine) -> Transition:
    return Transition(
        cause=cause,
        kind=kind,
        at_ms=at_ms,
        by=by,
        reason=reason,
        status=fine.status,
        liable_id=fine.liable_id,
        amount=fine.amount,
        paid=fine.paid,
        refund_due=fine.refund_due or ZERO,
    )
