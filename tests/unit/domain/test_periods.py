"""Legal periods: weekends, holidays, ends of months, and a calendar that ends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.authority.rulepacks import load_pack
from waysight.domain.periods import Calendar, clock_start, last_day, months_later

PACKS = {c: load_pack(c).calendar for c in ("kz", "pe")}
DAYS = st.dates(date(2021, 1, 1), date(2027, 6, 1))


@given(DAYS, st.integers(1, 40), st.sampled_from(sorted(PACKS)))
def test_working_days_are_never_shorter_than_days(start: date, count: int, country: str) -> None:
    calendar = PACKS[country]
    assert calendar is not None
    end = last_day(start, count, "working_days", calendar)
    assert end >= last_day(start, count, "days", None)
    assert calendar.is_working_day(end)
    days = [start + timedelta(days=i) for i in range(1, (end - start).days + 1)]
    assert sum(map(calendar.is_working_day, days)) == count


@given(DAYS, st.integers(1, 40), st.sampled_from(sorted(PACKS)))
def test_a_later_start_or_one_holiday_more_never_shortens(start: date, count: int, country: str) -> None:
    calendar = PACKS[country]
    assert calendar is not None
    end = last_day(start, count, "working_days", calendar)
    assert last_day(start + timedelta(days=1), count, "working_days", calendar) >= end
    freer = Calendar(
        calendar.from_day, calendar.until_day, calendar.weekend, calendar.yearly, calendar.extra | {end}, False, "read"
    )  # fmt: skip
    strict = Calendar(
        calendar.from_day, calendar.until_day, calendar.weekend, calendar.yearly, calendar.extra, False, "read"
    )  # fmt: skip
    assert last_day(start, count, "working_days", freer) >= last_day(start, count, "working_days", strict)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 12, 15), 2, date(2027, 2, 15)),
    ],
)
def test_months(day: date, months: int, expected: date) -> None:
    assert months_later(day, months) == last_day(day, months, "months", None) == expected


def test_a_calendar_that_ends_or_is_missing_says_so() -> None:
    with pytest.raises(ValueError, match="does not know"):
        last_day(date(2027, 12, 30), 7, "working_days", PACKS["kz"])
    with pytest.raises(ValueError, match="need a calendar"):
        last_day(date(2027, 12, 30), 7, "working_days", None)


def test_clocks_wait_for_their_trigger() -> None:
    one, two = date(2026, 1, 1), date(2026, 1, 2)
    assert clock_start("served", one, two, None) is None
    assert clock_start("served", one, two, date(2026, 1, 9)) == date(2026, 1, 9)
    assert (clock_start("occurred", one, two, None), clock_start("issued", one, two, None)) == (one, two)
