"""Every rule, counts and sums: any cut, crash, repetition, interleaving and bounded disorder give the same rows.

Six minutes of a small road, fed to enforce, count and rollup. Each camera tells its passes late by up to eight
seconds, in an order of its own; cameras, lights and signs come in any order at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sightings import sighting
from synthetic import START_MS, Pinhole
from waysight.processors.count import CountLogic
from waysight.processors.enforce import EnforceLogic
from waysight.processors.rollup import RollupLogic

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.authority.rulepacks import all_packs
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.counting import CountingRules
from waysight.domain.enforcement.case import Law
from waysight.domain.rollup import RollupRules
from waysight.domain.scene import RoadLine, Scene, SectionPlan, Zone
from waysight.messages import PassBatch, PathPoint, Sighting, Signal, Watermark
from waysight.streaming.passes import pass_of

PARTITIONS, SECONDS, LATEST_MS = 3, 360, 8000
CAMERA = Pinhole(1500.0, 6.0, 12.0)
LANE = Zone(zone_id="lane", polygon=((0, 0), (1920, 0), (1920, 1080), (0, 1080)), labels=frozenset(("bus",)))


def _box(left: float, right: float, near: float, far: float, kind: str, **more: Any) -> Zone:
    corners = ((left, near), (right, near), (right, far), (left, far))
    return Zone(zone_id=kind, kind=kind, polygon=tuple(CAMERA.pixel(*c) for c in corners), **more)


STREET_ZONES = (
    _box(0.5, 4.0, 12.0, 75.0, "bus_lane", labels=frozenset(("car",))), _box(-7.0, 7.0, 22.0, 28.0, "crossing"),
    _box(-4.0, -0.5, 12.0, 78.0, "no_overtaking", towards=(0.0, 1.0)),
    _box(0.5, 4.0, 12.0, 75.0, "no_stopping", max_dwell_s=8.0),
    _box(0.5, 4.0, 12.0, 75.0, "double_parking", max_dwell_s=15.0),
    _box(0.5, 4.0, 12.0, 75.0, "one_way", towards=(0.0, 1.0)),
)  # fmt: skip
SOLID = RoadLine(line_id="solid", kind="solid", image=(CAMERA.pixel(0.0, 15.0), CAMERA.pixel(0.0, 60.0)))
STREET = frozenset(
    [
        "stop_line",
        "bus_lane",
        "pedestrian_priority",
        "overtaking",
        "illegal_stopping",
        "double_parking",
        "wrong_way",
        "solid_line",
    ]
)
SCENES = [
    Scene(
        camera_id=name, country="kz", road="A1" if name in ("in", "out") else "Abai", district="north", fps=5.0,
        clock_error_ms=40, traffic=-1, homography=CAMERA.homography(), calibration_size=(1920, 1080), speed_limit_kmh=60.0,
        stop_line=((-50.0, 30.0), (50.0, 30.0)), certificate="paper", papers=(0, 2**42), **{"zones": (LANE,), **more},
    )
    for name, more in {
        "spot": {"purposes": frozenset(("spot_speed", "restricted_zone"))},
        "sign": {"purposes": frozenset(("spot_speed",)), "variable_limit": True},
        "corner": {"purposes": frozenset(("red_light",)), "junction_id": "j", "signal_group": "n"},
        "in": {"purposes": frozenset(("section_control",)), "section_id": "s", "section_role": "entry"},
        "street": {"purposes": STREET, "junction_id": "j", "signal_group": "n", "zones": STREET_ZONES, "lines": (SOLID,)},
        "out": {"purposes": frozenset(("section_control",)), "section_id": "s", "section_role": "exit"},
    }.items()
]  # fmt: skip
PLAN = SectionPlan(
    section_id="s", entry="in", exit="out", length_m=1000.0, length_error_m=0.1, limit_kmh=110.0, country="kz",
    road_class="republican", straight=True, variable_limit=True,
)  # fmt: skip
KEYS = {"spot": ["camera:spot"], "sign": ["camera:sign"], "corner": ["camera:corner", "junction:j"],
        "street": ["camera:street", "junction:j"], "in": ["camera:in", "section:s"], "out": ["camera:out", "section:s"]}  # fmt: skip
ORIGINS = {name: i for i, name in enumerate(KEYS)}  # each camera from a partition of track of its own


@dataclass
class Lane:
    """What one camera or controller tells, in its own order; each item goes to the bus as one step told it."""

    items: list[tuple[str, Any]] = field(default_factory=list)


def _drive(
    camera: str, plate: str, at_s: float, ys: list[float], step_ms: int = 200, **change: Any
) -> Sighting:
    return _walk(camera, plate, at_s, [(0.0, y) for y in ys], step_ms, **change)


def _walk(
    camera: str, plate: str, at_s: float, places: list[tuple[float, float]], step_ms: int = 200, **change: Any
) -> Sighting:
    start = round(at_s * 1000)
    path = []
    for i, (x, y) in enumerate(places):
        x_px, y_px = CAMERA.pixel(x, y)
        path.append(PathPoint(captured_ms=START_MS + start + i * step_ms, x_m=x, y_m=y, x_px=x_px, y_px=y_px))
    last = start + (len(places) - 1) * step_ms
    made = sighting(camera, plate, last, first_ms=START_MS + start, path=tuple(path), **change)
    return replace(made, sighting_id=f"{camera}-{plate}-{at_s:.2f}")


def _passes(rng: random.Random) -> dict[str, list[Sighting]]:
    """What truly passed; a third of the vehicles are seen as two tracks."""
    found: dict[str, list[Sighting]] = {name: [] for name in KEYS}
    for n in range(14):
        plate, at_s, kmh = f"{100 + n}ABC02", rng.uniform(2, SECONDS - 70), rng.uniform(40, 150)
        label = rng.choice(("car", "car", "bus"))
        twice = (0.0, rng.uniform(0.1, 3.0)) if rng.random() < 0.35 else (0.0,)
        for more in twice:
            found["spot"].append(_drive("spot", plate, at_s + more, [60, 55, 50, 45], label=label, zones=("lane",),
                                        speed_kmh=kmh, speed_error_kmh=1.0))  # fmt: skip
            found["sign"].append(_drive("sign", plate, at_s + 9 + more, [60, 55, 50, 45], label=label, speed_kmh=kmh,
                                        speed_error_kmh=1.0))  # fmt: skip
            found["corner"].append(
                _drive("corner", plate, at_s + 20 + more, [60 - 2 * i for i in range(25)], label=label)
            )
            found["in"].append(_drive("in", plate, at_s + more, [40, 38], label=label))
            found["out"].append(_drive("out", plate, at_s + more + 3600 / kmh, [40, 38], label=label))
    found["street"] = list(_street(rng))
    return found


def _street(rng: random.Random) -> Iterator[Sighting]:
    """What happens in a street: people cross, some overtake, some stand, alone or beside another."""
    every = tuple(z.zone_id for z in STREET_ZONES)
    for n in range(14):
        plate, at_s = f"{300 + n}ABC02", 8.0 + 22 * n + rng.uniform(0, 2)

        def go(name: str, places: list[tuple[float, float]], after_s: float = 0.0, **change: Any) -> Sighting:
            return _walk("street", name, at_s + after_s, places, **{"zones": every, **change})  # noqa: B023

        away = [(2.2, 20.0 + 2.0 * i) for i in range(25)]
        if n % 7 == 0:
            yield go(plate, away[::-1])
            yield go("", [(-6.0 + 0.3 * i, 25.0) for i in range(40)], 0.5, label="person")
        elif n % 7 == 1:
            yield go(plate, [(-2.2, 70.0 - 2.4 * i) for i in range(22)])
            yield go(f"{500 + n}ABC02", [(2.2, 60.0 - 0.8 * i) for i in range(22)], zones=("bus_lane",))
        elif n % 7 == 2:
            yield go(plate, [(2.2, 40.0)] * 60)
        elif n % 7 == 3:
            yield go(plate, [(1.2, 40.0)] * 100)
            yield go(f"{500 + n}ABC02", [(4.6, 40.5)] * 120, -1.0, zones=())
        elif n % 7 == 4:
            yield go(plate, [(-2.0 + 0.2 * i, 55.0 - i) for i in range(21)])
        elif n % 7 == 5:
            yield go(plate, [(0.0, 50.0 - 2.0 * i) for i in range(12)] + [(0.0, 28.0)] * 12, zones=())
        else:
            yield go(plate, away)


def _late(rng: random.Random | None, passes: list[Sighting]) -> list[tuple[str, Any]]:
    """A camera's passes, late by up to eight seconds, and its time, which never passes one yet to be told."""
    due = {s.sighting_id: s.last_ms + (rng.randint(0, LATEST_MS) if rng else 0) for s in passes}
    left = sorted(passes, key=lambda s: (due[s.sighting_id], s.sighting_id))
    items: list[tuple[str, Any]] = []
    reached = 0
    while left:
        told = left.pop(0)
        items.append(("pass", told))
        now = min([due[told.sighting_id], *(s.first_ms - 1 for s in left)])
        if now > reached and (rng is None or rng.random() < 0.7):
            items.append(("time", (now, False)))
            reached = now
    return [*items, ("time", (START_MS + SECONDS * 1000, True))]


def _controllers() -> dict[str, list[tuple[str, Any]]]:
    """A light, and a sign for a camera and for the section: told each fourth second and at each change."""
    shows: dict[str, list[tuple[int, Any]]] = {
        "": [(s, ("green", "red")[i % 2]) for i, s in enumerate(range(0, SECONDS, 17))],
        "camera:sign": [(0, 80.0), (70, 40.0), (140, None), (200, 90.0)],
        "section:s": [(0, 100.0), (60, 70.0), (190, None), (260, 130.0)],
    }
    lanes: dict[str, list[tuple[str, Any]]] = {}
    for place, changes in shows.items():
        times = sorted({*range(0, SECONDS, 4), *(s for s, _ in changes), SECONDS})
        lanes[place or "junction:j"] = []
        for second in times:
            changed, what = max((c for c in changes if c[0] <= second), key=lambda c: c[0])
            signal = Signal(
                junction_id="" if place else "j", signal_group="" if place else "n", state="off" if place else what,
                changed_ms=START_MS + changed * 1000, valid_ms=START_MS + second * 1000, clock_error_ms=20,
                end=second == SECONDS, place=place, limit_kmh=what if place else None,
            )  # fmt: skip
            lanes[place or "junction:j"].append(("signal", signal))
    return lanes


class Road:
    """The bus and the three processors."""

    def __init__(self, seed: int | None) -> None:
        self.codec, self.bus = Codec(MemoryRegistry()), MemoryBus(PARTITIONS)
        scenes = Scenes(SCENES, (PLAN,))
        law = Law(packs=all_packs(), formats=plate_formats())
        logics = [
            EnforceLogic(self.codec, scenes, law, PARTITIONS),
            CountLogic(self.codec, CountingRules(), PARTITIONS, scenes.scene),
            RollupLogic(self.codec, RollupRules(), PARTITIONS),
        ]
        self.engine = MemoryEngine(self.bus, logics, seed=seed, crash_rate=0.15)
        self._told = dict.fromkeys(KEYS, 0)

    def tell(self, lane: str, kind: str, what: Any) -> None:
        if kind == "signal":
            self.bus.send("signals", lane, self.codec.encode("signals", what))
            return
        self._told[lane] += 1
        at = {"origin_partition": ORIGINS[lane], "origin_offset": self._told[lane], "ordinal": 0}
        if kind == "pass":
            for ordinal, key in enumerate(KEYS[lane]):
                stamped = replace(what, **{**at, "ordinal": ordinal})
                batch = PassBatch(records=(pass_of(self.codec, key, stamped),), watermarks=())
                self.bus.send("passes", key, self.codec.encode("passes", batch))
            return
        mark = Watermark(camera_id=lane, captured_ms=what[0], end=what[1], **at)
        value = self.codec.encode("passes", PassBatch(records=(), watermarks=(mark,)))
        for partition in range(PARTITIONS):
            self.bus.send("passes", f"partition-{partition}", value, partition)

    def again(self, rng: random.Random) -> None:
        """Deliver a suffix of every topic once more, at new offsets."""
        for topic in ("passes", "signals", "tallies", "minutes"):
            for partition in range(PARTITIONS):
                self.bus.replay(topic, partition, rng.randint(0, 6))

    def rows(self) -> dict[str, Any]:
        bare = {"origin_partition": 0, "origin_offset": 0, "ordinal": 0}
        newest: dict[str, dict[str, Any]] = {"counts": {}, "rollups": {}}
        for topic, key in (("counts", "count_id"), ("rollups", "rollup_id")):
            for row in sorted(self.bus.records(self.codec, topic), key=lambda r: r.version):
                newest[topic][getattr(row, key)] = replace(row, version=0, **bare)
        told = self.bus.records(self.codec, "violations")
        assert len({v.violation_id for v in told}) == len(told), "a violation was told twice"
        assert not self.bus.messages("dead-letters")
        return {"violations": {v.violation_id: replace(v, **bare) for v in told}, **newest}


def _run(world: int, seed: int | None) -> dict[str, Any]:
    passes = _passes(random.Random(world))
    rng = random.Random(seed) if seed is not None else None
    lanes = {name: _late(rng, found) for name, found in passes.items()} | _controllers()
    road = Road(seed)
    if rng is None:
        for items in lanes.values():
            items.reverse()
        while any(lanes.values()):
            lane = min((name for name in lanes if lanes[name]), key=lambda n: (_when(lanes[n][-1]), n))
            road.tell(lane, *lanes[lane].pop())
        road.engine.run_until_idle()
        return road.rows()
    while any(lanes.values()):
        lane = rng.choice([name for name in lanes if lanes[name]])
        for _ in range(min(len(lanes[lane]), rng.randint(1, 25))):
            road.tell(lane, *lanes[lane].pop(0))
        if rng.random() < 0.1:
            road.again(rng)
        if rng.random() < 0.3:
            road.engine.run_until_idle()
    road.engine.run_until_idle()
    road.again(rng)
    road.engine.run_until_idle()
    return road.rows()


def _when(item: tuple[str, Any]) -> int:
    kind, what = item
    at: int = what.last_ms if kind == "pass" else what.valid_ms if kind == "signal" else what[0]
    return at


@pytest.fixture(scope="module")
def plain() -> dict[int, dict[str, Any]]:
    return {world: _run(world, None) for world in (1, 2)}


def test_the_small_road_has_something_of_everything(plain: dict[int, dict[str, Any]]) -> None:
    for rows in plain.values():
        offences = {v.offence for v in rows["violations"].values()}
        assert offences == {"spot_speed", "average_speed", "red_light", "restricted_zone"} | STREET
        assert len({v.limit_kmh for v in rows["violations"].values() if v.camera_id == "sign"}) > 1
        assert {(r.scope, r.window_ms) for r in rows["rollups"].values()} == {
            (scope, ms) for scope in ("camera", "road", "district") for ms in (900_000, 3_600_000)
        }
        counted = sum(c.value for c in rows["counts"].values() if c.measure == "violations")
        assert counted == len(rows["violations"])


@pytest.mark.parametrize("seed", range(6))
def test_any_order_gives_the_same_rows(plain: dict[int, dict[str, Any]], seed: int) -> None:
    world = 1 + seed % 2
    found = _run(world, seed)
    for kind, rows in plain[world].items():
        assert found[kind] == rows, kind
