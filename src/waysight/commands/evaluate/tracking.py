"""`waysight evaluate tracking`: production's tracker against labelled tracks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from waysight.commands.evaluate.sharing import Out, finish, folder_for
from waysight.commands.output import Json, note
from waysight.errors import BadConfiguration
from waysight.evaluation.tracking_formats import (
    KITTI_LABELS,
    Truth,
    TruthFormat,
    read_detections,
    read_truth,
    sequence_info,
)
from waysight.settings import get_settings

_NAMES = ("mota", "idf1", "hota", "precision", "recall")


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("tracking")(tracking)


def tracking(
    truth: Annotated[Path, typer.Option(help="Labelled tracks: MOTChallenge gt.txt or a KITTI label file.")],
    detections: Annotated[
        Path | None,
        typer.Option(
            help="MOTChallenge sequence (det/det.txt); without it the truth's own boxes are tracked."
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="Format of the truth: auto, mot or kitti.")] = "auto",
    classes: Annotated[
        str, typer.Option(help="Labelled classes to count, with commas, e.g. Car,Van; default Pedestrian.")
    ] = "",
    fps: Annotated[
        float | None, typer.Option(help="Frames a second; default seqinfo.ini, else 10 (KITTI) or 30.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Take every N-th frame only, as at keyframe rates.")] = 1,
    picture: Annotated[
        Path | None, typer.Option(help="Timeline PNG; default tracking.png in the report's folder.")
    ] = None,
    out: Out = None,
    json_: Json = False,
) -> None:
    """How well tracks agree with labelled ones: MOTA, IDF1, HOTA, identity switches.

    What counts is what production tells: the boxes of tracks that became final sightings.
    """
    from waysight.evaluation.tracking import measure, report
    from waysight.evaluation.tracking_picture import draw

    real = _truth(truth, form, classes)
    label = KITTI_LABELS.get(real.classes[0], "person")
    boxes = read_detections(detections, label) if detections else real.frames
    info = sequence_info(detections, real, boxes)
    if fps is not None:
        if fps <= 0:
            raise BadConfiguration(f"--fps {fps}: frames a second are more than 0")
        info = replace(info, fps=fps)
    folder = folder_for(get_settings(), "tracking", out)
    numbers, followed, scores = measure(boxes, real.frames, info, every)
    found = {
        "detections": str(detections) if detections else "the truth's own boxes",
        "truth": str(truth),
        "format": real.format,
        "classes": list(real.classes),
        **report(followed, scores, info, every),
    }
    draw(real.frames, scores, numbers, picture or folder / "tracking.png")
    rows = [(name, found[name], found.get(f"{name}_interval", "")) for name in _NAMES]
    counts = ("id_switches", "fragmentations", "frames", "tracks", "truth_tracks", "boxes", "truth_boxes")
    rows += [(name, found[name], "") for name in counts]
    finish(found, folder, json_, ("figure", "value", "95 % interval"), rows, f"tracking against {truth.name}")
    if not json_:
        note(f"frames a second: {found['fps']}; classes: {', '.join(real.classes)}")


def _truth(path: Path, form: str, classes: str) -> Truth:
    forms: dict[str, TruthFormat] = {"auto": "auto", "mot": "mot", "kitti": "kitti"}
    if form not in forms:
        raise BadConfiguration(f"--format {form}: choose one of {', '.join(forms)}")
    return read_truth(path, forms[form], tuple(c.strip() for c in classes.split(",") if c.strip()))
