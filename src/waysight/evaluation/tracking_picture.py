"""Tracks against truth over time, as one picture: each labelled identity a row, each track a colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from waysight.evaluation.tracking_formats import Frames
from waysight.evaluation.tracking_scores import Scores

_MOST_ROWS = 40
_COLOURS = 20


def draw(truth: Frames, scores: Scores, frames: Sequence[int], path: Path) -> None:
    """Write the PNG: grey where an identity was missed, else its track's colour; switches marked, worst first.

    A last panel counts the boxes a frame that are no labelled one.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    matched: dict[object, list[tuple[int, int]]] = {}
    switches: dict[object, list[int]] = {}
    names = _names(scores)
    false = dict.fromkeys(frames, 0)
    for frame, kind, real, seen in scores.events:
        if kind in ("MATCH", "SWITCH"):
            matched.setdefault(real, []).append((frame, names[seen]))
        if kind == "SWITCH":
            switches.setdefault(real, []).append(frame)
        if kind == "FP":
            false[frame] += 1
    identities = list(dict.fromkeys(b.identity for f in frames for b in truth.get(f, ())))
    order = sorted(
        range(len(identities)), key=lambda n: (-len(switches.get(n, ())), -len(matched.get(n, ())), n)
    )[:_MOST_ROWS]
    figure = Figure(figsize=(11, 2.4 + 0.22 * len(order)), dpi=100, layout="constrained")
    heights = [max(2.0, 0.22 * len(order)), 1.0]
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": heights})
    palette = mpl.colormaps["tab20"]
    for row, number in enumerate(order):
        present = [f for f in frames if any(b.identity == identities[number] for b in truth.get(f, ()))]
        upper.scatter(present, [row] * len(present), s=9, marker="s", color="0.85")
        seen_at = matched.get(number, [])
        colours = [palette(n % _COLOURS) for _, n in seen_at]
        upper.scatter([f for f, _ in seen_at], [row] * len(seen_at), s=7, marker="s", c=colours or None)
        at = switches.get(number, [])
        upper.scatter(at, [row] * len(at), s=30, marker="x", color="black", linewidths=1)
    upper.set_yticks(range(len(order)), [str(identities[n]) for n in order], fontsize=7)
    upper.invert_yaxis()
    upper.set_ylabel("labelled identity")
    figures = scores.figures
    upper.set_title(
        f"MOTA {figures['mota']:.3f}  IDF1 {figures['idf1']:.3f}  HOTA {figures['hota']:.3f}  "
        f"{figures['id_switches']} switches (x); grey: missed; worst {len(order)} of {len(identities)}",
        fontsize=10,
    )
    lower.bar(list(false), list(false.values()), width=1.0, color="tab:red")
    lower.set_ylabel("false boxes")
    lower.set_xlabel("frame")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _names(scores: Scores) -> dict[object, int]:
    """Tracks as small numbers, in the order in which they matched something."""
    seen = dict.fromkeys(t for _, kind, _, t in scores.events if kind in ("MATCH", "SWITCH"))
    return {track: number for number, track in enumerate(seen)}
