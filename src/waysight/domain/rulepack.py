"""A country's traffic law as data: tariffs by date, units of account, discount, calendar, plate formats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

Confidence = Literal["read", "derived", "press", "unsure"]
Applies = Literal["bound", "unit", "discount", "repeat"]


@dataclass(frozen=True, slots=True)
class Unit:
    """The value of the unit of account from `from_day` until the day before `until_day` (None: open)."""

    from_day: date
    until_day: date | None
    amount: Decimal
    confidence: Confidence
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tier:
    """One amount: `units` of account for being over the limit by `over_kmh` up to and including `up_to_kmh`.

    Both bounds are None for offences that are not about speed; `up_to_kmh` is None for the highest tier.
    """

    law: str
    over_kmh: Decimal | None
    up_to_kmh: Decimal | None
    units: Decimal
    confidence: Confidence
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """What one of the articles `of` costs when a fine for one of them was imposed `within_months` before."""

    of: tuple[str, ...]
    within_months: int
    law: str
    units: Decimal
    confidence: Confidence
    sources: tuple[str, ...]


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

    def tariff_on(self, day: date) -> Tariff | None:
        """The tariff in force on a day, or None."""
        return next((t for t in self.tariffs if in_force(t.from_day, t.until_day, day)), None)

    def threshold_kmh_on(self, day: date) -> float | None:
        """By how much (km/h) the limit must be passed before there is an offence, or None without a tariff."""
        tariff = self.tariff_on(day)
        if tariff is None:
            return None
        return float(tariff.tiers[0].over_kmh or 0)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days do not count as working days; known from `from_day` until the day before `until_day`.

    `weekend` holds weekday numbers (Monday is 0), `yearly` pairs of month and day, `extra` single days.
    With `carry_over` a yearly holiday on a weekend frees the next working day.
    """

    from_day: date
    until_day: date
    weekend: frozenset[int]
    yearly: frozenset[tuple[int, int]]
    extra: frozenset[date]
    carry_over: bool
    confidence: Confidence

    def holidays_of(self, year: int) -> frozenset[date]:
        """All days off of a year besides weekends."""
        fixed = sorted(
            {date(year, month, day) for month, day in self.yearly} | {d for d in self.extra if d.year == year}
        )
        days = set(fixed)
        if self.carry_over:
            for holiday in fixed:
                moved = holiday
                while holiday.weekday() in self.weekend and (
                    moved.weekday() in self.weekend or moved in days
                ):
                    moved += timedelta(days=1)
                days.add(moved)
        return frozenset(days)

    def is_working_day(self, day: date) -> bool:
        """Whether a day counts; raises ValueError for a day that the calendar does not know."""
        if not self.from_day <= day < self.until_day:
            raise ValueError(f"the calendar does not know {day}")
        return day.weekday() not in self.weekend and day not in self.holidays_of(day.year)


@dataclass(frozen=True, slots=True)
class Discount:
    """`fraction` of the amount settles a fine that is paid within `working_days`, counted from the day after issue."""

    fraction: Decimal
    working_days: int
    confidence: Confidence
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """How an unclear text is read here, in the driver's favour; `applies` says when it mattered."""

    id: str
    applies: Applies
    text: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class PlateFormat:
    """A regular expression that a whole canonical plate text of this country must match."""

    name: str
    pattern: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class RulePack:
    """Everything that a country's fines rest on; `reference` (id@version) is written on each record."""

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
    discount: Discount | None
    calendar: Calendar | None
    readings: tuple[Reading, ...]
    formats: tuple[PlateFormat, ...]
    repeats: tuple[Repeat, ...] = ()

    @property
    def reference(self) -> str:
        """Id and version, e.g. ``kz@2026.11``."""
        return f"{self.id}@{self.version}"

    @property
    def plate_formats(self) -> tuple[str, ...]:
        """Regular expressions over canonical texts."""
        return tuple(f.pattern for f in self.formats)

    def offence(self, name: str) -> Offence | None:
        """One offence, or None where this pack has no tariff for it."""
        return next((o for o in self.offences if o.offence == name), None)

    def repeat_of(self, law: str) -> Repeat | None:
        """What an article costs when it is repeated, or None where the pack makes no difference."""
        return next((r for r in self.repeats if law in r.of), None)

    def unit_on(self, day: date) -> Unit | None:
        """The unit of account on a day, or None."""
        return next((u for u in self.units if in_force(u.from_day, u.until_day, day)), None)

    def reading(self, applies: Applies) -> Reading | None:
        """The reading of the law for one question, or None where the text is clear."""
        return next((r for r in self.readings if r.applies == applies), None)


def in_force(from_day: date, until_day: date | None, day: date) -> bool:
    """Whether a day lies in [from_day, until_day)."""
    return from_day <= day and (until_day is None or day < until_day)
