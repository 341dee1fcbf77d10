"""A revoked watchlist entry stops matching in a running worker within five seconds; cameras and entries by command."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from workers import eventually, running, said

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.messages import Sighting, SightingBatch
from waysight.settings import Settings

pytestmark = pytest.mark.integration
SEEN_MS = 1_794_900_000_000
PROMISED_S = 5.0
REVOKED, KEPT = "701ABC02", "702ABC02"


def test_a_revoked_entry_stops_matching_within_five_seconds(
    stack: Settings, unique: str, tmp_path: Path
) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher, camera, origin = Publisher(stack, codec), f"cam-{unique}", uuid.uuid4().int % 2**31
    file = tmp_path / "cameras.yaml"
    file.write_text(f"cameras: [{{id: {camera}, source: 'rtsp://127.0.0.1/x', purposes: [hotlist]}}]")
    assert said(stack, "cameras", "import", str(file))["imported"] == 1
    entries = {plate: _entry(stack, plate, unique) for plate in (REVOKED, KEPT)}

    def see(number: int, *plates: str) -> None:
        made = [_sighting(camera, p, origin, number, place) for place, p in enumerate(plates)]
        publisher.publish("sightings", REVOKED, SightingBatch(records=tuple(made), watermarks=()))
        publisher.flush()

    def alerts(plate: str) -> list[Any]:
        return [a for _, a in read_all(stack, codec, "alerts") if a.entry_id == entries[plate]]

    log = tmp_path / "worker.log"
    with running(stack, log, "process", "match", "--instance", unique):
        see(0, REVOKED)
        assert len(eventually(lambda: alerts(REVOKED), bool)) == 1, log.read_text()[-3000:]
        said(stack, "watchlist", "revoke", entries[REVOKED])
        time.sleep(PROMISED_S)
        see(
            1, REVOKED, KEPT
        )  # one envelope, in this order: the second alert says that the first was looked at
        assert len(eventually(lambda: alerts(KEPT), bool)) == 1, log.read_text()[-3000:]
        assert len(alerts(REVOKED)) == 1
    actions = [e["action"] for e in said(stack, "audit", "list")]
    assert {"cameras.import", "watchlist.add", "watchlist.revoke"} <= set(actions)


def _entry(settings: Settings, plate: str, case: str) -> str:
    added = said(
        settings, "watchlist", "add", "--plate", plate, "--kind", "stolen", "--expires", "2030-01-01",
        "--legal-basis", "CPC art. 185", "--authority", "MIA", "--case", case,
    )  # fmt: skip
    return str(added["entry_id"])


def _sighting(camera: str, plate: str, origin: int, number: int, place: int) -> Sighting:
    seen_ms = SEEN_MS + number * 600_000  # far enough apart to be another event
    return Sighting(
        sighting_id=f"{camera}-{plate}-{number}", revision=0, final=True, camera_id=camera, epoch="e", label="car",
        label_confidence=0.9, first_ms=seen_ms, last_ms=seen_ms + 900, clock_error_ms=0, frames=3, plate=plate,
        plate_country="kz", plate_confidence=0.99, plate_confidences=(0.99,) * 8, plate_candidates=(), plate_votes=3,
        colour="white", colour_confidence=0.8, path=(), zones=(), dwell_ms=900, models="", captured_ms=seen_ms + 900,
        emitted_ms=seen_ms + 900, origin_partition=origin, origin_offset=number, ordinal=place,
    )  # fmt: skip
