"""Synthetic detections through track, match, enforce and count give exactly the rows that the world holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from synthetic import START_MS, Eye, Pinhole, Ride, merged_streams
from waysight.processors.count import CountLogic
from waysight.processors.enforce import EnforceLogic
from waysight.processors.match import MatchLogic
from waysight.processors.track import TrackLogic

from waysight import metrics
from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.authority.rulepacks import all_packs
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.counting import CountingRules
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.shown import KEEP_MS
from waysight.domain.episodes import Raised
from waysight.domain.scene import Scene, SectionPlan
from waysight.domain.sightings import SightingRules
from waysight.domain.watch_index import WatchIndex
from waysight.engine import Message
from waysight.messages import PassBatch, SightingBatch, Signal, WatchlistEntry, Watermark
from waysight.streaming.passes import pass_of

PARTITIONS = 3
PAPERS = (START_MS - 86_400_000, START_MS + 86_400_000)
GANTRY = Pinhole(6500.0, 7.0, 8.4)
CORNER = Pinhole(1500.0, 6.0, 12.0)


def _gantry(name: str, role: str) -> Scene:
    return Scene(
        camera_id=name,
        country="kz",
        place=name,
        purposes=frozenset(("hotlist", "count", "section_control")),
        clock_error_ms=40,
        homography=GANTRY.homography(),
        calibration_size=(1920, 1080),
        calibration_error_m=0.1,
        section_id="s1",
        section_role=role,
        certificate="KZ.02, AA-17",
        papers=PAPERS,
    )


CORNER_SCENE = Scene(
    camera_id="corner",
    country="kz",
    place="corner",
    purposes=frozenset(("hotlist", "count", "spot_speed", "red_light")),
    fps=5.0,
    clock_error_ms=40,
    homography=CORNER.homography(),
    calibration_size=(1920, 1080),
    calibration_error_m=0.05,
    speed_limit_kmh=60.0,
    junction_id="j1",
    signal_group="north",
    stop_line=((-50.0, 20.0), (50.0, 20.0)),
    certificate="KZ.02, AA-18",
    papers=PAPERS,
)
EYES = [
    Eye(_gantry("in", "entry"), GANTRY, 1000),
    Eye(_gantry("out", "exit"), GANTRY, 1000, 90),
    Eye(CORNER_SCENE, CORNER, 200),
]
PLAN = SectionPlan(
    section_id="s1",
    entry="in",
    exit="out",
    length_m=1000.0,
    length_error_m=0.05,
    limit_kmh=110.0,
    country="kz",
    road_class="republican",
    straight=True,
)


def _section_ride(plate: str, at_ms: int, kmh: float, x_m: float = 1.75, label: str = "car") -> list[Ride]:
    speed = kmh / 3.6
    later = at_ms + round(1000.0 / speed * 1000)
    return [
        Ride("in", plate, at_ms, 120.0, -speed, x_m, label),
        Ride("out", plate, later, 120.0, -speed, x_m, label),
    ]


RIDES = [
    *_section_ride("123ABC02", 2_300, 130.0),
    *_section_ride("456DEF01", 8_700, 112.0),
    *_section_ride("789GHJ05", 15_100, 150.0, -1.75, "truck"),
    *_section_ride("321KLM07", 22_450, 105.0),
    Ride("corner", "555AAA02", 3_000, 110.0, -22.5),  # 81 km/h on green
    Ride("corner", "666BBB02", 12_000, 110.0, -16.0),  # 57.6 km/h, crosses on red at about 17.6 s
    Ride("corner", "777CCC02", 33_000, 110.0, -14.0),  # 50 km/h on green
    Ride("corner", "", 45_000, 60.0, -1.3, 4.0, "person"),
]
LIGHTS = [(0, "green"), (10_000, "amber"), (13_000, "red"), (30_000, "green")]
VIOLATIONS = {
    ("average_speed", "out", "123ABC02"),
    ("average_speed", "out", "789GHJ05"),
    ("spot_speed", "corner", "555AAA02"),
    ("red_light", "corner", "666BBB02"),
}
ALERTS = {("e1", "in", "456DEF01"), ("e1", "out", "456DEF01"), ("e2", "corner", "777CCC02")}


def _entry(entry_id: str, plate: str, **change: Any) -> WatchlistEntry:
    entry = WatchlistEntry(
        entry_id=entry_id,
        plate=plate,
        kind="stolen",
        priority=1,
        legal_basis="law",
        authority="police",
        case_number="c1",
        source="test",
        audience="police",
        valid_from_ms=START_MS - 1000,
        expires_ms=START_MS + 10**8,
    )
    return replace(entry, **change)


def _watchlist() -> WatchIndex:
    index = WatchIndex(plate_formats())
    for entry in (
        _entry("e1", "456 DEF 01"),
        _entry("e2", "777CCC02"),
        _entry("expired", "321KLM07", expires_ms=START_MS),
        _entry("revoked", "123ABC02", revoked_ms=START_MS - 500),
    ):
        index.apply(entry.entry_id, entry)
    return index


def _signals(codec: Codec, bus: MemoryBus, shift_ms: int) -> None:
    for second in range(61):
        at = second * 1000
        changed, state = max(c for c in LIGHTS if c[0] <= at)
        signal = Signal(
            junction_id="j1",
            signal_group="north",
            state=state,  # type: ignore[arg-type]
            changed_ms=START_MS + shift_ms + changed,
            valid_ms=START_MS + shift_ms + at,
            clock_error_ms=20,
            end=second == 60,
        )
        bus.send("signals", "junction:j1", codec.encode("signals", signal))


def _run(
    seed: int | None, *, crash: float = 0.0, shift_ms: int = 0, replay: bool = False
) -> dict[str, list[Any]]:
    codec, bus, scenes = (
        Codec(MemoryRegistry()),
        MemoryBus(PARTITIONS),
        Scenes((e.scene for e in EYES), (PLAN,)),
    )
    rules = SightingRules(formats=plate_formats())
    law = Law(packs=all_packs(), formats=plate_formats())
    logics = [
        TrackLogic(codec, scenes, rules, PARTITIONS),
        MatchLogic(codec, scenes, _watchlist(), 0.8, lambda: 0),
        EnforceLogic(codec, scenes, law, PARTITIONS),
        CountLogic(codec, CountingRules(), PARTITIONS),
    ]
    for frame in merged_streams(EYES, RIDES, seed=1):
        frame = replace(frame, captured_ms=frame.captured_ms + shift_ms)
        bus.send("detections", frame.camera_id, codec.encode("detections", frame))
    _signals(codec, bus, shift_ms)
    if replay:
        for partition in range(PARTITIONS):
            bus.replay("detections", partition, 40)
    engine = MemoryEngine(bus, logics, seed=seed, crash_rate=crash)
    engine.run_until_idle()
    if replay:
        for topic in ("sightings", "passes", "tallies"):
            for partition in range(PARTITIONS):
                bus.replay(topic, partition, 5)
        engine.run_until_idle()
    return {t: bus.records(codec, t) for t in ("sightings", "violations", "alerts", "counts", "dead-letters")}


def _rows(found: dict[str, list[Any]]) -> dict[str, Any]:
    """What the topics say, without the origins, which depend on how an upstream batch was cut."""
    bare = {"origin_partition": 0, "origin_offset": 0, "ordinal": 0}
    sightings = sorted({repr(replace(s, **bare)) for b in found["sightings"] for s in b.records})
    rest = {t: sorted(repr(replace(r, **bare)) for r in found[t]) for t in ("violations", "alerts")}
    last = {
        c.count_id: (c.measure, c.camera_id, c.category, c.window_start_ms, c.value) for c in found["counts"]
    }
    return {"sightings": sightings, **rest, "counts": sorted(last.values())}


@pytest.fixture(scope="module")
def plain() -> dict[str, list[Any]]:
    return _run(None)


def test_finds_exactly_what_happened(plain: dict[str, list[Any]]) -> None:
    violations = plain["violations"]
    assert {(v.offence, v.camera_id, v.plate) for v in violations} == VIOLATIONS
    assert len(violations) == len(VIOLATIONS)
    assert all(v.enforceable for v in violations), [v.obstacles for v in violations]
    alerts = plain["alerts"]
    assert {(a.entry_id, a.camera_id, a.plate) for a in alerts} == ALERTS
    assert len({a.alert_id for a in alerts}) == len(ALERTS)
    assert not plain["dead-letters"]


def test_one_sighting_per_pass(plain: dict[str, list[Any]]) -> None:
    final = [s for b in plain["sightings"] for s in b.records if s.final]
    assert sorted((s.camera_id, s.plate) for s in final) == sorted((r.camera_id, r.plate) for r in RIDES)
    assert {s.label for s in final} == {"car", "truck", "person"}


def test_measures_within_its_own_bound(plain: dict[str, list[Any]]) -> None:
    true = {r.plate: abs(r.speed_mps) * 3.6 for r in RIDES if r.plate}
    measured = [v for v in plain["violations"] if v.measured_kmh is not None]
    assert len(measured) >= 3
    for violation in measured:
        assert abs(violation.measured_kmh - true[violation.plate]) <= violation.uncertainty_kmh
        assert violation.uncertainty_kmh < 4.0


def test_counts_agree_with_the_facts(plain: dict[str, list[Any]]) -> None:
    counts = {c.count_id: c for c in plain["counts"]}.values()
    assert sum(c.value for c in counts if c.measure == "passes") == len(RIDES)
    assert sum(c.value for c in counts if c.measure == "violations") == len(VIOLATIONS)
    assert all(c.closed for c in counts)
    assert all(c.version == 0 for c in counts)


@pytest.mark.parametrize("seed", range(6))
def test_batches_crashes_and_replays_change_no_row(plain: dict[str, list[Any]], seed: int) -> None:
    assert _rows(_run(seed, crash=0.2, replay=True)) == _rows(plain)


def test_time_shift_shifts_every_row(plain: dict[str, list[Any]]) -> None:
    shift = 3_600_000
    moved = _run(None, shift_ms=shift)
    assert sorted(v.occurred_ms - shift for v in moved["violations"]) == sorted(
        v.occurred_ms for v in plain["violations"]
    )
    assert {v.violation_id for v in moved["violations"]} == {v.violation_id for v in plain["violations"]}
    assert sorted(a.occurred_ms - shift for a in moved["alerts"]) == sorted(
        a.occurred_ms for a in plain["alerts"]
    )


@pytest.mark.parametrize("lamp", ["silent", "from_later_on"])
def test_a_crossing_whose_light_is_not_known_is_counted(plain: dict[str, list[Any]], lamp: str) -> None:
    codec = Codec(MemoryRegistry())
    logic = EnforceLogic(codec, Scenes(e.scene for e in EYES), Law(packs=all_packs()), 1)
    crossed = next(s for b in plain["sightings"] for s in b.records if s.final and s.plate == "666BBB02")
    later_ms = crossed.last_ms + KEEP_MS + 60_000
    mark = Watermark(
        camera_id="corner", captured_ms=later_ms, end=False, origin_partition=0, origin_offset=9**9, ordinal=0
    )
    light = Signal(
        junction_id="j1",
        signal_group="north",
        state="red",
        changed_ms=later_ms - 10_000,
        valid_ms=later_ms,
        clock_error_ms=20,
        end=False,
    )
    passes = codec.encode(
        "passes", PassBatch(records=(pass_of(codec, "junction:j1", crossed),), watermarks=())
    )
    news = {
        "silent": ("passes", PassBatch(records=(), watermarks=(mark,))),
        "from_later_on": ("signals", light),
    }[lamp]
    messages = [
        Message("passes", 0, 0, b"", passes),
        Message(news[0], 0, 1, b"", codec.encode(*news)),
    ]
    before = metrics.UNDECIDED.labels("j1")._value.get()
    outputs = asyncio.run(logic.step(KeyedState(0), messages))
    assert metrics.UNDECIDED.labels("j1")._value.get() == before + 1
    assert not [o for o in outputs if o.topic == "violations"]


@pytest.mark.parametrize(("camera", "kept"), [("corner", False), ("in", True)])
def test_alerts_are_forgotten_by_the_time_of_their_own_camera(
    plain: dict[str, list[Any]], camera: str, kept: bool
) -> None:
    codec, state = Codec(MemoryRegistry()), KeyedState(0)
    logic = MatchLogic(codec, Scenes(e.scene for e in EYES), _watchlist(), 0.8, lambda: 0)
    wanted = next(s for b in plain["sightings"] for s in b.records if s.final and s.plate == "777CCC02")
    mark = Watermark(
        camera_id=camera,
        captured_ms=START_MS + 10**9,
        end=False,
        origin_partition=0,
        origin_offset=9**9,
        ordinal=0,
    )
    batches = [
        SightingBatch(records=(wanted,), watermarks=()),
        SightingBatch(records=(), watermarks=(mark,)),
    ]
    messages = [Message("sightings", 0, n, b"", codec.encode("sightings", b)) for n, b in enumerate(batches)]
    asyncio.run(logic.step(state, messages[:1]))
    assert [raised.alert.plate for _, raised in state.items("alerts", Raised)] == ["777CCC02"]
    asyncio.run(logic.step(state, messages[1:]))
    assert bool(list(state.items("alerts", Raised))) == kept
