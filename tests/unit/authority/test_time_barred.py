"""An offence that may not be fined any more is not, once a named person has confirmed until when it may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fine_world import CODEC, World
from waysight.processors.fine import FineLogic

from waysight.authority.laws import law_of
from waysight.authority.rulepacks import load_pack
from waysight.domain.confirming import confirmation_of, confirmed
from waysight.domain.fines.facts import Case, Law
from waysight.domain.fines.issue import reasons_against

Make = Callable[..., Any]
At = Callable[[str], int]


def law(sure: bool) -> Law:
    """Kazakhstan, where article 62 gives two months from the offence on 16 November 2026: until 16 January 2027."""
    pack = load_pack("kz")
    said = confirmation_of(pack, "prosecution", "", "A. Jurist", "head of law", "article 62", 1)
    return law_of(confirmed(pack, [said]), 0.9, [said]) if sure else law_of(pack, 0.9)


@pytest.mark.parametrize(
    ("sure", "reviewed", "fined"),
    [
        (True, "2027-01-16T18:59:59", True),  # 23:59:59 there
        (True, "2027-01-16T19:00:00", False),
        (False, "2027-01-16T19:00:00", True),
        (True, "2026-11-21T05:00:00", True),
    ],
)
def test_a_fine_after_the_last_day_is_none(
    violation: Make, review: Make, vehicle: Make, at_ms: At, sure: bool, reviewed: str, fined: bool
) -> None:
    world = World(law=FineLogic(CODEC, {"kz": law(sure)}))
    accepted = review(reviewed_ms=at_ms(reviewed))
    world.send(vehicle(), violation(), accepted, accepted)
    assert bool(world.current()) == fined
    (case,) = [c for p in range(4) for _, c in world.engine.state("fine", p).items("stories", Case)]
    assert case.reasons == (() if fined else ("time_barred",))
    against = reasons_against(law(sure), violation(), [accepted], vehicle())
    assert against == (() if fined else ("time_barred",))


def test_what_was_issued_in_time_stays_and_a_court_judges_time_by_itself(
    violation: Make, review: Make, vehicle: Make, at_ms: At
) -> None:
    world = World(law=FineLogic(CODEC, {"kz": law(True)}))
    world.send(vehicle(), violation(), review())
    assert len(world.current()) == 1
    late = at_ms("2027-06-01T00:00:00")
    world.send(vehicle(colour="black"), timestamp_ms=late)
    (fine,) = world.current().values()
    assert fine.status == "issued"
    oncoming = violation(
        violation_id="v2", offence="wrong_way", measured_kmh=None, enforced_kmh=None, limit_kmh=None
    )
    against = reasons_against(law(True), oncoming, [review(violation_id="v2", reviewed_ms=late)], vehicle())
    assert "time_barred" not in against
    assert "referral:court" in against
