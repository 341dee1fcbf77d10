"""What the sub-commands share: common options, the codec, and printing as a table or as one JSON document."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Purpose = Annotated[str, typer.Option(help="Why the data is needed; recorded in the audit log.")]
Case = Annotated[str, typer.Option("--case", help="Case number; recorded in the audit log.")]


def open_codec(settings: Settings) -> Codec:
    """The codec against the configured registry."""
    return Codec(ConfluentRegistry(settings.registry))


def acting(settings: Settings, name: str = "") -> str:
    """Who acts: the name given, the configured user, or the login name."""
    return name.strip() or settings.user or getpass.getuser()


def print_json(value: Any) -> None:
    """One JSON document on stdout; records become objects, amounts strings, bytes base64."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A table on stdout; on something that is no terminal it is as wide as its content."""
    table = Table(*columns, title=title or None, title_justify="left", highlight=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console = Console()
    console = console if console.is_terminal else Console(width=240)
    console.print(table)
    if not table.row_count:
        note("nothing found")


def when(at_ms: int | None) -> str:
    """UTC epoch ms as text, e.g. 2026-11-16 05:00:12Z; empty for None."""
    return "" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def note(line: str) -> None:
    """A line for the person, on stderr, so that stdout stays data."""
    print(line, file=sys.stderr)
