"""Plots of an evaluation: do stated confidences hold, and precision against recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def reliability_plot(curves: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write a PNG of reliability curves (name -> what `statistics.reliability` gave), with 95 % intervals."""
    figure, axes = _axes("stated confidence", "share that is right")
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1, label="ideal")
    for name, curve in curves.items():
        bins = curve["bins"]
        stated, right = [b["stated"] for b in bins], [b["right"] for b in bins]
        below = [max(0.0, b["right"] - b["interval"][0]) for b in bins]
        above = [max(0.0, b["interval"][1] - b["right"]) for b in bins]
        label = f"{name}, ECE {curve['expected_calibration_error']:.3f}"
        axes.errorbar(stated, right, yerr=[below, above], marker="o", capsize=3, label=label)
        for b in bins:
            axes.annotate(
                str(b["count"]), (b["stated"], b["right"]), textcoords="offset points", xytext=(5, -10)
            )
    _save(figure, axes, path)


def precision_recall_plot(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path) -> None:
    """Write a PNG of curves: label -> recalls and precisions (0..1)."""
    figure, axes = _axes("recall", "precision")
    for name, (recall, precision) in curves.items():
        axes.plot(recall, precision, label=name, drawstyle="steps-pre")
    _save(figure, axes, path)


def _axes(along: str, up: str) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.2), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=along, ylabel=up, xlim=(0, 1.02), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Any, axes: Any, path: Path) -> None:
    axes.legend(loc="lower left" if axes.get_ylabel() == "precision" else "upper left")
    figure.savefig(path, metadata={"Software": "waysight"})
