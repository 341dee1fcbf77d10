"""What every import of a register file does with the records it holds: record it, publish, say how many."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import Publisher, latest_by_key
from waysight.codec import Codec
from waysight.commands.output import open_codec, print_json
from waysight.digests import sha256_of
from waysight.domain.watchlist import merged, revoked
from waysight.messages import Person, WatchlistEntry
from waysight.settings import Settings, get_settings

T = TypeVar("T")
R = TypeVar("R", WatchlistEntry, Person)
_ID = {"watchlist": "entry_id", "persons": "person_id"}
_WORTH_A_BAR = 5000


def publish_file(topic: str, file: Path, records: Sequence[T], key: Callable[[T], str], json_: bool) -> None:
    """Publish a file's records to `topic` once the audit log has the import; raises EngineDown."""
    settings = get_settings()
    codec = open_codec(settings)
    detail: dict[str, Any] = {"file": file.name, "sha256": sha256_of(file), topic: len(records)}
    AuditLog(settings, codec).record(f"{topic}.import", "import", "", detail, len(records))
    publish_all(settings, codec, topic, records, key)
    if json_:
        print_json({topic: len(records)})
    else:
        typer.echo(f"{len(records)} {topic}")


def publish_changes(
    topic: str, file: Path, records: Sequence[R], key: Callable[[R], str], json_: bool
) -> None:
    """Publish what is new or changed in a file of what can be revoked; what was revoked stays so."""
    settings = get_settings()
    codec = open_codec(settings)
    known: dict[str, R] = latest_by_key(settings, codec, topic)
    fresh = [merged(known.get(key(r)), r) for r in records]
    changed = [r for r in fresh if known.get(key(r)) != r]
    detail = {"file": file.name, "sha256": sha256_of(file), "entries": len(records), "changed": len(changed)}
    AuditLog(settings, codec).record(f"{topic}.import", "import", "", detail, len(records))
    publish_all(settings, codec, topic, changed, key)
    still = sum(r.revoked_ms is not None for r in fresh)
    if json_:
        print_json({"entries": len(records), "changed": len(changed), "still_revoked": still})
    else:
        typer.echo(f"{len(records)} entries, {len(changed)} of them new or changed, {still} stay revoked")


def publish_all(
    settings: Settings, codec: Codec, topic: str, records: Sequence[T], key: Callable[[T], str]
) -> None:
    """Send records to a compacted topic, with progress on stderr when there are many."""
    publisher, console = Publisher(settings, codec), Console(stderr=True)
    for record in track(records, topic, console=console, disable=len(records) < _WORTH_A_BAR, transient=True):
        publisher.publish(topic, key(record), record)
    publisher.flush()


def revoke_all(topic: str, records: Sequence[R], key: Callable[[R], str], actor: str, json_: bool) -> None:
    """Publish records as revoked from now on, each with its line in the audit log."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    codec = open_codec(settings)
    gone, log = [revoked(r, now_ms, actor) for r in records], AuditLog(settings, codec)
    for record in gone:
        detail = {_ID[topic]: key(record)}
        log.record(f"{topic}.revoke", "revocation", record.case_number, detail, actor=actor)
    publish_all(settings, codec, topic, gone, key)
    if json_:
        print_json(gone)
    else:
        typer.echo(f"revoked {len(gone)} {'entry' if len(gone) == 1 else 'entries'}")
