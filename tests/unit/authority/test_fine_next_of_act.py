"""Of one act one consequence: what takes the place of a fine that ends, and since when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fine_world import CODEC, World
from waysight.processors.fine import FineLogic

from waysight.authority.laws import law_of
from waysight.authority.rulepacks import load_pack
from waysight.domain.fines.pricing import fine_id_of
from waysight.domain.rulepack import Period
from waysight.messages import FineAction

Make = Callable[..., Any]
DAY_MS = 86_400_000
GRAVE, LIGHT = fine_id_of("v1"), fine_id_of("s1")


@pytest.fixture
def drive(violation: Make, review: Make, vehicle: Make) -> Make:
    """A section (43,250 tenge) and a spot measurement (21,625) of one drive, accepted on one day."""

    def make() -> dict[str, Any]:
        spot = violation(violation_id="s1", offence="spot_speed", section_id="", enforced_kmh=125.0)
        return {"owner": vehicle(), "grave": violation(), "grave yes": review(), "light": spot,
                "light yes": review(review_id="r9", violation_id="s1")}  # fmt: skip

    return make


@pytest.fixture
def act(review: Make) -> Make:
    """An act so many days after the reviews."""

    def make(kind: str, day: float, number: str = GRAVE, **changes: Any) -> FineAction:
        base = {"action_id": f"{kind}-{day}-{number}", "fine_number": number, "plate": "123ABC02", "kind": kind,
                "by": "B. Chief", "at_ms": review().reviewed_ms + round(day * DAY_MS), "reason": "faulty"}  # fmt: skip
        return FineAction(**{**base, **changes})

    return make


def _sent(order: str, drive: dict[str, Any], law: FineLogic | None = None) -> World:
    names = {"grave first": ("owner", "grave", "grave yes", "light", "light yes"),
             "light first": ("owner", "light", "light yes", "grave", "grave yes")}[order]  # fmt: skip
    world = World(law=law)
    for name in names:
        world.send(drive[name])
        world.engine.run_until_idle()
    return world


def _stands(world: World) -> dict[str, str]:
    return {f.violation_id: f.status for f in world.current().values() if f.status != "cancelled"}


@pytest.mark.parametrize("order", ["grave first", "light first"])
@pytest.mark.parametrize("how", ["cancelled", "appeal won", "rejected"])
def test_the_next_of_the_act_stands_since_the_first_ended(
    order: str, how: str, drive: Make, act: Make, review: Make
) -> None:
    world = _sent(order, drive())
    assert _stands(world) == {"v1": "issued"}
    if how == "cancelled":
        world.send(act("cancelled", 5))
    elif how == "rejected":
        no = {"decision": "rejected", "reason": "wrong_plate"}
        world.send(review(review_id="no", reviewed_ms=act("x", 5).at_ms, **no))
    else:
        world.send(act("appealed", 3), act("appeal_upheld", 5))
    fine = world.current()[LIGHT]
    assert _stands(world) == {"s1": "issued"}
    assert (fine.amount, fine.changed_ms) == (Decimal("21625.00"), act("x", 5).at_ms)
    assert fine.transition == ("issued" if order == "grave first" else "reinstated")
    # Seven working days from 26 November; or, where it was issued on the 21st, the five days did not count.
    assert fine.discount_until == "2026-12-07"


def test_who_is_reinstated_goes_again_when_the_first_comes_back(drive: Make, review: Make) -> None:
    world = _sent("light first", drive())
    at_ms = review().reviewed_ms
    world.send(review(review_id="no", decision="rejected", reason="other", reviewed_ms=at_ms + DAY_MS))
    assert _stands(world) == {"s1": "issued"}
    world.send(review(review_id="yes", reviewed_ms=at_ms + 2 * DAY_MS))
    assert _stands(world) == {"v1": "issued"}
    told = {e.event_id: e for e in world.bus.records(CODEC, "fine-events") if e.fine_id == LIGHT}
    steps = [e.transition for e in sorted(told.values(), key=lambda e: e.version)]
    assert steps == ["issued", "cancelled", "reinstated", "cancelled"]


@pytest.mark.parametrize("order", ["grave first", "light first"])
def test_what_a_person_cancelled_too_does_not_come_back(order: str, drive: Make, act: Make) -> None:
    """A faulty camera: the fine that stands and the ones behind it are cancelled, issued or not."""
    world = _sent(order, drive())
    world.send(act("cancelled", 5, LIGHT), act("cancelled", 5))
    assert _stands(world) == {}
    assert all(f.status == "cancelled" for f in world.current().values())


def test_nothing_comes_back_after_its_limitation(drive: Make, act: Make) -> None:
    months = Period(path="limitation", confidence="read", trigger="issued", count=2, unit="months")
    pack = replace(load_pack("kz"), limitation=months)
    for days, stands in ((50, {"s1": "issued"}), (70, {})):
        world = _sent("light first", drive(), FineLogic(CODEC, {"kz": law_of(pack, 0.9)}))
        world.send(act("cancelled", days))
        assert _stands(world) == stands


def test_captures_of_one_parking_are_a_chain(violation: Make, review: Make, vehicle: Make) -> None:
    """Each six minutes long, every twenty minutes, all day: one act, whichever the officers saw."""
    start_ms, still = violation().occurred_ms, {"measured_kmh": None, "enforced_kmh": None, "limit_kmh": None}
    stays = [
        violation(violation_id=f"p{n}", offence="illegal_parking", zone_id="z", dwell_ms=360_000 + n, section_id="",
                  occurred_ms=start_ms + n * 1_200_000, **still)
        for n in range(12)
    ]  # fmt: skip
    accepted = [review(review_id=f"r{n}", violation_id=f"p{n}") for n in (0, 3, 7, 11)]
    world = World()
    world.send(vehicle(), *stays, *accepted)
    assert list(_stands(world)) == ["p11"], "the longest"
    no = {"decision": "rejected", "reason": "other", "reviewed_ms": review().reviewed_ms + DAY_MS}
    world.send(
        review(review_id="n5", violation_id="p5", **no), review(review_id="n6", violation_id="p6", **no)
    )
    assert sorted(_stands(world)) == ["p11", "p3"], "two gaps of forty minutes: two parkings"


def test_a_fine_and_a_case_for_a_court_are_not_both_told(
    violation: Make, review: Make, vehicle: Make
) -> None:
    still = {"measured_kmh": None, "enforced_kmh": None, "limit_kmh": None, "section_id": ""}
    wrong = violation(offence="wrong_way", **still)
    overtook = violation(violation_id="o1", offence="overtaking", **still)
    yes = [review(review_id=f"{n}{v}", violation_id=v, officer=n, reviewed_ms=review().reviewed_ms + i)
           for v in ("v1", "o1") for i, n in enumerate(("A. One", "B. Two"))]  # fmt: skip
    both = World()
    both.send(vehicle(), wrong, overtook, *yes)
    standing = _stands(both)
    sent = {r.violation_id: r.withdrawn for r in both.bus.records(CODEC, "referrals")}
    assert len(standing) + sum(not gone for gone in sent.values()) == 1
    alone = World()
    alone.send(vehicle(), wrong, *yes)
    alone.engine.run_until_idle()
    assert len(alone.bus.records(CODEC, "referrals")) == 1
    alone.send(overtook)
    assert list(_stands(alone)) == list(standing) == ["o1"]
    assert [r.withdrawn for r in alone.bus.records(CODEC, "referrals")] == [False, True]
