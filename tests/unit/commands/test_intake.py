"""Who may send is on the audit chain before it takes effect; a file is taken whole or not at all."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from waysight import settings as settings_module
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.commands import intake
from waysight.errors import BadConfiguration, EngineDown
from waysight.settings import Settings


class Book:
    """Stands in for the audit log and the publisher, in the order in which they were used; may be away."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Any]] = []
        self.away = False

    def __call__(self, *_: object, **__: object) -> Book:
        return self

    def record(self, action: str, purpose: str, case: str, detail: dict[str, Any], rows: int = -1) -> None:
        if self.away:
            raise EngineDown("the audit log is away")
        self.lines.append((action, (purpose, case, detail, rows)))

    def publish(self, topic: str, key: str, record: object, *, delivered: Any = None) -> None:
        self.lines.append((topic, (key, record)))
        delivered(None)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Nothing waits."""


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    found = Book()
    monkeypatch.setattr(intake, "AuditLog", found)
    monkeypatch.setattr(intake, "Publisher", found)
    monkeypatch.setattr(intake, "open_codec", lambda _: Codec(MemoryRegistry()))
    return found


def _run(folder: Path, *arguments: str) -> Any:
    with settings_module.using(Settings(state_dir=folder, user="officer")):
        done = CliRunner().invoke(intake.intake_app, [*arguments, "--json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


def test_a_token_is_recorded_shown_once_and_ended(book: Book, tmp_path: Path) -> None:
    made = _run(tmp_path, "token", "add", "radar-7", "--kinds", "radar, signals", "--place", "camera:gate")
    assert len(made["token"]) > 40
    (row,) = _run(tmp_path, "token", "list")
    assert (row["device"], row["kinds"], row["places"], row["added_by"]) == (
        "radar-7", ["radar", "signals"], ["camera:gate"], "officer",
    )  # fmt: skip
    _run(tmp_path, "token", "revoke", "radar-7")
    assert _run(tmp_path, "token", "list") == []
    assert [action for action, _ in book.lines] == ["intake.token.add", "intake.token.revoke"]
    assert made["token"] not in str(book.lines)


def test_what_cannot_be_recorded_gives_no_token(book: Book, tmp_path: Path) -> None:
    book.away = True
    with pytest.raises(EngineDown):
        _run(tmp_path, "token", "add", "radar-7", "--kinds", "radar")
    assert _run(tmp_path, "token", "list") == []


def test_a_place_without_a_kind_is_refused(book: Book, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="camera:<id>"):
        _run(tmp_path, "token", "add", "radar-7", "--kinds", "radar", "--place", "gate")
    assert not book.lines


def test_a_file_is_recorded_and_taken_whole(book: Book, tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    good = {"read_id": "1", "device_id": "a", "device_kind": "anpr", "camera_id": "gate", "captured_ms": now_ms,
            "clock_error_ms": 5, "plate": "123abc02"}  # fmt: skip
    file = tmp_path / "reads.ndjson"
    file.write_text(json.dumps(good) + "\n" + json.dumps({**good, "speed_kmh": -1}) + "\n")
    with pytest.raises(BadConfiguration, match=r"reads.ndjson:2: speed_kmh"):
        _run(tmp_path, "import", str(file))
    file.write_text("{")
    with pytest.raises(BadConfiguration, match=r"reads.ndjson:1: no JSON"):
        _run(tmp_path, "import", str(file))
    assert not book.lines
    file.write_text(json.dumps(good) + "\n\n" + json.dumps({**good, "captured_ms": 5, "read_id": "2"}) + "\n")
    assert _run(tmp_path, "import", str(file))["accepted"] == 2
    assert [name for name, _ in book.lines] == ["intake.import", "external-reads", "external-reads"]
