"""A repetition that the law sends to a court: what stood when it was referred decides, in whatever order that is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fine_world import CODEC, World
from waysight.processors.fine import FineLogic

from waysight.authority.laws import laws_of
from waysight.authority.rulepacks import load_pack
from waysight.domain.confirming import confirmation_of, unsure_values
from waysight.domain.fines.pricing import fine_id_of
from waysight.messages import FineAction, Referral
from waysight.settings import Settings

Make = Callable[..., Any]
DAY_MS = 86_400_000
PLATE = "12345A6"
SURE = [
    confirmation_of(load_pack("ma"), v.path, "", "A. Jurist", "head", "text", 1)
    for v in unsure_values(load_pack("ma"))
    if v.said
]


@pytest.fixture
def facts(violation: Make, review: Make, vehicle: Make) -> Make:
    """A red light fined, another a day after the fine, accepted three days later; the first cancelled on a day.

    That is read as the sixth of the records, or before what it may change.
    """

    def make(cancelled_day: int, cancelled_read: int) -> list[Any]:
        red = {"offence": "red_light", "country": "ma", "plate": PLATE, "plate_country": "ma", "section_id": "",
               "measured_kmh": None, "enforced_kmh": None, "limit_kmh": None}  # fmt: skip
        fined_ms = review().reviewed_ms
        cancelled = FineAction(
            action_id="a", fine_number=fine_id_of("v1"), plate=PLATE, kind="cancelled", reason="faulty", by="B. Chief",
            at_ms=fined_ms + cancelled_day * DAY_MS,
        )  # fmt: skip
        records = [
            vehicle(plate=PLATE, country="ma"), violation(**red), review(plate=PLATE),
            violation(violation_id="v2", occurred_ms=fined_ms + DAY_MS, **red),
            review(review_id="r2", violation_id="v2", plate=PLATE, reviewed_ms=fined_ms + 4 * DAY_MS),
        ]  # fmt: skip
        return [*records[:cancelled_read], cancelled, *records[cancelled_read:]]

    return make


def told(records: list[Any]) -> tuple[list[Referral], dict[str, str]]:
    world = World(law=FineLogic(CODEC, laws_of(Settings(), SURE)))
    for record in records:
        world.send(record)
        world.engine.run_until_idle()
    fines = {f.violation_id: f.status for f in world.current().values()}
    return world.bus.records(CODEC, "referrals"), fines


@pytest.mark.parametrize("cancelled_read", [5, 3])
def test_what_was_a_repetition_when_it_was_referred_stays_with_the_court(
    facts: Make, cancelled_read: int
) -> None:
    referrals, fines = told(facts(6, cancelled_read))
    assert [(r.violation_id, r.law, r.withdrawn) for r in referrals] == [("v2", "184/219", False)]
    assert fines == {"v1": "cancelled"}


@pytest.mark.parametrize("cancelled_read", [5, 3])
def test_what_was_none_by_then_is_a_fine_also_when_that_is_learnt_later(
    facts: Make, cancelled_read: int
) -> None:
    referrals, fines = told(facts(2, cancelled_read))
    assert [r.withdrawn for r in referrals] == [False, True] * (cancelled_read == 5)
    assert fines == {"v1": "cancelled", "v2": "issued"}
