"""What the evaluate commands share: where pictures and the report go, and how it is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from waysight.commands.output import note, print_json, print_table
from waysight.settings import Settings

Private = Annotated[
    bool, typer.Option("--private", help="Start a Triton of this run's own even where a stack is up.")
]
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


@contextmanager
def progress(words: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr that moves only when the yielded function is called, so that it costs nothing in between."""
    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(words, total=total)

        count = 0

        def done() -> None:
            nonlocal count
            count += 1
            bar.update(task, advance=1, refresh=count % max(1, total // 200) == 0)

        yield done


def share(figures: Mapping[str, Any]) -> str:
    """`rate` figures as words: 86 of 108 (79.6 %, 71.1-86.1)."""
    if figures["rate"] is None:
        return "none"
    low, high = figures["interval"]
    return (
        f"{figures['count']} of {figures['total']} ({figures['rate']:.1%}, {100 * low:.1f}-{100 * high:.1f})"
    )
