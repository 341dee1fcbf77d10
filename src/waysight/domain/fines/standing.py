"""How a fine stands at one moment of its life: price, clocks, money, who is liable, what is pending."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from waysight.domain.fines.facts import Law
from waysight.domain.fines.pricing import NoFine, Price, appeal_until, limitation_until, price
from waysight.domain.fines.repeated import repeated
from waysight.domain.rulepack import Repeat
from waysight.messages import Fine, FineAction, Payment, Penalty, Violation

ZERO = Decimal("0.00")
Pending = Literal["", "nomination", "appeal", "order"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a fine rests on and does not change: the law, the violation, penalties of persons near it."""

    law: Law
    violation: Violation
    penalties: tuple[Penalty, ...]

    def day(self, at_ms: int) -> date:
        """The local day of a UTC epoch ms."""
        return self.law.local_day(at_ms)


@dataclass(frozen=True, slots=True)
class Standing:
    """The fine so far. `received` are its payments by local day; a pending matter stops the clock of the discount.

    `held_days` are the days by which it was stopped, `since` the day since which it stands still.
    """

    fine: Fine
    price: Price
    received: tuple[tuple[date, Decimal], ...] = ()
    refunded: Decimal = ZERO
    pending: Pending = ""
    since: date | None = None
    held_days: int = 0
    nominee: FineAction | None = None


def person_of(fine: Fine) -> str:
    """Country and number of the liable person, or empty where the register gives no number."""
    number = fine.liable_id or fine.owner_id
    return f"{fine.country}:{number}" if number else ""


@dataclass(frozen=True, slots=True)
class Cost:
    """A price as penalties stand; `earlier` is the one that makes it a repeated offence by the rule `repeat`.

    `first_law` is the article of a first offence, empty where there is no price.
    """

    price: Price | NoFine
    first_law: str = ""
    earlier: Penalty | None = None
    repeat: Repeat | None = None


def priced(ground: Ground, fine: Fine, at_ms: int) -> Cost:
    """What the fine costs its liable person as penalties stand at `at_ms`."""
    law, violation = ground.law, ground.violation
    occurred_on, issued_on = ground.day(violation.occurred_ms), ground.day(fine.issued_ms)
    served_on = None if fine.served_ms is None else ground.day(fine.served_ms)
    first = price(violation, law.pack, occurred_on, issued_on, None, served_on)
    if isinstance(first, NoFine):
        return Cost(first)
    repeat = law.pack.repeat_of(first.law)
    earlier = repeated(repeat, person_of(fine), violation, at_ms, law.local_day, ground.penalties)
    if earlier is None:
        return Cost(first, first.law)
    again = price(violation, law.pack, occurred_on, issued_on, repeat, served_on)
    return Cost(again, first.law, earlier, repeat)


def with_price(ground: Ground, standing: Standing, at_ms: int) -> Standing:
    """Priced anew (a penalty ended, another person is liable, the notice was served), clocks set, status told."""
    cost = priced(ground, standing.fine, at_ms)
    if isinstance(cost.price, NoFine):
        return with_status(standing)
    fine = with_cost(standing.fine, cost.price, cost.earlier)
    return with_clocks(ground, replace(standing, fine=fine, price=cost.price))


def with_cost(fine: Fine, cost: Price, earlier: Penalty | None) -> Fine:
    """A fine with what it costs; `earlier` is the penalty that makes it a repeated one."""
    return replace(
        fine,
        law=cost.law,
        amount=cost.amount,
        units=cost.units,
        points=cost.points,
        caveats=",".join(cost.caveats),
        repeat_of=earlier.fine_id if earlier else "",
    )


def with_clocks(ground: Ground, standing: Standing) -> Standing:
    """The last days of discount, appeal and limitation; a suspension lengthens the first two, not the last."""
    fine, cost, pack = standing.fine, standing.price, ground.law.pack
    issued_on = ground.day(fine.issued_ms)
    served_on = None if fine.served_ms is None else ground.day(fine.served_ms)
    appeal = appeal_until(pack, issued_on, served_on)
    limitation = limitation_until(pack, ground.day(fine.occurred_ms), issued_on, served_on)
    later = timedelta(days=standing.held_days)
    fine = replace(
        fine,
        discount_amount=cost.discount_amount,
        discount_until=_iso(cost.discount_until and cost.discount_until + later),
        appeal_until=_iso(appeal and appeal + later),
        limitation_until=_iso(limitation),
    )
    return with_status(replace(standing, fine=fine))


def with_status(standing: Standing) -> Standing:
    """Paid, due and status from the payments; what was cancelled or written off stays so and is owed back."""
    fine = standing.fine
    paid = sum((amount for _, amount in standing.received), ZERO)
    later = timedelta(days=standing.held_days)
    received = [(day - later, amount) for day, amount in standing.received]
    over = fine.status in ("cancelled", "written_off")
    settled = None if over else standing.price.settled_by(received)
    due = ZERO if over else standing.price.due_on(settled) if settled else fine.amount
    status = fine.status
    if not over:
        status = "paid" if settled else "suspended" if standing.pending else "issued"
    back = max(paid - due, ZERO) - standing.refunded
    return replace(
        standing, fine=replace(fine, paid=paid, status=status, refund_due=back if back > 0 else None)
    )


def with_money(ground: Ground, standing: Standing, payment: Payment) -> tuple[Standing, str]:
    """A payment received, and the name of that step."""
    received = (*standing.received, (ground.day(payment.paid_ms), payment.amount))
    before = standing.fine
    after = with_status(replace(standing, received=received))
    if before.status in ("cancelled", "written_off"):
        return after, f"paid_after_{before.status}"
    if after.fine.status != "paid":
        return after, "part_paid"
    return after, "overpaid" if after.fine.refund_due else "paid"


def held(standing: Standing, pending: Pending, since: date) -> Standing:
    """Something is pending: the clocks stand still from that day on."""
    return replace(standing, pending=pending, since=since)


def released(ground: Ground, standing: Standing, on: date) -> Standing:
    """Nothing is pending any more: the clocks go on where they stood."""
    days = (on - standing.since).days if standing.since else 0
    return with_clocks(
        ground, replace(standing, pending="", since=None, held_days=standing.held_days + max(days, 0))
    )


def made_liable(ground: Ground, standing: Standing, action: FineAction, at_ms: int) -> Standing:
    """Another person must pay: served anew, priced by that person's own penalties."""
    fine = replace(
        standing.fine,
        liable_id=action.person_id,
        liable_name=action.person_name,
        liable_address=action.person_address,
        served_ms=None,
    )
    return with_price(ground, replace(standing, fine=fine, pending="", since=None, nominee=None), at_ms)


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
