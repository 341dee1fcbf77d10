"""A fine keeps the law of its issue: an edited pack, a restart and the whole input again change nothing about it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fine_world import CODEC, TOPIC, World
from waysight.processors.fine import FineLogic

from waysight.authority.laws import digest_of, law_of
from waysight.authority.rulepacks import load_pack
from waysight.domain.fines.pricing import fine_id_of
from waysight.domain.rulepack import Period, RulePack
from waysight.messages import Fine, FineAction

Make = Callable[..., Any]
DAY_MS = 86_400_000
KZ = load_pack("kz")
SERVED = FineAction(
    action_id="served", fine_number=fine_id_of("v1"), plate="123ABC02", kind="served", at_ms=0, by="Post", channel="post",
    proof="P-1",
)  # fmt: skip


def _law(pack: RulePack) -> FineLogic:
    return FineLogic(CODEC, {"kz": law_of(pack, 0.9)})


def _dearer(pack: RulePack) -> RulePack:
    """Three times the unit, hardly a discount, no holidays, two officers for everything."""
    return replace(
        pack,
        units=tuple(replace(u, amount=u.amount * 3) for u in pack.units),
        discounts=tuple(
            replace(d, stages=tuple(replace(s, count=1, fraction=Decimal("0.9")) for s in d.stages))
            for d in pack.discounts
        ),
        calendar=replace(pack.calendar, yearly=frozenset(), weekend=frozenset()) if pack.calendar else None,
        offences=tuple(replace(o, two_officers=True) for o in pack.offences),
        repeats=(),
    )


EDITS: dict[str, Callable[[RulePack], RulePack]] = {
    "dearer": _dearer,
    "a newer version": lambda pack: replace(_dearer(pack), version="2027.1"),
    "without the offence": lambda pack: replace(
        pack, offences=tuple(o for o in pack.offences if o.offence != "average_speed")
    ),
    "without units": lambda pack: replace(pack, units=()),
    "another zone": lambda pack: replace(pack, timezone="America/Lima"),
}


def _paid(world: World, payment: Make, served: FineAction) -> Fine:
    """The notice is served, half is paid in time."""
    world.send(served, payment(fine_id_of("v1"), paid_ms=served.at_ms + 6 * DAY_MS))
    return world.current()[fine_id_of("v1")]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_pack_changes_no_issued_fine(
    edit: str, violation: Make, review: Make, vehicle: Make, payment: Make
) -> None:
    served = replace(SERVED, at_ms=review().reviewed_ms + DAY_MS)
    untouched, world = World(law=_law(KZ)), World(law=_law(KZ))
    for each in (untouched, world):
        each.send(vehicle(), violation(), review())
        assert len(each.fines()) == 1
    world.engine.restart([_law(EDITS[edit](KZ))])
    for topic in (*TOPIC.values(), "penalties", "plate-penalties"):
        for partition in range(4):
            world.bus.replay(topic, partition, 9)
    assert len(world.fines()) == 1, "nothing new is told"
    fine = _paid(world, payment, served)
    plain = {"origin_offset": 0, "ordinal": 0}
    assert replace(fine, **plain) == replace(_paid(untouched, payment, served), **plain)
    assert (fine.amount, fine.status, fine.paid) == (Decimal("43250.00"), "paid", Decimal("21625.00"))
    assert fine.rule_pack == f"kz@2026.12+{digest_of(KZ)[:12]}"


def test_what_is_issued_later_is_priced_by_the_newer_pack(
    violation: Make, review: Make, vehicle: Make
) -> None:
    world = World(law=_law(KZ))
    world.send(vehicle(), violation(), review())
    world.fines()
    world.engine.restart([_law(replace(KZ, units=tuple(replace(u, amount=u.amount * 3) for u in KZ.units)))])
    later = violation(violation_id="v2", occurred_ms=violation().occurred_ms + DAY_MS)
    world.send(later, review(review_id="r2", violation_id="v2"))
    amounts = {f.violation_id: (f.amount, f.rule_pack) for f in world.current().values()}
    assert amounts["v1"][0] * 3 == amounts["v2"][0]
    assert amounts["v1"][1] != amounts["v2"][1]
    laws = {i for p in range(4) for i, _ in world.engine.state("fine", p).items("laws", RulePack)}
    assert len(laws) == 2


def test_a_limitation_that_becomes_known_later_counts_and_stays(
    violation: Make, review: Make, vehicle: Make
) -> None:
    def known(count: int) -> RulePack:
        period = Period(
            path="limitation", confidence="confirmed", trigger="issued", count=count, unit="months"
        )
        return replace(_dearer(KZ), limitation=period)

    world = World(law=_law(replace(KZ, limitation=None)))
    world.send(vehicle(), violation(), review())
    assert [f.limitation_until for f in world.fines()] == [""]
    for count in (2, 24):
        world.engine.restart([_law(known(count))])
        world.send(vehicle(make=f"M{count}"))
        (fine,) = world.current().values()
        assert (fine.limitation_until, fine.amount) == ("2027-01-21", Decimal("43250.00"))


def test_a_digest_names_the_content() -> None:
    same = replace(KZ, units=tuple(replace(u, amount=Decimal(f"{u.amount}.000")) for u in KZ.units))
    assert digest_of(same) == digest_of(KZ)
    changed = {name: digest_of(edit(KZ)) for name, edit in EDITS.items()}
    assert len({digest_of(KZ), *changed.values()}) == len(EDITS) + 1
    told = "from waysight.authority import laws, rulepacks as r; print(laws.digest_of(r.load_pack('kz')))"
    command = [sys.executable, "-c", told]
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert found.stdout.strip() == digest_of(KZ)
