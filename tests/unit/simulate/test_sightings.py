"""A town's traffic: the same seed gives the same events and truth, and the real rules find just that truth."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml
from waysight.processors.count import CountLogic
from waysight.processors.enforce import EnforceLogic
from waysight.processors.match import MatchLogic
from waysight.processors.rollup import RollupLogic

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.authority.rulepacks import all_packs
from waysight.cameras.files import load_cameras
from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.counting import CountingRules
from waysight.domain.enforcement.case import Law
from waysight.domain.rollup import RollupRules
from waysight.domain.watch_index import WatchIndex
from waysight.evaluation.feed import Feed
from waysight.simulate.papers import neighbours
from waysight.simulate.sightings import Mark, Pace, Sighting, Traffic
from waysight.simulate.town import CYCLE_S, PLATES, SUPPRESS_S, Town, plate

PARTITIONS = 3


@pytest.fixture
def file(tmp_path: Path) -> CameraFile:
    path = tmp_path / "cameras.yaml"
    path.write_text(yaml.safe_dump(Town().camera_file()))
    return load_cameras(path)


def test_two_plates_differ_in_more_than_one_character() -> None:
    seen: set[str] = set()
    for number in (*range(4000), *range(PLATES - 4000, PLATES)):
        masked = {form for form in neighbours(plate(number)) if "*" in form}
        assert seen.isdisjoint(masked)
        seen |= masked


def test_the_light_goes_round_and_says_since_when() -> None:
    town = Town()
    states = [town.light("d1", town.start_ms + 1000 * s) for s in range(2 * CYCLE_S)]
    assert Counter(s for s, _ in states) == {"green": 60, "amber": 6, "red": 54}
    assert all(town.light("d1", since) == (state, since) for state, since in states)
    assert all(town.light("d1", since - 1)[0] != state for state, since in states)


def test_the_same_seed_gives_the_same_events_and_truth() -> None:
    one, two, other = Traffic(Town(), 300), Traffic(Town(), 300), Traffic(Town(seed=8), 300)
    assert list(one.events()) == list(two.events()) != list(other.events())
    assert (one.truth.counts, one.truth.violations) == (two.truth.counts, two.truth.violations)
    assert one.truth.violations != other.truth.violations


def test_watermarks_keep_their_promise_unless_lateness_is_asked_for() -> None:
    for pace, kept in ((Pace(), True), (Pace(late_every=5, late_ms=30_000), False)):
        promised: dict[str, int] = {}
        broken = 0
        for event in Traffic(Town(), 1500, pace).events():
            if isinstance(event, Mark):
                promised[event.camera_id] = event.captured_ms
            elif isinstance(event, Sighting):
                broken += event.first_ms <= promised.get(event.camera_id, 0)
        assert (broken == 0) == kept


@pytest.mark.parametrize("pace", [Pace(), Pace(late_every=7)])
def test_the_real_rules_find_the_truth(file: CameraFile, pace: Pace) -> None:
    codec, bus, traffic = Codec(MemoryRegistry()), MemoryBus(PARTITIONS), Traffic(Town(), 1500, pace)
    for _, output in Feed(codec, file, PARTITIONS).outputs(traffic.events()):
        bus.send(output.topic, output.key, output.value, output.partition)
    law = Law(packs=all_packs(), formats=plate_formats(), enforcement_gate=0.9)
    scenes = Scenes.of_file(file)
    logics = [
        EnforceLogic(codec, scenes, law, PARTITIONS),
        CountLogic(codec, CountingRules(), PARTITIONS, scene=scenes.scene),
        RollupLogic(codec, RollupRules(), PARTITIONS),
    ]
    MemoryEngine(bus, logics, seed=3).run_until_idle()
    truth = traffic.truth
    found = {(v.offence, v.sighting_ids): v for v in bus.records(codec, "violations")}
    assert found.keys() == truth.violations.keys()
    assert {k[0] for k in found} == {"spot_speed", "average_speed", "red_light", "restricted_zone"}
    # Besides the owner, which enforce does not know, nothing keeps a violation of the truth's fines from its fine.
    assert all(found[key].enforceable for key in truth.fines)
    newest = {
        (c.measure, c.camera_id, c.category, c.window_start_ms): c.value
        for c in sorted(bus.records(codec, "counts"), key=lambda c: c.version)
    }
    assert newest == truth.counts
    rolled = {
        (r.measure, r.scope, r.place, r.category, r.window_ms, r.window_start_ms): r.value
        for r in sorted(bus.records(codec, "rollups"), key=lambda r: r.version)
    }
    assert rolled == truth.rollups
    assert not bus.messages("dead-letters")


def test_the_watchlist_finds_the_truth(file: CameraFile) -> None:
    codec, bus = Codec(MemoryRegistry()), MemoryBus(PARTITIONS)
    traffic = Traffic(Town(), 900, Pace(wanted_every=6, wanted=20))
    for _, output in Feed(codec, file, PARTITIONS).outputs(traffic.events()):
        bus.send(output.topic, output.key, output.value, output.partition)
    watchlist = WatchIndex(plate_formats())
    for entry in traffic.town.hotlist(500, wanted=20):
        watchlist.apply(entry.entry_id, entry)
    match = MatchLogic(codec, Scenes.of_file(file), watchlist, 0.8, lambda: 0)
    MemoryEngine(bus, [match], seed=4).run_until_idle()
    newest = {a.alert_id: a for a in sorted(bus.records(codec, "alerts"), key=lambda a: a.version)}
    found = {
        (a.entry_id, a.camera_group, a.occurred_ms // (SUPPRESS_S * 1000)): a.sightings
        for a in newest.values()
    }
    assert len(found) == len(newest)
    assert found == {key: len(sightings) for key, sightings in traffic.truth.alerts.items()}
    assert max(found.values()) > 1
