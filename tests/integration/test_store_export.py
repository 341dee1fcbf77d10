"""Topics to ClickHouse to files on the real parts, through kills of the worker and of ClickHouse."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from workers import eventually, running, waysight

from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.local import control
from waysight.settings import Settings
from waysight.storage.migrations import migrate
from waysight.storage.tables import BY_TOPIC

pytestmark = pytest.mark.integration
WHY = ("--purpose", "test", "--case", "KZ-1")
_IDENTITY = {"audit": "chain", "camera-health": "epoch", "dead-letters": "processor"}
_ROWS = 30


@pytest.fixture
def settings(stack: Settings, unique: str) -> Settings:
    found = stack.model_copy(update={"clickhouse_database": unique, "user": unique})
    migrate(found)
    return found


@pytest.fixture
def clickhouse(settings: Settings) -> Iterator[ClickHouse]:
    client = connect(settings)
    yield client
    client.run(f"DROP DATABASE {settings.clickhouse_database}")
    client.close()


def _examples(root: Path, topic: str) -> list[dict[str, Any]]:
    from decimal import Decimal

    def special(node: dict[str, Any]) -> Any:
        if set(node) == {"$hex"}:
            return bytes.fromhex(node["$hex"])
        return Decimal(node["$decimal"]) if set(node) == {"$decimal"} else node

    record = {"sightings": "SightingBatch"}.get(topic, BY_TOPIC[topic].record)
    text = (root / f"schemas/examples/{record}.json").read_text()
    found: list[dict[str, Any]] = json.loads(text, object_hook=special)["accepted"]
    return found


def _publish(settings: Settings, root: Path, unique: str, twice: int = 1) -> None:
    """`_ROWS` records for every stored topic, each `twice` times, and garbage between them."""
    codec = Codec(ConfluentRegistry(settings.registry))
    producer = Producer({"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random"})
    origin = uuid.uuid4().int % 2**31
    for topic, table in BY_TOPIC.items():
        first = _examples(root, topic)[0]
        for number in range(_ROWS):
            name = _IDENTITY.get(topic, table.order[-1])
            changed: dict[str, Any] = {name: f"{unique}-{number}"}
            if "origin_partition" in table.schema.names:
                changed["origin_partition"] = (
                    origin  # one of its own, so that no fence of another test sees it
                )
            body = (
                {"records": [{**first["records"][0], **changed, "received_ms": 0}], "watermarks": []}
                if table.envelope
                else {**first, **changed}
            )
            for _ in range(twice):
                producer.produce(topic, codec.encode(topic, body), f"key-{number}".encode())
        producer.produce(topic, f"garbage {unique}".encode(), b"key-0")
        producer.produce(topic, b"\x00\x00\x0f\x42\x40" + unique.encode(), b"key-0")
    assert producer.flush(120) == 0


def _stored(clickhouse: ClickHouse, unique: str) -> dict[str, int]:
    found = {}
    for topic, table in BY_TOPIC.items():
        column = _IDENTITY.get(topic, table.order[-1])
        sql = f"SELECT count() AS n FROM {table.name} FINAL WHERE startsWith({column}, {{u:String}})"
        found[topic] = int(clickhouse.rows(sql, {"u": f"{unique}-"})[0]["n"])
    return found


def test_every_topic_is_stored_once_through_kills(
    settings: Settings, clickhouse: ClickHouse, root: Path, unique: str, tmp_path: Path
) -> None:
    log = tmp_path / "store.log"
    everything = dict.fromkeys(BY_TOPIC, _ROWS)
    with running(settings, log, "process", "store", "ledger", "--instance", unique) as worker:
        _publish(settings, root, unique)
        eventually(lambda: _stored(clickhouse, unique), lambda n: any(n.values()))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    killed = control.status(settings)["children"]["clickhouse"]["pid"]
    os.kill(killed, signal.SIGKILL)
    with running(settings, log, "process", "store", "ledger", "--instance", unique):
        _publish(settings, root, unique, twice=2)
        # The report is a moment old: only another pid says that it is the new process that is healthy.
        owner = eventually(lambda: control.status(settings)["children"]["clickhouse"],
                           lambda c: c["state"] == "healthy" and c["pid"] != killed)  # fmt: skip
        assert owner["pid"] != killed
        found = eventually(lambda: _stored(clickhouse, unique), everything.__eq__)
        assert found == everything, log.read_text()[-3000:]
        bad = "SELECT topic, count() AS n FROM dead_letters_current WHERE position(payload, {u:String}) > 0 GROUP BY topic"
        letters = eventually(lambda: {r["topic"]: r["n"] for r in clickhouse.rows(bad, {"u": unique})},
                             lambda n: n == dict.fromkeys(BY_TOPIC, 4))  # fmt: skip
        assert letters == dict.fromkeys(BY_TOPIC, 4)
        _exports_and_search(settings, clickhouse, tmp_path, unique)


def _exports_and_search(settings: Settings, clickhouse: ClickHouse, folder: Path, unique: str) -> None:
    refused = waysight(settings, "export", "fines", "--out", str(folder / "no.csv"), "--purpose", "test")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "--case" in refused.stderr
    assert not (folder / "no.csv").exists()
    for file_format in ("csv", "parquet", "json"):
        out = folder / f"violations.{file_format}"
        done = waysight(
            settings, "export", "violations", "--format", file_format, "--out", str(out), "--json", *WHY
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"] == _count(clickhouse, "violations_current")
        assert out.stat().st_size
    # The topics are shared with other tests, whose sightings this worker has stored as well.
    mine = "SELECT any(plate) AS p FROM sightings_current WHERE startsWith(sighting_id, {u:String})"
    plate = clickhouse.rows(mine, {"u": f"{unique}-"})[0]["p"]
    found = json.loads(
        waysight(settings, "search", "plate", f"{plate[:3]}*", "--json", "--limit", "1000", *WHY).stdout
    )
    assert len([row for row in found if row["sighting_id"].startswith(f"{unique}-")]) == _ROWS
    audited = eventually(
        lambda: clickhouse.rows(
            "SELECT action, rows, purpose, case_number FROM audit_current WHERE actor = {u:String} ORDER BY sequence",
            {"u": unique},
        ),
        lambda rows: len(rows) == 4,
    )
    violations = _count(clickhouse, "violations_current")
    assert [(r["action"], r["rows"]) for r in audited] == [("export.violations", violations)] * 3 + [
        ("search.plate", len(found))
    ]
    picture = waysight(settings, "report", "dashboard", "--out", str(folder / "d.png"), "--json")
    assert picture.returncode == 0, picture.stderr
    assert (folder / "d.png").read_bytes().startswith(b"\x89PNG")


def _count(clickhouse: ClickHouse, table: str) -> int:
    return int(clickhouse.rows(f"SELECT count() AS n FROM {table}")[0]["n"])
