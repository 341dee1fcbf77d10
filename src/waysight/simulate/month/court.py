"""What a conviction costs and until when it is cheaper: own arithmetic, own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from waysight.simulate.month.tariffs import Nation, Step

_WEEKEND = (5, 6)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Sum:
    """A fine: its article, amount and reduced amount with its last day (None: never reduced)."""

    article: str
    amount: Decimal
    reduced: Decimal
    until: date | None


def local_day(nation: Nation, at_ms: int) -> date:
    """The day there, of a UTC epoch ms."""
    return datetime.fromtimestamp(at_ms / 1000, nation.zone).date()


def step_of(nation: Nation, offence: str, day: date, over_kmh: float | None) -> Step | None:
    """Which step an offence of a day falls into; None where the law has no price for it then.

    `over_kmh` is what is left over the limit after everything is taken off; a bound itself belongs below.
    """
    for price in nation.prices.get(offence, ()):
        if price.since <= day < price.until:
            for step in price.steps:
                if step.above_kmh is None or (over_kmh or 0.0) > step.above_kmh:
                    return step
            lowest = price.steps[-1]
            return lowest if over_kmh == lowest.above_kmh and nation.least_over_kmh > 0 else None
    return None


def unit_of(nation: Nation, day: date) -> Decimal | None:
    """The unit of account of a day, or None before the first that is known or in a year that is not."""
    found = [(since, value) for since, value in nation.units if since <= day]
    return found[-1][1] if found and (found[-1][0].year == day.year or len(nation.units) == 1) else None


def sum_of(nation: Nation, step: Step, day: date, issued: date, again: bool) -> Sum | None:
    """The sum for an offence of `day`, issued on a day, committed again or not; None where nobody knows the unit."""
    unit = unit_of(nation, day)
    if unit is None or step.units is None:
        return None
    article, units = nation.aggravated.get(step.article, ("", None)) if again else (step.article, step.units)
    if units is None:
        article, units = step.article, step.units
    amount = (unit * units).quantize(_CENT)
    if nation.early is None or step.article in nation.never_early:
        return Sum(article, amount, amount, None)
    reduced = (amount * nation.early.fraction).quantize(_CENT, ROUND_FLOOR)
    return Sum(article, amount, reduced, after_working_days(nation, issued, nation.early.working_days))


def after_working_days(nation: Nation, day: date, count: int) -> date:
    """The last of so many working days that begin on the day after."""
    while count:
        day += timedelta(days=1)
        count -= is_working(nation, day)
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
