"""From a reviewed violation to an amount of money, or to the reasons why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Protocol

from waysight.domain.fines.clocks import Hold, last_day_held
from waysight.domain.ids import derive_id
from waysight.domain.periods import clock_start
from waysight.domain.rulepack import (
    Applies,
    Discount,
    Period,
    Repeat,
    RulePack,
    Tier,
    Value,
    plain,
)
from waysight.messages import Vehicle, Violation

_TENTH, _CENT = Decimal("0.1"), Decimal("0.01")
_FASTEST_KMH = 1000.0


@dataclass(frozen=True, slots=True)
class Stage:
    """`amount` settles the fine when it is paid on `until` at the latest; None: no end is known (yet)."""

    amount: Decimal
    until: date | None


@dataclass(frozen=True, slots=True)
class Price:
    """What a violation costs; `units` in words (``10 MRP of 4325``, empty for a fixed amount).

    `stages` are the discounts in the order in which they end, `caveats` the unsure readings that were used,
    `confirmed` the paths of values that it rests on and that a person had to confirm.
    """

    law: str
    amount: Decimal
    currency: str
    units: str
    stages: tuple[Stage, ...]
    issued_on: date
    points: int
    caveats: tuple[str, ...]
    confirmed: tuple[str, ...] = ()

    @property
    def discount_amount(self) -> Decimal:
        """What settles the fine at first: the whole amount where there is no discount."""
        return self.stages[0].amount if self.stages else self.amount

    @property
    def discount_until(self) -> date | None:
        """The last day for that; None while the clock waits for service, the day of issue without a discount."""
        return self.stages[0].until if self.stages else self.issued_on

    def due_on(self, day: date) -> Decimal:
        """What settles the fine when that much is paid by a day."""
        open_still = (s.amount for s in self.stages if s.until is None or day <= s.until)
        return min(open_still, default=self.amount)

    def settled_by(self, payments: Iterable[tuple[date, Decimal]]) -> date | None:
        """The first day on which the payments (day, amount) settled the fine, or None."""
        paid = Decimal(0)
        for day, amount in sorted(payments):
            paid += amount
            if paid >= self.due_on(day):
                return day
        return None


@dataclass(frozen=True, slots=True)
class Referred:
    """A case that the law does not answer with a fine: whom it goes to, and what the law answers, in words."""

    law: str
    refer_to: str
    consequence: str
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoFine:
    """Why there is no fine: codes such as foreign_plate, no_owner, no_tariff, referral, unsure:<path>."""

    reasons: tuple[str, ...]


def obstacles(violation: Violation, vehicle: Vehicle | None, pack: RulePack, gate: float) -> tuple[str, ...]:
    """What keeps a violation from becoming a fine, apart from the officer's review and the tariff.

    `gate` is the least whole-plate confidence (0..1). The violation's own obstacles (expired certificate …)
    come first.
    """
    found = list(violation.obstacles)
    if not violation.enforceable and not found:
        found.append("not_enforceable")
    if not violation.certificate and not any("certificate" in o for o in found):
        found.append("no_certificate")
    if violation.country != pack.country:
        found.append("other_country")
    if not violation.plate:
        found.append("unread_plate")
    elif violation.plate_country not in ("", pack.country) or (
        vehicle is not None and vehicle.country != pack.country
    ):
        found.append("foreign_plate")
    elif not any(re.fullmatch(pattern, violation.plate) for pattern in pack.plate_formats):
        found.append("unknown_plate_format")
    elif vehicle is None or not vehicle.owner_name.strip():
        found.append("no_owner")
    # Confidence travels as a 32-bit float, which may fall a hair under a gate that it was equal to.
    if violation.plate and violation.plate_confidence + 1e-6 < gate:
        found.append("low_confidence")
    return tuple(dict.fromkeys(found))


def referral_of(
    violation: Violation, pack: RulePack, occurred_on: date, repeat: Repeat | None = None
) -> Referred | None:
    """Whom a violation goes to instead of a fine, or None; to be asked before `price`."""
    found = _tier_on(violation, pack, occurred_on)
    if isinstance(found, NoFine):
        return None
    if found.refer_to:
        reading = pack.reading("referral") if found.unsure else None
        return Referred(found.law, found.refer_to, found.consequence, (reading.id,) if reading else ())
    if repeat is not None and repeat.refer_to and found.law in repeat.of and not repeat.unsure:
        reading = pack.reading("repeat")
        return Referred(repeat.law, repeat.refer_to, repeat.consequence, (reading.id,) if reading else ())
    return None


def price(
    violation: Violation,
    pack: RulePack,
    occurred_on: date,
    issued_on: date,
    repeat: Repeat | None = None,
    served_on: date | None = None,
) -> Price | NoFine:
    """The price of a violation under a pack; all days are local to the pack.

    An amount that is unsure, or that the pack does not know on that day, gives NoFine; so does a speed under
    the lowest tier, and what goes to a court. A `repeat` of which the pack is unsure costs what a first
    offence costs, unless it would go to a court.
    """
    tier = _tier_on(violation, pack, occurred_on)
    if isinstance(tier, NoFine):
        return tier
    repeat = repeat if repeat is not None and tier.law in repeat.of else None
    if tier.refer_to or (repeat is not None and repeat.refer_to and not repeat.unsure):
        return NoFine(("referral",))
    unit = pack.unit_on(occurred_on) if tier.units is not None else None
    discount = pack.discount(tier.discount)
    needed: list[Value | None] = [tier, unit, *(discount.stages if discount else ())]
    if tier.over_kmh is not None:
        needed.append(pack.tolerance_on(violation.offence, occurred_on))
    if repeat is not None and (repeat.refer_to or not repeat.unsure):
        needed.append(repeat)
    if unsure := tuple(f"unsure:{v.path}" for v in needed if v is not None and v.unsure):
        return NoFine(unsure)
    if tier.units is not None and unit is None:
        return NoFine(("no_tariff",))
    law, units, factor = tier.law, tier.units, Decimal(1)
    if repeat is not None and not repeat.unsure:
        law, units, factor = repeat.law, repeat.units or units, repeat.factor or factor
    if units is not None and unit is not None:
        amount, words = (
            units * factor * unit.amount,
            f"{plain(units * factor)} {pack.unit_name} of {plain(unit.amount)}",
        )
    else:
        amount, words = (tier.amount or Decimal(0)) * factor, ""
    try:
        stages = stages_of(discount, amount, pack, occurred_on, issued_on, served_on)
    except ValueError:
        return NoFine(("no_calendar",))
    applies: list[Applies] = []
    if over_limit_kmh(violation) == tier.up_to_kmh and tier.up_to_kmh is not None:
        applies.append("bound")
    if unit is not None and pack.unit_on(issued_on) != unit:
        applies.append("unit")
    if discount is not None:
        applies += ["discount"] if any(s.unit == "working_days" for s in discount.stages) else []
        applies += ["clock"]
    applies += ["repeat"] if repeat is not None else []
    return Price(
        law=law,
        amount=amount.quantize(_CENT, ROUND_FLOOR),
        currency=pack.currency,
        units=words,
        stages=stages,
        issued_on=issued_on,
        points=tier.points.count if tier.points is not None and not tier.points.unsure else 0,
        caveats=tuple(r.id for a in applies if (r := pack.reading(a)) is not None),
        confirmed=tuple(v.path for v in needed if v is not None and v.confidence == "confirmed"),
    )


def _tier_on(violation: Violation, pack: RulePack, day: date) -> Tier | NoFine:
    offence = pack.offence(violation.offence)
    tariff = offence.tariff_on(day) if offence else None
    if tariff is None or (tariff.tiers[0].units is not None and pack.unit_on(day) is None):
        return NoFine(("no_tariff",))
    over = over_limit_kmh(violation)
    tier = tier_for(over, tariff.tiers)
    if tier is None:
        return NoFine(("below_threshold",) if over is not None else ("no_measurement",))
    return tier


def stages_of(
    discount: Discount | None,
    amount: Decimal,
    pack: RulePack,
    occurred_on: date,
    issued_on: date,
    served_on: date | None,
) -> tuple[Stage, ...]:
    """The discount's stages for an amount, with their last days; raises ValueError where the calendar ends before one."""
    if discount is None:
        return ()
    days = stage_days(discount, pack, occurred_on, issued_on, served_on)
    return tuple(
        Stage(
            min(row.amount if row.amount is not None else amount * (row.fraction or 1), amount).quantize(
                _CENT, ROUND_FLOOR
            ),
            until,
        )
        for row, until in zip(discount.stages, days, strict=True)
    )


def stage_days(
    discount: Discount,
    pack: RulePack,
    occurred_on: date,
    issued_on: date,
    served_on: date | None,
    holds: Iterable[Hold] = (),
) -> tuple[date | None, ...]:
    """The last day of each stage, days within `holds` not counted; None where there is none (yet). Raises ValueError."""
    start, held = clock_start(discount.trigger, occurred_on, issued_on, served_on), tuple(holds)
    return tuple(
        None if start is None or row.count is None
        else last_day_held(start, row.count, row.unit, pack.calendar, held)
        for row in discount.stages
    )  # fmt: skip


def discount_of(violation: Violation, pack: RulePack, occurred_on: date) -> Discount | None:
    """The discount of a violation's tier, or None where it has none."""
    tier = _tier_on(violation, pack, occurred_on)
    return None if isinstance(tier, NoFine) else pack.discount(tier.discount)


def appeal_until(
    pack: RulePack, issued_on: date, served_on: date | None, holds: Iterable[Hold] = ()
) -> date | None:
    """The last day for an appeal; None where the pack does not know, or the clock waits for service."""
    return _until(pack.appeal, pack, issued_on, issued_on, served_on, holds)


def nomination_until(
    pack: RulePack, issued_on: date, served_on: date | None, holds: Iterable[Hold] = ()
) -> date | None:
    """The last day for naming another driver; None where the pack does not know, or the clock waits for service."""
    return _until(pack.nomination, pack, issued_on, issued_on, served_on, holds)


def limitation_until(
    pack: RulePack, occurred_on: date, issued_on: date, served_on: date | None
) -> date | None:
    """The last day on which a fine may be enforced; None where the pack does not know, or the clock waits."""
    return _until(pack.limitation, pack, occurred_on, issued_on, served_on)


def prosecution_until(pack: RulePack, occurred_on: date) -> date | None:
    """The last day on which an offence of a day may be fined; None where the pack does not surely say."""
    return _until(pack.prosecution, pack, occurred_on, occurred_on, None)


def _until(
    period: Period | None,
    pack: RulePack,
    occurred_on: date,
    issued_on: date,
    served_on: date | None,
    holds: Iterable[Hold] = (),
) -> date | None:
    if period is None or period.count is None or period.unsure:
        return None
    start = clock_start(period.trigger, occurred_on, issued_on, served_on)
    try:
        return (
            None if start is None else last_day_held(start, period.count, period.unit, pack.calendar, holds)
        )
    except ValueError:
        return None


class Clocked(Protocol):
    """What has an enforced speed and a limit."""

    @property
    def enforced_kmh(self) -> float | None:
        """Measured less its uncertainty, km/h; None where no speed was measured."""

    @property
    def limit_kmh(self) -> float | None:
        """The limit, km/h; None where there is none."""


def over_limit_kmh(violation: Clocked) -> Decimal | None:
    """By how much the enforced speed (measured less its uncertainty) passes the limit, km/h, or None.

    The speed is cut to tenths, as it is printed, so that notice and tier always agree.
    """
    enforced, limit = violation.enforced_kmh, violation.limit_kmh
    if enforced is None or limit is None or not (0 <= enforced < _FASTEST_KMH and 0 <= limit < _FASTEST_KMH):
        return None
    return cut_kmh(enforced) - Decimal(str(limit))


def cut_kmh(speed_kmh: float) -> Decimal:
    """A speed cut down to tenths of km/h.

    >>> cut_kmh(130.09)
    Decimal('130.0')
    """
    return Decimal(str(speed_kmh)).quantize(_TENTH, ROUND_FLOOR)


def tier_for(over_kmh: Decimal | None, tiers: tuple[Tier, ...]) -> Tier | None:
    """The tier of a speed; None below the first, or without a speed where tiers are about speed."""
    if tiers[0].over_kmh is None:
        return tiers[0]
    return None if over_kmh is None else next((t for t in tiers if t.holds(over_kmh)), None)


def fine_id_of(violation_id: str) -> str:
    """The one fine that a violation can ever become."""
    return derive_id("fine", violation_id)
