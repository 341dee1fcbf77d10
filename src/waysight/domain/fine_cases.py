"""What becomes of one violation: reviewed, fined, paid or cancelled; in whatever order the facts arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from waysight.domain.fining import NoFine, Price, fine_id_of, fine_number, obstacles, price
from waysight.domain.repeats import Imposed, repeated
from waysight.domain.rulepack import Repeat, RulePack
from waysight.messages import Fine, Payment, Review, Vehicle, Violation

_ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Law:
    """A country's pack, its local day of a UTC epoch ms, and the least plate confidence (0..1) for a fine."""

    pack: RulePack
    local_day: Callable[[int], date]
    gate: float


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one violation; `reasons` says why an accepted one has no fine."""

    violation: Violation | None = None
    review: Review | None = None
    fine: Fine | None = None
    payments: tuple[Payment, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def open_until_ms(self) -> int:
        """Time of the newest fact, UTC epoch ms."""
        times = [self.violation.occurred_ms] if self.violation else []
        times += [self.review.reviewed_ms] if self.review else []
        return max([*times, *(p.paid_ms for p in self.payments)], default=0)


@dataclass(frozen=True, slots=True)
class Origin:
    """The input message that a new fine record comes from."""

    partition: int
    offset: int
    ordinal: int


def with_violation(case: Case, violation: Violation) -> Case:
    """The first record of a violation stands, or what a replay made of it before an officer decided."""
    known = case.violation
    if known is not None and (known.revised_ms >= violation.revised_ms or case.review is not None):
        return case
    return replace(case, violation=violation)


def with_review(case: Case, review: Review) -> Case:
    """The latest decision stands, whatever the order of arrival."""
    known = case.review
    if known is not None and (known.reviewed_ms, known.review_id) >= (review.reviewed_ms, review.review_id):
        return case
    return replace(case, review=review)


def with_payment(case: Case, payment: Payment) -> Case:
    """A payment counts once, by its id."""
    if any(p.payment_id == payment.payment_id for p in case.payments):
        return case
    payments = sorted((*case.payments, payment), key=lambda p: (p.paid_ms, p.payment_id))
    return replace(case, payments=tuple(payments))


def settle(
    law: Law | None,
    case: Case,
    vehicle: Vehicle | None,
    not_before_ms: int,
    origin: Origin,
    imposed: Iterable[Imposed] = (),
) -> Case:
    """The case with its fine brought up to date: issued, cancelled, paid, priced as a repetition or unchanged.

    `law` is None where no rule pack covers the violation's country. A fine is issued at the time of the
    review, but not before `not_before_ms` (when the owner became known), UTC epoch ms. `imposed` are the
    plate's other fines.
    """
    violation, review, fine = case.violation, case.review, case.fine
    if violation is None or review is None:
        return case
    if review.decision == "rejected":
        if fine is None or fine.status == "cancelled":
            return replace(case, reasons=(f"rejected:{review.reason}",))
        cancelled = replace(fine, status="cancelled", version=fine.version + 1)
        return replace(case, fine=_from(cancelled, origin), reasons=(f"rejected:{review.reason}",))
    if fine is None and violation.revised_ms > review.reviewed_ms:
        return replace(case, reasons=("revised_since_review",))
    if law is None:
        return replace(case, reasons=("no_rule_pack",))
    fresh = fine is None or fine.status == "cancelled"
    if fine is None or fine.status == "cancelled":
        issued = issue(law, violation, review, vehicle, max(review.reviewed_ms, not_before_ms))
        if isinstance(issued, NoFine):
            return replace(case, reasons=issued.reasons)
        fine = _from(replace(issued, version=0 if fine is None else fine.version + 1), origin)
    repriced = _repriced(law, violation, fine, imposed)
    if repriced is not fine:
        fine = repriced if fresh else _from(replace(repriced, version=fine.version + 1), origin)
    return replace(case, fine=_paid(law, fine, case.payments, origin), reasons=())


def reasons_against(
    law: Law | None, violation: Violation, review: Review | None, vehicle: Vehicle | None
) -> tuple[str, ...]:
    """Everything that keeps a violation from being fined as things stand; empty when nothing does."""
    found: tuple[str, ...] = () if review is not None else ("not_reviewed",)
    if review is not None and review.decision == "rejected":
        found = (f"rejected:{review.reason}",)
    if law is None:
        return (*found, "no_rule_pack")
    issued_ms = violation.occurred_ms if review is None else review.reviewed_ms
    cost = price(violation, law.pack, law.local_day(violation.occurred_ms), law.local_day(issued_ms))
    priced = cost.reasons if isinstance(cost, NoFine) else ()
    return tuple(dict.fromkeys((*found, *obstacles(violation, vehicle, law.pack, law.gate), *priced)))


def issue(
    law: Law, violation: Violation, review: Review, vehicle: Vehicle | None, issued_ms: int
) -> Fine | NoFine:
    """The fine of an accepted violation, or why there is none; origin and version are left to the caller."""
    found = obstacles(violation, vehicle, law.pack, law.gate)
    occurred_on, issued_on = law.local_day(violation.occurred_ms), law.local_day(issued_ms)
    cost = price(violation, law.pack, occurred_on, issued_on)
    if isinstance(cost, NoFine):
        found += cost.reasons
    if found or isinstance(cost, NoFine) or vehicle is None:
        return NoFine(tuple(dict.fromkeys(found)))
    return _fine(law, violation, review, vehicle, issued_ms, cost)


def _fine(
    law: Law, violation: Violation, review: Review, vehicle: Vehicle, issued_ms: int, cost: Price
) -> Fine:
    fine_id = fine_id_of(violation.violation_id)
    return Fine(
        fine_id=fine_id,
        number=fine_number(fine_id, law.pack, law.local_day(issued_ms)),
        violation_id=violation.violation_id,
        offence=violation.offence,
        law=cost.law,
        country=law.pack.country,
        plate=violation.plate,
        owner_id=vehicle.owner_id,
        owner_name=vehicle.owner_name,
        owner_address=vehicle.owner_address,
        amount=cost.amount,
        currency=cost.currency,
        units=cost.units,
        discount_amount=cost.discount_amount,
        discount_until=cost.discount_until.isoformat() if cost.discount_until else "",
        occurred_ms=violation.occurred_ms,
        issued_ms=issued_ms,
        measured_kmh=violation.measured_kmh,
        enforced_kmh=violation.enforced_kmh,
        limit_kmh=violation.limit_kmh,
        officer=review.officer,
        status="issued",
        paid=_ZERO,
        rule_pack=law.pack.reference,
        caveats=",".join(cost.caveats),
        version=0,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )


def imposed_by(law: Law | None, case: Case) -> Imposed | None:
    """A case's fine as later offences see it; None without one that stands."""
    fine, violation = case.fine, case.violation
    if law is None or fine is None or violation is None or fine.status == "cancelled":
        return None
    first = _priced(law, violation, fine.issued_ms, None)
    if isinstance(first, NoFine):
        return None
    issued_on = law.local_day(fine.issued_ms)
    return Imposed(fine.fine_id, violation.violation_id, first.law, fine.owner_id, fine.issued_ms, issued_on)


def _repriced(law: Law, violation: Violation, fine: Fine, imposed: Iterable[Imposed]) -> Fine:
    """The fine at the price of a first or a repeated offence, whichever it is by now; the owner stays."""
    first = _priced(law, violation, fine.issued_ms, None)
    if isinstance(first, NoFine):
        return fine
    repeat = law.pack.repeat_of(first.law)
    occurred_on = law.local_day(violation.occurred_ms)
    earlier = repeated(
        repeat, fine.owner_id, violation.violation_id, violation.occurred_ms, occurred_on, imposed
    )
    if fine.repeat_of == (earlier.fine_id if earlier else ""):
        return fine
    cost = _priced(law, violation, fine.issued_ms, repeat if earlier else None)
    if isinstance(cost, NoFine):
        return fine
    return replace(
        fine,
        law=cost.law,
        amount=cost.amount,
        units=cost.units,
        discount_amount=cost.discount_amount,
        caveats=",".join(cost.caveats),
        repeat_of=earlier.fine_id if earlier else "",
    )


def _priced(law: Law, violation: Violation, issued_ms: int, repeat: Repeat | None) -> Price | NoFine:
    return price(violation, law.pack, law.local_day(violation.occurred_ms), law.local_day(issued_ms), repeat)


def _paid(law: Law, fine: Fine, payments: tuple[Payment, ...], origin: Origin) -> Fine:
    """Half within the discount period settles a fine, the whole at any time."""
    counted = [p for p in payments if p.currency == fine.currency]
    until = date.fromisoformat(fine.discount_until) if fine.discount_until else date.max
    early = sum((p.amount for p in counted if law.local_day(p.paid_ms) <= until), _ZERO)
    total = sum((p.amount for p in counted), _ZERO)
    settled = total >= fine.amount or early >= fine.discount_amount
    if total == fine.paid and settled == (fine.status == "paid"):
        return fine
    changed = replace(fine, paid=total, status="paid" if settled else "issued", version=fine.version + 1)
    return _from(changed, origin)


def _from(fine: Fine, origin: Origin) -> Fine:
    return replace(
        fine, origin_partition=origin.partition, origin_offset=origin.offset, ordinal=origin.ordinal
    )
