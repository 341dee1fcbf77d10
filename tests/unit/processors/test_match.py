"""Sightings in any order, cut and sent again at random, raise the same alerts, whatever it is that they meet."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from sightings import granted, sighting
from synthetic import START_MS
from wanted import entry, index_of, person
from waysight.processors.match import MatchLogic

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.authorisations import OWNER_WARRANT, Authorisations
from waysight.domain.matching import Known
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.scene import Scene
from waysight.domain.vehicle_table import VehicleTable
from waysight.messages import Alert, AlertAction, Sighting, SightingBatch, Vehicle, Watermark
from waysight.streaming.alert_book import AlertBook

PARTITIONS = 2
CODEC = Codec(MemoryRegistry())
SCENES = Scenes(
    [
        Scene(camera_id="east", country="kz", group="ring", district="Port"),
        Scene(camera_id="west", country="kz", group="ring", district="Port"),
        Scene(camera_id="gate", country="kz", district="Hill"),
        Scene(camera_id="count", country="kz", purposes=frozenset(("count",))),
    ]
)
CAMERAS = ("east", "west", "gate", "count")
PLATES = ("123ABC02", "777XYZ01", "555AAA02", "128ABC02", "")
ENTRIES = (
    entry("stolen", "123ABC02", priority=0),
    entry("part", "777*", mode="pattern"),
    entry("zone", "", mode="permit_list", list="residents", area=("gate",)),
    entry("member", "123ABC02", mode="permit", list="residents"),
    entry("van", "", mode="description", label="truck", colour="blue", area=("group:ring",)),
    entry("near", "128ABC02", approximate=True),
)


def _known() -> Known:
    vehicles, leave = VehicleTable(), Authorisations([granted(OWNER_WARRANT)])
    owners = OwnerIndex(vehicles)
    owners.apply_person("p-1", person("p-1"))
    owned = Vehicle(plate="555AAA02", country="kz", make="", model="", type="", colour="", owner_id="p-1",
                    owner_name="", owner_address="", owner_kind="person")  # fmt: skip
    vehicles.apply(owned.plate, owned)
    owners.apply_vehicle(owned.plate, owned)
    return Known(index_of(ENTRIES, plate_formats()), 0.8, leave, vehicles, owners)


def _world(seed: int) -> list[list[Sighting]]:
    """Passes over half an hour, each with its revisions in order."""
    rng, found = random.Random(seed), []
    for _ in range(60):
        camera, plate = rng.choice(CAMERAS), rng.choice(PLATES)
        sure = rng.random() < 0.8 if plate else False
        doubt = tuple(0.5 if n == 2 else 0.99 for n in range(8)) if plate and not sure else ()
        last = sighting(
            camera, plate, rng.randrange(5, 1800) * 1000, label=rng.choice(["car", "truck"]),
            colour=rng.choice(["white", "blue"]), plate_confidence=0.97 if sure else 0.6 if plate else 0.0,
            plate_confidences=doubt, revision=1,
        )  # fmt: skip
        early = replace(last, revision=0, final=False, colour="", captured_ms=last.captured_ms - 900)
        found.append([early, last] if sure else [replace(last, revision=0)])
    return found


def _mixed(passes: list[list[Sighting]], seed: int | None) -> list[Sighting]:
    """All revisions: by time, or in any order in which each pass keeps its own."""
    if seed is None:
        return sorted((s for p in passes for s in p), key=lambda s: (s.captured_ms, s.sighting_id))
    rng, queues, found = random.Random(seed), [list(p) for p in passes], []
    while queues:
        queue = rng.choice(queues)
        found.append(queue.pop(0))
        queues = [q for q in queues if q]
    return found


def _send(bus: MemoryBus, sightings: list[Sighting], rng: random.Random) -> None:
    offset = 0
    while sightings:
        size = rng.randint(1, 8)
        now, sightings = sightings[:size], sightings[size:]
        for partition in range(PARTITIONS):
            mine = [s for s in now if hash_of(s) == partition]
            made = [replace(s, origin_offset=offset, ordinal=n) for n, s in enumerate(mine)]
            mark = Watermark(camera_id="east", captured_ms=START_MS, end=False, origin_partition=0,
                             origin_offset=offset, ordinal=99)  # fmt: skip
            batch = SightingBatch(records=tuple(made), watermarks=(mark,))
            bus.send("sightings", "", CODEC.encode("sightings", batch), partition)
        offset += 1


def hash_of(seen: Sighting) -> int:
    """The partition that a sighting's key gives."""
    return sum((seen.plate or seen.camera_id).encode()) % PARTITIONS


def _run(
    seed: int | None, *, mix: int | None = None, replay: bool = False
) -> tuple[MemoryEngine, list[Alert]]:
    bus = MemoryBus(PARTITIONS)
    _send(bus, _mixed(_world(7), mix), random.Random(seed or 0))
    known = _known()
    logic = MatchLogic(CODEC, SCENES, known.watchlist, known.gate, lambda: 0, known=known)
    engine = MemoryEngine(bus, [logic], seed=seed, crash_rate=0.2 if seed is not None else 0.0)
    if replay:
        for partition in range(PARTITIONS):
            bus.replay("sightings", partition, 20)
    engine.run_until_idle()
    if replay:
        for partition in range(PARTITIONS):
            bus.replay("sightings", partition, 9)
        engine.run_until_idle()
    assert not bus.records(CODEC, "dead-letters")
    return engine, bus.records(CODEC, "alerts")


def _newest(alerts: list[Alert]) -> dict[str, Alert]:
    bare = {"origin_partition": 0, "origin_offset": 0, "ordinal": 0}
    found: dict[str, Alert] = {}
    for alert in alerts:
        assert alert.alert_id not in found or alert.version == found[alert.alert_id].version + 1
        found[alert.alert_id] = replace(alert, **bare)
    return found


@pytest.fixture(scope="module")
def plain() -> dict[str, Alert]:
    return _newest(_run(None)[1])


def test_every_kind_of_match_is_there(plain: dict[str, Alert]) -> None:
    kinds = {a.matched for a in plain.values()}
    assert kinds == {"exact", "pattern", "approximate", "description", "not_permitted", "owner"}
    assert any(a.sightings > 1 and a.camera_id != a.last_camera_id for a in plain.values())
    assert {a.camera_group for a in plain.values()} == {"ring", "gate"}
    assert not any("count" in (a.camera_id, a.last_camera_id) for a in plain.values())
    owner = next(a for a in plain.values() if a.matched == "owner")
    assert (owner.person_id, owner.authorisation_id, owner.legal_basis) == (
        "p-1",
        "owner_warrant-1",
        "CPC art. 185",
    )


@pytest.mark.parametrize("seed", range(8))
def test_batches_crashes_replays_and_disorder_change_no_alert(plain: dict[str, Alert], seed: int) -> None:
    assert _newest(_run(seed, replay=True)[1]) == plain
    assert _newest(_run(seed, mix=seed, replay=seed % 2 == 0)[1]) == plain


def test_a_word_of_an_officer_reaches_the_alert_and_lasts() -> None:
    known = _known()
    bus = MemoryBus(1)
    engine = MemoryEngine(bus, [MatchLogic(CODEC, SCENES, known.watchlist, 0.8, lambda: 0, known=known)])

    def see(number: int, camera: str) -> Alert:
        seen = sighting(camera, "123ABC02", 5000 + number * 1000, origin_offset=number)
        batch = SightingBatch(records=(seen,), watermarks=())
        bus.send("sightings", "k", CODEC.encode("sightings", batch))
        engine.run_until_idle()
        alert: Alert = bus.records(CODEC, "alerts")[-1]
        return alert

    def say(alert_id: str, number: int) -> None:
        action = AlertAction(action_id=f"a{number}", alert_id=alert_id, subject="123ABC02", status="verified", reason="",
                             actor="op", acted_ms=START_MS + number)  # fmt: skip
        bus.send("alert-actions", "k", CODEC.encode("alert-actions", action))
        engine.run_until_idle()

    first = see(0, "east")
    say(first.alert_id, 1)
    again = see(1, "west")
    assert (again.alert_id, again.version, again.status, again.sightings) == (
        first.alert_id,
        2,
        "verified",
        2,
    )
    say("unknown", 2)
    assert len(bus.records(CODEC, "dead-letters")) == 1


def test_silence_empties_the_book() -> None:
    engine, alerts = _run(None)
    for partition in range(PARTITIONS):
        book = AlertBook.of(engine.state("match", partition))
        for camera in CAMERAS:
            book.reach(camera, START_MS + 3 * 86_400_000)
    left: list[Any] = [book.get(a.alert_id) for a in alerts]
    assert alerts
    assert not any(left)
