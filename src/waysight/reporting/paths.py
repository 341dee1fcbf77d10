"""A followed vehicle's path as one picture: the cameras that saw it, in order, over those that did not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from waysight.errors import BadConfiguration
from waysight.messages import FollowPoint

Place = tuple[float, float]  # latitude and longitude, degrees, WGS 84
_MOST_TIMES = 3


def draw_path(points: Sequence[FollowPoint], cameras: Mapping[str, Place], path: Path, title: str) -> int:
    """Write a PNG, SVG or PDF (by the name's ending) and return how many points have no place to be drawn at.

    `cameras` are drawn grey for orientation. North is up, metres are equally long both ways. Raises
    BadConfiguration when the file cannot be written.
    """
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["text.parse_math"] = False
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    ordered = sorted(points, key=lambda p: (p.captured_ms, p.point_id))
    placed = [(p, (p.lat, p.lon)) for p in ordered if p.lat is not None and p.lon is not None]
    figure = Figure(figsize=(9, 7), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    if cameras:
        axes.scatter(
            [lon for _, lon in cameras.values()], [lat for lat, _ in cameras.values()], s=16, c="lightgrey"
        )
    for (_, begin), (_, end) in pairwise(placed):
        if begin != end:
            axes.annotate(
                "",
                (end[1], end[0]),
                (begin[1], begin[0]),
                arrowprops={"arrowstyle": "->", "color": "steelblue"},
            )
    if placed:
        dots = axes.scatter(
            [lon for _, (_, lon) in placed],
            [lat for _, (lat, _) in placed],
            c=range(1, len(placed) + 1),
            cmap="viridis_r",
            s=45,
            zorder=3,
        )
        figure.colorbar(
            dots, ax=axes, label="order of sightings", shrink=0.6, ticks=MaxNLocator(integer=True)
        )
    for at, words in _labels(placed).items():
        axes.annotate(
            words, (at[1], at[0]), (7, 5), textcoords="offset points", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )  # fmt: skip
    latitudes = [lat for _, (lat, _) in placed] or [lat for lat, _ in cameras.values()] or [0.0]
    axes.set_aspect(1 / math.cos(math.radians(sum(latitudes) / len(latitudes))), adjustable="datalim")
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
    axes.ticklabel_format(useOffset=False)
    axes.margins(0.15)
    axes.grid(alpha=0.3)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise BadConfiguration(
            f"cannot write {path}: {error}; choose another --map, ending in .png, .svg or .pdf"
        ) from error
    return len(ordered) - len(placed)


def _labels(placed: Sequence[tuple[FollowPoint, Place]]) -> dict[Place, str]:
    """At each place the camera's name and when it saw the vehicle; of many times the last ones."""
    times: dict[Place, list[str]] = {}
    names: dict[Place, str] = {}
    for point, at in placed:
        times.setdefault(at, []).append(f"{datetime.fromtimestamp(point.captured_ms / 1000, UTC):%H:%M:%S}")
        names[at] = point.location or point.camera_id
    return {at: f"{name}\n{_listed(times[at])}" for at, name in names.items()}


def _listed(times: Sequence[str]) -> str:
    more = len(times) - _MOST_TIMES
    return (f"{more} more, " if more > 0 else "") + ", ".join(times[-_MOST_TIMES:]) + "Z"
