"""The course of a campaign as a picture: what was harmed when, and how much was waiting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS = {"kill": "#c0392b", "pause": "#2980b9", "restart": "#27ae60", "away": "#8e44ad"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Write the timeline of a campaign's result as PNG."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(12, 7), dpi=100, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1))
    verdict = "balances" if result["balances"] else "does not balance"
    upper.set_title(
        f"Campaign {result['seed']}: {len(result['harm'])} acts of harm; the ledger {verdict}", loc="left"
    )
    targets = sorted({act["target"] for act in result["harm"]}, reverse=True)
    for act in result["harm"]:
        y, colour = targets.index(act["target"]), COLOURS[act["what"]]
        upper.plot([act["at_s"], act["at_s"] + max(act["lasts_s"], 0.1)], [y, y], color=colour, linewidth=5)
        upper.plot(act["at_s"], y, marker="x" if act["remark"] else "o", color=colour, markersize=6)
    upper.set_yticks(range(len(targets)), targets)
    upper.grid(axis="x", alpha=0.3)
    marks = [Line2D([], [], color=c, marker="o", linewidth=4, label=w) for w, c in COLOURS.items()]
    upper.legend(handles=marks, loc="upper left", ncols=4, fontsize=8)
    known = [s for s in result["samples"] if s["lag"] is not None]
    for name in known[0]["lag"] if known else ():
        lower.plot([s["at_s"] for s in known], [s["lag"][name] for s in known], label=name, linewidth=1.3)
    lower.set_yscale("symlog", linthresh=10)
    lower.set_ylim(bottom=0)
    lower.set_ylabel("messages still to do")
    lower.set_xlabel("seconds since the start")
    lower.grid(alpha=0.3)
    lower.legend(loc="upper left", ncols=4, fontsize=8)
    figure.savefig(path)
