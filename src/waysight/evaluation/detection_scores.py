"""Found objects against labelled ones: average precision at an overlap of 0.5, recall, agreement of detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waysight.evaluation.formats import Xyxy
from waysight.evaluation.scenes import Scene
from waysight.evaluation.statistics import rate
from waysight.triton_models.vision.boxes import overlap
from waysight.triton_models.vision.objects import Found

IOU = 0.5
# Any-class figures compare within these kinds: a person found in a set that labels vehicles only is no error.
KINDS = {
    "person": "people", "bag": "bags", "bicycle": "vehicles", "motorcycle": "vehicles", "car": "vehicles",
    "bus": "vehicles", "truck": "vehicles",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision over recall of one class (best score first), the area below it, and how many objects there are."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]
    ap: float
    objects: int


def matched(found: Sequence[Xyxy], truth: Sequence[Xyxy], iou: float = IOU) -> list[int]:
    """For each found box, best score first, the labelled box that it takes (the best one still free), or -1."""
    boxes: NDArray[np.float32] = np.array(truth, np.float32).reshape(-1, 4)
    taken: set[int] = set()
    result = []
    for box in found:
        shares = overlap(np.array(box, np.float32), boxes)
        free = [k for k in range(len(boxes)) if k not in taken and shares[k] >= iou]
        best = max(free, key=lambda k: float(shares[k]), default=-1)
        taken.add(best)
        result.append(best)
    return result


def curve(found: Sequence[Sequence[Found]], scenes: Sequence[Scene], label: str = "") -> Curve:
    """Precision and recall over all scenes, of one label, or of any object when it is empty.

    Of any object: whatever the labels, among the kinds (vehicles, people, bags) that the scenes label. All-point
    interpolation (PASCAL VOC 2010 and later); what only covers an ignored object is left out.
    """
    kinds = {KINDS[thing.label] for scene in scenes for thing in scene.objects if thing.label}
    rows: list[tuple[float, bool]] = []
    total = 0
    for things, scene in zip(found, scenes, strict=True):
        wanted = [t for t in scene.objects if t.label == label or (not label and t.label)]
        truth = [t for t in wanted if not t.ignored]
        excused: NDArray[np.float32] = np.array([t.box for t in wanted if t.ignored], np.float32).reshape(
            -1, 4
        )
        total += len(truth)
        ranked = sorted(
            (t for t in things if t.label == label or (not label and KINDS[t.label] in kinds)),
            key=lambda t: -t.score,
        )
        for thing, hit in zip(ranked, matched([t.box for t in ranked], [t.box for t in truth]), strict=True):
            if hit < 0 and len(excused) and overlap(np.array(thing.box, np.float32), excused).max() >= IOU:
                continue
            rows.append((thing.score, hit >= 0))
    return _curve(rows, total)


def recalls(found: Sequence[Sequence[Found]], scenes: Sequence[Scene]) -> dict[str, Any]:
    """Of each label how many objects are found at all (by any label of their kind), and under their own label."""
    result: dict[str, dict[str, list[int]]] = {}
    for things, scene in zip(found, scenes, strict=True):
        truth = [t for t in scene.objects if t.label and not t.ignored]
        ranked = sorted(things, key=lambda t: -t.score)
        for kind in set(KINDS.values()):
            ours = [t for t in ranked if KINDS[t.label] == kind]
            theirs = [t for t in truth if KINDS[t.label] == kind]
            hits = matched([t.box for t in ours], [t.box for t in theirs])
            by_truth = {hit: thing for hit, thing in zip(hits, ours, strict=True) if hit >= 0}
            for index, thing in enumerate(theirs):
                counts = result.setdefault(thing.label, {"all": [], "own": []})
                counts["all"].append(index in by_truth)
                counts["own"].append(index in by_truth and by_truth[index].label == thing.label)
    return {
        label: {
            "found": rate(sum(counts["all"]), len(counts["all"])),
            "found_and_named": rate(sum(counts["own"]), len(counts["own"])),
        }
        for label, counts in sorted(result.items())
    }


def agreement(
    ours: Sequence[Sequence[Found]], reference: Sequence[Sequence[Found]], kind: str
) -> dict[str, Any]:
    """F1 of our objects of a kind against a reference detector's at an overlap of 0.5, labels pooled."""
    both = only_ours = only_reference = 0
    for mine, theirs in zip(ours, reference, strict=True):
        ranked = sorted((t for t in mine if KINDS[t.label] == kind), key=lambda t: -t.score)
        boxes = [t.box for t in theirs if KINDS[t.label] == kind]
        hits = sum(hit >= 0 for hit in matched([t.box for t in ranked], boxes))
        both += hits
        only_ours += len(ranked) - hits
        only_reference += len(boxes) - hits
    count = 2 * both + only_ours + only_reference
    return {
        "f1": round(2 * both / count, 4) if count else None,
        "both": both,
        "only_ours": only_ours,
        "only_reference": only_reference,
        "precision": rate(both, both + only_ours),
        "recall": rate(both, both + only_reference),
    }


def _curve(rows: list[tuple[float, bool]], total: int) -> Curve:
    rows.sort(key=lambda row: -row[0])
    hits = np.cumsum([hit for _, hit in rows]) if rows else np.zeros(0)
    precision = hits / np.arange(1, len(rows) + 1)
    recall = hits / max(1, total)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(recall, prepend=0.0)
    area = round(float((best_after * steps).sum()), 4)
    return Curve(tuple(map(float, recall)), tuple(map(float, precision)), area, total)
