"""`waysight evaluate vehicles`: types, colours and looks of labelled vehicles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from waysight.commands.evaluate.sharing import Out, Private, finish, folder_for, progress, share
from waysight.commands.output import Json, note
from waysight.evaluation.engine import analysis_engine
from waysight.evaluation.report import reliability_plot
from waysight.evaluation.vehicle_labels import read_labels
from waysight.evaluation.vehicles import half, look_at, ranks, report, worst_sheet
from waysight.settings import get_settings

FIGURES = (
    "found",
    "type",
    "type_of_found",
    "colour",
    "colour_of_found",
    "colour_when_told",
    "colour_when_sure",
)


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("vehicles")(vehicles)


def vehicles(
    csv: Annotated[
        Path, typer.Option("--csv", help="path,type,colour; optional: x,y,w,h of a box, vehicle.")
    ],
    pictures: Annotated[
        Path | None, typer.Option(help="Folder that the paths start from; default: the CSV's.")
    ] = None,
    split: Annotated[str, typer.Option(help="all, or every second row: even (the first) or odd.")] = "all",
    private: Private = False,
    out: Out = None,
    json_: Json = False,
) -> None:
    """Say how often type and colour are right, and with identities in column `vehicle` how well looks find them.

    Alternatives are joined by | (white|silver). Writes worst.png and reliability.png.
    """
    settings = get_settings()
    rows, base = half(read_labels(csv), split), pictures or csv.parent
    folder = folder_for(settings, "vehicles", out)
    with analysis_engine(settings, note, private) as engine, progress("looking", len(rows)) as done:
        judged = look_at(engine, rows, base, done)
        about = engine.about()
    result = report(judged) | {"looks": ranks(judged), "input": str(csv), "split": split, **about}
    result["worst"] = worst_sheet(judged, base, folder / "worst.png")
    reliability_plot({"colour": result["colour_reliability"]}, folder / "reliability.png")
    told = [(name.replace("_", " "), share(result[name])) for name in FIGURES]
    if result["looks"]:
        told += [(f"looks, rank {n}", share(result["looks"][f"rank_{n}"])) for n in (1, 10)]
    finish(
        result, folder, json_, ("", "right"), told, f"vehicles, {about['engine']} Triton, {about['models']}"
    )
