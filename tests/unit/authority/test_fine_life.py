"""The life of a fine: every act where it is allowed and where not, money, clocks, referrals, one act, confirmations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fine_world import CODEC, World
from waysight.processors.fine import FineLogic

from waysight.authority.lawbook import LawBook
from waysight.authority.laws import laws_of
from waysight.authority.rulepacks import load_pack
from waysight.domain.confirming import unsure_values
from waysight.domain.fines.actions import ACTS
from waysight.domain.fines.facts import Case
from waysight.domain.fines.pricing import fine_id_of
from waysight.messages import Confirmation, Fine, FineAction, FineEvent
from waysight.settings import Settings
from waysight.streaming.fine_wake import TOPIC, Waker

Make = Callable[..., Any]
FINE = fine_id_of("v1")
DAY_MS = 86_400_000


@pytest.fixture
def issued(violation: Make, review: Make, vehicle: Make) -> World:
    """A fine of 43,250 tenge, issued on Saturday 21 November 2026; half until 1 December."""
    world = World()
    world.send(vehicle(), violation(), review())
    assert len(world.fines()) == 1
    return world


@pytest.fixture
def act(review: Make) -> Make:
    """An act so many days after the issue, with everything that its kind needs."""

    def make(kind: str, day: float = 1, number: str = FINE, **changes: Any) -> FineAction:
        needs = {name: f"{name}-1" for name in ACTS[kind].needs if name != "amount"}
        base: dict[str, Any] = {
            "action_id": f"{kind}-{day}", "fine_number": number, "plate": "123ABC02", "kind": kind, "by": "B. Officer",
            "at_ms": review().reviewed_ms + round(day * DAY_MS), **needs,
        }  # fmt: skip
        return FineAction(**{**base, **changes})

    return make


def only(world: World) -> Fine:
    (fine,) = world.current().values()
    return fine


def events(world: World) -> list[FineEvent]:
    """The newest record of each event, in the order of the story."""
    world.engine.run_until_idle()
    newest = {e.event_id: e for e in world.bus.records(CODEC, "fine-events")}
    return sorted(newest.values(), key=lambda e: e.version)


def kinds(world: World) -> list[str]:
    return [e.transition for e in events(world)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (["served"], "issued"),
        (["service_failed", "served"], "issued"),
        (["owner_changed"], "issued"),
        (["nominated"], "suspended"),
        (["nominated", "nomination_confirmed"], "issued"),
        (["nominated", "nomination_rejected"], "issued"),
        (["appealed"], "suspended"),
        (["appealed", "appeal_upheld"], "cancelled"),
        (["appealed", "appeal_dismissed"], "issued"),
        (["suspended"], "suspended"),
        (["suspended", "resumed"], "issued"),
        (["reminded", "reminded"], "issued"),
        (["cancelled"], "cancelled"),
    ],
)
def test_acts_that_are_allowed(issued: World, act: Make, path: list[str], status: str) -> None:
    for day, kind in enumerate(path, start=1):
        issued.send(act(kind, day))
    assert only(issued).status == status
    assert kinds(issued) == ["issued", *path]
    assert issued.letters() == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (["cancelled", "served"], "a fine that is cancelled"),
        (["served", "served"], "the first service counts"),
        (["nomination_confirmed"], "pending"),
        (["resumed"], "pending"),
        (["appealed", "nominated"], "suspended"),
        (["appealed", "appeal_dismissed", "appealed"], "appealed again"),
        (["written_off"], "does not surely say"),
        (["nominated", "owner_changed"], "nomination is pending"),
    ],
)
def test_an_act_that_is_not_allowed_changes_nothing_and_says_why(
    issued: World, act: Make, path: list[str], why: str
) -> None:
    for day, kind in enumerate(path[:-1], start=1):
        issued.send(act(kind, day))
    before = only(issued)
    issued.send(act(path[-1], 9))
    assert only(issued) == before
    assert kinds(issued)[-1] == "refused"
    (letter,) = issued.letters()
    assert why in letter


def test_an_act_needs_a_name_and_its_reason(issued: World, act: Make) -> None:
    issued.send(act("cancelled", reason=""), act("suspended", by=" ".strip()), act("served", proof=""))
    assert only(issued).status == "issued"
    assert kinds(issued) == ["issued", "refused", "refused", "refused"]


def test_a_cancelled_fine_keeps_its_number_and_owes_back(issued: World, act: Make, payment: Make) -> None:
    issued.send(payment(FINE, amount=Decimal("21625.00")))
    assert only(issued).status == "paid"
    issued.send(act("cancelled", 10, campaign="c1"))
    fine = only(issued)
    assert (fine.status, fine.refund_due, fine.serial) == ("cancelled", Decimal("21625.00"), 1)
    issued.send(act("refunded", 11, amount=Decimal("30000.00")))
    assert "due are 21625.00" in issued.letters()[-1]
    issued.send(
        act("refunded", 12, amount=Decimal("20000.00")), act("refunded", 13, amount=Decimal("1625.00"))
    )
    assert only(issued).refund_due is None
    assert only(issued).paid == Decimal("21625.00")
    issued.send(payment(FINE, payment_id="p9", amount=Decimal("5.00"), paid_ms=act("served", 20).at_ms))
    assert (only(issued).refund_due, kinds(issued)[-1]) == (Decimal("5.00"), "paid_after_cancelled")


def test_too_much_is_owed_back(issued: World, payment: Make) -> None:
    issued.send(payment(FINE, amount=Decimal("43250.00")))
    fine = only(issued)
    assert (fine.status, fine.refund_due) == ("paid", Decimal("21625.00")), (
        "within the discount half settles it"
    )
    issued.send(payment(FINE, payment_id="p2", amount=Decimal("43250.00")))
    assert only(issued).refund_due == Decimal("64875.00")
    assert kinds(issued) == ["issued", "overpaid", "overpaid"]


def test_a_suspension_stops_the_clock_of_the_discount(issued: World, act: Make, payment: Make) -> None:
    assert only(issued).discount_until == "2026-12-01"
    issued.send(act("suspended", 2), act("resumed", 12))
    assert only(issued).discount_until == "2026-12-11"
    issued.send(payment(FINE, amount=Decimal("21625.00"), paid_ms=act("served", 19).at_ms))
    assert only(issued).status == "paid"


def test_a_nominated_driver_is_liable_and_served_anew(issued: World, act: Make) -> None:
    issued.send(act("served", 1), act("nominated", 2, person_id="77", person_name="D. Driver"))
    issued.send(act("nomination_confirmed", 3))
    fine = only(issued)
    assert (fine.liable_id, fine.liable_name, fine.served_ms) == ("77", "D. Driver", None)
    assert [e.liable_id for e in events(issued)] == ["", "", "", "77"]


def test_repetition_is_counted_on_the_person_over_all_vehicles(
    violation: Make, review: Make, vehicle: Make, act: Make, at_ms: Make
) -> None:
    """The second plate is in another partition; the first fine is then taken over by another driver."""
    later = at_ms("2026-11-25T05:00:00")
    world = World()
    world.send(vehicle(), violation(), review(), vehicle(plate="777ABC02"))
    assert len(world.fines()) == 1
    world.send(violation(violation_id="v2", plate="777ABC02", occurred_ms=later))
    world.send(review(review_id="r2", violation_id="v2", plate="777ABC02", reviewed_ms=later + DAY_MS))
    second = world.current()[fine_id_of("v2")]
    assert (second.law, second.repeat_of) == ("592(4)", FINE)
    told = [f.law for f in world.fines() if f.violation_id == "v2"]
    assert told == ["592(4)"], (
        "its person was asked before: it was never told at the price of a first offence"
    )
    world.send(act("nominated", 10, person_id="77", person_name="D."), act("nomination_confirmed", 11))
    second = world.current()[fine_id_of("v2")]
    assert (second.law, second.repeat_of) == ("592(2)", "")


def test_a_penalty_is_the_drivers_since_the_nomination_only(
    violation: Make, review: Make, vehicle: Make, act: Make
) -> None:
    """The driver's own offences: one between the issue and the confirmation is a first one, one after it a repeated one."""
    start_ms = review().reviewed_ms
    world = World()
    world.send(vehicle(), violation(), review(), vehicle(plate="777ABC02", owner_id="77", owner_name="D."))
    world.send(act("nominated", 2, person_id="77", person_name="D."), act("nomination_confirmed", 10))
    world.fines()
    for name, day in (("before", 5), ("after", 12)):
        world.send(violation(violation_id=name, plate="777ABC02", occurred_ms=start_ms + day * DAY_MS))
        world.send(
            review(review_id=name, violation_id=name, plate="777ABC02", reviewed_ms=start_ms + 20 * DAY_MS)
        )
    found = {f.violation_id: f.law for f in world.current().values()}
    assert (found["before"], found["after"]) == ("592(2)", "592(4)")


def test_the_owner_at_the_time_of_the_offence_is_liable(
    violation: Make, review: Make, vehicle: Make, at_ms: Make
) -> None:
    world = World()
    sold = vehicle(
        owner_id="800202400456", owner_name="B. Buyer", owner_since_ms=at_ms("2026-11-18T00:00:00")
    )
    world.send(vehicle(), sold, violation(), review())
    assert only(world).owner_id == "900101300123"
    unknown = World()
    unknown.send(sold, violation(), review())
    assert unknown.fines() == []


def test_what_goes_to_a_court_is_no_fine(violation: Make, review: Make, vehicle: Make) -> None:
    world = World()
    wrong_way = violation(offence="wrong_way", measured_kmh=None, enforced_kmh=None, limit_kmh=None)
    world.send(vehicle(), wrong_way, review())
    assert world.fines() == []
    assert world.bus.records(CODEC, "referrals") == []  # wrong_way asks for two officers
    world.send(review(review_id="r2", officer="Z. Second", reviewed_ms=review().reviewed_ms + 5))
    world.engine.run_until_idle()
    (told,) = world.bus.records(CODEC, "referrals")
    assert (told.refer_to, told.law, told.withdrawn) == ("court", "596(3)", False)
    world.send(
        review(
            review_id="r3", decision="rejected", reason="wrong_place", reviewed_ms=review().reviewed_ms + 9
        )
    )
    world.engine.run_until_idle()
    assert world.bus.records(CODEC, "referrals")[-1].withdrawn
    assert world.fines() == []


def test_one_act_one_fine(violation: Make, review: Make, vehicle: Make, payment: Make) -> None:
    spot = violation(violation_id="s1", offence="spot_speed", section_id="", enforced_kmh=125.0)
    decided = review(review_id="r9", violation_id="s1")

    def standing(*order: Any) -> dict[str, str]:
        world = World()
        for record in order:
            world.send(record)
            world.engine.run_until_idle()
        return {f.violation_id: f.status for f in world.current().values()}

    first = standing(vehicle(), violation(), review(), spot, decided)
    assert first == {"v1": "issued"}
    assert standing(vehicle(), spot, decided, violation(), review()) == {"s1": "cancelled", "v1": "issued"}
    settled = payment(fine_id_of("s1"), amount=Decimal("21625.00"))
    graver = (violation(), review(reviewed_ms=settled.paid_ms + 1))
    assert standing(vehicle(), spot, decided, settled, *graver) == {"s1": "paid"}
    assert standing(vehicle(), *graver, spot, decided, settled) == {"s1": "paid", "v1": "cancelled"}
    late = standing(vehicle(), spot, decided, settled, violation(), review())
    assert late == {"s1": "cancelled", "v1": "issued"}, "paid after the graver one was accepted: owed back"


def test_numbers_have_no_gaps(violation: Make, review: Make, vehicle: Make) -> None:
    world = World(seed=3, crash_rate=0.3)
    for i in range(40):
        plate = f"{100 + i}ABC02"
        world.send(vehicle(plate=plate), violation(violation_id=f"v{i}", plate=plate))
        world.send(review(violation_id=f"v{i}", review_id=f"r{i}", plate=plate))
        if i % 5 == 0:
            no = {
                "decision": "rejected",
                "reason": "wrong_plate",
                "reviewed_ms": review().reviewed_ms + 60_000,
            }
            world.send(review(violation_id=f"v{i}", review_id=f"n{i}", plate=plate, **no))
    series: dict[str, list[int]] = {}
    for fine in world.current().values():
        series.setdefault(fine.series, []).append(fine.serial)
    assert len(series) == 4
    assert sum(len(s) for s in series.values()) == 40
    assert all(sorted(s) == list(range(1, len(s) + 1)) for s in series.values())


def test_the_same_act_twice_changes_nothing(issued: World, act: Make) -> None:
    issued.send(act("served"))
    told = len(issued.fines())
    issued.send(act("served"))
    assert len(issued.fines()) == told
    assert kinds(issued) == ["issued", "served"]


def test_what_names_no_fine_is_kept_and_told(issued: World, act: Make, violation: Make, review: Make) -> None:
    issued.send(act("reminded", number=fine_id_of("v2")))
    assert "has no fine" in issued.letters()[-1]
    later = replace(violation(violation_id="v2"), occurred_ms=violation().occurred_ms + 3_600_000)
    issued.send(later, review(review_id="r2", violation_id="v2"))
    assert issued.current()[fine_id_of("v2")].reminders == 1


class Confirmed:
    """Confirmations as the processor's table has them."""

    def __init__(self) -> None:
        self.version, self.records = 0, dict[str, Confirmation]()

    def snapshot(self) -> dict[str, Confirmation]:
        return dict(self.records)

    def say(self, at_ms: int, revoked: bool = False) -> None:
        """A solid line costs 3 MRP, says A. Lawyer, or takes it back."""
        path = next(v for v in unsure_values(load_pack("kz")) if v.path.startswith("offences.solid_line"))
        self.version += 1
        self.records["c"] = Confirmation(
            confirmation_id="c", pack="kz", path=path.path, value=path.said, by="A. Lawyer", role="head of law",
            source="the Code", confirmed_ms=at_ms, revoked=revoked,
        )  # fmt: skip


def test_an_unsure_amount_waits_for_a_named_person(
    violation: Make, review: Make, vehicle: Make, act: Make, tmp_path: Path
) -> None:
    said, options = Confirmed(), Settings(state_dir=tmp_path, enforcement_gate=0.9)
    world = World(law=FineLogic(CODEC, LawBook(lambda found: laws_of(options, found), said)))
    solid_line = violation(offence="solid_line", measured_kmh=None, enforced_kmh=None, limit_kmh=None)
    world.send(vehicle(), solid_line, review())
    assert world.fines() == []
    (case,) = [c for p in range(4) for _, c in world.engine.state("fine", p).items("stories", Case)]
    assert case.reasons[0].startswith("unsure:offences.solid_line")
    said.say(at_ms=act("served", 5).at_ms)
    tick(world)
    fine = only(world)
    assert (fine.amount, fine.issued_ms) == (Decimal("12975.00"), act("served", 5).at_ms)
    said.say(at_ms=act("served", 6).at_ms, revoked=True)
    world.send(act("reminded", 7))
    assert (only(world).amount, only(world).reminders) == (Decimal("12975.00"), 1), "what is issued stays"
    world.send(replace(solid_line, violation_id="v2", occurred_ms=act("served", 3).at_ms))
    world.send(review(review_id="r2", violation_id="v2", reviewed_ms=act("served", 8).at_ms))
    assert len(world.current()) == 1


class Sent:
    """What a publisher would send, on a bus in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    def publish(self, topic: str, key: str, record: None, *, partition: int) -> None:
        self._world.bus.send(topic, key, record, partition=partition)


def tick(world: World) -> None:
    """What a worker sends when the law changes: nothing before it has started, then an empty message to each partition."""
    waker = Waker(4)
    waker.changed("c", None)
    assert not any(m.value is None for m in world.bus.messages(TOPIC))
    waker.start(Sent(world))
    assert sum(m.value is None for m in world.bus.messages(TOPIC)) == 4
