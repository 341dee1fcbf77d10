"""Clocks that stand still: held days are not counted, a clock that ran out stays so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.authority.rulepacks import load_pack
from waysight.domain.fines.clocks import last_day_held
from waysight.domain.periods import PeriodUnit, last_day

CALENDAR = load_pack("kz").calendar
DAYS = st.dates(date(2024, 1, 1), date(2026, 6, 1))


@pytest.mark.parametrize(
    ("since", "until", "last"),
    [
        ("2026-06-08", "2026-06-12", "2026-06-16"),  # four days of which all are working days: Mon to Thu
        ("2026-06-11", "2026-06-20", "2026-06-10"),  # ran out the day before
        ("2026-05-20", "2026-06-01", "2026-06-10"),  # over before the clock began
        ("2026-06-06", "2026-06-08", "2026-06-10"),  # a weekend
        ("2026-06-10", "2026-07-01", "2026-07-01"),  # the last day alone is left
    ],
)
def test_seven_working_days_from_the_first_of_june(since: str, until: str, last: str) -> None:
    hold = (date.fromisoformat(since), date.fromisoformat(until))
    found = last_day_held(date(2026, 6, 1), 7, "working_days", CALENDAR, [hold])
    assert found == date.fromisoformat(last)


@given(
    DAYS, st.integers(1, 40), st.sampled_from(["days", "working_days", "months"]),
    st.lists(st.tuples(DAYS, st.integers(0, 30)), max_size=3),
)  # fmt: skip
def test_a_hold_never_shortens_and_adds_no_more_than_it_lasts(
    start: date, count: int, unit: PeriodUnit, lasting: list[tuple[date, int]]
) -> None:
    count = min(count, 12) if unit == "months" else count
    holds = [(since, since + timedelta(days=days)) for since, days in lasting]
    plain, held = (
        last_day(start, count, unit, CALENDAR),
        last_day_held(start, count, unit, CALENDAR, holds),
    )
    inside = {
        d
        for since, until in holds
        for n in range((until - since).days)
        if start < (d := since + timedelta(n)) <= held
    }
    assert held >= plain
    if unit != "working_days":
        assert held == plain + timedelta(days=len(inside))
    assert not (inside and held in inside)
    assert bool(inside) or held == plain
