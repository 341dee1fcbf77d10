"""Rates with their uncertainty: Wilson and Clopper-Pearson intervals, reliability of stated confidences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import beta, binomtest

BINS = 10


def wilson(count: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval (low, high; 0..1) of a rate; (0, 1) where nothing was counted."""
    if total == 0:
        return 0.0, 1.0
    found = binomtest(count, total).proportion_ci(confidence_level=level, method="wilson")
    return round(float(found.low), 4), round(float(found.high), 4)


def upper_bound(count: int, total: int, level: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound (0..1) of a rate, e.g. of errors; 1 where nothing was counted."""
    if total == 0 or count >= total:
        return 1.0
    return round(float(beta.ppf(level, count + 1, total - count)), 6)


def upper_bounds(counts: Sequence[int], totals: Sequence[int], level: float = 0.95) -> list[float]:
    """`upper_bound` of many rates at once."""
    wrong, of = np.asarray(counts, float), np.asarray(totals, float)
    open_ = wrong >= of
    bounds = beta.ppf(level, wrong + 1, np.where(open_, 1, of - wrong))
    return [round(float(b), 6) for b in np.where(open_, 1.0, bounds)]


def rate(count: int, total: int) -> dict[str, Any]:
    """`count`, `total`, `rate` (None of nothing) and its 95 % Wilson `interval`."""
    share = round(count / total, 4) if total else None
    return {"count": count, "total": total, "rate": share, "interval": list(wilson(count, total))}


def reliability(confidences: Sequence[float], right: Sequence[bool], bins: int = BINS) -> dict[str, Any]:
    """Whether stated confidences (0..1) hold: per bin how many, the mean stated, the share right; and the ECE.

    The expected calibration error is the mean distance of stated and true share, weighted by the bins' counts
    (Naeini et al., 2015).
    """
    stated, truth = np.asarray(confidences, float), np.asarray(right, float)
    place = np.minimum((stated * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for index in range(bins):
        chosen = place == index
        count = int(chosen.sum())
        if not count:
            continue
        mean, share = float(stated[chosen].mean()), float(truth[chosen].mean())
        error += count * abs(mean - share) / len(stated)
        low, high = wilson(int(truth[chosen].sum()), count)
        rows.append(
            {
                "from": index / bins,
                "to": (index + 1) / bins,
                "count": count,
                "stated": round(mean, 4),
                "right": round(share, 4),
                "interval": [low, high],
            }
        )
    return {"bins": rows, "expected_calibration_error": round(error, 4)}
