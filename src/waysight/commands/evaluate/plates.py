"""`waysight evaluate plates`: readings on labelled photographs or crops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.commands.evaluate.sharing import Out, Private, finish, folder_for, progress, share
from waysight.commands.output import Json, note
from waysight.errors import BadConfiguration
from waysight.evaluation.engine import analysis_engine
from waysight.evaluation.formats import crops, half, photographs
from waysight.evaluation.plates import formats_of, look_at, report
from waysight.evaluation.report import reliability_plot
from waysight.evaluation.worst_cases import plate_sheet
from waysight.settings import get_settings


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("plates")(plates)


def plates(
    images: Annotated[
        Path | None,
        typer.Option(help="Photographs, each with a text file name<TAB>x<TAB>y<TAB>w<TAB>h<TAB>PLATE beside it."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Plate crops: a CSV name,region,PLATE; names relative to it.")
    ] = None,
    country: Annotated[
        list[str] | None,
        typer.Option(help="Decide between candidates by this rule pack's plate formats (repeatable)."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="all, or by name every second picture of a folder: even or odd.")
    ] = "all",
    private: Private = False,
    out: Out = None,
    json_: Json = False,
) -> None:  # fmt: skip
    """Read the plates of labelled pictures as production does; writes worst.png and reliability.png too."""
    if (images is None) == (csv is None):
        raise BadConfiguration("name either --images DIR or --csv FILE")
    chosen = half(crops(csv) if csv else photographs(images or Path()), split)
    settings = get_settings()
    formats = formats_of(country or [])
    with analysis_engine(settings, note, private) as engine, progress("reading", len(chosen)) as done:
        seen = look_at(engine, chosen, formats, done)
        about = engine.about()
    result = report(seen, chosen, settings) | {
        "input": str(csv or images), "split": split, "countries": list(country or []), **about
    }  # fmt: skip
    folder = folder_for(settings, "plates", out)
    result["worst"] = plate_sheet(seen, folder / "worst.png")
    if result["reliability"]:
        reliability_plot(
            {"exact": result["reliability"], "O=0, I=1": result["reliability_merged"]},
            folder / "reliability.png",
        )
    groups = result.get("groups", {})
    rows = [_row(name, figures) for name, figures in [*groups.items(), ("all", result)]]
    columns = ("group", "exact", "O=0, I=1", "characters", "accepted", "of them right", "CPU-ms", "p95")
    finish(result, folder, json_, columns, rows, f"plates, {about['engine']} Triton, {about['models']}")


def _row(name: str, figures: dict[str, Any]) -> list[object]:
    def counted(key: str) -> str:
        total = figures["plates"]
        return share({"count": figures[key], "total": total, "rate": figures[f"{key}_rate"],
                      "interval": figures[f"{key}_interval"]})  # fmt: skip

    characters = figures["characters"]
    return [
        name,
        counted("exact"),
        counted("exact_merged"),
        "" if characters is None else f"{characters:.1%}",
        figures["accepted"],
        f"{figures['accepted_exact']} ({figures['accepted_exact_merged']} merged)",
        figures["cpu_ms_per_image_median"],
        figures["cpu_ms_per_image_p95"],
    ]
