"""Any order, any batches, crashes and replays of the same facts give the same fines and the same history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from fine_world import CODEC, TOPIC, World
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from waysight.domain.fines.actions import ACTS
from waysight.domain.fines.pricing import fine_id_of
from waysight.messages import Fine, FineAction

Make = Callable[..., Any]
DAY_MS = 86_400_000
KINDS = sorted(ACTS)
PLATES = {"v1": "123ABC02", "v2": "123ABC02", "v3": "777ABC02", "v4": "555ABC02"}


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[tuple[Any, ...]], list[int], int]:
    """Facts in words, an order of them, and a seed of the engine."""
    facts: list[tuple[Any, ...]] = []
    for name in PLATES:
        facts += [("violation", name), ("review", name, draw(st.integers(0, 3)))]
        if draw(st.booleans()):
            facts.append(("reject", name, draw(st.integers(0, 20))))
    for n in range(draw(st.integers(0, 12))):
        name, day = draw(st.sampled_from(sorted(PLATES))), draw(st.integers(4, 40))
        if draw(st.booleans()):
            facts.append(("pay", name, day, n, draw(st.sampled_from([100, 10_000, 21_625, 43_250, 129_750]))))
        else:
            facts.append(("act", name, day, n, draw(st.sampled_from(KINDS)), draw(st.integers(1, 50_000))))
    order = draw(st.permutations(range(len(facts))))
    return facts, order, draw(st.integers(0, 10_000))


def record(fact: tuple[Any, ...], violation: Make, review: Make, payment: Make) -> Any:
    """A fact in words as a record; v1 and v3 are a week before v2 and v4, all of one owner."""
    kind, name, *rest = fact
    plate, start_ms = PLATES[name], violation().occurred_ms
    occurred_ms = start_ms + (7 * DAY_MS if name in ("v2", "v4") else 0)
    if kind == "violation":
        return violation(violation_id=name, plate=plate, occurred_ms=occurred_ms)
    if kind == "review":
        return review(
            review_id=f"r-{name}", violation_id=name, plate=plate, reviewed_ms=occurred_ms + rest[0] * DAY_MS
        )
    if kind == "reject":
        at_ms = occurred_ms + rest[0] * DAY_MS + 1
        return review(
            review_id=f"n-{name}",
            violation_id=name,
            plate=plate,
            decision="rejected",
            reason="other",
            reviewed_ms=at_ms,
        )
    at_ms = start_ms + rest[0] * DAY_MS + rest[1]
    number = fine_id_of(name)
    if kind == "pay":
        return payment(number, plate=plate, payment_id=f"p{rest[1]}", amount=Decimal(rest[2]), paid_ms=at_ms)
    return FineAction(
        action_id=f"a{rest[1]}", fine_number=number, plate=plate, kind=rest[2], at_ms=at_ms, by="B. Officer", reason="r",
        channel="post", proof="x", person_id=f"person-{rest[3] % 2}", person_name="D.", amount=Decimal(rest[3]),
    )  # fmt: skip


def rows(world: World) -> dict[str, Any]:
    plain = {"version": 0, "number": "", "serial": 0, "origin_partition": 0, "origin_offset": 0, "ordinal": 0}
    return {i: replace(f, **plain) for i, f in world.current().items()}


def history(world: World) -> dict[str, Any]:
    """The newest record of each event that stands."""
    plain = {"number": "", "origin_partition": 0, "origin_offset": 0, "ordinal": 0, "version": 0}
    newest = {e.event_id: replace(e, **plain) for e in world.bus.records(CODEC, "fine-events")}
    return {i: e for i, e in newest.items() if e.transition != "withdrawn"}


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=stories())
def test_the_order_of_arrival_changes_no_fine(
    story: tuple[list[tuple[Any, ...]], list[int], int],
    violation: Make,
    review: Make,
    vehicle: Make,
    payment: Make,
) -> None:
    facts, order, seed = story
    records = [record(f, violation, review, payment) for f in facts]
    owners = [vehicle(plate=plate) for plate in sorted(set(PLATES.values()))]
    plain, wild = World(), World(seed=seed, crash_rate=0.2)
    plain.send(*owners, *records)
    wild.send(*owners)
    for n, index in enumerate(order):
        wild.send(records[index])
        if (seed + n) % 3 == 0:
            wild.engine.run_until_idle()
    for topic in TOPIC.values():
        for partition in range(4):
            wild.bus.replay(topic, partition, 2)
    assert rows(wild) == rows(plain)
    assert history(wild) == history(plain)
    for world in (plain, wild):
        series: dict[str, set[int]] = {}
        for fine in world.current().values():
            series.setdefault(fine.series, set()).add(fine.serial)
        assert all(serials == set(range(1, len(serials) + 1)) for serials in series.values())
        assert sum(map(len, series.values())) == len(world.current())
    refunds = {r.action_id: r.amount for r in records if isinstance(r, FineAction)}
    back = [e for e in wild.bus.records(CODEC, "fine-events") if e.transition == "refunded"]
    for fine in wild.current().values():
        refunded = sum(
            refunds[a] for a in {e.action_id for e in back if e.fine_id == fine.fine_id} if stood(wild, a)
        )
        sums(fine, refunded)


def stood(world: World, action_id: str) -> bool:
    """Whether the newest word about an act is not that it was withdrawn or refused."""
    told = [e for e in world.bus.records(CODEC, "fine-events") if e.action_id == action_id]
    return bool(told) and told[-1].transition not in ("withdrawn", "refused")


def sums(fine: Fine, refunded: Decimal) -> None:
    """What a fine costs is what was kept, what was let off, what is outstanding, or nothing that ever was due."""
    kept = fine.paid - (fine.refund_due or 0) - refunded
    settled, discounted, outstanding, gone = Decimal(0), Decimal(0), Decimal(0), Decimal(0)
    if fine.status == "paid":
        settled, discounted = kept, fine.amount - kept
        assert discounted in (0, fine.amount - fine.discount_amount)
    elif fine.status in ("issued", "suspended"):
        settled, outstanding = kept, fine.amount - kept
        assert outstanding > 0
    else:
        gone = fine.amount
        assert kept == 0
    assert settled + discounted + outstanding + gone == fine.amount
    assert min(settled, discounted, outstanding, kept) >= 0
    assert fine.amount >= fine.discount_amount > 0
