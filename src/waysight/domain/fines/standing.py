"""How a fine stands at one moment of its life: price, clocks, money, who is liable, what is pending."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from waysight.domain.fines.clocks import Hold
from waysight.domain.fines.facts import Law
from waysight.domain.fines.pricing import (
    NoFine,
    Price,
    Stage,
    appeal_until,
    discount_of,
    limitation_until,
    price,
    stage_days,
)
from waysight.domain.fines.repeated import repeated
from waysight.domain.rulepack import Repeat
from waysight.messages import Fine, FineAction, Payment, Penalty, Violation

ZERO = Decimal("0.00")
Pending = Literal["", "nomination", "appeal", "order"]
End = Literal["", "act", "review"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a fine rests on and does not change: the law, the violation, penalties of persons near it."""

    law: Law
    violation: Violation
    penalties: tuple[Penalty, ...]

    def day(self, at_ms: int) -> date:
        """The local day of a UTC epoch ms."""
        return self.law.local_day(at_ms)

    def clock_days(self, fine: Fine) -> tuple[date, date | None]:
        """The local days from which clocks run: of the issue, and of the service once there was one."""
        return self.day(fine.issued_ms), None if fine.served_ms is None else self.day(fine.served_ms)


@dataclass(frozen=True, slots=True)
class Standing:
    """The fine so far. `received` are its payments by local day; a pending matter stops the clock of the discount.

    `holds` are the times by which it was stopped, `since` the day since which it stands still. `beaten_by` is what
    stands in its place for the same act, `beaten_on` since when; `end` says what cancelled it for good: an act, or a
    review, which another review may undo.
    """

    fine: Fine
    price: Price
    received: tuple[tuple[date, Decimal], ...] = ()
    refunded: Decimal = ZERO
    pending: Pending = ""
    since: date | None = None
    holds: tuple[Hold, ...] = ()
    nominee: FineAction | None = None
    beaten_by: str = ""
    beaten_on: date | None = None
    end: End = ""


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
    occurred_on = ground.day(violation.occurred_ms)
    issued_on, served_on = ground.clock_days(fine)
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
    fine, pack = standing.fine, ground.law.pack
    issued_on, served_on = ground.clock_days(fine)
    cost = replace(standing.price, stages=_stages(ground, standing, issued_on, served_on))
    appeal = appeal_until(pack, issued_on, served_on, standing.holds)
    limitation = limitation_until(pack, ground.day(fine.occurred_ms), issued_on, served_on)
    fine = replace(
        fine,
        discount_amount=cost.discount_amount,
        discount_until=_iso(cost.discount_until),
        appeal_until=_iso(appeal),
        limitation_until=_iso(limitation),
    )
    return with_status(replace(standing, fine=fine, price=cost))


def _stages(ground: Ground, standing: Standing, issued_on: date, served_on: date | None) -> tuple[Stage, ...]:
    """The price's stages with their last days now; open-ended where the calendar does not reach so far."""
    stages = standing.price.stages
    occurred_on = ground.day(ground.violation.occurred_ms)
    discount = discount_of(ground.violation, ground.law.pack, occurred_on)
    if discount is None or len(discount.stages) != len(stages):
        return stages
    try:
        days = stage_days(discount, ground.law.pack, occurred_on, issued_on, served_on, standing.holds)
    except ValueError:
        days = (None,) * len(stages)
    return tuple(replace(stage, until=day) for stage, day in zip(stages, days, strict=True))


def with_status(standing: Standing) -> Standing:
    """Paid, due and status from the payments; what was cancelled or written off stays so and is owed back."""
    fine = standing.fine
    paid = sum((amount for _, amount in standing.received), ZERO)
    over = fine.status in ("cancelled", "written_off")
    cost, kept = _while_pending(standing), _kept(standing)
    settled = None if over else cost.settled_by(kept)
    due = ZERO if over else cost.due_on(settled) if settled else fine.amount
    status = fine.status
    if not over:
        status = "paid" if settled else "suspended" if standing.pending else "issued"
    back = sum((amount for _, amount in kept), ZERO) - due
    return replace(
        standing, fine=replace(fine, paid=paid, status=status, refund_due=back if back > 0 else None)
    )


def _kept(standing: Standing) -> tuple[tuple[date, Decimal], ...]:
    """The payments less what was paid back of them, the newest first."""
    left, kept = standing.refunded, list[tuple[date, Decimal]]()
    for day, amount in reversed(standing.received):
        kept.append((day, amount - min(left, amount)))
        left -= min(left, amount)
    return tuple(kept[::-1])


def _while_pending(standing: Standing) -> Price:
    """The price while something is pending: a stage that had not run out by then does not run out."""
    since = standing.since
    if since is None:
        return standing.price
    stages = (
        replace(s, until=None) if s.until is not None and s.until >= since else s
        for s in standing.price.stages
    )
    return replace(standing.price, stages=tuple(stages))


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
    holds = (*standing.holds, (standing.since, on)) if standing.since else standing.holds
    return with_clocks(ground, replace(standing, pending="", since=None, holds=holds))


def beaten(standing: Standing, by: str, on: date) -> Standing:
    """Another stands for the same act: cancelled, until that one ends; what is pending stays so."""
    fine = replace(standing.fine, status="cancelled")
    return with_status(replace(standing, fine=fine, beaten_by=by, beaten_on=on))


def reinstated(ground: Ground, standing: Standing, on: date) -> Standing:
    """It stands (again); the clocks stood still meanwhile, and go on with the day after, as after an issue."""
    fine = replace(standing.fine, status="issued")
    held_on = on + timedelta(days=1)
    holds = (*standing.holds, (standing.beaten_on, held_on)) if standing.beaten_on else standing.holds
    after = replace(standing, fine=fine, holds=holds, beaten_by="", beaten_on=None, end="")
    return with_clocks(ground, after)


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
