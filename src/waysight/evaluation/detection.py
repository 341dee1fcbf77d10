"""Objects on labelled pictures, and on clips beside a reference detector, through the production analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waysight.adapters.inference import Analysis
from waysight.adapters.pictures import AMBER, GREEN, RED, encode_jpeg
from waysight.adapters.video import open_file
from waysight.evaluation.detection_scores import Curve, agreement, curve, matched, recalls
from waysight.evaluation.engine import Engine
from waysight.evaluation.plate_scores import spread
from waysight.evaluation.plates import as_jpeg
from waysight.evaluation.reference import Reference
from waysight.evaluation.scenes import Scene, mapping
from waysight.evaluation.worst_cases import Boxes
from waysight.triton_models.vision.objects import Found

LEAST_SCORE = 0.01  # so low that the whole curve is seen
FRAME_QUALITY = 92
ANY = "any object"


@dataclass(frozen=True, slots=True)
class Look:
    """One picture's objects: all down to `LEAST_SCORE`, those that production would report, and the cost, ms."""

    every: list[Found]
    reported: list[Found]
    wall_ms: float
    cpu_ms: float | None
    error: str


def objects_of(analysis: Analysis) -> list[Found]:
    """The objects of an analysis, plates on no vehicle left out."""
    return [Found(t.label, t.score, (t.x1, t.y1, t.x2, t.y2)) for t in analysis.objects if t.label != "plate"]


def look_at(engine: Engine, scenes: Sequence[Scene], done: Callable[[], None]) -> list[Look]:
    """Each picture twice: at the detector's own threshold, which is timed, and at a very low one."""
    looks = []
    for scene in scenes:
        payload = as_jpeg(scene.path)
        reported = engine.analyse(payload, "jpeg;objects")
        every = engine.analyse(payload, f"jpeg;objects={LEAST_SCORE}").analysis
        looks.append(
            Look(
                objects_of(every),
                objects_of(reported.analysis),
                reported.wall_ms,
                reported.cpu_ms,
                every.error,
            )
        )
        done()
    return looks


def curves_of(looks: Sequence[Look], scenes: Sequence[Scene]) -> dict[str, Curve]:
    """Precision and recall of each label that the scenes have, and of any object."""
    labels = sorted({thing.label for scene in scenes for thing in scene.objects if thing.label})
    found = [look.every for look in looks]
    return {label: curve(found, scenes, label) for label in labels} | {ANY: curve(found, scenes)}


def report(looks: Sequence[Look], scenes: Sequence[Scene], curves: dict[str, Curve]) -> dict[str, Any]:
    """The figures; `ap50` is the mean over the labels that the scenes have."""
    own = {label: c for label, c in curves.items() if label != ANY}
    return {
        "images": len(scenes),
        "objects": curves[ANY].objects,
        "ap50": round(sum(c.ap for c in own.values()) / len(own), 4) if own else None,
        "ap50_class_agnostic": curves[ANY].ap,
        "classes": {label: {"ap50": c.ap, "objects": c.objects} for label, c in own.items()},
        **spread("ms", [look.wall_ms for look in looks]),
        **spread("cpu_ms", [look.cpu_ms for look in looks]),
        "at_own_threshold": recalls([look.reported for look in looks], scenes),
        "names": mapping(scenes),
        "unusable_pictures": sum(bool(look.error) for look in looks),
    }


def worst(looks: Sequence[Look], scenes: Sequence[Scene]) -> list[tuple[Path, str, Boxes]]:
    """Scenes with the most mistakes first: missed objects amber, found ones green, what is none red."""
    drawn = []
    for look, scene in zip(looks, scenes, strict=True):
        truth = [t for t in scene.objects if t.label and not t.ignored]
        hits = matched([t.box for t in look.reported], [t.box for t in truth])
        missed = [t for index, t in enumerate(truth) if index not in hits]
        boxes: list[tuple[Sequence[float], str, tuple[int, int, int]]] = [
            (thing.box, f"{thing.label} {thing.score:.2f}", GREEN if hit >= 0 else RED)
            for thing, hit in zip(look.reported, hits, strict=True)
        ]
        boxes += [(thing.box, thing.label, AMBER) for thing in missed]
        mistakes = len(missed) + sum(hit < 0 for hit in hits)
        drawn.append((mistakes, scene.path, f"{scene.path.name}: {mistakes} mistakes", boxes))
    drawn.sort(key=lambda entry: -entry[0])
    return [(path, heading, boxes) for mistakes, path, heading, boxes in drawn if mistakes]


def frames_of(clip: Path, every_s: float) -> Iterator[tuple[float, bytes]]:
    """Pictures of a video every so many seconds: time (ms) and the picture as JPEG."""
    next_ms = 0.0
    with open_file(clip) as video:
        for decoded in video.decoded(sparse=True):
            if decoded.time_ms >= next_ms:
                next_ms = decoded.time_ms + every_s * 1000
                yield decoded.time_ms, encode_jpeg(decoded.picture(), FRAME_QUALITY)


def compare(
    engine: Engine, reference: Reference, clip: Path, every_s: float, done: Callable[[], None]
) -> dict[str, Any]:
    """Our objects at production's threshold against a reference detector's on one clip, and what both cost."""
    ours, theirs, our_cpu, their_cpu = [], [], [], []
    for _, payload in frames_of(clip, every_s):
        measured, answer = engine.analyse(payload, "jpeg;objects"), reference.analyse(payload)
        ours.append(objects_of(measured.analysis))
        theirs.append(answer.objects)
        our_cpu.append(measured.cpu_ms)
        their_cpu.append(answer.cpu_ms)
        done()
    return {
        "frames": len(ours),
        "vehicles": agreement(ours, theirs, "vehicles"),
        "people": agreement(ours, theirs, "people"),
        **spread("cpu_ms", our_cpu),
        **spread("reference_cpu_ms", their_cpu),
    }


def pooled(clips: Sequence[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The agreement of several clips taken together."""
    both, only_ours, only_reference = (
        sum(clip[kind][key] for clip in clips) for key in ("both", "only_ours", "only_reference")
    )
    count = 2 * both + only_ours + only_reference
    return {"f1": round(2 * both / count, 4) if count else None, "both": both, "only_ours": only_ours,
            "only_reference": only_reference}  # fmt: skip
