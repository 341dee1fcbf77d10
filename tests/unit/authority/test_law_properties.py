"""Every country's law: bounds of tiers, tolerance for the driver, amounts that rise with speed, windows over days off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from devices import GATE, RADAR
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sightings import sighting
from synthetic import START_MS

from waysight.authority.rulepacks import all_packs
from waysight.domain.confirming import confirmation_of, confirmed, unsure_values
from waysight.domain.enforcement import spot_speed
from waysight.domain.enforcement.beside import Reading
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.external import Measured
from waysight.domain.fines.pricing import NoFine, Price, price, referral_of, tier_for
from waysight.domain.rulepack import RulePack, Tier
from waysight.messages import Violation

Make = Callable[..., Any]
DAY = date(2026, 11, 16)


def _sure(pack: RulePack) -> RulePack:
    """The pack with everything confirmed that it says."""
    paths = [v.path for v in unsure_values(pack) if v.said]
    return confirmed(pack, [confirmation_of(pack, p, "", "A. Jurist", "head", "text", 1) for p in paths])


PACKS = {country: _sure(pack) for country, pack in all_packs().items() if pack.offences}
LAW = Law(packs=PACKS)
COUNTRIES = st.sampled_from(sorted(PACKS))
# Written down again from LAW.md, not read from the packs.
TOLERANCE: dict[str, Callable[[float], float]] = {
    "kz": lambda _: 0.0, "pe": lambda _: 5.0, "ma": lambda limit: min(0.1 * limit, 7.0),
}  # fmt: skip
SPEEDS = st.floats(0, 250, allow_nan=False)
quiet = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def _tiers() -> list[tuple[str, tuple[Tier, ...]]]:
    return [
        (f"{country} {offence.offence} {tariff.from_day}", tariff.tiers)
        for country, pack in PACKS.items()
        for offence in pack.offences
        for tariff in offence.tariffs
    ]


def _consequence(found: Price | NoFine, referred: bool) -> tuple[int, Decimal]:
    """What may be compared: nothing, then money, then a court."""
    if referred:
        return 2, Decimal(0)
    return (1, found.amount) if isinstance(found, Price) else (0, Decimal(0))


def _judged(country: str, speed: float, error: float, limit: float) -> Violation | None:
    scene = replace(GATE, country=country, speed_limit_kmh=limit)
    seen = sighting("gate", "123ABC02", 10_000)
    reading = Reading("radar-1", "r", START_MS + 10_000, 50, "", "", speed, error)
    return spot_speed.judge(LAW, scene, seen, None, Measured(RADAR, reading))


def test_there_are_three_countries() -> None:
    assert sorted(PACKS) == sorted(TOLERANCE)


@pytest.mark.parametrize(("name", "tiers"), _tiers())
def test_tiers_meet_and_a_bound_belongs_to_the_lower_one(name: str, tiers: tuple[Tier, ...]) -> None:
    speeds = [t for t in tiers if t.over_kmh is not None]
    assert len(speeds) in (0, len(tiers)), name
    assert speeds or len(tiers) == 1, name
    for lower, upper in pairwise(speeds):
        assert lower.up_to_kmh == upper.over_kmh
        assert tier_for(upper.over_kmh, tiers) is (upper if upper.includes_over else lower)
    for tier in speeds:
        for over in (tier.over_kmh, tier.up_to_kmh):
            near = [] if over is None else [over - Decimal("0.1"), over, over + Decimal("0.1")]
            assert all(sum(t.holds(at) for t in tiers) <= 1 for at in near)
    if speeds:
        assert speeds[-1].up_to_kmh is None, f"{name}: a speed beyond every tier"


@quiet
@given(
    COUNTRIES,
    SPEEDS,
    SPEEDS,
    st.sampled_from([20.0, 40.0, 60.0, 90.0, 110.0, 120.0]),
    st.dates(date(2024, 1, 1), DAY),
)
def test_a_higher_speed_never_costs_less(
    violation: Make, country: str, one: float, other: float, limit: float, day: date
) -> None:
    pack, found = PACKS[country], []
    for speed in sorted((one, other)):
        case = violation(country=country, offence="spot_speed", enforced_kmh=speed, limit_kmh=limit)
        referred = referral_of(case, pack, day) is not None
        found.append(_consequence(price(case, pack, day, day), referred))
    assert found[0] <= found[1]


@given(COUNTRIES, SPEEDS, st.floats(0, 20), st.sampled_from([40.0, 60.0, 110.0]), st.floats(0, 20))
def test_uncertainty_and_tolerance_speak_for_the_driver(
    country: str, speed: float, error: float, limit: float, more: float
) -> None:
    found = _judged(country, speed, error, limit)
    if found is None:
        return
    assert found.enforced_kmh is not None
    most = speed - error - TOLERANCE[country](limit)
    assert found.enforced_kmh <= most + 1e-9
    assert found.enforced_kmh > limit, "what is at the limit is no offence"
    worse = _judged(country, speed, error + more, limit)
    assert worse is None or (worse.enforced_kmh or 0.0) <= found.enforced_kmh


@given(COUNTRIES, st.sampled_from([40.0, 60.0, 110.0]), st.floats(0, 10))
def test_within_tolerance_and_uncertainty_nobody_is_told(country: str, limit: float, error: float) -> None:
    assert _judged(country, limit + TOLERANCE[country](limit) + error, error, limit) is None


@quiet
@given(COUNTRIES, st.floats(0.2, 45), st.dates(date(2025, 1, 1), date(2027, 9, 1)), st.integers(0, 40))
def test_a_window_closes_once_and_late_money_never_costs_less(
    violation: Make, country: str, over: float, issued: date, served_after: int
) -> None:
    pack = PACKS[country]
    case = violation(country=country, offence="spot_speed", enforced_kmh=60.0 + over, limit_kmh=60.0)
    served = issued + timedelta(days=served_after)
    found = price(case, pack, issued, issued, served_on=served)
    waiting = price(case, pack, issued, issued)
    if isinstance(found, NoFine):
        assert isinstance(waiting, NoFine)
        return
    assert isinstance(waiting, Price)
    due = [found.due_on(issued + timedelta(days=n)) for n in range(200)]
    assert due == sorted(due), "waiting never makes it cheaper"
    assert all(0 < amount <= found.amount for amount in due)
    for stage in found.stages:
        if stage.until is not None:
            assert found.due_on(stage.until) <= stage.amount
            assert (
                found.due_on(stage.until + timedelta(days=1)) > stage.amount or stage.amount == found.amount
            )
            assert stage.until > (issued if country == "kz" else served)
    assert waiting.due_on(issued) <= found.due_on(issued), (
        "what was not served yet runs no clock against anybody"
    )


@pytest.mark.parametrize(
    ("country", "start", "until"),
    [
        ("kz", date(2026, 11, 16), date(2026, 11, 25)),  # one weekend
        ("kz", date(2026, 11, 20), date(2026, 12, 1)),  # from a Friday: two weekends
        (
            "kz",
            date(2026, 3, 20),
            date(2026, 4, 3),
        ),  # Nauryz: 21-23 March, Saturday and Sunday moved to 24 and 25
        (
            "kz",
            date(2026, 12, 30),
            date(2027, 1, 13),
        ),  # 1 and 2 January (a Friday and a Saturday), Christmas, 4 January
        ("pe", date(2026, 7, 22), date(2026, 8, 3)),  # 23, 28 and 29 July
        ("pe", date(2026, 4, 1), date(2026, 4, 10)),  # Maundy Thursday and Good Friday
        ("ma", date(2026, 12, 31), date(2027, 1, 1)),  # days of the calendar: New Year counts
    ],
)
def test_windows_over_days_off_counted_by_hand(
    violation: Make, country: str, start: date, until: date
) -> None:
    offence = {"offence": "spot_speed", "enforced_kmh": 75.0, "limit_kmh": 60.0}
    if country == "pe":
        offence = {"offence": "bus_lane", "enforced_kmh": None, "limit_kmh": None}
    case = violation(country=country, **offence)
    found = price(case, PACKS[country], start, start, served_on=start)
    assert isinstance(found, Price), found
    assert found.discount_until == until
    assert found.due_on(until) == found.discount_amount < found.due_on(until + timedelta(days=1))
