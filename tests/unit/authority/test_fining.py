"""Money: exact decimals, tiers and their bounds, units by date, the discount's last day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from waysight.authority.rulepacks import load_pack
from waysight.domain.fines.facts import Law
from waysight.domain.fines.issue import reasons_against
from waysight.domain.fines.pricing import NoFine, Price, obstacles, price
from waysight.domain.periods import last_day

KZ = load_pack("kz")
DAY = date(2026, 11, 16)
Make = Callable[..., Any]


def cost(violation: Any, day: date = DAY, issued: date | None = None) -> Price:
    found = price(violation, KZ, day, issued or day)
    assert isinstance(found, Price), found
    return found


def reasons(violation: Any, day: date = DAY, issued: date | None = None) -> tuple[str, ...]:
    found = price(violation, KZ, day, issued or day)
    assert isinstance(found, NoFine), found
    return found.reasons


@pytest.mark.parametrize("offence", ["spot_speed", "average_speed"])
@pytest.mark.parametrize(
    ("over", "law", "amount", "discounted"),
    [
        (10.0, "592(1)", "21625.00", "10812.50"),
        (19.9, "592(1)", "21625.00", "10812.50"),
        (20.0, "592(1)", "21625.00", "10812.50"),
        (20.09, "592(1)", "21625.00", "10812.50"),
        (20.1, "592(2)", "43250.00", "21625.00"),
        (40.0, "592(2)", "43250.00", "21625.00"),
        (40.1, "592(3)", "86500.00", "43250.00"),
        (60.0, "592(3)", "86500.00", "43250.00"),
        (60.1, "592(3-1)", "173000.00", "86500.00"),
        (140.0, "592(3-1)", "173000.00", "86500.00"),
    ],
)
def test_tiers_of_2026(
    violation: Make, offence: str, over: float, law: str, amount: str, discounted: str
) -> None:
    found = cost(violation(offence=offence, limit_kmh=110.0, enforced_kmh=110.0 + over))
    assert (found.law, str(found.amount), str(found.discount_amount)) == (law, amount, discounted)
    assert found.currency == "KZT"


@pytest.mark.parametrize("over", [-20.0, 0.0, 9.9, 9.99])
def test_no_fine_below_ten_over(violation: Make, over: float) -> None:
    assert reasons(violation(offence="spot_speed", limit_kmh=60.0, enforced_kmh=60.0 + over)) == (
        "below_threshold",
    )


def test_only_the_enforced_speed_counts(violation: Make) -> None:
    measured_higher = violation(measured_kmh=135.0, uncertainty_kmh=5.1, enforced_kmh=129.9)
    assert cost(measured_higher).law == "592(1)"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -1.0, 1e300])
def test_no_fine_without_a_speed(violation: Make, value: float | None) -> None:
    assert reasons(violation(enforced_kmh=value)) == ("no_measurement",)
    assert reasons(violation(limit_kmh=value)) == ("no_measurement",)


@pytest.mark.parametrize(
    ("day", "over", "law", "amount"),
    [
        (date(2024, 12, 3), 70.0, "592(3)", "73840.00"),
        (date(2024, 12, 4), 70.0, "592(3-1)", "147680.00"),
        (date(2024, 12, 31), 15.0, "592(1)", "18460.00"),
        (date(2025, 1, 1), 15.0, "592(1)", "19660.00"),
        (date(2021, 6, 1), 15.0, "592(1)", "14585.00"),
        (date(2023, 6, 1), 30.0, "592(2)", "34500.00"),
    ],
)
def test_tariff_and_unit_of_the_day(violation: Make, day: date, over: float, law: str, amount: str) -> None:
    found = cost(violation(offence="spot_speed", limit_kmh=60.0, enforced_kmh=60.0 + over), day)
    assert (found.law, str(found.amount)) == (law, amount)


def test_average_speed_is_no_offence_before_december_2024(violation: Make) -> None:
    assert reasons(violation(), date(2024, 12, 3)) == ("no_tariff",)
    assert cost(violation(), date(2024, 12, 4)).law == "592(2)"


def test_no_tariff_outside_the_known_years(violation: Make) -> None:
    spot = violation(offence="spot_speed")
    assert reasons(spot, date(2020, 12, 31)) == ("no_tariff",)
    assert reasons(spot, date(2027, 1, 1)) == ("no_tariff",)


def test_red_light_and_zone(violation: Make) -> None:
    red = violation(offence="red_light", measured_kmh=None, enforced_kmh=None, limit_kmh=None, red_ms=1800)
    assert (cost(red).law, cost(red).amount, cost(red).units) == (
        "599(1)",
        Decimal("43250.00"),
        "10 MRP of 4325",
    )
    zone = violation(offence="restricted_zone", measured_kmh=None, enforced_kmh=None, limit_kmh=None)
    assert (cost(zone).law, cost(zone).amount) == ("601(1)", Decimal("12975.00"))


def test_an_unsure_amount_blocks_the_fine(violation: Make) -> None:
    assert reasons(violation(offence="red_light"), date(2022, 6, 1)) == (
        "unsure:offences.red_light.2021-01-01.599(1)",
    )


def test_unsure_readings_are_named_where_they_were_used(violation: Make) -> None:
    assert cost(violation(enforced_kmh=125.0)).caveats == ("holidays",)
    assert cost(violation(enforced_kmh=130.0)).caveats == ("bound", "holidays")
    assert cost(violation(), date(2025, 12, 31), date(2026, 1, 5)).caveats == ("unit_day", "holidays")
    assert cost(violation(), date(2025, 12, 31), date(2026, 1, 5)).amount == Decimal("39320.00")


@pytest.mark.parametrize(
    ("issued", "last"),
    [
        (date(2022, 8, 1), date(2022, 8, 10)),  # the example of egov.kz
        (date(2026, 11, 16), date(2026, 11, 25)),  # Monday
        (date(2026, 11, 20), date(2026, 12, 1)),  # Friday: two weekends
        (date(2026, 11, 21), date(2026, 12, 1)),  # Saturday
        (date(2026, 12, 14), date(2026, 12, 24)),  # Independence Day on Wednesday the 16th
        (date(2026, 10, 20), date(2026, 10, 30)),  # Republic Day falls on Sunday: Monday the 26th is free
        (date(2026, 12, 28), date(2027, 1, 11)),  # New Year, Christmas and a carried-over Saturday
        (date(2026, 3, 19), date(2026, 4, 2)),  # Nauryz: 21 and 22 on a weekend, 23 Monday, two days moved
    ],
)
def test_the_last_day_of_the_discount(issued: date, last: date) -> None:
    stage = KZ.discounts[0].stages[0]
    assert (stage.count, stage.unit) == (7, "working_days")
    assert last_day(issued, 7, stage.unit, KZ.calendar) == last


def test_a_discount_that_leaves_the_calendar_blocks_the_fine(violation: Make) -> None:
    assert reasons(violation(), DAY, date(2027, 12, 30)) == ("no_calendar",)


@pytest.mark.parametrize(
    ("changes", "owner", "expected"),
    [
        ({}, {}, ()),
        ({"enforceable": False, "obstacles": ("certificate_expired",)}, {}, ("certificate_expired",)),
        ({"enforceable": False}, {}, ("not_enforceable",)),
        ({"certificate": ""}, {}, ("no_certificate",)),
        ({"plate": "", "plate_country": ""}, None, ("unread_plate",)),
        ({"plate": "A1B234", "plate_country": "pe"}, None, ("foreign_plate",)),
        ({"plate_country": ""}, {"country": "pe"}, ("foreign_plate",)),
        ({"plate": "34A36837", "plate_country": ""}, None, ("unknown_plate_format",)),
        ({}, None, ("no_owner",)),
        ({}, {"owner_name": " "}, ("no_owner",)),
        ({"plate_confidence": 0.89}, {}, ("low_confidence",)),
        ({"plate_confidence": 0.8999999761581421}, {}, ()),
        ({"country": "pe"}, {}, ("other_country",)),
    ],
)
def test_obstacles(
    violation: Make,
    vehicle: Make,
    changes: dict[str, Any],
    owner: dict[str, Any] | None,
    expected: tuple[str, ...],
) -> None:
    registered = None if owner is None else vehicle(**owner)
    assert obstacles(violation(**changes), registered, KZ, 0.9) == expected


def test_every_reason_at_once(violation: Make, review: Make, vehicle: Make) -> None:
    law = Law(KZ, lambda ms: datetime.fromtimestamp(ms / 1000, UTC).date(), 0.9)
    assert reasons_against(law, violation(), [review()], vehicle()) == ()
    assert reasons_against(None, violation(), [], vehicle()) == ("not_reviewed", "no_rule_pack")
    slow = violation(enforceable=False, obstacles=("certificate_expired",), enforced_kmh=112.0)
    no = review(decision="rejected", reason="other")
    assert reasons_against(law, slow, [no], None) == (
        "rejected:other",
        "certificate_expired",
        "no_owner",
        "below_threshold",
    )
