"""Draws query results as one PNG, without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waysight.errors import BadConfiguration

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Chart:
    """`kind` is timeseries (rows of time, series, value), bars (label, value) or table (any columns)."""

    title: str
    kind: str
    rows: Rows
    unit: str = "short"


def draw(charts: Sequence[Chart], path: Path, title: str = "", columns: int = 2) -> None:
    """Write the charts as one PNG; raises BadConfiguration when the file cannot be written."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["text.parse_math"] = False  # a reason or name may hold dollar signs
    from matplotlib.figure import Figure

    lines = -(-len(charts) // columns)
    figure = Figure(figsize=(7.5 * columns, 3.4 * lines + 0.5), dpi=100, layout="constrained")
    if title:
        figure.suptitle(title)
    for number, chart in enumerate(charts):
        axes = figure.add_subplot(lines, columns, number + 1)
        axes.set_title(chart.title, loc="left", fontsize=10)
        if chart.rows:
            {"timeseries": _series, "bars": _bars, "table": _table}[chart.kind](axes, chart)
        else:
            axes.text(0.5, 0.5, "no data", ha="center", va="center", color="grey")
            axes.set_axis_off()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Software": "waysight"})
    except OSError as error:
        raise BadConfiguration(f"cannot write {path}: {error.strerror}; choose another --out") from error


def _series(axes: Any, chart: Chart) -> None:
    from matplotlib.dates import ConciseDateFormatter

    for name in dict.fromkeys(row["series"] for row in chart.rows):
        points = [(row["time"], row["value"]) for row in chart.rows if row["series"] == name]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=1, label=str(name))
    axes.set_ylim(bottom=0)
    if chart.unit == "percentunit":
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    elif chart.unit != "short":
        axes.set_ylabel(chart.unit, fontsize=8)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="upper left")


def _bars(axes: Any, chart: Chart) -> None:
    labels = [str(row["label"]) for row in chart.rows]
    bars = axes.barh(labels, [float(row["value"]) for row in chart.rows], color="steelblue")
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.tick_params(labelsize=8)


def _table(axes: Any, chart: Chart) -> None:
    axes.set_axis_off()
    shown = list(chart.rows)[:12]
    cells = [[_short(value) for value in row.values()] for row in shown]
    drawn = axes.table(
        cells, colLabels=list(shown[0]), loc="upper center", cellLoc="left", edges="horizontal"
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(7)
    drawn.auto_set_column_width(list(range(len(shown[0]))))


def _short(value: Any) -> str:
    text = f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else str(value)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 40 else text[:39] + "…"
