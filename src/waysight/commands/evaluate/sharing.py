"""What the evaluate commands share: where pictures and the report go, and how it is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from waysight.commands.output import note, print_json, print_table
from waysight.settings import Settings

Out = Annotated[
    Path | None, typer.Option(help="Folder for report.json and pictures; default out/evaluate/NAME.")
]


def folder_for(settings: Settings, name: str, out: Path | None) -> Path:
    """The folder of an evaluation's report and pictures, made when missing."""
    folder = out or settings.out_dir / "evaluate" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def finish(
    report: Mapping[str, Any],
    folder: Path,
    json_: bool,
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[object]] = (),
    title: str = "",
) -> None:
    """Write `report` to report.json in `folder`; print it as JSON, or the given rows as a table."""
    text = msgspec.json.format(msgspec.json.encode(report), indent=1).decode()
    (folder / "report.json").write_text(text + "\n")
    if json_:
        print_json(report)
        return
    print_table(columns, rows, title)
    note(f"report and pictures: {folder}")
