"""ClickHouse away under load, workers that come meanwhile, and a replay after the law of a place has changed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from workers import eventually, waysight

from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.models import CameraFile
from waysight.codec import Codec
from waysight.engine import Output
from waysight.evaluation.feed import Feed
from waysight.local import control, spec
from waysight.local.temporary import temporary_stack
from waysight.messages import Review
from waysight.settings import Settings, get_settings
from waysight.simulate.sightings import Pace, Traffic
from waysight.simulate.town import Town
from waysight.storage.migrations import migrate
from waysight.storage.tables import TABLES

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
SIGHTINGS, AWAY_S = 1500, 22.0
IDS = {"sightings": "sighting_id", "violations": "violation_id", "alerts": "alert_id", "counts": "count_id"}
WHY = ("--purpose", "the limit was wrong", "--case", "KZ-7", "--json")


@dataclass
class City:
    """A small town on a stack of its own, with the workers that look at it."""

    settings: Settings
    codec: Codec
    town: Town
    outputs: list[Output]
    clickhouse: ClickHouse
    folder: Path

    def work(self, name: str, *processors: str) -> None:
        """A worker under the stack's supervisor: one that ends, as after a rebalance it may, is started again."""
        command = [sys.executable, "-m", "waysight.cli", "process", *processors, "--instance", name]
        spec.write_program(self.settings, f"worker-{name}", command)

    def publish(self, outputs: list[Output]) -> None:
        publisher = Publisher(self.settings, self.codec)
        for out in outputs:
            publisher.publish_bytes(out.topic, out.key.encode(), out.value, out.headers, None, out.partition)
        publisher.flush()

    def told(self, topic: str) -> set[str]:
        """The ids of what Kafka holds."""
        found = [r for _, r in read_all(self.settings, self.codec, topic)]
        rows = [s for batch in found for s in batch.records] if topic == "sightings" else found
        return {getattr(row, IDS[topic]) for row in rows}

    def stored(self, table: str) -> set[str]:
        rows = self.clickhouse.rows(f"SELECT {IDS[table]} AS id FROM {table} FINAL")
        return {row["id"] for row in rows}

    def replay(self, *words: str) -> dict[str, Any]:
        begin = datetime.fromtimestamp(self.town.start_ms / 1000 - 3600, UTC).isoformat()
        end = datetime.fromtimestamp(self.town.start_ms / 1000 + 86_400, UTC).isoformat()
        chosen = ("--processor", "enforce", "--processor", "match", "--processor", "count")
        done = waysight(self.settings, "replay", "--from", begin, "--to", end, *chosen, *WHY, *words)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        report["tables"] = {row["table"]: row for row in report["tables"]}
        return report

    def cameras(self, **limits: float) -> None:
        """Import the cameras, some with another speed limit."""
        raw = self.town.camera_file()
        for camera in raw["cameras"]:
            if camera["id"].partition("-")[2] in limits:
                camera["speed_limit_kmh"] = limits[camera["id"].partition("-")[2]]
        file = self.folder / "cameras.yaml"
        file.write_text(yaml.safe_dump(raw))
        done = waysight(self.settings, "cameras", "import", str(file))
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with ExitStack() as stack:
        settings = stack.enter_context(temporary_stack(get_settings(), ("kafka", "registry", "clickhouse")))
        apply_topics(settings)
        migrate(settings)
        codec, town = Codec(ConfluentRegistry(settings.registry)), Town(5, 1)
        traffic = Traffic(town, SIGHTINGS, Pace(per_s=6, offence_every=15, wanted_every=20, wanted=20))
        file = CameraFile.model_validate(town.camera_file())
        outputs = [out for _, out in Feed(codec, file, settings.partitions).outputs(traffic.events())]
        clickhouse = connect(settings)
        stack.callback(clickhouse.close)
        made = City(settings, codec, town, outputs, clickhouse, tmp_path_factory.mktemp("city"))
        made.cameras()
        publisher = Publisher(settings, codec)
        for entry in town.hotlist(200, wanted=20):
            publisher.publish("watchlist", entry.entry_id, entry)
        publisher.flush()
        made.work("a", "enforce", "match", "count", "rollup", "store")
        yield made


def test_nothing_is_lost_while_clickhouse_is_away_and_alerts_go_on(city: City) -> None:
    third = len(city.outputs) // 3
    city.publish(city.outputs[:third])
    assert eventually(lambda: len(city.stored("sightings")), lambda n: n > 100) > 100, _log(city)
    spec.remove(city.settings.state_dir, "clickhouse")
    away_since = time.monotonic()
    city.publish(city.outputs[third:])
    # The rebalance for the second worker happens while the first one's step waits.
    city.work("b", "store")
    alerts = eventually(lambda: len(city.told("alerts")), lambda n: n > 10)
    assert alerts > 10, _log(city)
    time.sleep(max(0.0, away_since + AWAY_S - time.monotonic()))
    # Everything is looked at while ClickHouse is still away, however slow the machine is.
    assert eventually(lambda: drained(city.settings, ("match",)), {"match": 0}.__eq__) == {"match": 0}
    alerts = len(city.told("alerts"))
    control.up(city.settings, ("clickhouse",))
    for table in IDS:
        found = eventually(lambda t=table: city.stored(t) ^ city.told(t), lambda gap: not gap)
        assert not found, (table, len(found), _log(city))
    control.wait_healthy(city.settings, ["worker-a", "worker-b"])
    spec.remove(city.settings.state_dir, "worker-b")
    assert len(city.stored("sightings")) >= SIGHTINGS
    assert alerts == len(city.told("alerts")), "alerts waited for storage"


def test_the_windows_of_the_stream_agree_with_the_facts(city: City) -> None:
    sums = eventually(
        lambda: city.clickhouse.rows("SELECT DISTINCT scope FROM rollups_current WHERE window_ms = 3600000"),
        lambda rows: len(rows) == 3,
    )  # fmt: skip
    assert {row["scope"] for row in sums} == {"camera", "road", "district"}, _log(city)
    asked = ("report", "counts", "--check", "--json")
    done = eventually(lambda: waysight(city.settings, *asked), lambda d: d.returncode == 0)
    found = json.loads(done.stdout)
    assert done.returncode == 0, found
    assert found["minutes"] > 50
    assert found["sums"] > 50
    lost = "ALTER TABLE sightings DELETE WHERE sighting_id IN (SELECT min(sighting_id) FROM sightings WHERE final)"
    city.clickhouse.run(f"{lost} SETTINGS mutations_sync = 1")
    told = waysight(city.settings, *asked)
    assert told.returncode == 1, told.stdout


def test_a_replay_finds_what_a_change_changes_and_nothing_else(city: City) -> None:
    refused = waysight(city.settings, "replay", "--from", "2026-11-17", "--to", "2026-11-18")
    assert (refused.returncode, refused.stdout) == (4, "")
    before = city.replay()
    assert before["dead_letters"] == 0
    for table in ("violations", "alerts", "counts"):
        row = before["tables"][table]
        assert row == {**row, "same": len(city.stored(table)), "added": 0, "changed": 0, "gone": 0}, before

    first = city.clickhouse.rows("SELECT violation_id, plate FROM violations_current "
                                 "WHERE camera_id = 'd0-speed-1' AND enforceable ORDER BY enforced_kmh LIMIT 1")[0]  # fmt: skip
    city.publish([_review(city.codec, **first)])
    seen = "SELECT count() AS n FROM reviews_current"
    assert eventually(lambda: city.clickhouse.rows(seen)[0]["n"], lambda n: n == 1) == 1
    city.cameras(**{"speed-1": 90.0, "speed-2": 50.0})

    changed = city.replay()
    row = changed["tables"]["violations"]
    assert min(row["added"], row["changed"], row["gone"]) > 0, row
    assert (row["held"], row["published"]) == (1, 0)
    held = [d for d in changed["differences"] if d["held"]]
    assert [(d["id"], d["held"]) for d in held] == [(first["violation_id"], "reviewed")]
    limits = {tuple(d["fields"]["limit_kmh"]) for d in changed["differences"] if d["change"] == "changed"
              and d["table"] == "violations"}  # fmt: skip
    assert limits <= {(60.0, 90.0), (60.0, 50.0)}
    assert city.clickhouse.rows("SELECT count() AS n FROM violations WHERE revised_ms > 0")[0]["n"] == 0

    applied = city.replay("--apply")["tables"]["violations"]
    assert applied["published"] == row["added"] + row["changed"] + row["gone"] - 1
    after = eventually(lambda: city.replay()["tables"], lambda t: _left(t) == 1)
    assert _left(after) == 1, after
    withdrawn = city.clickhouse.rows("SELECT count() AS n FROM violations_current "
                                     "WHERE NOT enforceable AND has(obstacles, 'withdrawn_by_replay')")  # fmt: skip
    assert withdrawn[0]["n"] in (row["gone"], row["gone"] - 1)
    kept = city.clickhouse.rows("SELECT revised_ms, enforceable FROM violations_current WHERE violation_id = {id:String}",
                                {"id": first["violation_id"]})  # fmt: skip
    assert kept == [{"revised_ms": 0, "enforceable": True}]
    actions = [e["action"] for e in json.loads(waysight(city.settings, "audit", "list", "--json").stdout)]
    assert actions.count("replay.apply") == 1
    assert actions.count("replay") >= 3


def _left(tables: dict[str, Any]) -> int:
    return sum(row[kind] for row in tables.values() for kind in ("added", "changed", "gone"))


def _review(codec: Codec, violation_id: str, plate: str) -> Output:
    review = Review(
        review_id="r1", violation_id=violation_id, plate=plate, decision="accepted", reason="", officer="o",
        reviewed_ms=time.time_ns() // 1_000_000, evidence_sha256="",
    )  # fmt: skip
    return Output("reviews", plate, codec.encode("reviews", review))


def _log(city: City) -> str:
    return "".join(log.read_text()[-3000:] for log in city.settings.state_dir.glob("worker-*/*.log"))


assert set(IDS) <= set(TABLES)
