"""The layout of rules/<country>/*.yaml; what the values mean is said in `domain.rulepack`."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from waysight.domain.rulepack import Applies, Confidence

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SPEED_OFFENCES = ("spot_speed", "average_speed")

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
OffenceName = Literal["spot_speed", "average_speed", "red_light", "restricted_zone"]
RoadClass = Literal["inter_state", "republican", "regional", "district", "street"]


def _month_day(text: str) -> str:
    if not re.fullmatch(r"\d\d-\d\d", text):
        raise ValueError("write a yearly holiday as MM-DD")
    date(2024, int(text[:2]), int(text[3:]))
    return text


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Dated(_Row):
    """A row that is in force from a day until the day before another (null: open)."""

    from_: date = Field(alias="from")
    until: date | None

    @model_validator(mode="after")
    def _ordered(self) -> Dated:
        if self.until is not None and self.until <= self.from_:
            raise ValueError(f"`until` {self.until} is not after `from` {self.from_}")
        return self


class UnitRow(Dated):
    """One value of the unit of account."""

    amount: Decimal = Field(gt=0)
    confidence: Confidence
    sources: tuple[str, ...]


class UnitRows(_Row):
    """The unit of account."""

    name: str
    values: tuple[UnitRow, ...] = Field(min_length=1)


def _needs_source(row: TierRow | RepeatRow) -> None:
    if row.confidence != "unsure" and not row.sources:
        raise ValueError(f"confidence {row.confidence} needs a source")


class TierRow(_Row):
    """One amount of a tariff."""

    law: str
    over_kmh: tuple[Decimal, Decimal | None] | None = None
    units: Decimal = Field(gt=0)
    confidence: Confidence
    sources: tuple[str, ...]

    @model_validator(mode="after")
    def _sourced(self) -> TierRow:
        _needs_source(self)
        return self


class TariffRow(Dated):
    """The tiers that are in force together."""

    tiers: tuple[TierRow, ...] = Field(min_length=1)


class RepeatRow(_Row):
    """The amount for an offence that was fined before."""

    of: tuple[str, ...] = Field(min_length=1)
    within_months: int = Field(gt=0, le=60)
    law: str
    units: Decimal = Field(gt=0)
    confidence: Confidence
    sources: tuple[str, ...]

    @model_validator(mode="after")
    def _sourced(self) -> RepeatRow:
        _needs_source(self)
        return self


class OffenceRow(_Row):
    """One offence."""

    offence: OffenceName
    title: dict[str, str]
    road_classes: tuple[RoadClass, ...] = ()
    straight_only: bool = False
    tariffs: tuple[TariffRow, ...] = Field(min_length=1)


class DiscountRow(_Row):
    """The reduced amount for early payment."""

    fraction: Decimal = Field(gt=0, lt=1)
    working_days: int = Field(gt=0)
    confidence: Confidence
    sources: tuple[str, ...]


class CalendarRow(_Row):
    """Days that are no working days."""

    from_: date = Field(alias="from")
    until: date
    weekend: tuple[Weekday, ...]
    yearly: tuple[Annotated[str, AfterValidator(_month_day)], ...]
    extra: tuple[date, ...] = ()
    carry_over: bool
    confidence: Confidence
    sources: tuple[str, ...]


class ReadingRow(_Row):
    """How an unclear text is read."""

    id: str
    applies: Applies
    text: str
    confidence: Confidence


class PackFile(_Row):
    """pack.yaml."""

    id: str
    version: str
    country: str = Field(pattern="^[a-z]{2}$")
    effective_from: date
    timezone: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    code: dict[str, str]
    unit: UnitRows | None = None
    offences: tuple[OffenceRow, ...]
    repeats: tuple[RepeatRow, ...] = ()
    discount: DiscountRow | None = None
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
