"""From a reviewed violation to an amount of money, or to the reasons why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal

from waysight.domain.ids import derive_id
from waysight.domain.rulepack import Calendar, Discount, Repeat, RulePack, Tier
from waysight.messages import Vehicle, Violation

_TENTH, _CENT = Decimal("0.1"), Decimal("0.01")
_FASTEST_KMH = 1000.0


@dataclass(frozen=True, slots=True)
class Price:
    """What a violation costs; `units` in words (e.g. ``10 MRP of 4325``), `caveats` the unsure readings used."""

    law: str
    amount: Decimal
    currency: str
    units: str
    discount_amount: Decimal
    discount_until: date
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoFine:
    """Why there is no fine: codes such as foreign_plate, no_owner, no_tariff, unsure_value."""

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


def price(
    violation: Violation, pack: RulePack, occurred_on: date, issued_on: date, repeat: Repeat | None = None
) -> Price | NoFine:
    """The price of a violation under a pack; both days are local to the pack.

    An amount that is unsure, or that the pack does not know on that day, gives NoFine; so does a speed under
    the lowest tier. A `repeat` of which the pack is unsure costs what a first offence costs.
    """
    offence, unit = pack.offence(violation.offence), pack.unit_on(occurred_on)
    tariff = offence.tariff_on(occurred_on) if offence else None
    if tariff is None or unit is None or pack.discount is None or pack.calendar is None:
        return NoFine(("no_tariff",))
    over = over_limit_kmh(violation)
    tier = tier_for(over, tariff.tiers)
    if tier is None:
        return NoFine(("below_threshold",) if over is not None else ("no_measurement",))
    if "unsure" in (tier.confidence, unit.confidence, pack.discount.confidence):
        return NoFine(("unsure_value",))
    caveats = []
    if over is not None and over == tier.up_to_kmh and (reading := pack.reading("bound")):
        caveats.append(reading.id)
    if pack.unit_on(issued_on) != unit and (reading := pack.reading("unit")):
        caveats.append(reading.id)
    if reading := pack.reading("discount"):
        caveats.append(reading.id)
    law, units = tier.law, tier.units
    if repeat is not None and tier.law in repeat.of:
        if repeat.confidence != "unsure":
            law, units = repeat.law, repeat.units
        if reading := pack.reading("repeat"):
            caveats.append(reading.id)
    try:
        until = last_discount_day(issued_on, pack.discount, pack.calendar)
    except ValueError:
        return NoFine(("no_calendar",))
    amount = units * unit.amount
    return Price(
        law=law,
        amount=amount.quantize(_CENT),
        currency=pack.currency,
        units=f"{_plain(units)} {pack.unit_name} of {_plain(unit.amount)}",
        discount_amount=(amount * pack.discount.fraction).quantize(_CENT, ROUND_FLOOR),
        discount_until=until,
        caveats=tuple(caveats),
    )


def over_limit_kmh(violation: Violation) -> Decimal | None:
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
    """The tier of a speed; exactly on a bound it is the lower one; None below the first or without a speed."""
    for tier in tiers:
        if tier.over_kmh is None:
            return tier
        if over_kmh is None or over_kmh < tier.over_kmh:
            return None
        if tier.up_to_kmh is None or over_kmh <= tier.up_to_kmh:
            return tier
    return None


def last_discount_day(issued_on: date, discount: Discount, calendar: Calendar) -> date:
    """The last day of the discount: working days are counted from the day after issue.

    Raises ValueError where the calendar ends before.
    """
    day, left = issued_on, discount.working_days
    while left:
        day += timedelta(days=1)
        left -= calendar.is_working_day(day)
    return day


def fine_id_of(violation_id: str) -> str:
    """The one fine that a violation can ever become."""
    return derive_id("fine", violation_id)


def fine_number(fine_id: str, pack: RulePack, issued_on: date) -> str:
    """The number on the notice, e.g. ``KZ-2026-1A2B3C4D5E6F``: country, year of issue, start of the fine's id."""
    return f"{pack.country.upper()}-{issued_on.year}-{fine_id[:12].upper()}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
