"""Speeds of tracked vehicles against laser gates, through production's calibration and measurement.

The calibration sees surveyed distances, never speeds; a track and a laser passage belong together by lane
and by the time at one gate line, never by speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from waysight.cameras.calibration import apply_homography, metres_per_px
from waysight.cameras.survey import Calibration
from waysight.domain.speed import Fix, Motion, measure
from waysight.errors import BadMessage
from waysight.evaluation.speed_views import LEAST_FIXES, PICTURE, Column, Passage, Track, View
from waysight.evaluation.statistics import rate

Way = Literal["distances", "vanishing"]
TRACK_ERROR_PX = 1.5  # one sigma of a tracked point
WITHIN_KMH = 3.0
NO_TRACK = "no track at that lane and time"
TOO_FEW = "too few places between the gates"
_GATE_S = 0.15  # of a track at a gate line, once the view's own offset is taken away
_SEARCH_S = 0.4
_CROWD_S = 0.02


@dataclass(frozen=True, slots=True)
class Measured:
    """One vehicle: laser speed and measured motion."""

    car_id: int
    track_id: int
    truth_kmh: float
    motion: Motion

    @property
    def error_kmh(self) -> float:
        """Measured less true, km/h."""
        return self.motion.speed_kmh - self.truth_kmh


def calibration_of(view: View, way: Way = "distances") -> Calibration:
    """Production's calibration of a view; raises BadMessage when the view's survey fixes no plane.

    `distances`: the surveyed segments and their directions. `vanishing`: the view's two vanishing points,
    with the surveyed distances along the road for the scale alone.
    """
    middle = view.vanishing.get("pp")
    given: dict[str, Any] = {"image_size": PICTURE, "principal_point": middle, "marks": view.marks}
    try:
        if way == "vanishing":
            given["marks"] = [{**m, "direction": None} for m in view.marks if m["direction"] == "along"]
            given["vanishing"] = {"along": view.vanishing["vp1"][:2], "across": view.vanishing["vp2"][:2]}
            given["length_error_m"] = 0.5
        return Calibration.model_validate(given)
    except KeyError as error:
        raise BadMessage(f"{view.name}: tracks.json has no camera_calibration.{error.args[0]}") from error
    except ValueError as error:
        raise BadMessage(f"{view.name}: the survey fixes no road plane: {error}") from error


def measure_view(view: View, calibration: Calibration) -> list[Measured]:
    """Every laser passage that has a track, measured between the outermost gate lines."""
    plane = calibration.solve()
    sways = plane.flat_sways()
    found = []
    for passage, track in pairs(view):
        chosen = _between(view.lines, track.points_px)
        points = track.points_px[chosen]
        ground = apply_homography(plane.matrix, points)
        errors = TRACK_ERROR_PX * metres_per_px(plane.matrix, points)
        times_ms = np.round(track.times_s[chosen] * 1000).astype(int)
        rows = zip(times_ms.tolist(), ground.tolist(), errors.tolist(), strict=True)
        fixes = [Fix(ms, *at, *error) for ms, at, error in rows]
        motion = measure(fixes, 0.0, sways) if len(fixes) >= LEAST_FIXES else None
        if motion is None:
            view.skipped[TOO_FEW] = view.skipped.get(TOO_FEW, 0) + 1
        else:
            found.append(Measured(passage.car_id, track.track_id, passage.speed_kmh, motion))
    return found


def pairs(view: View) -> list[tuple[Passage, Track]]:
    """Which track is which laser passage: same lane, nearest in time at a gate line, each used once."""
    if not view.tracks or not view.passages:
        return []
    lanes = np.array([[t.lane in p.lanes for t in view.tracks] for p in view.passages])
    cost = np.full(lanes.shape, _SEARCH_S)
    for line in range(len(view.lines)):
        laser = np.array([p.gates_s.get(line, math.nan) for p in view.passages])
        tracked = np.array([t.gates_s[line] for t in view.tracks])
        apart = tracked[None] - laser[:, None]
        row, column = np.nonzero((np.abs(apart) < _SEARCH_S) & lanes)
        near = apart[row, column]
        cost[row, column] = np.minimum(cost[row, column], np.abs(near - _mode(near)))
    rows, columns = linear_sum_assignment(cost)
    chosen = [(r, c) for r, c in zip(rows, columns, strict=True) if cost[r, c] <= _GATE_S]
    view.skipped[NO_TRACK] = len(view.passages) - len(chosen)
    return [(view.passages[r], view.tracks[c]) for r, c in chosen]


def summary(measured: Sequence[Measured]) -> dict[str, Any]:
    """The keys of a report over vehicles: error (km/h), shares with 95 % intervals, and how wide the bound is."""
    errors = np.array([m.error_kmh for m in measured])
    bounds = np.array([m.motion.error_kmh for m in measured])
    if not len(errors):
        return {"vehicles": 0, "mae_kmh": None, "within_3kmh": None, "covered_95": None}
    within, covered = int((np.abs(errors) <= WITHIN_KMH).sum()), int((np.abs(errors) <= bounds).sum())
    return {
        "vehicles": len(errors),
        "mae_kmh": round(float(np.abs(errors).mean()), 3),
        "within_3kmh": round(within / len(errors), 4),
        "within_3kmh_interval": rate(within, len(errors))["interval"],
        "covered_95": round(covered / len(errors), 4),
        "covered_95_interval": rate(covered, len(errors))["interval"],
        "median_kmh": round(float(np.median(np.abs(errors))), 3),
        "p95_kmh": round(float(np.percentile(np.abs(errors), 95)), 3),
        "bias_kmh": round(float(np.median(errors)), 3),
        "bound_kmh_mean": round(float(bounds.mean()), 3),
        "bound_kmh_median": round(float(np.median(bounds)), 3),
        "bound_parts_kmh": {
            part: round(float(np.mean([getattr(m.motion, f"{part}_kmh") for m in measured])), 3)
            for part in ("tracking", "calibration", "clock", "model")
        },
    }


def worst(measured: Sequence[tuple[str, Measured]], most: int = 20) -> list[dict[str, Any]]:
    """The vehicles that are furthest off, each with its view, ids, laser speed, measured speed and bound (km/h)."""
    order = sorted(measured, key=lambda m: -abs(m[1].error_kmh))[:most]
    return [
        {
            "view": view,
            "car_id": m.car_id,
            "track_id": m.track_id,
            "laser_kmh": round(m.truth_kmh, 2),
            "measured_kmh": round(m.motion.speed_kmh, 2),
            "bound_kmh": round(m.motion.error_kmh, 2),
        }
        for view, m in order
    ]


def _between(lines: list[Column], points: Column) -> NDArray[np.bool_]:
    off = np.array([points @ line[:2] + line[2] for line in (lines[0], lines[-1])])
    return np.asarray(off[0] * off[1] <= 0) if len(lines) > 1 else np.ones(len(points), dtype=np.bool_)


def _mode(values: Column) -> float:
    """The most crowded place of values; what the right pairs share and the wrong ones do not."""
    known = np.sort(values)
    if not len(known):
        return 0.0
    crowd = np.searchsorted(known, known + _CROWD_S, "right") - np.searchsorted(
        known, known - _CROWD_S, "left"
    )
    return float(known[crowd.argmax()])
