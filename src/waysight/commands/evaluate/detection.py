"""`waysight evaluate detection`: objects on labelled pictures, or beside a reference detector on clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.commands.evaluate.sharing import Out, Private, finish, folder_for, progress, share
from waysight.commands.output import Json, note
from waysight.errors import BadConfiguration
from waysight.evaluation.detection import ANY, compare, curves_of, look_at, pooled, report, worst
from waysight.evaluation.engine import analysis_engine
from waysight.evaluation.reference import reference_detector, reference_worker
from waysight.evaluation.report import precision_recall_plot
from waysight.evaluation.scenes import coco, matching, voc
from waysight.evaluation.worst_cases import scene_sheet
from waysight.settings import Settings, get_settings

COLUMNS = ("class", "objects", "AP50", "found", "found and named so")


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("detection")(detection)


def detection(
    voc_: Annotated[
        Path | None,
        typer.Option("--voc", help="Pictures with a Pascal VOC .xml of the same name beside them."),
    ] = None,
    coco_: Annotated[Path | None, typer.Option("--coco", help="COCO annotations (JSON).")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Where COCO's pictures are, if not beside the file.")
    ] = None,
    match: Annotated[str, typer.Option(help="Only pictures whose file name fits this pattern.")] = "*",
    split: Annotated[str, typer.Option(help="all, or by name every second picture: even or odd.")] = "all",
    video: Annotated[
        list[Path] | None, typer.Option(help="Clips to compare with --reference on (repeatable).")
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="A YOLOX detector (ONNX) to compare with.")] = None,
    reference_score: Annotated[float, typer.Option(min=0.01, max=0.99, help="Its least score.")] = 0.4,
    every_s: Annotated[float, typer.Option(min=0.02, help="Seconds between pictures of a clip.")] = 1.0,
    private: Private = False,
    out: Out = None,
    json_: Json = False,
) -> None:
    """Find objects as production does; writes worst.png and precision_recall.png for labelled pictures."""
    settings = get_settings()
    folder = folder_for(settings, "detection", out)
    if video and reference:
        _compare(settings, folder, video, reference, reference_score, every_s, private, json_)
        return
    if (voc_ is None) == (coco_ is None) or video or reference:
        raise BadConfiguration(
            "name either --voc DIR, or --coco FILE, or --reference MODEL with --video CLIP"
        )
    scenes = matching(coco(coco_, images) if coco_ else voc(voc_ or Path()), match, split)
    with analysis_engine(settings, note, private) as engine, progress("detecting", len(scenes)) as done:
        looks = look_at(engine, scenes, done)
        about = engine.about()
    curves = curves_of(looks, scenes)
    result = report(looks, scenes, curves) | {
        "input": str(coco_ or voc_),
        "match": match,
        "split": split,
        **about,
    }
    result["worst"] = scene_sheet(worst(looks, scenes), folder / "worst.png")
    plotted = {f"{label}, AP50 {c.ap:.3f}": (c.recall, c.precision) for label, c in curves.items()}
    precision_recall_plot(plotted, folder / "precision_recall.png")
    rows = [_row(label, result) for label in result["classes"]]
    rows.append((ANY, result["objects"], result["ap50_class_agnostic"], "", ""))
    cost = f"{result['cpu_ms_per_image_median']} CPU-ms a picture (median)"
    finish(
        result, folder, json_, COLUMNS, rows, f"objects, {about['engine']} Triton, {cost}, {about['models']}"
    )


def _row(label: str, result: dict[str, Any]) -> tuple[object, ...]:
    own, found = result["classes"][label], result["at_own_threshold"][label]
    return label, own["objects"], own["ap50"], share(found["found"]), share(found["found_and_named"])


def _compare(
    settings: Settings, folder: Path, clips: list[Path], weights: Path, score: float, every_s: float,
    private: bool, json_: bool,
) -> None:  # fmt: skip
    words = reference_detector(weights, score)
    found: dict[str, dict[str, Any]] = {}
    with (
        analysis_engine(settings, note, private) as engine,
        reference_worker(settings, words, folder / "reference.log") as other,
    ):
        for clip in clips:
            note(f"{clip.name} …")
            found[clip.name] = compare(engine, other, clip, every_s, lambda: None)
        about = engine.about()
    result = {kind: pooled(list(found.values()), kind) for kind in ("vehicles", "people")} | {
        "clips": found, "reference": str(weights), "reference_score": score, "every_s": every_s, **about
    }  # fmt: skip
    rows = [
        (name, figures["frames"], figures["vehicles"]["f1"], figures["people"]["f1"],
         figures["cpu_ms_per_image_median"], figures["reference_cpu_ms_per_image_median"])
        for name, figures in found.items()
    ]  # fmt: skip
    rows.append(
        (
            "all",
            sum(f["frames"] for f in found.values()),
            result["vehicles"]["f1"],
            result["people"]["f1"],
            "",
            "",
        )
    )
    columns = ("clip", "frames", "F1 vehicles", "F1 people", "CPU-ms", "reference's")
    finish(
        result, folder, json_, columns, rows, f"agreement with {weights.name} at {score}, {about['models']}"
    )
