"""The fine processor: one fine per accepted violation, whatever the order, the batches and the replays."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fine_world import TOPIC, World

from waysight.domain.fines.facts import Case
from waysight.domain.fines.numbers import is_number
from waysight.domain.fines.pricing import fine_id_of
from waysight.messages import Fine

Make = Callable[..., Any]
DAY_MS = 86_400_000


def test_an_accepted_violation_becomes_one_fine(violation: Make, review: Make, vehicle: Make) -> None:
    world = World()
    world.send(vehicle(), violation(), review())
    (fine,) = world.fines()
    assert fine.fine_id == fine_id_of("v1")
    assert (fine.series, fine.serial) == (fine.number[:10], 1)
    assert is_number(fine.number)
    assert (fine.law, fine.amount, fine.discount_amount) == (
        "592(2)",
        Decimal("43250.00"),
        Decimal("21625.00"),
    )
    assert (fine.discount_until, fine.status, fine.version) == ("2026-12-01", "issued", 0)
    assert (fine.owner_name, fine.officer) == ("Айгерім Ә. Қасымова", "A. Officer")
    assert (fine.rule_pack.partition("+")[0], fine.caveats) == ("kz@2026.12", "holidays")
    headers = world.bus.messages("fines")[0].headers
    assert headers["ce_type"] == b"kz.waysight.fine"


def test_no_review_no_fine(violation: Make, vehicle: Make) -> None:
    world = World()
    world.send(vehicle(), violation())
    assert world.fines() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"plate_country": "pe"},
        {"enforceable": False, "obstacles": ("certificate_expired",)},
        {"plate_confidence": 0.5},
        {"enforced_kmh": 119.9},
        {"country": "ma"},
        {"certificate": ""},
    ],
)
def test_what_has_an_obstacle_is_never_fined(
    violation: Make, review: Make, vehicle: Make, changes: dict[str, Any]
) -> None:
    world = World()
    world.send(vehicle(), violation(**changes), review())
    assert world.fines() == []


def test_a_later_owner_issues_the_fine_and_dates_it(
    violation: Make, review: Make, vehicle: Make, at_ms: Make
) -> None:
    world = World()
    world.send(violation(), review())
    assert world.fines() == []
    known_ms = at_ms("2026-12-07T05:00:00")
    world.send(vehicle(), timestamp_ms=known_ms)
    (fine,) = world.fines()
    assert (fine.issued_ms, fine.discount_until) == (known_ms, "2026-12-17")


def test_a_vehicle_that_left_the_register_has_no_owner(violation: Make, review: Make, vehicle: Make) -> None:
    world = World()
    world.send(vehicle())
    world.bus.send("vehicles", "123ABC02", None)
    world.engine.run_until_idle()
    world.send(violation(), review())
    assert world.fines() == []


def test_the_latest_decision_stands(violation: Make, review: Make, vehicle: Make) -> None:
    world = World()
    first = review()
    no = review(review_id="r2", decision="rejected", reason="wrong_plate", reviewed_ms=first.reviewed_ms + 10)
    again = review(review_id="r3", reviewed_ms=first.reviewed_ms + 20)
    world.send(vehicle(), violation(), first)
    world.engine.run_until_idle()
    world.send(no)
    assert [(f.status, f.version) for f in world.fines()] == [("issued", 0), ("cancelled", 1)]
    world.send(first)
    assert len(world.fines()) == 2
    world.send(again)
    fines = world.fines()
    assert [(f.status, f.version) for f in fines][2:] == [("issued", 2)]
    assert len({f.number for f in fines}) == 1


def test_payments_settle_a_fine(
    violation: Make, review: Make, vehicle: Make, payment: Make, at_ms: Make
) -> None:
    number = fine_id_of("v1")
    world = World()
    world.send(payment(number, amount=Decimal("20000.00")))
    world.send(vehicle(), violation(), review())
    (fine,) = world.current().values()
    assert (fine.status, fine.paid) == ("issued", Decimal("20000.00"))
    world.send(payment(number, amount=Decimal("20000.00")))
    assert world.current()[fine.fine_id].version == fine.version
    late = payment(number, payment_id="p2", amount=Decimal("1625.00"), paid_ms=at_ms("2026-12-01T19:00:00"))
    world.send(late)
    assert world.current()[fine.fine_id].status == "issued", "2 December in Almaty: the discount is over"
    world.send(
        payment(number, payment_id="p3", amount=Decimal("1625.00"), paid_ms=at_ms("2026-12-01T18:59:00"))
    )
    paid = world.current()[fine.fine_id]
    assert (paid.status, paid.paid) == ("paid", Decimal("23250.00"))


def test_the_whole_amount_settles_at_any_time(
    violation: Make, review: Make, vehicle: Make, payment: Make, at_ms: Make
) -> None:
    world = World()
    world.send(vehicle(), violation(), review())
    (fine,) = world.current().values()
    world.send(payment(fine.number, amount=Decimal("43249.99"), paid_ms=at_ms("2027-06-01T00:00:00")))
    assert world.current()[fine.fine_id].status == "issued"
    world.send(
        payment(fine.number, payment_id="p2", amount=Decimal("0.01"), paid_ms=at_ms("2027-06-01T00:00:00"))
    )
    assert world.current()[fine.fine_id].status == "paid"


def test_unusable_records_become_dead_letters_and_the_rest_goes_on(
    violation: Make, review: Make, vehicle: Make, payment: Make
) -> None:
    world = World()
    world.bus.send("violations", "123ABC02", b"\x07garbage")
    world.send(
        review(officer=" "),
        review(decision="rejected", reason=""),
        violation(violation_id="v9", occurred_ms=10**17),
    )
    world.send(payment("KZ-1", amount=Decimal("-5.00")), vehicle(), violation(), review())
    assert len(world.fines()) == 1
    assert len(world.letters()) == 5
    (fine,) = world.fines()
    world.send(payment(fine.number, currency="PEN"))
    assert "PEN" in world.letters()[-1]


@pytest.mark.parametrize("seed", range(12))
def test_any_order_batches_crashes_and_replays_give_the_same_fines(
    seed: int, violation: Make, review: Make, vehicle: Make, payment: Make
) -> None:
    records: list[Any] = []
    for i in range(12):
        plate = f"{100 + i}ABC02"
        number = fine_id_of(f"v{i}")
        records += [violation(violation_id=f"v{i}", plate=plate, enforced_kmh=125.0 + 5 * i)]
        records += [vehicle(plate=plate)] * (i % 4 != 0)
        records += [review(violation_id=f"v{i}", review_id=f"r{i}", plate=plate)] * (i % 5 != 0)
        records += [payment(number, plate=plate, payment_id=f"p{i}")] * (i % 3 == 0)
    shuffled = [*records]
    random.Random(seed).shuffle(shuffled)
    plain, wild = World(), World(seed=seed, crash_rate=0.2)
    plain.send(*records)
    for record in shuffled:
        wild.send(record)
        if seed % 2:
            wild.engine.run_until_idle()
    for topic in TOPIC.values():
        for partition in range(4):
            wild.bus.replay(topic, partition, 3)

    def rows(world: World) -> dict[str, Fine]:
        return {
            i: replace(f, version=0, number="", serial=0, origin_partition=0, origin_offset=0, ordinal=0)
            for i, f in world.current().items()
        }

    assert rows(wild) == rows(plain)
    assert len(rows(plain)) == sum(1 for i in range(12) if i % 4 and i % 5)


def test_silence_empties_the_state(violation: Make, review: Make, vehicle: Make, payment: Make) -> None:
    world = World()
    world.send(vehicle(), violation(), review(), payment("KZ-2026-UNKNOWN"))
    world.send(violation(violation_id="v2"), violation(violation_id="v3", plate="555ABC02"))
    world.engine.run_until_idle()
    cases = lambda: [k for p in range(4) for k, _ in world.engine.state("fine", p).items("stories", Case)]  # noqa: E731
    assert sorted(cases()) == ["v1", "v2", "v3"]
    for days, left in ((401, ["v1"]), (1827, [])):
        tick_ms = violation().occurred_ms + 10 * DAY_MS + days * DAY_MS
        for partition in range(4):
            world.bus.send("vehicles", "X", None, partition=partition, timestamp_ms=tick_ms)
        world.engine.run_until_idle()
        assert cases() == left
    for table in ("open", "near", "persons", "early", "numbers", "unsure"):
        assert [k for p in range(4) for k, _ in world.engine.state("fine", p).items(table, dict)] == []


def test_what_a_replay_changed_counts_until_an_officer_has_decided(
    violation: Make, review: Make, vehicle: Make
) -> None:
    decision = review()
    revised = violation(enforced_kmh=171.0, limit_kmh=110.0, revised_ms=decision.reviewed_ms - 1)
    world = World()
    world.send(vehicle(), violation(), revised, violation(), decision)
    (fine,) = world.fines()
    assert fine.enforced_kmh == 171.0


def test_what_a_replay_changed_after_the_decision_changes_no_fine(
    violation: Make, review: Make, vehicle: Make
) -> None:
    decision = review()
    late = violation(enforced_kmh=171.0, revised_ms=decision.reviewed_ms + 1)
    world = World()
    world.send(vehicle(), violation(), decision)
    assert len(world.fines()) == 1
    world.send(late)
    assert [f.enforced_kmh for f in world.fines()] == [violation().enforced_kmh]
    # The officer saw another case than the one that stands now: it takes a new decision.
    unseen = World()
    unseen.send(vehicle(), violation(), late, decision)
    assert unseen.fines() == []
    unseen.send(replace(decision, review_id="again", reviewed_ms=late.revised_ms + 1))
    assert [f.enforced_kmh for f in unseen.fines()] == [171.0]
