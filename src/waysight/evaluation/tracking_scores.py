"""How well tracks agree with labelled ones: MOTA, IDF1 and ID switches by motmetrics, HOTA, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import motmetrics
import numpy as np
from scipy.optimize import linear_sum_assignment

from waysight.domain.geometry import Box

Told: TypeAlias = Mapping[int, Sequence[tuple[Any, Box]]]
"""Identity and box (px) of each thing, by frame."""
LEAST_IOU = 0.5
_ALPHAS = np.arange(0.05, 0.99, 0.05)
_ROUNDS = 400
_EPSILON = float(np.finfo("float").eps)
_RATES = {
    "mota": "mota",
    "idf1": "idf1",
    "precision": "precision",
    "recall": "recall",
    "idp": "idp",
    "idr": "idr",
}
_COUNTS = {
    "id_switches": "num_switches",
    "false_positives": "num_false_positives",
    "misses": "num_misses",
    "fragmentations": "num_fragmentations",
    "mostly_tracked": "mostly_tracked",
    "mostly_lost": "mostly_lost",
    "truth_boxes": "num_objects",
    "truth_tracks": "num_unique_objects",
}


@dataclass(frozen=True, slots=True)
class Scores:
    """One sequence's figures; `events` are rows of (frame, kind, truth identity, track identity)."""

    figures: dict[str, Any]
    events: tuple[tuple[int, str, Any, Any], ...]


def score(truth: Told, told: Told, frames: Sequence[int], block: int) -> Scores:
    """CLEAR MOT and ID measures at IoU 0.5 (motmetrics) and HOTA over `frames`.

    MOTA, precision and recall have a 95 % interval by a bootstrap over blocks of `block` frames; IDF1 and HOTA
    match identities over the whole sequence, so no such interval is stated for them. Sources: Bernardin and
    Stiefelhagen 2008; Ristani et al. 2016; Luiten et al. 2021.
    """
    gathered = motmetrics.MOTAccumulator(auto_id=False)
    real_ids, seen_ids = _numbered(truth, frames), _numbered(told, frames)
    for frame in frames:
        real, seen = truth.get(frame, ()), told.get(frame, ())
        common = overlaps([b for _, b in real], [b for _, b in seen])
        distance = np.where(common >= LEAST_IOU, 1.0 - common, np.nan)
        gathered.update(
            [real_ids[i] for i, _ in real], [seen_ids[i] for i, _ in seen], distance, frameid=frame
        )
    names = [*_RATES.values(), *_COUNTS.values()]
    computed = motmetrics.metrics.create().compute(gathered, metrics=names, name="all").iloc[0]
    figures: dict[str, Any] = {key: round(float(computed[name]), 4) for key, name in _RATES.items()}
    figures.update((key, int(computed[name])) for key, name in _COUNTS.items())
    figures["hota"], figures["deta"], figures["assa"] = hota(truth, told, frames)
    events = tuple(
        (int(frame), str(row.Type), row.OId, row.HId)
        for (frame, _), row in zip(gathered.mot_events.index, gathered.mot_events.itertuples(), strict=True)
    )
    figures.update(_intervals(events, truth, frames, block))
    return Scores(figures, events)


def hota(truth: Told, told: Told, frames: Sequence[int]) -> tuple[float, float, float]:
    """HOTA, detection and association accuracy (0..1), each the mean over IoU thresholds 0.05 to 0.95.

    Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021: matches maximise
    a global alignment of identities, then each match is worth how well its two identities agree over all frames.
    """
    real, seen = _numbered(truth, frames), _numbered(told, frames)
    if not real or not seen:
        return 0.0, 0.0, 0.0
    counts_real, counts_seen = np.zeros((len(real), 1)), np.zeros((1, len(seen)))
    together = np.zeros((len(real), len(seen)))
    moments = []
    for frame in frames:
        rows, columns = truth.get(frame, ()), told.get(frame, ())
        common = overlaps([b for _, b in rows], [b for _, b in columns])
        a = np.array([real[i] for i, _ in rows], int)
        b = np.array([seen[i] for i, _ in columns], int)
        moments.append((a, b, common))
        counts_real[a, 0] += 1
        counts_seen[0, b] += 1
        if common.size:
            either = common.sum(0)[None, :] + common.sum(1)[:, None] - common
            together[np.ix_(a, b)] += np.divide(common, either, out=np.zeros_like(common), where=either > 0)
    alignment = together / (counts_real + counts_seen - together)
    matched = np.zeros((len(_ALPHAS), len(real), len(seen)))
    for a, b, common in moments:
        rows_, columns_ = linear_sum_assignment(-alignment[np.ix_(a, b)] * common)
        worth = common[rows_, columns_]
        for index, alpha in enumerate(_ALPHAS):
            good = worth >= alpha - _EPSILON
            matched[index, a[rows_[good]], b[columns_[good]]] += 1
    right = matched.sum((1, 2))
    detection = right / (counts_real.sum() + counts_seen.sum() - right)
    agreement = matched / np.maximum(1.0, counts_real[None] + counts_seen[None] - matched)
    association = (matched * agreement).sum((1, 2)) / np.maximum(1.0, right)
    means = (np.sqrt(detection * association), detection, association)
    h, d, s = (round(float(m.mean()), 4) for m in means)
    return h, d, s


def overlaps(a: Sequence[Box], b: Sequence[Box]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Intersection over union of every box of `a` with every one of `b`, shape (len(a), len(b))."""
    first, second = np.array(a, float).reshape(-1, 1, 4), np.array(b, float).reshape(1, -1, 4)
    size = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    common = np.clip(size, 0.0, None).prod(-1)
    areas = [np.clip(x[..., 2:] - x[..., :2], 0.0, None).prod(-1) for x in (first, second)]
    either = areas[0] + areas[1] - common
    found: np.ndarray[Any, np.dtype[np.float64]] = np.zeros_like(common)
    np.divide(common, either, out=found, where=either > 0)
    return found


def _numbered(boxes: Told, frames: Sequence[int]) -> dict[Any, int]:
    """Identities in the order in which they come, as numbers from 0: motmetrics takes no other."""
    return {i: n for n, i in enumerate(dict.fromkeys(i for f in frames for i, _ in boxes.get(f, ())))}


def _intervals(
    events: Sequence[tuple[int, str, Any, Any]], truth: Told, frames: Sequence[int], block: int
) -> dict[str, list[float]]:
    kinds = ("MATCH", "SWITCH", "FP", "MISS")
    place = {frame: n // max(1, block) for n, frame in enumerate(frames)}
    blocks = max(place.values(), default=0) + 1
    if blocks < 2:
        return {}
    counts = np.zeros((blocks, len(kinds) + 1))
    for frame, kind, _, _ in events:
        if kind in kinds:
            counts[place[frame], kinds.index(kind)] += 1
    for frame in frames:
        counts[place[frame], -1] += len(truth.get(frame, ()))
    drawn = np.random.default_rng(1).integers(0, blocks, (_ROUNDS, blocks))
    match, switch, false, miss, real = counts[drawn].sum(1).T
    shares = {
        "mota_interval": 1.0 - (switch + false + miss) / np.maximum(real, 1),
        "precision_interval": (match + switch) / np.maximum(match + switch + false, 1),
        "recall_interval": (match + switch) / np.maximum(real, 1),
    }
    return {name: [round(float(v), 4) for v in np.percentile(x, (2.5, 97.5))] for name, x in shares.items()}
