"""`waysight simulate`: a city's month through the real processors, the demo city as video, large hotlists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from waysight.commands.output import Json, print_json
from waysight.commands.simulate_month import month_of
from waysight.errors import BadConfiguration
from waysight.simulate.city import build_city
from waysight.simulate.papers import HOTLIST_COLUMNS, hotlist_large, write_rows
from waysight.simulate.render import DEMO_START_MS, Order, render

Seed = Annotated[int, typer.Option(min=0, help="The city's seed; the same seed gives the same files.")]
Seconds = Annotated[float, typer.Option(min=10, max=600, help="Length of each clip, s.")]
Start = Annotated[
    str, typer.Option(help="When the clips begin, ISO 8601 with zone; the demo's date by default.")
]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(name="simulate", help="Make a city with known truth.")
    group.callback(invoke_without_command=True)(month_of)
    group.command("render")(run_render)
    group.command("hotlist")(run_hotlist)
    app.add_typer(group)


def _start_ms(start: str) -> int:
    if not start:
        return DEMO_START_MS
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        raise BadConfiguration(
            f"--start {start!r} is no ISO 8601 time; write e.g. 2026-11-16T05:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise BadConfiguration(f"--start {start!r} has no zone; write e.g. 2026-11-16T05:00:00Z")
    return round(moment.astimezone(UTC).timestamp() * 1000)


def run_render(
    out: Annotated[Path, typer.Option(help="Folder for clips, camera file, signals, lists and truth.")],
    seed: Seed = 7,
    seconds: Seconds = 60.0,
    start: Start = "",
    busy: Annotated[
        bool,
        typer.Option(
            "--busy", help="Three cameras of Kazakhstan, and most drivers offend: for measuring wrong fines."
        ),
    ] = False,
    processes: Annotated[int, typer.Option(min=1, max=16, help="Clips rendered at the same time.")] = 2,
    json_: Json = False,
) -> None:
    """Render the city's cameras as H.264 clips, with everything a run needs and the truth; cached."""
    order = Order(seed, seconds, _start_ms(start), busy)
    columns = (
        TextColumn("rendering"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} frames"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rendering", total=None)
        made = render(
            order, out, lambda done, total: bar.update(task, completed=done, total=total), processes
        )
    if json_:
        print_json(
            {"out": str(out), "rendered": made, "seed": seed, "seconds": seconds, "start_ms": order.start_ms}
        )
    else:
        typer.echo(f"{out}: {'rendered' if made else 'already there'}, seed {seed}, {seconds:g} s per camera")


def run_hotlist(
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    entries: Annotated[int, typer.Option(min=1, max=5_000_000, help="Lines to write.")] = 100_000,
    seed: Seed = 7,
    start: Start = "",
    json_: Json = False,
) -> None:
    """Write a large hotlist of plates that the city of this seed does not hold, nor anything one slip away."""
    start_ms = _start_ms(start)
    plates = [vehicle.plate for vehicle in build_city(seed, 60.0, start_ms).fleet.vehicles]
    try:
        count = write_rows(out, HOTLIST_COLUMNS, hotlist_large(entries, seed, start_ms, plates))
    except OSError as error:
        raise BadConfiguration(f"cannot write {out}: {error}") from error
    if json_:
        print_json({"out": str(out), "entries": count})
    else:
        typer.echo(f"{out}: {count} entries")
