"""Draws query results as one PNG, without a display."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waysight.errors import BadConfiguration

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Chart:
    """`kind` says which columns the rows have.

    timeseries: time (or a number), series, value; bars: label, value, and perhaps series, which are stacked; intervals: label,
    value, low, high (ratios, 1 = no change; on a logarithmic scale); table: any.
    """

    title: str
    kind: str
    rows: Rows
    unit: str = "short"


def draw(charts: Sequence[Chart], path: Path, title: str = "", columns: int = 2) -> None:
    """Write the charts as one PNG; raises BadConfiguration when the file cannot be written."""
    drawn = picture(charts, title, columns)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn)
    except OSError as error:
        raise BadConfiguration(f"cannot write {path}: {error.strerror}; choose another --out") from error


def picture(charts: Sequence[Chart], title: str = "", columns: int = 2) -> bytes:
    """The charts as one PNG; the same charts give the same bytes."""
    import matplotlib as mpl

    mpl.rcParams["text.parse_math"] = False  # a reason or name may hold dollar signs
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = -(-len(charts) // columns)
    high = sum(_height(c) for c in charts) if columns == 1 else 3.4 * lines
    figure = Figure(figsize=(7.5 * columns, high + 0.5), dpi=100, layout="constrained")
    if title:
        figure.suptitle(title)
    for number, chart in enumerate(charts):
        axes = figure.add_subplot(lines, columns, number + 1)
        axes.set_title(chart.title, loc="left", fontsize=10)
        if chart.rows:
            {"timeseries": _series, "bars": _bars, "table": _table, "intervals": _intervals}[chart.kind](
                axes, chart
            )
        else:
            axes.text(0.5, 0.5, "no data", ha="center", va="center", color="grey")
            axes.set_axis_off()
    drawn = io.BytesIO()
    # Not savefig: that draws everything twice.
    FigureCanvasAgg(figure).print_png(drawn, metadata={"Software": "waysight"})
    return drawn.getvalue()


def _height(chart: Chart) -> float:
    """Inches: labels beside one another need room."""
    labels = len({row["label"] for row in chart.rows}) if chart.kind in ("bars", "intervals") else 0
    return max(3.4, 0.6 + 0.27 * labels)


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
    if not isinstance(chart.rows[0]["time"], int):
        axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="upper left")


def _bars(axes: Any, chart: Chart) -> None:
    labels = list(dict.fromkeys(str(row["label"]) for row in chart.rows))
    names = list(dict.fromkeys(row.get("series", "") for row in chart.rows))
    left = [0.0] * len(labels)
    for name in names:
        values = {str(r["label"]): float(r["value"]) for r in chart.rows if r.get("series", "") == name}
        wide = [values.get(label, 0.0) for label in labels]
        bars = axes.barh(
            labels, wide, left=left, label=str(name), color="steelblue" if len(names) == 1 else None
        )
        left = [a + b for a, b in zip(left, wide, strict=True)]
    axes.bar_label(bars, [f"{total:,.0f}" for total in left], padding=3, fontsize=8)
    if len(names) > 1:
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.tick_params(labelsize=8)


def _intervals(axes: Any, chart: Chart) -> None:
    for place, row in enumerate(chart.rows):
        axes.plot([row["low"], row["high"]], [place, place], color="steelblue", linewidth=2)
        axes.plot([row["value"]], [place], "o", color="steelblue", markersize=5)
    axes.set_yticks(range(len(chart.rows)), [str(row["label"]) for row in chart.rows])
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel(chart.unit if chart.unit != "short" else "ratio; 1 = no change", fontsize=8)
    axes.invert_yaxis()
    axes.margins(y=0.2)
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", alpha=0.3)


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
