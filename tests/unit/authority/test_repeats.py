"""Repeated offences: which earlier fine counts, what it costs, and that the order of arrival does not matter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from fine_world import World

from waysight.authority.rulepacks import load_pack
from waysight.domain.fines.pricing import fine_id_of
from waysight.domain.periods import months_later

Make = Callable[..., Any]


@pytest.fixture
def pair(violation: Make, review: Make, vehicle: Make, at_ms: Make) -> Make:
    """Two offences of a plate: the first fined on 21 November 2026, the second reviewed a day after it occurred."""

    def make(second: str, **changes: Any) -> list[Any]:
        occurred_ms = at_ms(second)
        later = violation(violation_id="v2", occurred_ms=occurred_ms, **changes)
        decided = review(review_id="r2", violation_id="v2", reviewed_ms=occurred_ms + 86_400_000)
        return [vehicle(), violation(), review(), later, decided]

    return make


@pytest.mark.parametrize(
    ("second", "law", "amount"),
    [
        ("2026-11-21T05:00:01", "592(4)", 30 * 4325),
        ("2026-11-21T04:59:59", "592(2)", 10 * 4325),  # before the first was fined
        ("2026-12-30T05:00:00", "592(4)", 30 * 4325),
    ],
)
def test_a_second_offence_after_a_fine_is_repeated(pair: Make, second: str, law: str, amount: int) -> None:
    world = World()
    world.send(*pair(second))
    found = world.current()[fine_id_of("v2")]
    assert (found.law, found.amount) == (law, Decimal(amount))
    assert found.repeat_of == (fine_id_of("v1") if law == "592(4)" else "")
    assert ("repeat" in found.caveats.split(",")) == (law == "592(4)")
    assert world.current()[fine_id_of("v1")].law == "592(2)"


def test_a_year_later_it_is_a_first_offence_again() -> None:
    assert months_later(date(2026, 11, 21), 12) == date(2027, 11, 21)
    pack = load_pack("kz")
    assert pack.repeat_of("592(2)").within_months == 12  # type: ignore[union-attr]
    assert pack.repeat_of("592(1)") is None
    assert pack.repeat_of("592(3-1)") is None  # whether it is covered is not known


def test_a_low_tier_and_another_owner_are_no_repetition(pair: Make, vehicle: Make) -> None:
    world = World()
    world.send(*pair("2026-11-25T05:00:00", enforced_kmh=125.0))
    assert world.current()[fine_id_of("v2")].law == "592(1)"
    sold = World()
    records = pair("2026-11-25T05:00:00")
    sold.send(*records[:3])
    sold.fines()
    sold.send(vehicle(owner_id="800202400456", owner_name="B. Buyer"))
    sold.fines()
    sold.send(*records[3:])
    assert sold.current()[fine_id_of("v2")].law == "592(2)"


def test_an_unsure_amount_for_a_repetition_is_not_applied(pair: Make) -> None:
    red = {
        "offence": "red_light",
        "measured_kmh": None,
        "enforced_kmh": None,
        "limit_kmh": None,
        "section_id": "",
    }
    world = World()
    records = pair("2026-11-25T05:00:00", **red)
    records[1] = replace(records[1], **red)
    world.send(*records)
    found = world.current()[fine_id_of("v2")]
    assert (found.law, found.units) == ("599(1)", "10 MRP of 4325")
    assert found.repeat_of == fine_id_of("v1")
    assert "repeat" in found.caveats.split(",")


def test_when_the_first_fine_is_cancelled_the_second_is_a_first_offence(
    pair: Make, review: Make, at_ms: Make
) -> None:
    world = World()
    world.send(*pair("2026-11-25T05:00:00"))
    assert world.current()[fine_id_of("v2")].law == "592(4)"
    mistaken = review(
        review_id="r3", decision="rejected", reason="wrong_plate", reviewed_ms=at_ms("2026-12-01T05:00:00")
    )
    world.send(mistaken)
    second = world.current()[fine_id_of("v2")]
    assert (second.law, second.amount, second.repeat_of) == ("592(2)", Decimal(43250), "")
    assert world.current()[fine_id_of("v1")].status == "cancelled"


@pytest.mark.parametrize("seed", range(8))
def test_any_order_of_the_topics_gives_the_same_fines(
    seed: int, pair: Make, violation: Make, review: Make, at_ms: Make
) -> None:
    """Three offences of one plate, one of them before any fine; topics interleave, batches crash, a suffix repeats."""
    owner, *cases = pair("2026-11-25T05:00:00")
    early = violation(violation_id="v3", occurred_ms=at_ms("2026-11-18T05:00:00"))
    decided = review(review_id="r3", violation_id="v3", reviewed_ms=at_ms("2026-12-03T05:00:00"))
    violations, reviews = [early, *cases[0::2]], [*cases[1::2], decided]
    plain, world, rng = World(), World(seed=seed, crash_rate=0.2), random.Random(seed)
    plain.send(owner, *violations, *reviews)
    rng.shuffle(violations)  # reviews come in the order of their topic
    world.send(owner)
    queues = [violations, reviews]
    while any(queues):
        world.send(rng.choice([q for q in queues if q]).pop(0))
        if rng.random() < 0.5:
            world.fines()
    for name in ("violations", "reviews"):
        for partition in range(4):
            world.bus.replay(name, partition, rng.randint(0, 3))
    assert _rows(world) == _rows(plain)
    assert sorted(law for _, law, *_ in _rows(plain)) == ["592(2)", "592(2)", "592(4)"]


def _rows(world: World) -> set[tuple[Any, ...]]:
    return {(f.fine_id, f.law, f.amount, f.repeat_of, f.status) for f in world.current().values()}
