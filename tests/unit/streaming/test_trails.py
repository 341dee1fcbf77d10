"""Cloned plates, following and convoys through their processors: the same rows however the stream is cut and mixed."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from sightings import START_MS, granted, placed, sighting
from waysight.processors.convoy import ConvoyLogic
from waysight.processors.match import MatchLogic

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.authorisations import Authorisations
from waysight.domain.cloned import ClonedRules
from waysight.domain.matching import Known
from waysight.domain.watch_index import WatchIndex
from waysight.messages import AlertAction, PassBatch, Sighting, SightingBatch, Watermark
from waysight.streaming.passes import pass_of
from waysight.streaming.trails import Trails
from waysight.topics import partition_for

PARTITIONS, MINUTE, DAY = 2, 60_000, 86_400_000
SCENES = [placed(f"c{n}", 12.0 * n) for n in range(5)]
LEADER, COMPANION, PASSER_BY, CLONE, FOLLOWED = "111AAA01", "222BBB01", "333CCC01", "444DDD01", "555EEE01"
RULES = ClonedRules(legal_basis="law", authority="police")
RECORDS = (granted("convoy", LEADER), granted("follow", FOLLOWED, LEADER, area=("c0", "c1")))


def _traffic() -> list[Sighting]:
    """Every ten minutes one camera further: who leads, who keeps with it, who passes by, who cannot be one vehicle."""
    seen = []
    for n in range(5):
        at = n * 10 * MINUTE
        seen += [sighting(f"c{n}", LEADER, at + 5000), sighting(f"c{n}", COMPANION, at + 40_000)]
        seen.append(sighting(f"c{n}", FOLLOWED, at + 20_000, revision=1))
    seen += [sighting(f"c{n}", PASSER_BY, n * 30 * MINUTE + 1000) for n in range(3)]
    seen += [sighting("c0", CLONE, 0), sighting("c4", CLONE, 15_000), sighting("c1", CLONE, 30_000)]
    seen.append(sighting("c2", CLONE, 50 * MINUTE, plate_votes=1))  # seen by one frame only: proves nothing
    early = [replace(s, revision=0, final=False) for s in seen if s.plate == FOLLOWED]
    return sorted([*seen, *early], key=lambda s: (s.captured_ms, s.sighting_id, s.revision))


def _emitted(seed: int | None) -> list[Sighting | Watermark]:
    """The traffic with a watermark of every camera each two minutes; with a seed up to 50 s out of order."""
    rng = random.Random(seed)
    late = {s.sighting_id: rng.randrange(50_000) if seed is not None else 0 for s in _traffic()}
    seen = [(s.captured_ms + late[s.sighting_id], n, s) for n, s in enumerate(_traffic())]
    marks = [
        (at + 50_000 + n, n, _mark(scene.camera_id, at))
        for at in range(START_MS, START_MS + 70 * MINUTE, 2 * MINUTE)
        for n, scene in enumerate(SCENES)
    ]
    return [item for _, _, item in sorted([*seen, *marks], key=lambda i: i[:2])]


def _mark(camera: str, at_ms: int) -> Watermark:
    return Watermark(
        camera_id=camera, captured_ms=at_ms, end=False, origin_partition=0, origin_offset=0, ordinal=0
    )


class City:
    """The topics, and one match and one convoy over them."""

    def __init__(self, seed: int | None = None, *records: Any, cloned: bool = True) -> None:
        self.codec, self.bus = Codec(MemoryRegistry()), MemoryBus(PARTITIONS)
        self.granted, scenes = Authorisations(records), Scenes(SCENES)
        trails = Trails(scenes, self.granted, 0.8, RULES if cloned else None)
        known = Known(WatchIndex(), 0.8, self.granted)
        self.logics = [
            MatchLogic(self.codec, scenes, known.watchlist, 0.8, lambda: 0, known=known, trails=trails),
            ConvoyLogic(self.codec, scenes, self.granted, 0.8),
        ]
        crash = 0.0 if seed is None else 0.2
        self.engine = MemoryEngine(self.bus, self.logics, seed=seed, crash_rate=crash, batch=20)
        self._offset = 0

    def send(self, *items: Sighting | Watermark) -> None:
        """One envelope to each partition that the items go to, as track makes them."""
        self._offset += 1
        made = [replace(i, origin_offset=self._offset, ordinal=n) for n, i in enumerate(items)]
        for at in range(PARTITIONS):
            marks = tuple(i for i in made if isinstance(i, Watermark))
            seen = [i for i in made if isinstance(i, Sighting)]
            mine = tuple(s for s in seen if partition_for(s.plate, PARTITIONS) == at)
            self._out("sightings", at, SightingBatch(records=mine, watermarks=marks))
            passes = tuple(
                pass_of(self.codec, f"camera:{s.camera_id}", s)
                for s in seen
                if s.final and partition_for(f"camera:{s.camera_id}", PARTITIONS) == at
            )
            self._out("passes", at, PassBatch(records=passes, watermarks=marks))

    def rows(self) -> dict[str, Any]:
        """By id the newest row of each output, without what only says how it came about."""
        written = {"origin_partition": 0, "origin_offset": 0, "ordinal": 0}
        found: dict[str, Any] = {}
        for alert in self.bus.records(self.codec, "alerts"):
            found[alert.alert_id] = replace(alert, version=0, **written)
        points = sorted(self.bus.records(self.codec, "follows"), key=lambda p: p.revision)
        found |= {p.point_id: replace(p, **written) for p in points}
        assert not self.bus.records(self.codec, "dead-letters")
        return found

    def _out(self, topic: str, partition: int, batch: Any) -> None:
        if batch.records or batch.watermarks:
            self.bus.send(topic, f"partition-{partition}", self.codec.encode(topic, batch), partition)


def _ran(seed: int | None, *records: Any) -> City:
    city, rng = City(seed, *records), random.Random(seed)
    items = _emitted(seed)
    while items:
        size = 3 if seed is None else rng.randrange(1, 9)
        city.send(*items[:size])
        items = items[size:]
    city.engine.run_until_idle()
    if seed is not None:
        for topic in ("sightings", "passes", "companions"):
            for partition in range(PARTITIONS):
                city.bus.replay(topic, partition, rng.randrange(12))
        city.engine.run_until_idle()
    return city


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    return _ran(None, *RECORDS).rows()


def test_each_is_found_once(plain: dict[str, Any]) -> None:
    alerts = [r for r in plain.values() if hasattr(r, "alert_id")]
    convoys = {(a.plate, a.other_plate, a.sightings) for a in alerts if a.kind == "convoy"}
    assert convoys == {(COMPANION, LEADER, 5), (FOLLOWED, LEADER, 5)}
    (cloned,) = (a for a in alerts if a.kind == "cloned_plate")
    assert (cloned.plate, cloned.other_camera_id, cloned.camera_id) == (CLONE, "c0", "c4")
    assert (cloned.sightings, cloned.last_camera_id) == (3, "c1")
    points = sorted((p.plate, p.camera_id, p.revision) for p in plain.values() if hasattr(p, "point_id"))
    assert points == [(LEADER, "c0", 0), (LEADER, "c1", 0), (FOLLOWED, "c0", 1), (FOLLOWED, "c1", 1)]


@pytest.mark.parametrize("seed", range(8))
def test_disorder_batches_crashes_and_replays_change_no_row(plain: dict[str, Any], seed: int) -> None:
    assert _ran(seed, *RECORDS).rows() == plain


def test_without_authorisations_nobody_is_followed_or_remembered_by_cameras() -> None:
    city = _ran(None)
    assert {r.kind for r in city.rows().values()} == {"cloned_plate"}
    assert not city.bus.messages("companions")
    assert not any(city.engine.state("convoy", p).snapshot() for p in range(PARTITIONS))


def test_without_a_law_no_plate_is_remembered() -> None:
    city = City(None, cloned=False)
    city.send(*_traffic())
    city.engine.run_until_idle()
    assert not city.rows()
    assert {"recent", "cloned"}.isdisjoint(
        table for p in range(PARTITIONS) for table in city.engine.state("match", p).snapshot()
    )


def test_silence_empties_what_was_remembered() -> None:
    city = _ran(None, *RECORDS)
    for _ in range(6):
        city.send(*(_mark(scene.camera_id, START_MS + 3 * DAY) for scene in SCENES))
        city.engine.run_until_idle()
    left = {
        t for p in range(PARTITIONS) for n in ("match", "convoy") for t in city.engine.state(n, p).snapshot()
    }
    assert left <= {"fence"}


def test_a_revoked_authorisation_ends_convoy_and_following_and_drops_their_state() -> None:
    city = City(None, *RECORDS)
    first = [s for s in _traffic() if s.captured_ms < START_MS + 15 * MINUTE]
    city.send(*first)
    city.engine.run_until_idle()
    before = city.rows()
    for record in RECORDS:
        city.granted.apply(record.authorisation_id, replace(record, revoked_ms=START_MS))
    city.send(*(s for s in _traffic() if s.captured_ms >= START_MS + 15 * MINUTE))
    city.send(_mark("c0", START_MS + 20 * MINUTE))
    city.engine.run_until_idle()
    grown = {i: r for i, r in city.rows().items() if i not in before}
    assert not [r for r in grown.values() if hasattr(r, "point_id") or r.kind == "convoy"]
    assert not any(city.engine.state("convoy", p).snapshot() for p in range(PARTITIONS))
    assert not any("meetings" in city.engine.state("match", p).snapshot() for p in range(PARTITIONS))


def test_people_act_on_such_alerts_as_on_any_other() -> None:
    city = _ran(None, *RECORDS)
    for alert in city.rows().values():
        if hasattr(alert, "alert_id"):
            action = AlertAction(
                action_id=f"a-{alert.alert_id}", alert_id=alert.alert_id, subject=alert.subject,
                status="acknowledged", reason="", actor="officer", acted_ms=1,
            )  # fmt: skip
            city.bus.send("alert-actions", action.subject, city.codec.encode("alert-actions", action))
    city.engine.run_until_idle()
    alerts = [r for r in city.rows().values() if hasattr(r, "alert_id")]
    assert {a.status for a in alerts} == {"acknowledged"}
