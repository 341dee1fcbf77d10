"""Views of the speed benchmark BrnoCompSpeed on disk (Sochor et al., 2018): tracks, survey, laser speeds.

A view is a folder with `tracks.json` (image tracks, two vanishing points) and `truth.json` (surveyed
distances, gate lines, lane lines, laser passages).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from waysight.errors import BadMessage

Column = NDArray[np.float64]
PICTURE = (1920, 1080)
LEAST_FIXES = 3  # as for spot speed
_EDGE_PX = 10.0
_AFTER_S = 0.5  # tracks that begin so long after the last laser passage belong to none
_NEAR_LINE = 8  # places that fix the time at a line
_REACH_PX = 40.0


@dataclass(frozen=True, slots=True)
class Track:
    """One tracked vehicle: times (s), image points (N, 2) px, and when it passed each gate line (s, nan: not)."""

    track_id: int
    times_s: Column
    points_px: Column
    gates_s: Column
    lane: int


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle at the laser gates: speed (km/h), its lanes, and when it crossed which line (s)."""

    car_id: int
    speed_kmh: float
    lanes: tuple[int, ...]
    gates_s: Mapping[int, float]


@dataclass(slots=True)
class View:
    """A camera view of the benchmark: what is surveyed, what was tracked, and what the lasers say."""

    name: str
    fps: float
    lines: list[Column]
    marks: list[dict[str, Any]]
    vanishing: dict[str, Any]
    tracks: list[Track]
    passages: list[Passage]
    skipped: dict[str, int] = field(default_factory=dict)


def folders_of(folder: Path) -> list[Path]:
    """The folder itself when it is a view, else its sub-folders that are; raises BadMessage without any."""
    found = [p for p in (folder, *sorted(folder.glob("*/"))) if (p / "tracks.json").is_file()]
    if not found:
        raise BadMessage(
            f"{folder}: no tracks.json here or one folder down; give a folder of BrnoCompSpeed views"
        )
    return found


def read_view(folder: Path, every: int = 1) -> View:
    """A view, of every n-th frame; raises BadMessage naming file and key of what is missing or nonsense."""
    tracks, truth = _json(folder / "tracks.json"), _json(folder / "truth.json")
    where = folder / "truth.json"
    try:
        fps = float(truth["fps"])
        lines = [np.array(line) / math.hypot(line[0], line[1]) for line in truth["measurementLines"]]
        marks = [
            {
                "image": (tuple(m["p1"][:2]), tuple(m["p2"][:2])),
                "length_m": m["distance"],
                "direction": "along" if m["toVP1"] else "across",
            }
            for m in truth["distanceMeasurement"]
        ]
        passages = [
            Passage(
                car["carId"],
                float(car["speed"]),
                tuple(car["laneIndex"]),
                {g["measurementLineId"]: float(g["videoTime"]) for g in car["intersections"]},
            )
            for car in truth["cars"]
            if car["valid"]
        ]
        lanes = [np.array(line, dtype=np.float64) for line in truth["laneDivLines"]]
        where = folder / "tracks.json"
        vanishing = dict(tracks.get("camera_calibration", {}))
        last_s = max((max(p.gates_s.values()) for p in passages), default=0.0)
        view = View(folder.name, fps, lines, marks, vanishing, [], passages)
        view.skipped["laser not valid"] = len(truth["cars"]) - len(passages)
        for car in tracks["cars"]:
            track = _track(car, fps, every, lines, lanes)
            if track is not None and track.times_s[0] <= last_s + _AFTER_S:
                view.tracks.append(track)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadMessage(
            f"{where}: {type(error).__name__} {error}; expected the format of BrnoCompSpeed"
        ) from error
    if not lines or not marks:
        raise BadMessage(
            f"{folder / 'truth.json'}: needs measurementLines and distanceMeasurement, one or more"
        )
    return view


def _track(
    car: Mapping[str, Any], fps: float, every: int, lines: list[Column], lanes: list[Column]
) -> Track | None:
    """The part of a tracked vehicle that lies inside the picture; None where it has too few places."""
    if not isinstance(car["posX"], list):
        return None
    frames = np.array(car["frames"], dtype=np.float64)
    points = np.column_stack([car["posX"], car["posY"]]).astype(np.float64)
    inside = ((points > _EDGE_PX) & (points < np.array(PICTURE) - _EDGE_PX)).all(axis=1) & (
        frames % every == 0
    )
    if inside.sum() < LEAST_FIXES:
        return None
    points, times = points[inside], frames[inside] / fps
    gates = np.array([_passes(line, points, times) for line in lines])
    return Track(car["id"], times, points, gates, _lane(points, lanes))


def _passes(line: Column, points: Column, times: Column) -> float:
    """When a track passes a line (a·x + b·y + c = 0), by a straight fit to the places nearest to it."""
    off = points @ line[:2] + line[2]
    nearest = np.argsort(np.abs(off))[:_NEAR_LINE]
    if abs(off[nearest[0]]) > _REACH_PX and off.min() * off.max() > 0:
        return math.nan
    spread = off[nearest] - off[nearest].mean()
    power = float((spread**2).sum())
    if power < 1.0:
        return math.nan
    return float(times[nearest].mean() - off[nearest].mean() * (spread @ times[nearest]) / power)


def _lane(points: Column, lines: list[Column]) -> int:
    """The lane (between neighbouring dividing lines) that most places lie in; -1 for none."""
    x = np.array([-(line[1] * points[:, 1] + line[2]) / line[0] for line in lines])
    low, high = np.minimum(x[:-1], x[1:]), np.maximum(x[:-1], x[1:])
    counts = ((points[:, 0] >= low) & (points[:, 0] <= high)).sum(axis=1)
    return int(counts.argmax()) if counts.any() else -1


def _json(path: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise BadMessage(
            f"{path}: cannot be read ({error.strerror}); a view has tracks.json and truth.json"
        ) from error
    except msgspec.DecodeError as error:
        raise BadMessage(f"{path}: not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadMessage(f"{path}: must be a JSON object")
    return found
