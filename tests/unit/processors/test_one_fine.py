"""Of one act one fine stands, in every country, however its violations and reviews arrive, repeat and crash."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from waysight.processors.fine import FineLogic

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.authority.laws import laws_of
from waysight.authority.rulepacks import all_packs
from waysight.codec import Codec
from waysight.domain.confirming import confirmation_of, unsure_values
from waysight.domain.enforcement.precedence import same_act
from waysight.domain.fines.act import Rivals
from waysight.domain.fines.facts import Case
from waysight.domain.fines.pricing import fine_id_of
from waysight.messages import Fine, FineAction, FrameRef, Payment, Review, Vehicle, Violation
from waysight.settings import Settings

CODEC = Codec(MemoryRegistry())
NOON_MS, DAY_MS = 1_794_805_200_000, 86_400_000
PLATES = {"kz": "123ABC02", "pe": "ABC123", "ma": "12345A6"}
SURE = [
    confirmation_of(pack, v.path, "", "A. Jurist", "head", "text", 1)
    for pack in all_packs().values()
    for v in unsure_values(pack)
    if v.said
]
LAWS = laws_of(Settings(), SURE)
# Offence, seconds after noon, km/h over the limit, seconds of dwell, sighting: near each other on purpose.
ACTS: dict[str, list[tuple[str, int, int, int, str]]] = {
    "kz": [("spot_speed", 0, 25, 0, "s1"), ("spot_speed", 40, 45, 0, "s2"), ("spot_speed", 75, 15, 0, "s3"),
           ("average_speed", 90, 30, 0, "s3"), ("red_light", 5, 0, 0, "s4"), ("stop_line", 3, 0, 0, "s5"),
           ("illegal_parking", 600, 0, 400, "s6"), ("illegal_parking", 2000, 0, 1500, "s7"),
           ("bus_lane", 200, 0, 0, "s8"), ("restricted_zone", 201, 0, 0, "s8")],
    "pe": [("spot_speed", 0, 8, 0, "s1"), ("spot_speed", 50, 35, 0, "s2"), ("red_light", 5, 0, 0, "s3"),
           ("bus_lane", 200, 0, 0, "s4"), ("restricted_zone", 210, 0, 0, "s4"), ("illegal_parking", 600, 0, 400, "s5"),
           ("illegal_parking", 2300, 0, 300, "s6")],
    "ma": [("spot_speed", 0, 10, 0, "s1"), ("spot_speed", 30, 45, 0, "s2"), ("spot_speed", 85, 25, 0, "s3"),
           ("red_light", 5, 0, 0, "s4"), ("overtaking", 100, 0, 0, "s5"), ("solid_line", 110, 0, 0, "s6")],
}  # fmt: skip


def _violation(country: str, number: int, act: tuple[str, int, int, int, str]) -> Violation:
    offence, after_s, over, dwell_s, seen = act
    at_ms = NOON_MS + after_s * 1000
    frame = FrameRef(captured_ms=at_ms, evidence_ref="f", sha256="0" * 64, x1=0, y1=0, x2=1, y2=1, plate_x1=0, plate_y1=0,
                     plate_x2=0, plate_y2=0, plate_text=PLATES[country], plate_confidence=0.97)  # fmt: skip
    speed: dict[str, Any] = {
        "measured_kmh": 61.0 + over,
        "uncertainty_kmh": 1.0,
        "enforced_kmh": 60.0 + over,
        "limit_kmh": 60.0,
    }
    return Violation(
        violation_id=f"{country}-{number}", offence=offence, camera_id="c", country=country, location="Abai",  # type: ignore[arg-type]
        occurred_ms=at_ms, plate=PLATES[country], plate_country=country, plate_confidence=0.97, label="car", colour="white",
        section_id="s" if offence == "average_speed" else "", duration_ms=60_000 if offence == "average_speed" else None,
        zone_id="z", dwell_ms=dwell_s * 1000 or None, enforceable=True, obstacles=(), certificate="C-1",
        sighting_ids=(f"{country}-{seen}",), evidence=(frame, replace(frame, captured_ms=at_ms - 900)), rule_pack=f"{country}@x",
        models="m", origin_partition=0, origin_offset=0, ordinal=0, **(speed if over else {}),
    )  # fmt: skip


def _reviews(violation: Violation) -> list[Review]:
    """Two officers accept everything within a day."""
    return [
        Review(review_id=f"r{n}-{violation.violation_id}", violation_id=violation.violation_id, plate=violation.plate,
               decision="accepted", reason="", officer=officer, reviewed_ms=NOON_MS + DAY_MS + n, evidence_sha256="0" * 64)
        for n, officer in enumerate(("A. Officer", "B. Officer"))
    ]  # fmt: skip


def _owner(country: str) -> Vehicle:
    return Vehicle(plate=PLATES[country], country=country, make="Kia", model="Rio", type="car", colour="white",
                   owner_id="1", owner_name="O. Owner", owner_address="A", owner_kind="person")  # fmt: skip


class World:
    """The fine processor with the three countries' laws."""

    def __init__(self, seed: int | None = None) -> None:
        self.bus = MemoryBus()
        self.engine = MemoryEngine(
            self.bus, [FineLogic(CODEC, LAWS)], seed=seed, crash_rate=0.2 if seed else 0.0
        )

    def send(self, *records: Violation | Review | Vehicle | FineAction | Payment) -> None:
        topics = {Violation: "violations", Review: "reviews", Vehicle: "vehicles", FineAction: "fine-actions",
                  Payment: "payments"}  # fmt: skip
        for record in records:
            topic = topics[type(record)]
            self.bus.send(topic, record.plate, CODEC.encode(topic, record))

    def told(self) -> list[Fine]:
        self.engine.run_until_idle()
        return self.bus.records(CODEC, "fines")

    def standing(self) -> set[str]:
        newest: dict[str, Fine] = {}
        for fine in self.told():
            if fine.fine_id not in newest or fine.version > newest[fine.fine_id].version:
                newest[fine.fine_id] = fine
        return {i for i, f in newest.items() if f.status != "cancelled"}


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Any], list[int], int]:
    """What happened in one country, an order in which it arrives (with repetitions), and a seed of the engine."""
    country = draw(st.sampled_from(sorted(ACTS)))
    chosen = draw(st.lists(st.sampled_from(range(len(ACTS[country]))), min_size=2, unique=True))
    violations = [_violation(country, n, ACTS[country][n]) for n in chosen]
    records = [_owner(country), *violations, *(r for v in violations for r in _reviews(v))]
    order = [
        *draw(st.permutations(range(len(records)))),
        *draw(st.lists(st.sampled_from(range(len(records))), max_size=6)),
    ]
    return records, order, draw(st.integers(1, 10_000))


@settings(max_examples=40, deadline=None)
@given(days())
def test_of_one_act_one_fine_stands(day: tuple[list[Any], list[int], int]) -> None:
    records, order, seed = day
    plain, wild = World(), World(seed)
    plain.send(*records)
    for n, index in enumerate(order):
        wild.send(records[index])
        if (seed + n) % 3 == 0:
            wild.engine.run_until_idle()
    for topic in ("violations", "reviews", "vehicles"):
        for partition in range(4):
            wild.bus.replay(topic, partition, 3)
    stands = wild.standing()
    assert stands == plain.standing()
    violations = [r for r in records if isinstance(r, Violation)]
    for one, other in combinations(violations, 2):
        both = {fine_id_of(one.violation_id), fine_id_of(other.violation_id)}
        assert not same_act(one, other) or not both <= stands, (
            f"two fines for {one.offence} and {other.offence}"
        )
    numbers: dict[str, set[str]] = {}
    for fine in wild.told():
        numbers.setdefault(fine.fine_id, set()).add(fine.number)
    assert all(len(found) == 1 for found in numbers.values()), "a fine keeps its number"
    assert len(set().union(*numbers.values())) == len(numbers), "a number names one fine"


def _ending(violation: Violation, how: str, day: int) -> Review | FineAction | Payment:
    """What ends a fine, or pays half of it, some days after the reviews."""
    at_ms, fine = NOON_MS + (day + 1) * DAY_MS, fine_id_of(violation.violation_id)
    if how == "reject":
        return replace(
            _reviews(violation)[0],
            review_id=f"no-{fine}",
            decision="rejected",
            reason="other",
            reviewed_ms=at_ms,
        )
    if how == "cancel":
        return FineAction(action_id=fine, fine_number=fine, plate=violation.plate, kind="cancelled", at_ms=at_ms,
                          by="B. Chief", reason="faulty")  # fmt: skip
    money = {"kz": "KZT", "pe": "PEN", "ma": "MAD"}[violation.country]
    return Payment(payment_id=fine, fine_number=fine, plate=violation.plate, amount=Decimal(100), currency=money,
                   paid_ms=at_ms)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(
    days(),
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["reject", "cancel", "pay"]), st.integers(1, 9)),
        max_size=6,
    ),
)
def test_while_any_is_due_exactly_one_of_an_act_stands(
    day: tuple[list[Any], list[int], int], ends: list[tuple[int, str, int]]
) -> None:
    """Fines end and are paid in any order: no two of one act stand, and what is due has one that stands for it."""
    records, order, seed = day
    violations = [r for r in records if isinstance(r, Violation)]
    happened = {
        (n % len(violations), how): _ending(violations[n % len(violations)], how, after)
        for n, how, after in ends
    }
    plain, wild = World(), World(seed)
    plain.send(*records, *happened.values())
    for index in order:
        wild.send(records[index])
    wild.told()
    for late in Random(seed).sample(list(happened.values()), len(happened)):
        wild.send(late)
        wild.told()
    stands = wild.standing()
    ended = {violations[n].violation_id for n, how in happened if how in ("reject", "cancel")}
    due = [v for v in violations if v.violation_id not in ended]
    cases = [Case(violation=v) for v in due]
    rivals = Rivals(cases)
    for n, one in enumerate(due):
        near = {fine_id_of(due[i].violation_id) for i in rivals.of(n, 0)} & stands
        mine = fine_id_of(one.violation_id) in stands
        assert mine != bool(near), f"{one.violation_id} stands: {mine}, and of its act {near}"
    assert not {fine_id_of(v) for v in ended} & stands
    assert stands == plain.standing()


def test_every_country_has_fines_and_rivals_here() -> None:
    for country, acts in ACTS.items():
        violations = [_violation(country, n, act) for n, act in enumerate(acts)]
        world = World()
        world.send(_owner(country), *violations, *(r for v in violations for r in _reviews(v)))
        assert 2 <= len(world.standing()) < len(violations), country
        assert any(same_act(a, b) for a, b in combinations(violations, 2))
