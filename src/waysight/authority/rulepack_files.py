"""The layout of rules/<country>/*.yaml; what the values mean is said in `domain.rulepack`."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from waysight.domain.enforcement.case import OffenceName
from waysight.domain.periods import Trigger
from waysight.domain.rulepack import Applies

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SPEED_OFFENCES = ("spot_speed", "average_speed")

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Confidence = Literal["read", "derived", "press", "unsure"]
RoadClass = Literal["inter_state", "republican", "regional", "district", "street"]


def _month_day(text: str) -> str:
    if not re.fullmatch(r"\d\d-\d\d", text):
        raise ValueError("write a yearly holiday as MM-DD")
    date(2023, int(text[:2]), int(text[3:]))
    return text


def _written_as_date(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("write a date as YYYY-MM-DD")
    if isinstance(value, int | float):
        raise ValueError("write a date as YYYY-MM-DD, not a number")
    return value


def _of_our_time(day: date) -> date:
    if not 1900 <= day.year < 3000:
        raise ValueError("is not between 1900 and 2999")
    return day


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("write a number")
    return value


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Day = Annotated[date, BeforeValidator(_written_as_date), AfterValidator(_of_our_time)]
Number = Annotated[Decimal, BeforeValidator(_no_flag), Field(le=10**12, decimal_places=6)]
Whole = Annotated[int, BeforeValidator(_no_flag), Field(le=9999)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[dict[Text, Text], Field(min_length=1)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Dated(_Row):
    """A row that is in force from a day until the day before another (null: open)."""

    from_: Day = Field(alias="from")
    until: Day | None

    @model_validator(mode="after")
    def _ordered(self) -> Dated:
        if self.until is not None and self.until <= self.from_:
            raise ValueError(f"`until` {self.until} is not after `from` {self.from_}")
        return self


class Sourced(_Row):
    """How surely a value is known, and from where."""

    confidence: Confidence
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sourced(self) -> Sourced:
        if self.confidence != "unsure" and not self.sources:
            raise ValueError(f"confidence {self.confidence} needs a source")
        return self


class UnitRow(Dated, Sourced):
    """One value of the unit of account."""

    amount: Number = Field(gt=0)


class UnitRows(_Row):
    """The unit of account."""

    name: str
    values: tuple[UnitRow, ...] = Field(min_length=1)


class PointsRow(Sourced):
    """Points against the licence."""

    count: Whole = Field(ge=0)


class TierRow(Sourced):
    """One amount of a tariff, or whom the case goes to; `bounds` as intervals are written."""

    law: str = Field(min_length=1)
    over_kmh: tuple[Annotated[Number, Field(ge=0)], Number | None] | None = None
    bounds: Literal["(]", "[]", "[)", "()"] = "(]"
    units: Number | None = Field(default=None, gt=0)
    amount: Number | None = Field(default=None, gt=0)
    refer_to: Literal["court", "police", "prosecutor"] | None = None
    consequence: str = ""
    points: PointsRow | None = None
    discount: str = ""

    @model_validator(mode="after")
    def _answered(self) -> TierRow:
        _one_of(self, "units", "amount", "refer_to")
        if bool(self.refer_to) != bool(self.consequence):
            raise ValueError("`refer_to` and `consequence` go together")
        return self


class TariffRow(Dated):
    """The tiers that are in force together."""

    tiers: tuple[TierRow, ...] = Field(min_length=1)


class RepeatRow(Sourced):
    """The amount for an offence that was fined before; `each` when only the same article counts."""

    of: tuple[str, ...] = Field(min_length=1)
    each: bool = False
    within_months: Whole = Field(gt=0, le=60)
    law: str = ""
    units: Number | None = Field(default=None, gt=0)
    factor: Number | None = Field(default=None, gt=1)
    refer_to: Literal["court", "police", "prosecutor"] | None = None
    consequence: str = ""

    @model_validator(mode="after")
    def _answered(self) -> RepeatRow:
        _one_of(self, "units", "factor", "refer_to")
        if bool(self.law) == self.each:
            raise ValueError("a repetition needs either `law` or `each: true`, which keeps the article")
        return self


class OffenceRow(_Row):
    """One offence."""

    offence: OffenceName
    title: Texts
    road_classes: tuple[RoadClass, ...] = ()
    straight_only: bool = False
    two_officers: bool = False
    tariffs: tuple[TariffRow, ...] = Field(min_length=1)


class ToleranceRow(Dated, Sourced):
    """What is deducted from a measured speed."""

    offences: tuple[OffenceName, ...] = Field(min_length=1)
    kmh: Number = Field(ge=0)
    percent: Number | None = Field(default=None, gt=0, lt=100)


class StageRow(Sourced):
    """One reduced amount for early payment; without a period it has no end."""

    days: Whole | None = Field(default=None, gt=0)
    working_days: Whole | None = Field(default=None, gt=0)
    fraction: Number | None = Field(default=None, gt=0, lt=1)
    amount: Number | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _answered(self) -> StageRow:
        _one_of(self, "fraction", "amount")
        if self.days and self.working_days:
            raise ValueError("write either `days` or `working_days`")
        return self

    @property
    def measured_in(self) -> tuple[bool, bool | None]:
        """Whether the price is an amount, and whether the period is of working days (None: without end)."""
        return (
            self.amount is not None,
            self.working_days is not None if self.days or self.working_days else None,
        )


class DiscountRow(_Row):
    """The stages of paying early."""

    name: str = Field(min_length=1)
    trigger: Trigger
    stages: tuple[StageRow, ...] = Field(min_length=1)


class PeriodRow(Sourced):
    """A period of the law; without a length the text was not read."""

    trigger: Trigger
    days: Whole | None = Field(default=None, gt=0)
    working_days: Whole | None = Field(default=None, gt=0)
    months: Whole | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _answered(self) -> PeriodRow:
        known = [n for n in ("days", "working_days", "months") if getattr(self, n) is not None]
        if len(known) != 1 and (known or self.confidence != "unsure"):
            raise ValueError("write one of `days`, `working_days` and `months`; none only where it is unsure")
        return self


def _one_of(row: _Row, *names: str) -> None:
    if sum(getattr(row, n) is not None for n in names) != 1:
        raise ValueError(f"write exactly one of {', '.join(f'`{n}`' for n in names)}")


class CalendarRow(_Row):
    """Days that are no working days."""

    from_: Day = Field(alias="from")
    until: Day
    weekend: tuple[Weekday, ...] = Field(max_length=3)
    yearly: tuple[Annotated[str, AfterValidator(_month_day)], ...]
    extra: tuple[Day, ...] = ()
    carry_over: bool
    confidence: Confidence
    sources: tuple[str, ...]

    @model_validator(mode="after")
    def _ordered(self) -> CalendarRow:
        if self.until <= self.from_:
            raise ValueError(f"`until` {self.until} is not after `from` {self.from_}")
        outside = [d for d in self.extra if not self.from_ <= d < self.until]
        if outside:
            raise ValueError(f"`extra` has {outside[0]}, which the calendar does not reach")
        return self


class ReadingRow(Sourced):
    """How an unclear text is read."""

    id: Text
    applies: Applies
    text: Text
    texts: dict[Text, Text] = Field(default_factory=dict)


class PackFile(_Row):
    """pack.yaml."""

    id: Text
    version: Text
    country: str = Field(pattern="^[a-z]{2}$")
    effective_from: Day
    timezone: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    code: Texts
    unit: UnitRows | None = None
    offences: tuple[OffenceRow, ...] = Field(min_length=1)
    repeats: tuple[RepeatRow, ...] = ()
    tolerances: tuple[ToleranceRow, ...] = ()
    discounts: tuple[DiscountRow, ...] = ()
    appeal: PeriodRow | None = None
    limitation: PeriodRow | None = None
    nomination: PeriodRow | None = None
    prosecution: PeriodRow | None = None
    without_tariff: dict[OffenceName, Text] = Field(default_factory=dict)
    calendar: CalendarRow | None = None
    readings: tuple[ReadingRow, ...]
    sources: dict[str, str]


class FormatRow(_Row):
    """One plate format."""

    name: str
    pattern: Annotated[str, AfterValidator(_compiles)]
    confidence: Confidence
    sources: tuple[str, ...]


class PlatesFile(_Row):
    """plates.yaml."""

    formats: tuple[FormatRow, ...] = Field(min_length=1)


FileT = TypeVar("FileT", bound=BaseModel)
