"""What becomes of notices in the simulated month: by the truth's own arithmetic, and by the real processors."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from waysight.evaluation.month.run import Order, run_month
from waysight.settings import Settings
from waysight.simulate.month import habits, traffic
from waysight.simulate.month.acts import ACTS
from waysight.simulate.month.affairs import AFFAIRS
from waysight.simulate.month.court import last_day, moment_ms
from waysight.simulate.month.deed import NOBODY, Deed
from waysight.simulate.month.deeds import DEEDS
from waysight.simulate.month.fates import FATES, lived
from waysight.simulate.month.habits import VERDICTS
from waysight.simulate.month.streets import Streets
from waysight.simulate.month.tariffs import KZ, MA, NATIONS, PE
from waysight.simulate.month.truth import Truth

_DAY_MS = 86_400_000
_AT_MS = moment_ms(KZ, date(2026, 6, 1), 12)  # a Monday


def _deed(**more: object) -> Deed:
    given: dict[str, object] = {
        "offence": "spot_speed", "sightings": ("0" * 32,), "camera_id": "d0-spot", "plate": "1", "owner": 5,
        "occurred_ms": _AT_MS, "over_kmh": 25.0, "enforceable": True, "other": 9, **more,
    }  # fmt: skip
    return Deed(**given)  # type: ignore[arg-type]


def _ruled(*deeds: Deed) -> list[tuple[str, Decimal] | None]:
    truth = Truth(KZ)
    for deed in deeds:
        truth.add(deed)
    found = [truth.ruling(deed) for deed in deeds]
    return [None if r is None or r.sum is None else (r.status, r.sum.amount) for r in found]


def test_days_on_which_something_was_pending_are_not_counted() -> None:
    day, hold = date(2026, 6, 1), ((date(2026, 6, 8), date(2026, 6, 12)),)
    assert last_day(KZ, day, 7, True) == date(2026, 6, 10)
    assert last_day(KZ, day, 7, True, hold) == date(2026, 6, 16)
    assert last_day(MA, day, 15, False, hold) == date(2026, 6, 20)
    assert last_day(KZ, day, 7, True, ((date(2026, 6, 11), date(2026, 6, 30)),)) == date(2026, 6, 10)


@pytest.mark.parametrize(
    ("verdict", "since_h", "until_h"),
    [
        ("", 0, None),
        ("rejected", None, None),
        ("reconsidered", 3, None),
        ("sampled", 0, 80),
        ("disagreed", 0, 1),
    ],
)
def test_what_officers_say_in_the_end(verdict: str, since_h: int | None, until_h: int | None) -> None:
    first_ms = habits.reviews(KZ, _deed())[0].at_ms
    found = habits.accepted_ms(KZ, _deed(verdict=verdict))
    assert found == tuple(None if h is None else first_ms + h * 3_600_000 for h in (since_h, until_h))


def test_one_of_two_officers_is_not_enough() -> None:
    two = _deed(offence="wrong_way", verdict="disagreed")
    assert habits.accepted_ms(KZ, two) == (None, None)
    assert len({s.officer for s in habits.reviews(KZ, replace(two, verdict=""))}) == 2


@pytest.mark.parametrize("offence", ["spot_speed", "wrong_way"])
def test_whoever_mends_a_plate_does_not_decide(offence: str) -> None:
    misread = _deed(offence=offence, plate="2", mended_to="1")
    mended = replace(misread, plate="1", mended_to="", mended=True)
    (returned,), said = habits.reviews(KZ, misread), habits.reviews(KZ, mended)
    assert returned.decision == "returned"
    assert len({returned.officer, *(s.officer for s in said)}) == 1 + len(said)
    assert habits.accepted_ms(KZ, misread) == (None, None)
    assert habits.accepted_ms(KZ, mended) == (said[-1].at_ms, None)
    assert said[0].at_ms > returned.at_ms
    assert _ruled(_deed(mended_to="3"), _deed(plate="3", mended=True)) == [
        None,
        ("issued", Decimal("43250.00")),
    ]


def test_of_one_act_the_graver_stands_unless_the_other_was_paid() -> None:
    late, unpaid, paid = "5" + "0" * 31, "0" * 32, "0" * 8 + "1" + "0" * 23
    for first, expected in ((unpaid, ["cancelled", "issued"]), (paid, ["paid", None])):
        light = _deed(sightings=(first,), act="a", weight=(15.0,), over_kmh=15.0)
        grave = _deed(sightings=(late,), act="a", weight=(30.0,), over_kmh=30.0, offence="average_speed")
        assert [r and r[0] for r in _ruled(light, grave)] == expected
    lesser = _deed(sightings=(late,), act="a", weight=(1.0,), over_kmh=12.0, offence="average_speed")
    assert [r and r[0] for r in _ruled(_deed(act="a", weight=(2.0,)), lesser)] == ["issued", None]


def test_what_goes_to_court_is_one_act_with_what_does_not() -> None:
    """Morocco: over 50 km/h above the limit is an offence for a court; a section has no price there."""
    whole = _deed(
        offence="average_speed", owner=NOBODY, enforceable=False, over_kmh=45.0, act="a", weight=(45.0,)
    )
    first, late = "0" * 32, "5" + "0" * 31
    court = _deed(sightings=(late,), act="a", weight=(65.0,), over_kmh=65.0)
    notice = _deed(sightings=(first,), act="a", weight=(25.0,))
    lesser = replace(notice, sightings=(late,))
    graver = replace(court, sightings=(first,))
    for deeds, expected in (
        ((whole, court), ["", "issued"]),
        ((notice, court), ["cancelled", "issued"]),
        ((graver, lesser), ["issued", ""]),
    ):
        truth = Truth(MA)
        for deed in deeds:
            truth.add(deed)
        rulings = [truth.ruling(deed) for deed in deeds]
        assert [r.status if r else "" for r in rulings] == expected
        assert [r.refer for d, r in zip(deeds, rulings, strict=True) if r and d.over_kmh == 65.0] == ["court"]


def test_a_penalty_counts_against_whom_it_stands() -> None:
    again = _deed(sightings=("1" * 32,), occurred_ms=_AT_MS + 20 * _DAY_MS)
    first, worse = Decimal("43250.00"), Decimal("129750.00")
    assert [r and r[1] for r in _ruled(_deed(), again)] == [first, worse]
    for fate in ("nominated", "appeal_won", "cancelled", "sold_before"):
        assert [r and r[1] for r in _ruled(_deed(fate=fate), again)] == [first, first], fate
    driver = replace(again, owner=9)
    assert [r and r[1] for r in _ruled(_deed(fate="nominated"), driver)] == [first, worse]
    soon = replace(driver, occurred_ms=_AT_MS + 2 * _DAY_MS)  # before it was his
    assert [r and r[1] for r in _ruled(_deed(fate="nominated"), soon)] == [first, first]


@pytest.mark.parametrize("fate", [*FATES, "faulty"])
def test_acts_come_after_the_issue_in_order_of_time(fate: str) -> None:
    for nation in NATIONS.values():
        steps = lived(nation, _deed(fate=fate), _AT_MS).steps
        times = [s.at_ms for s in steps]
        assert times == sorted(set(times))
        assert times[0] > _AT_MS
        assert steps[0].kind == "served"


def test_money_of_another_country_settles_nothing() -> None:
    pays_at_once = "0" * 8 + "1" + "0" * 23
    ends = {}
    for fate in ("", "foreign_money", "foreign_money_first"):
        truth, deed = Truth(KZ), _deed(fate=fate, sightings=(pays_at_once,))
        truth.add(deed)
        ruling = truth.ruling(deed)
        assert ruling is not None
        ends[fate] = (ruling.status, ruling.paid, ruling.refund, len(ruling.parts))
    half = Decimal("21625.00")
    assert ends == {
        "": ("paid", half, 0, 1), "foreign_money": ("issued", 0, 0, 1), "foreign_money_first": ("paid", half, 0, 2),
    }  # fmt: skip


def test_every_deed_fate_and_verdict_is_met() -> None:
    assert math.gcd(len(DEEDS), 6 * len(FATES) * len(VERDICTS) * 5) == 1
    assert math.gcd(len(FATES), 2) == 1, "of each fate there are both offences of `_offends`"


@pytest.mark.parametrize(
    ("country", "deeds"),
    [
        ("kz", tuple(ACTS)),
        ("pe", ("affair", "sold")),
        ("ma", ("affair", "radar", "faulty")),
        ("kz", tuple(AFFAIRS)),
        ("ma", ("affair", "misread")),
        ("pe", ("without-video",)),
    ],
)
def test_the_real_processors_follow_each_life(
    country: str, deeds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "DEEDS", {name: DEEDS[name] for name in deeds})
    monkeypatch.setattr(traffic, "DEED_EVERY", 2)
    monkeypatch.setattr(traffic, "LONG_AGO_DAYS", ())
    score = run_month(Order(country, date(2025, 12, 30), 1, 44, 3), Settings())
    assert not score.differences
    assert score.right
    assert score.fines.truth > 5


def test_the_same_lives_on_another_seed() -> None:
    one, two = (traffic.Traffic(Streets(PE, date(2026, 3, 2)), 1500, 2, seed) for seed in (1, 2))
    assert list(one.events()) != list(two.events())
    fates = {d.fate for t in (one, two) for d in t.truth.deeds.values()}
    assert len(fates) > 5
