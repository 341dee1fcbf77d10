"""The story of a fine: its facts in the order of their own time, told as transitions.

A fold over the facts of a case. The same facts give the same story, in whatever order they arrived; a fact
that arrives late takes its place in time, and what came after it is told again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from waysight.domain.fines.actions import ACTS, applied, ended
from waysight.domain.fines.facts import Case, Law, Transition
from waysight.domain.fines.issue import begin, decisions, undecided
from waysight.domain.fines.pricing import NoFine, Referred
from waysight.domain.fines.standing import ZERO, Ground, Standing, reinstated, with_money, with_price
from waysight.domain.reviews.verdict import Verdict
from waysight.messages import Fine, FineAction, Payment, Penalty, Vehicle, Violation

_KINDS = tuple(ACTS)  # of one moment a nomination comes before its confirmation, an appeal before its end
Told = tuple[Standing, str, str, str]  # standing after it, kind, by, reason


@dataclass(frozen=True, slots=True)
class Party:
    """A case with what its story depends on besides its facts.

    `law` is None where no rule pack covers the country. `owner` is who the register names for the time of the
    offence, `ready_ms` since when everything needed is known (UTC epoch ms); what a case was issued with stays.
    `penalties` are those of persons near it.
    """

    case: Case
    law: Law | None
    owner: Vehicle | None
    ready_ms: int = 0
    penalties: tuple[Penalty, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A case that its own facts make a fine, or a case for a court, from `from_ms` on (UTC epoch ms)."""

    case: Case
    ground: Ground
    said: tuple[Verdict, ...]
    owner: Vehicle | None
    from_ms: int

    @property
    def violation(self) -> Violation:
        """The violation."""
        return self.ground.violation

    def accepted_at(self, at_ms: int) -> Verdict:
        """What officers had decided by a moment."""
        return [v for v in self.said if v.decided_ms <= at_ms][-1]

    def begun(self, at_ms: int) -> Standing | Referred | NoFine:
        """What it is when it is issued at a moment."""
        return begin(self.ground, self.case, self.accepted_at(at_ms), self.owner, at_ms)


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact that follows the issue: when, its place among those of the same moment, its name, what it does."""

    at_ms: int
    rank: int
    cause: str
    apply: Callable[[Standing], Told | None]


def claim_of(party: Party) -> Claim | Case:
    """The claim of a case, or the case with the reasons why it has none.

    What rests on confirmed values is not older than their confirmations.
    """
    case, law = party.case, party.law
    if case.violation is None or not case.reviews:
        return case
    if law is None:
        return replace(case, reasons=("no_rule_pack",))
    ground = Ground(law, case.violation, party.penalties)
    said = tuple(decisions(law, case.violation, case.reviews))
    owner, ready_ms = (case.owner, case.ready_ms) if case.serial else (party.owner, party.ready_ms)
    claim = _claim(case, ground, said, owner, ready_ms)
    begun = claim.begun(claim.from_ms) if claim else None
    if claim and isinstance(begun, Standing) and not case.serial:
        known_ms = max((law.confirmed_ms.get(path, 0) for path in begun.price.confirmed), default=0)
        if known_ms > claim.from_ms:
            claim = _claim(case, ground, said, owner, known_ms)
            begun = claim.begun(claim.from_ms) if claim else None
    if claim is None:
        return withheld(case, undecided(list(said)))
    return withheld(case, begun.reasons) if isinstance(begun, NoFine) else claim


def _claim(
    case: Case, ground: Ground, said: tuple[Verdict, ...], owner: Vehicle | None, ready_ms: int
) -> Claim | None:
    for verdict in said:
        if verdict.decision == "accepted":
            claim = Claim(case, ground, said, owner, max(verdict.decided_ms, ready_ms))
            if claim.accepted_at(claim.from_ms).decision == "accepted":
                return claim
    return None


def withheld(case: Case, reasons: tuple[str, ...]) -> Case:
    """No fine and no referral, or, where one was told before this became known, that one cancelled or withdrawn."""
    gone = replace(case.referral, withdrawn=True) if case.referral else None
    case = replace(case, reasons=reasons, referral=gone)
    if case.fine is None or case.fine.status == "cancelled":
        return case
    paid = case.fine.paid
    fine = replace(
        case.fine, status="cancelled", transition="cancelled", refund_due=paid if paid > 0 else None
    )
    after = transition("withheld", "cancelled", case.newest_ms, "", ",".join(reasons), fine)
    never = tuple(replace(p, ended_ms=p.imposed_ms) for p in case.penalties)
    return replace(case, fine=fine, history=(*case.history, after), penalties=never)


def entries(claim: Claim, issued_ms: int) -> list[Entry]:
    """What follows the issue of a claim's fine, each at its own time."""
    ground, case = claim.ground, claim.case
    found = [
        Entry(max(p.paid_ms, issued_ms), 2, f"payment:{p.payment_id}", _payment(ground, p))
        for p in case.payments
    ]
    found += [
        Entry(max(a.at_ms, issued_ms), 3 + _KINDS.index(a.kind), f"action:{a.action_id}", _action(ground, a))
        for a in case.actions
    ]
    for verdict in claim.said:
        if verdict.decided_ms > issued_ms and verdict.first is not None:
            cause = f"review:{(verdict.second or verdict.first).review_id}"
            found.append(Entry(verdict.decided_ms, 1, cause, _review(ground, verdict)))
    for penalty in ground.penalties:
        if penalty.ended_ms is not None and penalty.ended_ms > issued_ms:
            cause = f"penalty:{penalty.fine_id}:{penalty.person}"
            found.append(Entry(penalty.ended_ms, 0, cause, _repriced(ground, penalty.ended_ms)))
    return found


def _payment(ground: Ground, payment: Payment) -> Callable[[Standing], Told | None]:
    def apply(standing: Standing) -> Told | None:
        if payment.currency != standing.fine.currency:
            said = f"paid in {payment.currency}, the fine is in {standing.fine.currency}"
            return standing, "refused", "", said
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


def _review(ground: Ground, verdict: Verdict) -> Callable[[Standing], Told | None]:
    def apply(standing: Standing) -> Told | None:
        assert verdict.first is not None
        if verdict.decision in ("rejected", "returned"):
            if standing.fine.status == "cancelled" and not standing.beaten_by:
                return None
            reason = f"{verdict.decision}:{verdict.first.reason}".rstrip(":")
            return ended(standing, "cancelled", "review"), "cancelled", verdict.first.officer, reason
        if verdict.decision == "accepted" and standing.end == "review":
            again = reinstated(ground, standing, ground.day(verdict.decided_ms))
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


def transition(cause: str, kind: str, at_ms: int, by: str, reason: str, fine: Fine) -> Transition:
    """A step with the state after it."""
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
