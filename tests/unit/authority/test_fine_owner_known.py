"""A fine is not older than the register's word of its owner, whichever of register entry and review is read first."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from fine_world import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Make = Callable[..., Any]
DAY_MS = 86_400_000


def interleaved(records: list[Any], rng: Random) -> list[Any]:
    """In a random order, those of one kind in their own, as their topic has them."""
    queues: dict[type, list[Any]] = {}
    for record in records:
        queues.setdefault(type(record), []).append(record)
    kinds = [kind for kind, queue in queues.items() for _ in queue]
    rng.shuffle(kinds)
    return [queues[kind].pop(0) for kind in kinds]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    named_day=st.integers(-30, 30),
    nameless=st.booleans(),
    told_again=st.lists(st.integers(1, 20), max_size=2),
    sold=st.booleans(),
    seed=st.integers(1, 10_000),
)
def test_review_and_entry_in_either_order_give_one_date(
    named_day: int,
    nameless: bool,
    told_again: list[int],
    sold: bool,
    seed: int,
    violation: Make,
    review: Make,
    vehicle: Make,
) -> None:
    """An entry may lack the owner's name at first, be imported again, and be followed by the next owner's."""
    offence, accepted, rng = violation(), review(), Random(seed)
    named_ms = accepted.reviewed_ms + named_day * DAY_MS
    register = [(vehicle(owner_name=" "), named_ms - DAY_MS)] if nameless else []
    register += [(vehicle(), named_ms)]
    register += [(vehicle(colour="red"), named_ms + days * DAY_MS) for days in sorted(told_again)]
    if sold:
        buyer = vehicle(owner_id="77", owner_name="B. Buyer", owner_since_ms=offence.occurred_ms + 1)
        register.append((buyer, named_ms + 25 * DAY_MS))
    told_ms = {id(entry): at_ms for entry, at_ms in register}
    for _ in range(2):
        world = World(seed=seed, crash_rate=0.2)
        for record in interleaved([offence, accepted, *(entry for entry, _ in register)], rng):
            world.send(record, timestamp_ms=told_ms.get(id(record), 0))
            if rng.random() < 0.5:
                world.fines()
        for partition in range(4):
            world.bus.replay("vehicles", partition, rng.randint(0, len(register)))
        (fine,) = world.current().values()
        assert fine.issued_ms == max(accepted.reviewed_ms, named_ms)
        assert (fine.owner_id, fine.version) == (vehicle().owner_id, 0)


def test_another_owner_of_the_same_beginning_is_known_anew(
    violation: Make, review: Make, vehicle: Make
) -> None:
    """Who is corrected into the register after the acceptance is not fined as if it had always named them."""
    accepted = review()
    wrong, right = vehicle(owner_id="1", owner_name="A. Wrong"), vehicle()
    world = World()
    world.send(wrong, timestamp_ms=accepted.reviewed_ms - DAY_MS)
    world.send(right, timestamp_ms=accepted.reviewed_ms + DAY_MS)
    world.send(violation(), accepted)
    (fine,) = world.fines()
    assert (fine.owner_id, fine.issued_ms) == (right.owner_id, accepted.reviewed_ms + DAY_MS)


def test_an_entry_known_before_the_acceptance_dates_nothing(
    violation: Make, review: Make, vehicle: Make
) -> None:
    accepted = review()
    world = World()
    world.send(violation(), accepted)
    world.send(vehicle(), timestamp_ms=accepted.reviewed_ms - 1)
    (fine,) = world.fines()
    assert fine.issued_ms == accepted.reviewed_ms
