"""What every import of a register file does with the records it holds: record it, publish, say how many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import Publisher
from waysight.commands.output import open_codec, print_json
from waysight.digests import sha256_of
from waysight.settings import get_settings

T = TypeVar("T")
_WORTH_A_BAR = 5000


def publish_file(topic: str, file: Path, records: Sequence[T], key: Callable[[T], str], json_: bool) -> None:
    """Publish a file's records to `topic` once the audit log has the import; raises EngineDown."""
    settings = get_settings()
    codec = open_codec(settings)
    detail: dict[str, Any] = {"file": file.name, "sha256": sha256_of(file), topic: len(records)}
    AuditLog(settings, codec).record(f"{topic}.import", "import", "", detail, len(records))
    publisher, console = Publisher(settings, codec), Console(stderr=True)
    for record in track(records, topic, console=console, disable=len(records) < _WORTH_A_BAR, transient=True):
        publisher.publish(topic, key(record), record)
    publisher.flush()
    if json_:
        print_json({topic: len(records)})
    else:
        typer.echo(f"{len(records)} {topic}")
