"""papers: who drives uninsured or uninspected is told once a plate and local day, whoever reads it how often."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from sightings import sighting
from synthetic import START_MS
from waysight.processors.papers import PapersLogic

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.authority.rulepacks import all_packs
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.enforcement.case import Law
from waysight.domain.exemptions import Exemptions
from waysight.domain.scene import Scene, Zone
from waysight.messages import Exemption, PathPoint, SightingBatch, Vehicle, Violation

DAY_MS = 86_400_000  # START_MS is 10:00 in Almaty
SQUARE = ((0.0, 0.0), (1000.0, 0.0), (1000.0, 1000.0), (0.0, 1000.0))
LOW_EMISSION = Zone(
    zone_id="lez",
    kind="restricted_hours",
    polygon=SQUARE,
    emission_classes=frozenset(("euro2",)),
    min_mass_kg=12_000,
)
SCENES = Scenes(
    Scene(camera_id=name, country="kz", timezone="Asia/Almaty", fps=5.0, purposes=frozenset(purposes), zones=(LOW_EMISSION,))
    for name, purposes in {
        "both": ("no_insurance", "no_inspection"),
        "zone": ("restricted_hours",),
        "none": ("hotlist",),
    }.items()
)  # fmt: skip


def _vehicle(plate: str, **change: Any) -> Vehicle:
    made = Vehicle(
        plate=plate, country="kz", make="", model="", type="", colour="", owner_id="1", owner_name="n", owner_address="",
        owner_kind="person", insured_until_ms=START_MS + DAY_MS, inspected_until_ms=START_MS + DAY_MS,
    )  # fmt: skip
    return replace(made, **change)


class World:
    def __init__(
        self, vehicles: list[Vehicle], seed: int | None = None, exempt: Exemptions | None = None
    ) -> None:
        self.codec, self.bus = Codec(MemoryRegistry()), MemoryBus(2)
        logic = PapersLogic(self.codec, SCENES, Law(packs=all_packs()), exemptions=exempt)
        self.engine = MemoryEngine(self.bus, [logic], seed=seed, crash_rate=0.2)
        for vehicle in vehicles:
            self.bus.send("vehicles", vehicle.plate, self.codec.encode("vehicles", vehicle))
        self.engine.run_until_idle()
        self._sent = 0

    def see(self, camera: str, plate: str, at_ms: int = 0, **change: Any) -> None:
        self._sent += 1
        made = replace(sighting(camera, plate, at_ms, **change), origin_offset=self._sent)
        batch = SightingBatch(records=(made,), watermarks=())
        self.bus.send("sightings", plate, self.codec.encode("sightings", batch))

    def told(self) -> list[Violation]:
        self.engine.run_until_idle()
        assert not self.bus.messages("dead-letters")
        return sorted(self.bus.records(self.codec, "violations"), key=lambda v: (v.occurred_ms, v.offence))


def test_papers_that_ended_are_told_once_a_day() -> None:
    world = World([_vehicle("1AAA01", insured_until_ms=START_MS - DAY_MS), _vehicle("2AAA01")])
    for hour in range(0, 40, 4):  # 10:00 today to 22:00 tomorrow
        world.see("both", "1AAA01", hour * 3_600_000)
        world.see("both", "2AAA01", hour * 3_600_000 % (10 * 3_600_000))
    told = world.told()
    assert [v.offence for v in told] == ["no_insurance", "no_insurance"]
    assert len({v.violation_id for v in told}) == len(told) == 2
    assert [v.occurred_ms - START_MS for v in told] == [0, 16 * 3_600_000]
    assert {v.plate for v in told} == {"1AAA01"}


def test_what_the_register_does_not_say_never_offends() -> None:
    world = World([
        _vehicle("1AAA01", insured_until_ms=None, inspected_until_ms=None),
        _vehicle("2AAA01", insured_until_ms=START_MS - 3_600_000),  # ended this very day
        _vehicle("3AAA01", insured_until_ms=0, country="ru"),
        _vehicle("4AAA01", insured_until_ms=0),
    ])  # fmt: skip
    for plate in ("1AAA01", "2AAA01", "3AAA01", "9ZZZ01"):
        world.see("both", plate)
    world.see("none", "4AAA01")
    world.see("both", "4AAA01", plate_confidence=0.7)
    world.see("both", "4AAA01", plate_votes=1)
    world.see("both", "4AAA01", final=False)
    world.see("both", "4AAA01", label="person")
    assert world.told() == []


def test_zones_by_mass_and_emission_class() -> None:
    world = World([
        _vehicle("1AAA01", emission_class="Euro2"), _vehicle("2AAA01", emission_class="euro5", mass_kg=3000),
        _vehicle("3AAA01", mass_kg=12_000), _vehicle("4AAA01"),
    ])  # fmt: skip
    inside = tuple(
        PathPoint(
            captured_ms=START_MS - 3000 + n * 1000, x_m=float("nan"), y_m=float("nan"), x_px=500.0, y_px=500.0
        )
        for n in range(4)
    )
    for plate in ("1AAA01", "2AAA01", "3AAA01", "4AAA01"):
        world.see("zone", plate, zones=("lez",), path=inside)
    world.see("zone", "1AAA01", 10_000, zones=("lez",), path=())
    told = world.told()
    assert sorted((v.plate, v.offence, v.zone_id) for v in told) == [
        ("1AAA01", "restricted_hours", "lez"), ("3AAA01", "restricted_hours", "lez"),
    ]  # fmt: skip


def test_any_cut_crash_and_repetition_gives_the_same_violations() -> None:
    vehicles = [_vehicle(f"{n}AAA01", insured_until_ms=START_MS - DAY_MS * (n % 2)) for n in range(6)]

    def run(seed: int | None) -> list[Violation]:
        rng, world = random.Random(5), World(vehicles, seed)
        for n in range(60):
            world.see("both", f"{rng.randrange(6)}AAA01", n * 3_600_000)
        for partition in range(2):
            world.bus.replay("sightings", partition, 9)
        bare = {"origin_partition": 0, "origin_offset": 0, "ordinal": 0}
        return [replace(v, **bare) for v in world.told()]

    plain = run(None)
    assert len(plain) > 6
    for seed in range(4):
        assert run(seed) == plain


def test_the_exempt_are_told_and_not_enforceable() -> None:
    exemption = Exemption(
        exemption_id="e", plate="1AAA01", kind="diplomatic", legal_basis="Vienna 1961", authority="MFA", case_number="1",
        valid_from_ms=0, valid_until_ms=2**42,
    )  # fmt: skip
    world = World([_vehicle("1AAA01", insured_until_ms=0)], exempt=Exemptions((exemption,)))
    world.see("both", "1AAA01")
    (found,) = world.told()
    assert (found.enforceable, found.exemption) == (False, "e")
