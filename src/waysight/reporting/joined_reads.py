"""One vehicle that a camera's picture and a device beside it both saw, as one row."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from waysight.domain.edge import EPOCH
from waysight.domain.enforcement.beside import (
    LONGEST_MS,
    MOST_ERROR_MS,
    NEAR_MS,
    REACH_MS,
    Passing,
    Reading,
    fits,
)

NEEDED = ("epoch", "models", "clock_error_ms")  # of each row, besides what is shown
_FARTHEST_MS = REACH_MS + 2 * MOST_ERROR_MS + NEAR_MS
Row = dict[str, Any]


def joined(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows of sightings in their order, a device's with the pass of the same camera and plate that it is of.

    `sources` says who saw: ``video``, or a device as ``anpr:<id>``. `device_rows` holds the rows that were joined; one is
    joined where it lies in the pass, or so near as `beside` takes a read of a pass's very plate for its own.
    """
    passes: dict[tuple[str, str], list[Passing]] = defaultdict(list)
    for row in rows:
        if row["plate"] and not _by_device(row):
            passes[row["camera_id"], row["plate"]].append(_passing(row))
    for known in passes.values():
        known.sort(key=lambda p: (p.last_ms, p.sighting_id))
    reads: dict[str, list[Row]] = defaultdict(list)
    out = list[Row]()
    for row in rows:
        owner = _owner(row, passes.get((row["camera_id"], row["plate"]), ())) if _by_device(row) else ""
        shown = {k: v for k, v in row.items() if k not in NEEDED}
        shown["sources"] = [row["models"] if _by_device(row) else "video"]
        (reads[owner] if owner else out).append(shown)
    for row in out:
        row["device_rows"] = reads.get(row["sighting_id"], [])
        row["sources"] = sorted(
            {*row["sources"], *(s for read in row["device_rows"] for s in read["sources"])}
        )
    return out


def _by_device(row: Mapping[str, Any]) -> bool:
    return str(row["epoch"]).startswith(EPOCH)


def _passing(row: Mapping[str, Any]) -> Passing:
    return Passing(row["sighting_id"], row["first_ms"], row["last_ms"], row["clock_error_ms"], row["plate"])


def _owner(row: Mapping[str, Any], passes: Sequence[Passing]) -> str:
    """The nearest pass that a device's row may be of, or ""."""
    at_ms = row["first_ms"]
    read = Reading("", row["sighting_id"], at_ms, row["clock_error_ms"], "", row["plate"])
    if read.error_ms > MOST_ERROR_MS:
        return ""
    first = bisect_left(passes, at_ms - _FARTHEST_MS, key=lambda p: p.last_ms)
    last = bisect_right(passes, at_ms + LONGEST_MS + _FARTHEST_MS, key=lambda p: p.last_ms)
    near = [p for p in passes[first:last] if fits(read, p, NEAR_MS)]
    distance = {p.sighting_id: max(p.first_ms - at_ms, at_ms - p.last_ms, 0) for p in near}
    return min(distance, key=lambda name: (distance[name], name), default="")
