"""What changes the system's judgement from outside is on the audit chain before it takes effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.commands import cameras, dead_letters
from waysight.engine import Message
from waysight.messages import DeadLetter


class Told:
    """Stands in for the audit log and the publisher, and keeps the order in which they were used."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Any]] = []

    def __call__(self, *_: object) -> Told:
        return self

    def record(self, action: str, purpose: str, case: str, detail: dict[str, Any], rows: int = -1) -> None:
        self.lines.append((action, (purpose, case, detail, rows)))

    def publish(self, topic: str, key: str, record: object) -> None:
        self.lines.append((topic, (key, record)))

    def publish_bytes(self, topic: str, key: bytes | None, value: bytes | None, *_: Any, **__: Any) -> None:
        self.lines.append((topic, (key, value)))

    def flush(self) -> None:
        """Nothing waits."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Both commands with stand-ins for Kafka."""
    found = Told()
    for module in (cameras, dead_letters):
        monkeypatch.setattr(module, "AuditLog", found)
        monkeypatch.setattr(module, "Publisher", found)
        monkeypatch.setattr(module, "open_codec", lambda _: Codec(MemoryRegistry()))
    return found


def test_an_import_of_cameras(told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cameras, "latest_by_key", lambda *_: {})
    path = tmp_path / "cameras.yaml"
    path.write_text("cameras: [{id: gate, source: gate.mp4}]")
    cameras.import_command(path)
    (action, (_, _, detail, rows)), (topic, (key, _)) = told.lines
    assert (action, topic, key, rows) == ("cameras.import", "cameras", "gate", 1)
    assert detail["ids"] == ["gate"]
    assert len(detail["sha256"]) == 64


def test_a_replay_of_dead_letters(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = DeadLetter(
        topic="passes",
        partition=0,
        offset=3,
        key=b"k",
        payload=b"p",
        payload_bytes=1,
        reason="late",
        processor="count",
        at_ms=1,
    )
    monkeypatch.setattr(
        dead_letters, "dead_letters", lambda *_: iter([(Message("dead-letters", 0, 7, None, b""), letter)])
    )
    dead_letters.replay_command(None)
    (action, (_, _, detail, rows)), (topic, sent) = told.lines
    assert (action, topic, sent, rows) == ("dead-letters.replay", "passes", (b"k", b"p"), 1)
    assert detail["numbers"] == [7]
