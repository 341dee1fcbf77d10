"""Clocks that stand still: the last day of a period of which some days are not counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from waysight.domain.periods import Calendar, PeriodUnit, last_day, months_later

Hold = tuple[date, date]
"""A clock stands still from the first day until the day before the second."""


def last_day_held(
    start: date, count: int, unit: PeriodUnit, calendar: Calendar | None, holds: Iterable[Hold]
) -> date:
    """The last day of a period from the day after `start`, days within `holds` not counted.

    A period that ran out before it was held stays so; a hold before its start does not lengthen it. Months end as
    many days later as were held before that end. Raises ValueError like `periods.last_day`.

    >>> last_day_held(date(2026, 6, 1), 3, "days", None, [(date(2026, 6, 3), date(2026, 6, 10))])
    datetime.date(2026, 6, 11)
    """
    held = [(since, until) for since, until in holds if until > start and since < until]
    if not held:
        return last_day(start, count, unit, calendar)
    if unit == "working_days" and calendar is None:
        raise ValueError("working days need a calendar")
    day = start
    left = (months_later(start, count) - start).days if unit == "months" else count
    while left:
        day += timedelta(days=1)
        if any(since <= day < until for since, until in held):
            continue
        left -= calendar.is_working_day(day) if unit == "working_days" and calendar is not None else 1
    return day
