"""`waysight evaluate plates`: readings on labelled photographs or crops, or on simulated passes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from waysight.commands.evaluate.sharing import Out, Private, finish, folder_for, progress, share
from waysight.commands.output import Json, note
from waysight.errors import BadConfiguration
from waysight.evaluation.engine import analysis_engine
from waysight.evaluation.formats import crops, half, photographs
from waysight.evaluation.plates import formats_of, look_at, report
from waysight.evaluation.reference import reference_worker
from waysight.evaluation.report import reliability_plot
from waysight.evaluation.simulated_plates import COUNTRIES, run, worker_words
from waysight.evaluation.worst_cases import pass_sheet, plate_sheet
from waysight.local.triton import repository
from waysight.modelling.overlay import build_repository
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
        typer.Option(help="Decide between candidates by this rule pack's plate formats; simulate its plates."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="all, or by name every second picture of a folder: even or odd.")
    ] = "all",
    simulated: Annotated[
        int, typer.Option(min=0, help="No pictures: that many simulated passes of two or three frames, voted.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated passes.")] = 7,
    private: Private = False,
    out: Out = None,
    json_: Json = False,
) -> None:  # fmt: skip
    """Read the plates of labelled pictures as production does; writes worst.png and reliability.png too."""
    if [images is not None, csv is not None, simulated > 0].count(True) != 1:
        raise BadConfiguration("name one of --images DIR, --csv FILE and --simulated N")
    if simulated:
        _simulate(
            simulated, seed, tuple(country or COUNTRIES), folder_for(get_settings(), "plates", out), json_
        )
        return
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


def _simulate(passes: int, seed: int, countries: tuple[str, ...], folder: Path, json_: bool) -> None:
    settings = get_settings()
    with TemporaryDirectory(prefix="waysight-models-") as served:
        models = Path(served) / "models"
        build_repository(repository(), settings.models_folder, models)
        worker = reference_worker(settings, worker_words(models), folder / "worker.log")
        with worker as reader, progress("reading passes", passes) as done:
            result, wrong = run(reader, passes, seed, countries, settings.enforcement_gate, done)
    pass_sheet(wrong, folder / "worst.png")
    if result["reliability"]:
        reliability_plot({"voted plates": result["reliability"]}, folder / "reliability.png")
    rows = [
        (
            name,
            f["passes"],
            share(f["exact"]),
            share(f["accepted_share"]),
            f["wrong"],
            f"{f['error_rate_upper_95']:.5f}",
        )
        for name, f in [*result["countries"].items(), ("all", result)]
    ]
    columns = ("country", "passes", "read", "accepted", "wrong", "error rate at most (95 %)")
    finish(
        result,
        folder,
        json_,
        columns,
        rows,
        f"simulated passes, seed {seed}, gate {settings.enforcement_gate}",
    )


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
