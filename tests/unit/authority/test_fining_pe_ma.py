"""Peru and Morocco: bounds, years, stages, referrals, and what an unsure value blocks until it is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from waysight.authority.rulepacks import load_pack
from waysight.domain.confirming import confirmation_of, confirmed, unsure_values
from waysight.domain.fines.pricing import (
    NoFine,
    Price,
    appeal_until,
    limitation_until,
    price,
    prosecution_until,
    referral_of,
)
from waysight.domain.rulepack import RulePack

DAY = date(2026, 11, 16)  # a Monday
Make = Callable[..., Any]


def everything(country: str, *also: str) -> RulePack:
    """A pack whose amounts and tolerances were confirmed, and the values `also`."""
    pack = load_pack(country)
    known = [v.path for v in unsure_values(pack) if v.path.startswith(("offences.", "tolerances.", *also))]
    return confirmed(pack, [confirmation_of(pack, p, "", "A. Jurist", "head", "text", 1) for p in known])


PE, MA = everything("pe"), everything("ma")


def speed(violation: Make, over: float, **changes: Any) -> Any:
    return violation(offence="spot_speed", limit_kmh=60.0, enforced_kmh=60.0 + over, **changes)


def cost(found: Any, pack: RulePack, day: date = DAY, **options: Any) -> Price:
    result = price(found, pack, day, day, **options)
    assert isinstance(result, Price), result
    return result


def reasons(found: Any, pack: RulePack, day: date = DAY, **options: Any) -> tuple[str, ...]:
    result = price(found, pack, day, day, **options)
    assert isinstance(result, NoFine), result
    return result.reasons


@pytest.mark.parametrize(
    ("over", "amount", "points"),
    [(0.1, "990.00", 50), (10.0, "990.00", 50), (10.1, "1320.00", 60), (30.0, "1320.00", 60), (30.1, "2750.00", 70)],
)  # fmt: skip
def test_tiers_of_peru(violation: Make, over: float, amount: str, points: int) -> None:
    found = cost(speed(violation, over), PE)
    assert (found.law, str(found.amount), found.points, found.currency) == ("M20", amount, points, "PEN")
    assert found.stages == ()
    assert (found.discount_amount, found.discount_until) == (found.amount, DAY)


def test_exactly_the_limit_is_no_offence_in_peru_and_ten_over_is_one_in_kazakhstan(violation: Make) -> None:
    assert reasons(speed(violation, 0.0), PE) == ("below_threshold",)
    assert not PE.offence("spot_speed").reached(0.0, DAY)  # type: ignore[union-attr]
    assert load_pack("kz").offence("spot_speed").reached(10.0, DAY)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("over", "law", "amount", "points"),
    [(0.1, "186", "300.00", 0), (20.0, "186", "300.00", 0), (20.1, "185", "500.00", 4), (29.9, "185", "500.00", 4),
     (30.0, "184", "700.00", 4), (49.9, "184", "700.00", 4)],
)  # fmt: skip
def test_classes_of_morocco(violation: Make, over: float, law: str, amount: str, points: int) -> None:
    found = cost(speed(violation, over), MA)
    assert (found.law, str(found.amount), found.points, found.units) == (law, amount, points, "")
    assert ("bound" in found.caveats) == (over == 20.0)


@pytest.mark.parametrize("over", [50.0, 50.1, 120.0])
def test_fifty_over_goes_to_the_court_in_morocco(violation: Make, over: float) -> None:
    found = referral_of(speed(violation, over), MA, DAY)
    assert found is not None
    assert (found.law, found.refer_to) == ("délit", "court")
    assert reasons(speed(violation, over), MA) == ("referral",)
    assert referral_of(speed(violation, 49.9), MA, DAY) is None


def test_the_oncoming_lane_goes_to_the_court_in_kazakhstan_confirmed_or_not(violation: Make) -> None:
    for pack, caveats in ((load_pack("kz"), ("oncoming",)), (everything("kz"), ())):
        found = referral_of(violation(offence="wrong_way"), pack, DAY)
        assert found is not None
        assert (found.law, found.refer_to, found.caveats) == ("596(3)", "court", caveats)
        assert reasons(violation(offence="wrong_way"), pack) == ("referral",)
        assert pack.two_officers("wrong_way", DAY)
        assert not pack.two_officers("spot_speed", DAY)
        assert not pack.two_officers("wrong_way", date(2023, 12, 31))


@pytest.mark.parametrize(
    ("country", "offence", "paths"),
    [
        ("pe", "spot_speed", ("unsure:tolerances.spot_speed.2021-01-01",)),
        ("pe", "wrong_way", ("unsure:offences.wrong_way.2021-01-01.M16",)),
        ("ma", "red_light", ("unsure:offences.red_light.2025-03-01.184",)),
        ("ma", "spot_speed", ("unsure:offences.spot_speed.2025-03-01.185", "unsure:tolerances.spot_speed.2021-01-01")),
    ],
)  # fmt: skip
def test_an_unsure_value_blocks_until_a_person_confirms_it(
    violation: Make, country: str, offence: str, paths: tuple[str, ...]
) -> None:
    pack, found = load_pack(country), speed(violation, 25.0)
    found = found if offence == "spot_speed" else violation(offence=offence)
    assert reasons(found, pack) == paths
    words = [
        confirmation_of(pack, p.removeprefix("unsure:"), "", "A. Jurist", "head", "text", 1) for p in paths
    ]
    assert isinstance(price(found, confirmed(pack, words), DAY, DAY), Price)
    assert reasons(found, confirmed(pack, words[1:]))[0] == paths[0]


def test_the_old_amounts_stay_those_of_the_old_days(violation: Make) -> None:
    raw = load_pack("ma")
    assert str(cost(violation(offence="red_light"), raw, date(2025, 2, 28)).amount) == "700.00"
    assert reasons(violation(offence="red_light"), raw, date(2025, 3, 1))[0].startswith("unsure:")
    assert str(cost(speed(violation, 5.0), PE, date(2025, 12, 31)).amount) == "963.00"
    assert reasons(speed(violation, 5.0), PE, date(2022, 1, 13)) == ("no_tariff",)
    assert str(cost(speed(violation, 5.0), PE, date(2022, 1, 14)).amount) == "828.00"


def test_stages_of_peru_over_a_weekend_and_a_holiday(violation: Make) -> None:
    lane = violation(offence="bus_lane")
    waiting = cost(lane, PE)
    assert [(str(s.amount), s.until) for s in waiting.stages] == [("74.80", None), ("145.20", None)]
    assert waiting.due_on(date(2027, 6, 1)) == Decimal("74.80"), "the clock has not begun"
    served = cost(lane, PE, served_on=date(2026, 12, 3))  # Thursday; 8 and 9 December are holidays
    assert served.discount_until == date(2026, 12, 14)
    assert served.due_on(date(2026, 12, 14)) == Decimal("74.80")
    assert served.due_on(date(2026, 12, 15)) == Decimal("145.20")
    assert served.caveats == ("holidays", "clock")


def test_stages_of_morocco(violation: Make) -> None:
    found = cost(violation(offence="red_light"), MA, served_on=DAY)
    due = [
        str(found.due_on(date(2026, 11, d) if d < 31 else date(2026, 12, d - 30)))
        for d in (16, 17, 18, 30, 31, 32)
    ]
    assert due == ["400.00", "400.00", "500.00", "500.00", "500.00", "700.00"]
    assert "clock" in found.caveats
    assert "holidays" not in found.caveats


@pytest.mark.parametrize(
    ("payments", "settled"),
    [
        ([(17, "400")], 17), ([(17, "399.99")], None), ([(18, "400")], None), ([(18, "400"), (19, "100")], 19),
        ([(17, "200"), (17, "200")], 17), ([(19, "100"), (17, "300"), (18, "100")], 19), ([], None),
    ],
)  # fmt: skip
def test_when_payments_settle_a_fine(
    violation: Make, payments: list[tuple[int, str]], settled: int | None
) -> None:
    found = cost(violation(offence="red_light"), MA, served_on=DAY)
    paid = [(date(2026, 11, d), Decimal(a)) for d, a in payments]
    assert found.settled_by(paid) == (settled and date(2026, 11, settled))


def test_the_same_code_again_is_double_in_peru(violation: Make) -> None:
    repeat = PE.repeat_of("M20")
    assert repeat is not None
    assert (repeat.of, repeat.law, repeat.within_months) == (("M20",), "M20", 12)
    again = cost(speed(violation, 12.0), PE, repeat=repeat)
    assert (str(again.amount), again.units, again.caveats) == ("2640.00", "0.48 UIT of 5500", ("repeat",))
    lane = cost(violation(offence="bus_lane"), PE, repeat=repeat)
    assert str(lane.amount) == "440.00", "another code is no repetition"


def test_a_repeated_first_class_offence_is_never_fined_in_morocco(violation: Make) -> None:
    repeat = MA.repeat_of("184")
    assert repeat is not None
    red = violation(offence="red_light")
    assert reasons(red, MA, repeat=repeat) == ("unsure:repeats.184/219",)
    assert referral_of(red, MA, DAY, repeat) is None
    sure = everything("ma", "repeats.")
    known = sure.repeat_of("184")
    found = referral_of(red, sure, DAY, known)
    assert found is not None
    assert found.refer_to == "court"
    assert reasons(red, sure, repeat=known) == ("referral",)


@pytest.mark.parametrize(
    ("country", "limit", "expected"),
    [("kz", 60.0, 0.0), ("pe", 60.0, 5.0), ("ma", 40.0, 4.0), ("ma", 60.0, 6.0), ("ma", 70.0, 7.0), ("ma", 120.0, 7.0)],
)  # fmt: skip
def test_tolerances(country: str, limit: float, expected: float) -> None:
    assert load_pack(country).tolerance_kmh("spot_speed", limit, DAY) == expected
    assert load_pack(country).tolerance_kmh("red_light", limit, DAY) == 0.0


@pytest.mark.parametrize("country", ["kz", "pe", "ma"])
def test_periods_that_nobody_confirmed_say_nothing(country: str) -> None:
    pack = load_pack(country)
    assert appeal_until(pack, DAY, DAY) is None
    assert limitation_until(pack, DAY, DAY, DAY) is None
    assert prosecution_until(pack, DAY) is None
    words = [
        confirmation_of(pack, "appeal", "10 days", "A. Jurist", "head", "text", 1),
        confirmation_of(pack, "limitation", "2 months", "A. Jurist", "head", "text", 1),
    ]
    sure = confirmed(pack, words)
    assert appeal_until(sure, DAY, None) is None, "it runs from service"
    assert appeal_until(sure, DAY, date(2026, 11, 20)) == date(2026, 11, 30)
    assert limitation_until(sure, DAY, date(2026, 12, 31), None) == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("offence", "law", "amount"),
    [
        ("restricted_hours", "601(1)", "12975.00"), ("bus_lane", "601(1)", "12975.00"), ("stop_line", "601(1)", "12975.00"),
        ("no_plate", "590", "43250.00"), ("box_junction", "594(1)", "12975.00"), ("pavement", "596(1)", "64875.00"),
        ("shoulder", "596(1)", "64875.00"), ("overtaking", "596(2)", "64875.00"), ("illegal_stopping", "597(1)", "21625.00"),
        ("illegal_parking", "597(1)", "21625.00"), ("double_parking", "597(3)", "43250.00"),
    ],
)  # fmt: skip
def test_offences_of_kazakhstan(violation: Make, offence: str, law: str, amount: str) -> None:
    found = cost(violation(offence=offence), load_pack("kz"))
    assert (found.law, str(found.amount)) == (law, amount)


PERIODS = {
    "kz": {"appeal": "10 days", "nomination": "", "limitation": "12 months", "prosecution": "2 months"},
    "pe": {
        "appeal": "5 working_days",
        "nomination": "",
        "limitation": "24 months",
        "prosecution": "48 months",
    },
    "ma": {"appeal": "", "nomination": "", "limitation": "12 months", "prosecution": "12 months"},
}
TRIGGERS = {"appeal": "served", "nomination": "served", "limitation": "issued", "prosecution": "occurred"}


@pytest.mark.parametrize("country", sorted(PERIODS))
def test_the_periods_as_far_as_they_are_known(country: str) -> None:
    pack = load_pack(country)
    for name, said in PERIODS[country].items():
        period = getattr(pack, name)
        assert (period.said, period.trigger, period.confidence) == (said, TRIGGERS[name], "unsure"), name


def test_when_an_offence_may_be_fined_at_the_latest() -> None:
    kz = load_pack("kz")
    sure = confirmed(kz, [confirmation_of(kz, "prosecution", "", "A. Jurist", "head", "art. 62", 1)])
    assert prosecution_until(sure, date(2026, 11, 20)) == date(2027, 1, 20)
    assert prosecution_until(sure, date(2026, 12, 31)) == date(2027, 2, 28)


UNSURE = [
    ("kz", "pedestrian_priority", "600(1)", "10"), ("kz", "no_insurance", "230", "10"), ("kz", "no_inspection", "590", "5"),
    *(("pe", o, "G57", "0.08") for o in ("stop_line", "solid_line", "illegal_turn")),
    ("pe", "box_junction", "G70", "0.08"), ("pe", "double_parking", "G40-G52", "0.08"), ("pe", "no_plate", "M24", "0.12"),
    ("pe", "no_inspection", "M27", "0.12"), ("pe", "no_insurance", "M28", "0.12"),
    *(("ma", o, "185", "500") for o in ("pedestrian_priority", "shoulder")),
    *(("ma", o, "186", "300") for o in ("stop_line", "restricted_zone", "restricted_hours", "illegal_turn", "illegal_stopping",
                                        "illegal_parking", "double_parking", "box_junction", "pavement")),
    *(("ma", o, "184", "700") for o in ("no_plate", "no_inspection", "bus_lane")),
]  # fmt: skip


@pytest.mark.parametrize(("country", "offence", "law", "price"), UNSURE)
def test_what_is_not_sure_waits_for_a_named_person(
    violation: Make, country: str, offence: str, law: str, price: str
) -> None:
    pack = load_pack(country)
    path = f"offences.{offence}.2021-01-01.{law}"
    assert reasons(violation(offence=offence), pack) == (f"unsure:{path}",)
    word = confirmation_of(pack, path, "", "A. Jurist", "head", "text", 1)
    found = cost(violation(offence=offence), confirmed(pack, [word]))
    unit = {"kz": Decimal(4325), "pe": Decimal(5500), "ma": Decimal(1)}[country]
    assert (found.law, found.amount) == (law, Decimal(price) * unit)


@pytest.mark.parametrize(
    ("country", "offence"),
    [("ma", "average_speed"), ("ma", "no_insurance"), ("pe", "average_speed"), ("pe", "illegal_stopping"),
     ("pe", "pavement"), ("pe", "shoulder"), ("pe", "overtaking"), ("pe", "pedestrian_priority")],
)  # fmt: skip
def test_what_no_text_was_read_for_has_no_tariff_and_says_why(
    violation: Make, country: str, offence: str
) -> None:
    pack = load_pack(country)
    assert reasons(violation(offence=offence), pack) == ("no_tariff",)
    assert pack.without_tariff[offence]
