"""`waysight evaluate speed`: measured speeds against laser gates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.commands.evaluate.sharing import Out, finish, folder_for, progress, share
from waysight.commands.output import Json
from waysight.errors import BadMessage
from waysight.evaluation import speed as speeds
from waysight.evaluation.speed_picture import draw
from waysight.evaluation.speed_views import View, folders_of, read_view
from waysight.evaluation.statistics import rate
from waysight.settings import get_settings


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("speed")(speed)


def speed(
    tracks: Annotated[
        Path,
        typer.Option(help="A view (tracks.json and truth.json as in BrnoCompSpeed) or a folder of views."),
    ],
    every: Annotated[int, typer.Option(min=1, help="Use only every n-th frame.")] = 1,
    calibration: Annotated[
        str,
        typer.Option(
            help="distances: surveyed segments; vanishing: the tracks' vanishing points, distances for the scale."
        ),
    ] = "distances",
    out: Out = None,
    json_: Json = False,
) -> None:
    """Calibrate each view from its surveyed distances, measure its vehicles, compare with the lasers."""
    if calibration not in ("distances", "vanishing"):
        raise typer.BadParameter("give distances or vanishing", param_hint="--calibration")
    folders = folders_of(tracks)
    found: list[tuple[View, speeds.Measured]] = []
    views: dict[str, dict[str, Any]] = {}
    with progress("measuring", len(folders)) as done:
        for folder in folders:
            view = read_view(folder, every)
            try:
                solved = speeds.calibration_of(view, calibration)  # type: ignore[arg-type]
            except BadMessage as error:
                views[view.name] = {**speeds.summary(()), "problem": str(error)}
            else:
                measured = speeds.measure_view(view, solved)
                found += [(view, m) for m in measured]
                views[view.name] = {
                    **speeds.summary(measured),
                    "calibration": solved.way,
                    "calibration_error_px": round(solved.solve().error_px, 2),
                    "fps": round(view.fps / every, 3),
                    "skipped": view.skipped,
                }
            done()
    report = {
        **speeds.summary([m for _, m in found]),
        "input": str(tracks),
        "every": every,
        "calibration": calibration,
        "views": views,
        "worst": speeds.worst([(view.name, m) for view, m in found]),
    }
    folder = folder_for(get_settings(), "speed", out)
    if found:
        draw(found, folder / "worst.png")
    rows = [_row(name, figures) for name, figures in [*views.items(), ("all", report)]]
    columns = (
        "view",
        "vehicles",
        "MAE",
        "median",
        "p95",
        "bias",
        "within 3 km/h",
        "covered",
        "bound",
        "note",
    )
    finish(report, folder, json_, columns, rows, f"speed, km/h, calibrated from {calibration}")


def _row(name: str, figures: dict[str, Any]) -> list[object]:
    total = figures["vehicles"]
    if not total:
        return [name, 0, *[""] * 7, figures.get("problem", "")]
    keys = ("mae_kmh", "median_kmh", "p95_kmh", "bias_kmh")
    shares = [share(rate(round(figures[key] * total), total)) for key in ("within_3kmh", "covered_95")]
    return [
        name,
        total,
        *(f"{figures[k]:.2f}" for k in keys),
        *shares,
        f"±{figures['bound_kmh_mean']:.2f}",
        "",
    ]
