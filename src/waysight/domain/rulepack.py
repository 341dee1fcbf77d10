"""A country's traffic law as data: tariffs by date, units of account, discounts, calendar, plate formats.

Each value knows how surely it is known. What is `unsure` stays so until a named person confirms it
(`domain.confirming`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from waysight.domain.periods import Calendar, PeriodUnit, Trigger

Confidence = Literal["read", "derived", "press", "unsure", "confirmed"]
Applies = Literal["bound", "unit", "discount", "repeat", "clock", "referral"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value of the law: where it stands in the pack, how surely it is known, and from which sources."""

    path: str
    confidence: Confidence
    sources: tuple[str, ...] = ()

    @property
    def unsure(self) -> bool:
        """True until a named person confirmed it."""
        return self.confidence == "unsure"

    @property
    def said(self) -> str:
        """The value in words, as it is confirmed; empty where the law was not read."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(Value):
    """The value of the unit of account from `from_day` until the day before `until_day` (None: open)."""

    from_day: date
    until_day: date | None
    amount: Decimal

    @property
    def said(self) -> str:
        """The amount."""
        return plain(self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Points(Value):
    """Points against the licence."""

    count: int

    @property
    def said(self) -> str:
        """The number."""
        return str(self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier(Value):
    """What an offence costs: `units` of account, or a fixed `amount`; or whom the case goes to (`refer_to`).

    The speed over the limit lies between `over_kmh` and `up_to_kmh` (None: the highest tier); the flags say
    which bound belongs to the tier. Both are None for offences that are not about speed. `discount` names one
    of the pack's, empty for none.
    """

    law: str
    over_kmh: Decimal | None = None
    up_to_kmh: Decimal | None = None
    includes_over: bool = False
    includes_up_to: bool = True
    units: Decimal | None = None
    amount: Decimal | None = None
    refer_to: str = ""
    consequence: str = ""
    points: Points | None = None
    discount: str = ""

    @property
    def said(self) -> str:
        """Article with units or amount, or whom the case goes to."""
        if self.refer_to:
            return f"{self.law}: referred to {self.refer_to}"
        if self.units is not None:
            return f"{self.law}: {plain(self.units)} units"
        return f"{self.law}: {plain(self.amount or Decimal(0))}"

    def reached(self, over_kmh: Decimal) -> bool:
        """Whether a speed over the limit lies above the tier's lower bound."""
        low = self.over_kmh
        return low is None or over_kmh > low or (self.includes_over and over_kmh == low)

    def holds(self, over_kmh: Decimal) -> bool:
        """Whether a speed over the limit lies in the tier."""
        high = self.up_to_kmh
        below = high is None or over_kmh < high or (self.includes_up_to and over_kmh == high)
        return below and self.reached(over_kmh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Value):
    """What one of the articles `of` costs when a fine for one of them was imposed `within_months` before.

    `units` of account, or `factor` times what a first offence costs, or whom the case goes to.
    """

    of: tuple[str, ...]
    within_months: int
    law: str
    units: Decimal | None = None
    factor: Decimal | None = None
    refer_to: str = ""
    consequence: str = ""

    @property
    def said(self) -> str:
        """Price and months."""
        price = f"referred to {self.refer_to}"
        if not self.refer_to:
            price = f"{plain(self.units)} units" if self.units is not None else f"x {plain(self.factor or 1)}"
        return f"{price} within {self.within_months} months"


@dataclass(frozen=True, slots=True)
class Tariff:
    """The tiers of an offence from `from_day` until the day before `until_day` (None: open), lowest first."""

    from_day: date
    until_day: date | None
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Offence:
    """One offence; `road_classes` (empty: any) and `straight_only` say where the law allows to measure it."""

    offence: str
    title: dict[str, str]
    tariffs: tuple[Tariff, ...]
    road_classes: tuple[str, ...] = ()
    straight_only: bool = False
    two_officers: bool = False

    def tariff_on(self, day: date) -> Tariff | None:
        """The tariff in force on a day, or None."""
        return next((t for t in self.tariffs if in_force(t.from_day, t.until_day, day)), None)

    def threshold_kmh_on(self, day: date) -> float | None:
        """By how much (km/h) the limit must be passed before there is an offence, or None without a tariff."""
        tariff = self.tariff_on(day)
        if tariff is None:
            return None
        return float(tariff.tiers[0].over_kmh or 0)

    def reached(self, over_kmh: float, day: date) -> bool:
        """Whether passing the limit by so much is an offence on a day."""
        tariff = self.tariff_on(day)
        return tariff is not None and tariff.tiers[0].reached(Decimal(str(over_kmh)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance(Value):
    """What is deducted from a measured speed: `kmh`, or `percent` of the limit but at most `kmh`."""

    offences: tuple[str, ...]
    from_day: date
    until_day: date | None
    kmh: Decimal
    percent: Decimal | None = None

    @property
    def said(self) -> str:
        """The deduction."""
        most = f"{plain(self.kmh)} km/h"
        return most if self.percent is None else f"{plain(self.percent)} % of the limit, at most {most}"

    def at(self, limit_kmh: float) -> float:
        """The deduction under a limit, km/h."""
        if self.percent is None:
            return float(self.kmh)
        return float(min(self.kmh, self.percent * Decimal(str(limit_kmh)) / 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountStage(Value):
    """`fraction` of the amount, or a fixed `amount`, settles a fine paid within a period (`count` None: no end)."""

    count: int | None
    unit: PeriodUnit
    fraction: Decimal | None = None
    amount: Decimal | None = None

    @property
    def said(self) -> str:
        """Price and period."""
        price = plain(self.amount if self.amount is not None else self.fraction or Decimal(0))
        return f"{price} without end" if self.count is None else f"{price} within {self.count} {self.unit}"


@dataclass(frozen=True, slots=True)
class Discount:
    """The stages of paying early, cheapest first; periods are counted from the day after the trigger."""

    name: str
    trigger: Trigger
    stages: tuple[DiscountStage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period(Value):
    """A period of the law, from the day after the trigger; `count` None: the law was not read."""

    trigger: Trigger
    count: int | None = None
    unit: PeriodUnit = "days"

    @property
    def said(self) -> str:
        """The length."""
        return "" if self.count is None else f"{self.count} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Value):
    """How an unclear text is read here, in the driver's favour; `applies` says when it mattered.

    `text` is English, `texts` are the other languages of the pack.
    """

    id: str
    applies: Applies
    text: str
    texts: dict[str, str] = field(default_factory=dict)

    def in_language(self, language: str) -> str:
        """The text in a language, English where it has none."""
        return self.texts.get(language, self.text)

    @property
    def said(self) -> str:
        """The text."""
        return self.text


@dataclass(frozen=True, slots=True)
class PlateFormat:
    """A regular expression that a whole canonical plate text of this country must match."""

    name: str
    pattern: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class RulePack:
    """Everything that a country's fines rest on; `reference` (id@version) is written on each record.

    `appeal`: until when to complain of a fine, `nomination`: to name another driver, `limitation`: to enforce it,
    `prosecution`: to fine an offence at all. `without_tariff` says why an offence has no tariff.
    """

    id: str
    version: str
    country: str
    effective_from: date
    timezone: str
    currency: str
    code: dict[str, str]
    unit_name: str
    units: tuple[Unit, ...]
    offences: tuple[Offence, ...]
    discounts: tuple[Discount, ...]
    calendar: Calendar | None
    readings: tuple[Reading, ...]
    formats: tuple[PlateFormat, ...]
    repeats: tuple[Repeat, ...] = ()
    tolerances: tuple[Tolerance, ...] = ()
    appeal: Period | None = None
    limitation: Period | None = None
    nomination: Period | None = None
    prosecution: Period | None = None
    without_tariff: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """Id and version, e.g. ``kz@2026.12``."""
        return f"{self.id}@{self.version}"

    @property
    def plate_formats(self) -> tuple[str, ...]:
        """Regular expressions over canonical texts."""
        return tuple(f.pattern for f in self.formats)

    def offence(self, name: str) -> Offence | None:
        """One offence, or None where this pack has no tariff for it."""
        return next((o for o in self.offences if o.offence == name), None)

    def two_officers(self, offence: str, day: date) -> bool:
        """Whether two different officers must accept an offence of a day."""
        found = self.offence(offence)
        return found is not None and found.two_officers and found.tariff_on(day) is not None

    def discount(self, name: str) -> Discount | None:
        """One discount by its name, or None."""
        return next((d for d in self.discounts if d.name == name), None)

    def repeat_of(self, law: str) -> Repeat | None:
        """What an article costs when it is repeated, or None where the pack makes no difference."""
        return next((r for r in self.repeats if law in r.of), None)

    def tolerance_on(self, offence: str, day: date) -> Tolerance | None:
        """The tolerance of a day, or None."""
        found = (t for t in self.tolerances if offence in t.offences)
        return next((t for t in found if in_force(t.from_day, t.until_day, day)), None)

    def tolerance_kmh(self, offence: str, limit_kmh: float, day: date) -> float:
        """What is deducted from a measured speed besides its uncertainty, km/h; 0 where the pack has none."""
        found = self.tolerance_on(offence, day)
        return found.at(limit_kmh) if found else 0.0

    def unit_on(self, day: date) -> Unit | None:
        """The unit of account on a day, or None."""
        return next((u for u in self.units if in_force(u.from_day, u.until_day, day)), None)

    def reading(self, applies: Applies) -> Reading | None:
        """The reading of the law for one question, or None where the text is clear or was confirmed."""
        return next((r for r in self.readings if r.applies == applies and r.unsure), None)


def in_force(from_day: date, until_day: date | None, day: date) -> bool:
    """Whether a day lies in [from_day, until_day)."""
    return from_day <= day and (until_day is None or day < until_day)


def plain(value: Decimal | int) -> str:
    """A number without an exponent or trailing zeros.

    >>> plain(Decimal("5.50")), plain(Decimal("4E+2"))
    ('5.5', '400')
    """
    return f"{Decimal(value).normalize():f}"
