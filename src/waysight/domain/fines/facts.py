"""All that is known of one violation: the facts, each once, in the order of their own time.

A case is a set of facts. What becomes of it (`life`) is a function of that set alone, so that the order in
which violations, reviews, payments and actions are read changes nothing but what was told in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from waysight.domain.rulepack import Period, RulePack
from waysight.messages import Fine, FineAction, Payment, Penalty, Referral, Review, Vehicle, Violation


@dataclass(frozen=True, slots=True)
class Law:
    """A country's pack, its local day of a UTC epoch ms, and the least plate confidence (0..1) for a fine.

    `digest` names the pack's content as confirmed (empty: not asked for), `confirmed_ms` says by a value's path when
    a person confirmed it (UTC epoch ms).
    """

    pack: RulePack
    local_day: Callable[[int], date]
    gate: float
    digest: str = ""
    confirmed_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """What is written on a fine: the pack, its version, and the start of its digest, ``kz@2026.12+1a2b3c4d5e6f``."""
        return f"{self.pack.reference}+{self.digest[:12]}" if self.digest else self.pack.reference


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a fine's life and the state after it; `cause` names the fact that made it, once."""

    cause: str
    kind: str
    at_ms: int
    by: str
    reason: str
    status: str
    liable_id: str
    amount: Decimal
    paid: Decimal
    refund_due: Decimal


@dataclass(frozen=True, slots=True)
class Case:
    """The facts of one violation, what they have come to, and why there is no fine where there is none.

    `owner` is whom the register named when the fine was issued, `ready_ms` when the last thing became known
    without which it could not be (owner, confirmed value, the end of another fine of the same act). `serial` is
    its place in `series`, from 1. `law` names the content of the pack that it was priced by, for good; `limitation`
    is the period that became known only after the issue.
    """

    violation: Violation | None = None
    reviews: tuple[Review, ...] = ()
    payments: tuple[Payment, ...] = ()
    actions: tuple[FineAction, ...] = ()
    owner: Vehicle | None = None
    ready_ms: int = 0
    series: str = ""
    serial: int = 0
    law: str = ""
    limitation: Period | None = None
    fine: Fine | None = None
    history: tuple[Transition, ...] = ()
    referral: Referral | None = None
    penalties: tuple[Penalty, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def newest_ms(self) -> int:
        """Time of the newest fact, UTC epoch ms."""
        times = [self.violation.occurred_ms] if self.violation else []
        times += [r.reviewed_ms for r in self.reviews] + [p.paid_ms for p in self.payments]
        return max([*times, *(a.at_ms for a in self.actions)], default=0)


def with_violation(case: Case, violation: Violation) -> Case:
    """The first record of a violation stands, or what a replay made of it before an officer decided."""
    known = case.violation
    if known is not None and (known.revised_ms >= violation.revised_ms or case.reviews):
        return case
    return replace(case, violation=violation)


def with_review(case: Case, review: Review) -> Case:
    """A review counts once, by its id."""
    if any(r.review_id == review.review_id for r in case.reviews):
        return case
    return replace(
        case, reviews=tuple(sorted((*case.reviews, review), key=lambda r: (r.reviewed_ms, r.review_id)))
    )


def with_payment(case: Case, payment: Payment) -> Case:
    """A payment counts once, by its id."""
    if any(p.payment_id == payment.payment_id for p in case.payments):
        return case
    payments = sorted((*case.payments, payment), key=lambda p: (p.paid_ms, p.payment_id))
    return replace(case, payments=tuple(payments))


def with_action(case: Case, action: FineAction) -> Case:
    """An action counts once, by its id."""
    if any(a.action_id == action.action_id for a in case.actions):
        return case
    return replace(case, actions=tuple(sorted((*case.actions, action), key=lambda a: (a.at_ms, a.action_id))))
