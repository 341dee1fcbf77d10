"""The bench of the stream engines as pictures: both columns side by side, and how our cost grows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLOURS = {"own": "tab:blue", "arrow": "tab:orange"}


def draw(result: Mapping[str, Any], path: Path, aims: Mapping[str, float]) -> None:
    """Events per CPU-second of every engine, with its own operators and with our Arrow code inside, as one PNG."""
    axes, figure = _axes(9, 5)
    columns = {"own": result["events_per_cpu_s"], "arrow": result["arrow_events_per_cpu_s"]}
    words = {"own": "its own operators", "arrow": "our Arrow batch code inside"}
    engines = sorted(columns["own"] | columns["arrow"], key=lambda e: -columns["own"].get(e, 0))
    for n, (column, rates) in enumerate(columns.items()):
        places = [i + 0.4 * n - 0.2 for i, e in enumerate(engines) if e in rates]
        values = [rates[e] for e in engines if e in rates]
        bars = axes.bar(places, values, 0.38, color=COLOURS[column], label=words[column])
        axes.bar_label(bars, [f"{v / 1000:.1f}k" for v in values], fontsize=8)
    mine = columns["own"].get("waysight", 0)
    for i, engine in enumerate(engines):
        if engine in aims and mine:
            axes.plot([i - 0.4, i + 0.4], [mine / aims[engine]] * 2, color="black", linewidth=2)
    axes.set_xticks(range(len(engines)), engines)
    axes.set_ylabel("events per CPU-second")
    axes.set_title(
        f"match + enforce + count + store; sightings a run: ours {result['records_per_run']:,}, "
        f"peers {result['peer_records_per_run']:,}; "
        "black: where a peer's first column may reach for our aim",
        fontsize=9,
    )
    axes.legend()
    _save(figure, path)


def draw_growth(result: Mapping[str, Any], path: Path) -> None:
    """Relative cost per event over partitions, workers, hotlist and cameras; the band is the aim of 20 %."""
    axes, figure = _axes(9, 5)
    axes.axhspan(0.8, 1.2, color="tab:green", alpha=0.12)
    for name, rates in result["events_per_cpu_s"].items():
        sizes = [int(size) for size in rates]
        axes.plot(range(len(sizes)), [v / next(iter(rates.values())) for v in rates.values()], marker="o",
                  label=f"{name}: {', '.join(f'{s:,}' for s in sizes)}")  # fmt: skip
    axes.set_xticks([])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("events per CPU-second, relative to the first size")
    axes.legend()
    _save(figure, path)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    return figure.add_subplot(), figure


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": "waysight"})
