"""Measured against laser speeds as one picture: errors with their bounds, and the tracks that are furthest off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from waysight.evaluation.speed import WITHIN_KMH, Measured
from waysight.evaluation.speed_views import PICTURE, View

_MOST_SHOWN = 6
_REACH_KMH = 10.0


def draw(measured: Sequence[tuple[View, Measured]], path: Path) -> None:
    """Write a PNG: error over speed (beyond 10 km/h at the edge), error in bounds, and the worst tracks."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    truth = np.array([m.truth_kmh for _, m in measured])
    error = np.array([m.error_kmh for _, m in measured])
    bound = np.array([m.motion.error_kmh for _, m in measured])
    figure = Figure(figsize=(13, 8), dpi=90, layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(3, 2))
    upper, lower = halves
    left, right = upper.subplots(1, 2)
    inside = np.abs(error) <= bound
    for chosen, colour, words in ((inside, "tab:blue", "inside its bound"), (~inside, "tab:red", "outside")):
        shown = np.clip(error[chosen], -_REACH_KMH, _REACH_KMH)
        left.scatter(truth[chosen], shown, s=5, color=colour, alpha=0.5, label=f"{words}: {chosen.sum()}")
    for level in (-WITHIN_KMH, WITHIN_KMH):
        left.axhline(level, color="grey", linestyle="--", linewidth=1)
    left.set(xlabel="laser, km/h", ylabel="measured less laser, km/h")
    left.legend()
    right.hist(np.clip(error / bound, -3, 3), bins=60, color="tab:blue")
    for level in (-1, 1):
        right.axvline(level, color="grey", linestyle="--", linewidth=1)
    right.set(xlabel="error in units of the stated 95 % bound", ylabel="vehicles")
    order = sorted(measured, key=lambda m: -abs(m[1].error_kmh))[:_MOST_SHOWN]
    for panel, (view, m) in zip(lower.subplots(1, _MOST_SHOWN), order, strict=False):
        track = next(t for t in view.tracks if t.track_id == m.track_id)
        panel.plot(*track.points_px.T, ".-", markersize=2, linewidth=0.5)
        panel.set(xlim=(0, PICTURE[0]), ylim=(PICTURE[1], 0), xticks=[], yticks=[])
        panel.set_title(f"{view.name}\ncar {m.car_id}: {m.truth_kmh:.0f}, read {m.motion.speed_kmh:.0f} ± {m.motion.error_kmh:.0f}", fontsize=8)  # fmt: skip
    figure.savefig(path, metadata={"Software": "waysight"})
