"""A subscriber that knows only Kafka and the registry acknowledges an alert, and ClickHouse shows it."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from workers import eventually, running

from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.files import load_cameras, to_records
from waysight.codec import Codec
from waysight.messages import Sighting, SightingBatch, WatchlistEntry
from waysight.settings import Settings
from waysight.storage.migrations import migrate

pytestmark = pytest.mark.integration
SEEN_MS = 1_794_900_000_000
PLATE = "777ABC02"


def test_an_acknowledgement_reaches_clickhouse(
    stack: Settings, unique: str, root: Path, tmp_path: Path
) -> None:
    settings = stack.model_copy(update={"clickhouse_database": unique})
    migrate(settings)
    _prepare(settings, unique, tmp_path)
    clickhouse = connect(settings)
    log = tmp_path / "workers.log"

    def alerts() -> list[dict[str, Any]]:
        return clickhouse.rows("SELECT * FROM alerts_current WHERE entry_id = {e:String}", {"e": unique})

    with running(settings, log, "process", "match", "store", "--instance", unique):
        (alert,) = eventually(alerts, bool) or pytest.fail(log.read_text()[-3000:])
        assert (alert["status"], alert["version"], alert["plate"]) == ("new", 0, PLATE)
        with _subscriber(settings, root, unique) as subscriber:
            (alert,) = eventually(alerts, lambda rows: rows[0]["status"] != "new")
            subscriber.terminate()
            lines = [json.loads(line) for line in subscriber.communicate()[0].splitlines()]
        assert (alert["status"], alert["status_by"], alert["version"]) == ("acknowledged", "dispatcher-7", 1)
        mine = next(line for line in lines if line["alert_id"] == alert["alert_id"])
        assert mine["type"] == "kz.waysight.alert"
        assert mine["id"].startswith(alert["alert_id"])
        # Another subscriber reads everything again: the alert it acknowledges has been, and stays as it is.
        with _subscriber(settings, root, f"{unique}-again", "--seconds", "10") as subscriber:
            assert subscriber.wait(300) == 0
        assert [(a["status"], a["version"]) for a in alerts()] == [("acknowledged", 1)]
    clickhouse.run(f"DROP DATABASE {unique}")
    clickhouse.close()


def _subscriber(settings: Settings, root: Path, group: str, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(root / "examples/subscribe_alerts.py"), "--bootstrap", settings.bootstrap,
               "--registry", settings.registry, "--group", group, "--actor", "dispatcher-7", *more]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _prepare(settings: Settings, unique: str, folder: Path) -> None:
    camera = f"cam-{unique}"
    text = f"version: 1\ncameras:\n  - {{id: {camera}, name: Test, source: 'rtsp://127.0.0.1/x', purposes: [hotlist]}}\n"
    (folder / "cameras.yaml").write_text(text)
    publisher = Publisher(settings, Codec(ConfluentRegistry(settings.registry)))
    for record in to_records(load_cameras(folder / "cameras.yaml")):
        publisher.publish("cameras", record.camera_id, record)
    entry = WatchlistEntry(
        entry_id=unique, plate=PLATE, kind="stolen", priority=1, legal_basis="CPC art. 1", authority="Police",
        case_number="KZ-1", source="test", audience="police", valid_from_ms=0, expires_ms=SEEN_MS + 10**9,
    )  # fmt: skip
    publisher.publish("watchlist", unique, entry)
    sighting = Sighting(
        sighting_id=f"sighting-{unique}", revision=0, final=True, camera_id=camera, epoch="e", label="car",
        label_confidence=0.9, first_ms=SEEN_MS, last_ms=SEEN_MS + 900, clock_error_ms=0, frames=3, plate=PLATE,
        plate_country="kz", plate_confidence=0.99, plate_confidences=(0.99,) * 8, plate_candidates=(), plate_votes=3,
        colour="white", colour_confidence=0.8, path=(), zones=(), dwell_ms=900, models="", captured_ms=SEEN_MS + 900,
        emitted_ms=SEEN_MS + 900, origin_partition=uuid.uuid4().int % 2**31, origin_offset=0, ordinal=0,
    )  # fmt: skip
    publisher.publish("sightings", PLATE, SightingBatch(records=(sighting,), watermarks=()))
    publisher.flush()
