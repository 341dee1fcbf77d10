"""Legal periods: working days, calendar days and months, and the last day of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

PeriodUnit = Literal["days", "working_days", "months"]
Trigger = Literal["occurred", "issued", "served"]


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
    confidence: str

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


def last_day(start: date, count: int, unit: PeriodUnit, calendar: Calendar | None) -> date:
    """The last day of a period that is counted from the day after `start`.

    Raises ValueError where working days are to be counted and the calendar is missing or ends before.

    >>> last_day(date(2026, 1, 31), 1, "months", None)
    datetime.date(2026, 2, 28)
    """
    if unit == "months":
        return months_later(start, count)
    if unit == "days":
        return start + timedelta(days=count)
    if calendar is None:
        raise ValueError("working days need a calendar")
    day, left = start, count
    while left:
        day += timedelta(days=1)
        left -= calendar.is_working_day(day)
    return day


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last of that month.

    >>> months_later(date(2024, 2, 29), 12)
    datetime.date(2025, 2, 28)
    """
    months += day.year * 12 + day.month - 1
    last = date((months + 1) // 12, (months + 1) % 12 + 1, 1) - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


def clock_start(trigger: Trigger, occurred_on: date, issued_on: date, served_on: date | None) -> date | None:
    """The local day from which a clock runs; None while it waits for the notice to be served."""
    return {"occurred": occurred_on, "issued": issued_on, "served": served_on}[trigger]
