"""What a conviction costs and until when it is cheaper: own arithmetic, own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from waysight.simulate.month.tariffs import Nation, Stage, Step

_WEEKEND = (5, 6)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Sum:
    """A fine: its article, amount, and what settles it until when (None: for good), dearest last."""

    article: str
    amount: Decimal
    stages: tuple[tuple[Decimal, date | None], ...]

    def due(self, day: date) -> Decimal:
        """What settles it on a day."""
        return next((a for a, until in self.stages if until is None or day <= until), self.amount)


def local_day(nation: Nation, at_ms: int) -> date:
    """The day there, of a UTC epoch ms."""
    return datetime.fromtimestamp(at_ms / 1000, nation.zone).date()


def step_of(nation: Nation, offence: str, day: date, over_kmh: float | None) -> Step | None:
    """Which step an offence of a day falls into; None where the law has no price for it then.

    `over_kmh` is what is left over the limit after everything is taken off.
    """
    for price in nation.prices.get(offence, ()):
        if price.since <= day < price.until:
            for step in price.steps:
                above, over = step.above_kmh, over_kmh or 0.0
                if above is None or over > above or (step.reached and over == above):
                    return step
    return None


def has_price(nation: Nation, offence: str, day: date) -> bool:
    """Whether the law says anything about an offence of a day, be it unsure."""
    return any(price.since <= day < price.until for price in nation.prices.get(offence, ()))


def unit_of(nation: Nation, day: date) -> Decimal | None:
    """The unit of account of a day, or None before the first that is known or in a year that is not."""
    found = [(since, value) for since, value in nation.units if since <= day]
    return found[-1][1] if found and (found[-1][0].year == day.year or len(nation.units) == 1) else None


def moment_ms(nation: Nation, day: date, hour: int) -> int:
    """Half past an hour there, UTC epoch ms."""
    at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=nation.zone)
    return round(at.timestamp() * 1000)


Holds = tuple[tuple[date, date], ...]  # from, until the day before


def sum_of(
    nation: Nation, step: Step, day: date, clock: date | None, again: bool, holds: Holds = ()
) -> Sum | None:
    """The sum for an offence of `day` whose clock begins on another (or not yet), committed again or not.

    Days of `holds` are no days of its periods. None where nobody knows the sum.
    """
    unit = unit_of(nation, day)
    if unit is None or step.units is None:
        return None
    article, units = step.article, step.units
    if again:
        worse = nation.again[step.article]
        article, units = worse.article, (worse.units or units) * worse.factor
    amount = (unit * units).quantize(_CENT)
    stages = nation.early.get(step.article, nation.early.get("", ()))
    return Sum(article, amount, tuple(_stage(nation, s, amount, clock, holds) for s in stages))


def _stage(
    nation: Nation, stage: Stage, amount: Decimal, clock: date | None, holds: Holds
) -> tuple[Decimal, date | None]:
    part = stage.amount if stage.share is None else (amount * stage.share).quantize(_CENT, ROUND_FLOOR)
    assert part is not None
    if stage.days is None or clock is None:
        return part, None
    return part, last_day(nation, clock, stage.days, stage.working, holds)


def last_day(nation: Nation, day: date, count: int, working: bool, holds: Holds = ()) -> date:
    """The last of so many (working) days that begin on the day after, those of holds left out."""
    while count:
        day += timedelta(days=1)
        stands = any(since <= day < until for since, until in holds)
        count -= not stands and (not working or is_working(nation, day))
    return day


def is_working(nation: Nation, day: date) -> bool:
    """Neither weekend nor holiday, nor the day to which a holiday on a weekend moves."""
    return day.weekday() not in _WEEKEND and day not in _days_off(nation, day.year)


def _days_off(nation: Nation, year: int) -> set[date]:
    named = {date(year, m, d) for m, d in nation.holidays} | {
        d for d in nation.extra_holidays if d.year == year
    }
    off = set(named)
    for holiday in sorted(named if nation.moved else ()):
        if holiday.weekday() in _WEEKEND:
            instead = holiday
            while instead.weekday() in _WEEKEND or instead in off:
                instead += timedelta(days=1)
            off.add(instead)
    return off


def a_year_later(day: date) -> date:
    """The same day of the next year, or the last of February."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)
