"""Garbage on every topic: dead letters with reasons, and everything else goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from workers import eventually

from waysight.adapters.dead_letters import dead_letters, replay
from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.commands.migrate import run as migrate
from waysight.messages import Detections
from waysight.processing import INPUTS
from waysight.settings import Settings

pytestmark = pytest.mark.integration
NAMES = [name for name in INPUTS if name != "detect"]  # detect needs Triton: test_detect.py


@pytest.fixture
def workers(stack: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    migrate()
    command = [sys.executable, "-m", "waysight.cli", "process", *NAMES, "--instance", "garbage"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=stack.child_environment(), stdout=log, stderr=log)
        yield process
        process.send_signal(signal.SIGTERM)
        code = process.wait(300)
    assert code == 0, (tmp_path / "log").read_text()[-3000:]


def _garbage(codec: Codec) -> list[bytes]:
    """Random bytes, too few, a schema that nobody registered, and a record cut short."""
    whole = codec.encode("detections", _detections("nowhere"))
    return [b"\xff\xfe random bytes", b"\x00\x01", b"\x00" + (999_999).to_bytes(4, "big") + b"abc", whole[:9]]


def _detections(camera_id: str) -> Detections:
    return Detections(
        camera_id=camera_id,
        epoch="e1",
        seq=1,
        kind="watermark",
        captured_ms=1_700_000_000_000,
        clock_error_ms=0,
        width=0,
        height=0,
        evidence_ref="",
        evidence_sha256="",
        analysed_ms=0,
        models="",
        objects=(),
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )


def test_garbage_becomes_dead_letters(stack: Settings, workers: subprocess.Popen[bytes], unique: str) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher = Publisher(stack, codec)
    # convoy looks at nothing while nobody is authorised to
    readers = Counter(t for name in NAMES if name != "convoy" for t in INPUTS[name] if t != "dead-letters")
    for topic in readers:
        for value in _garbage(codec):
            publisher.publish_bytes(topic, b"garbage", value)
    publisher.publish("detections", unique, _detections(unique))
    publisher.flush()
    wanted = {topic: 4 * count for topic, count in readers.items()}
    deadline = time.monotonic() + 600
    while True:
        assert workers.poll() is None, "a worker died of garbage"
        letters = [letter for _, letter in dead_letters(stack, codec) if letter.key == b"garbage"]
        found = Counter(letter.topic for letter in letters)
        if found == wanted and not any(drained(stack, NAMES).values()):
            break
        assert time.monotonic() < deadline, (found, wanted, drained(stack, NAMES))
        time.sleep(1.0)
    for topic in readers:
        reasons = {letter.reason for letter in letters if letter.topic == topic}
        for part in ("first byte is 0xff", "too short", "999999"):
            assert any(part in reason for reason in reasons), (topic, part, reasons)
    after = {w.camera_id for _, batch in read_all(stack, codec, "sightings") for w in batch.watermarks}
    assert unique in after
    assert not any("garbage" in camera for camera in after)
    letter = next(le for le in letters if le.topic == "detections")
    assert replay(publisher, letter) == ""
    publisher.flush()

    def of_detections() -> int:
        found = (letter for _, letter in dead_letters(stack, codec) if letter.key == b"garbage")
        return sum(letter.topic == "detections" for letter in found)

    again = wanted["detections"] + 1
    assert eventually(of_detections, again.__eq__) == again, "the replayed letter did not come back"
