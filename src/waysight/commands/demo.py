"""`waysight demo`: watch a city work, from cameras to fines, and see it scored against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from waysight.commands.output import Json, print_json
from waysight.demo.run import Wanted, run
from waysight.settings import get_settings

SCORED = ("violations", "alerts", "fines", "plates")
TROUBLES = {"unreachable", "frozen", "corrupt", "backpressure"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated city.")] = 7,
    seconds: Annotated[
        float, typer.Option(min=10, help="Length of the simulated clips; how long live cameras are watched.")
    ] = 60.0,
    footage: Annotated[
        Path | None, typer.Option(help="Your own video instead of the simulated city; no truth then.")
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames a second taken from --footage, at least 5.")] = 5.0,
    cameras: Annotated[
        Path | None, typer.Option(help="Your own camera file (files or RTSP) instead.")
    ] = None,
    hotlist: Annotated[Path | None, typer.Option(help="Watchlist CSV for --footage or --cameras.")] = None,
    vehicles: Annotated[
        Path | None, typer.Option(help="Vehicle register CSV for --footage or --cameras.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack up and print where to look.")] = False,
    json_: Json = False,
) -> None:
    """Play the simulated city (or your own video) through the whole system; writes out/demo/."""
    wanted = Wanted(seed, seconds, footage, fps, cameras, hotlist, vehicles, keep)
    settings = get_settings()
    summary = run(settings, wanted, Console(stderr=True))
    if json_:
        print_json(summary)
    else:
        _print(summary, settings.out_dir / "demo")
    if summary.get("fines", {}).get("false"):
        raise typer.Exit(1)  # a false fine is a failure of the system, not a figure


def _print(summary: dict[str, Any], out: Path) -> None:
    for row in summary["cameras"]:
        if troubles := set(row["states"]) & TROUBLES:
            typer.echo(f"{row['camera_id']}: {', '.join(sorted(troubles))} ({row['detail']})")
    if "violations" in summary:
        for name in SCORED:
            typer.echo(f"{name:11}" + "  ".join(f"{k} {v}" for k, v in summary[name].items()))
        wrong = summary["wrong_fines"]
        typer.echo(
            f"wrong fines {wrong['count']} of {wrong['total']}, at most {wrong['upper_95']:.0%} (95 %)"
        )
    else:
        for row in summary["sightings"]:
            typer.echo(f"{row['camera_id']}: {row['n']} {row['label']}")
        for row in summary["plates_read"]:
            typer.echo(f"plate {row['plate']} ({row['confidence']:.2f})")
    typer.echo(f"done in {summary['seconds']:.0f} s; see {out}")
