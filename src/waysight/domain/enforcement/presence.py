"""Where a pass provably was: points of its path that lie clearly inside a zone, while its rule is in force."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from waysight.domain.conditions import active
from waysight.domain.enforcement.case import Law, OffenceName, of_pass
from waysight.domain.geometry import edge_distance, ground_error_m, inside
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import FrameRef, PathPoint, Sighting

PLACE_PX = 4.0  # how wrong a point of a path may be in the picture
MARGIN_M = 0.3
_MOST_MARGIN_PX = 40.0


def zones_of(scene: Scene, kind: str, sighting: Sighting) -> Iterable[Zone]:
    """Zones of a kind that a pass entered and that concern its class."""
    entered = set(sighting.zones)
    return (z for z in scene.zones if z.kind == kind and z.zone_id in entered and sighting.label in z.labels)


def in_force(scene: Scene, hours: str, at_ms: int, error_ms: int) -> bool:
    """Whether hours (local time of the camera) hold at a time, by whichever clock within its bound."""
    return active(hours, at_ms - error_ms, scene.timezone) and active(hours, at_ms + error_ms, scene.timezone)


def clearly_inside(scene: Scene, zone: Zone, point: PathPoint) -> bool:
    """Whether a point lies in a zone by more than its place may be wrong."""
    at = point.x_px, point.y_px
    if not inside(zone.polygon, at):
        return False
    margin_px = PLACE_PX
    if scene.homography is not None:
        m_per_px, _ = ground_error_m(scene.homography, at, 1.0)
        margin_px = max(margin_px, min(_MOST_MARGIN_PX, MARGIN_M / m_per_px) if m_per_px > 0 else 0.0)
    return edge_distance(zone.polygon, at) >= margin_px


def run_inside(scene: Scene, zone: Zone, sighting: Sighting) -> tuple[PathPoint, ...]:
    """The longest run of neighbouring points of a path that lie clearly inside a zone in its hours."""
    best: list[PathPoint] = []
    run: list[PathPoint] = []
    for point in sighting.path:
        there = clearly_inside(scene, zone, point)
        if there and in_force(scene, zone.hours, point.captured_ms, sighting.clock_error_ms):
            run.append(point)
            best = run if len(run) > len(best) else best
        else:
            run = []
    return tuple(best)


def travel_m(points: Iterable[PathPoint]) -> float:
    """Distance (m) on the road plane from the first to the last known place; 0 where fewer than two are known."""
    known = [p for p in points if not math.isnan(p.x_m)]
    if len(known) < 2:
        return 0.0
    return math.hypot(known[-1].x_m - known[0].x_m, known[-1].y_m - known[0].y_m)


def error_m(scene: Scene, point: PathPoint, error_px: float = PLACE_PX) -> float:
    """How far (m) a place on the road may be wrong for a point that is wrong by some px; inf without calibration."""
    if scene.homography is None:
        return math.inf
    return math.hypot(*ground_error_m(scene.homography, (point.x_px, point.y_px), error_px))


def in_zone(
    law: Law, offence: OffenceName, scene: Scene, zone: Zone, sighting: Sighting, at_ms: int, **measured: Any
) -> Violation:
    """The violation of one pass against one zone, proved by the frames that show it there."""
    frames = frames_of(sighting, zone)
    return of_pass(
        law, offence, scene, sighting, at_ms, zone.zone_id, frames, zone_id=zone.zone_id, **measured
    )


def frames_of(sighting: Sighting, zone: Zone) -> tuple[FrameRef | None, ...]:
    """The two frames of a pass, those that show it in a zone first."""
    return tuple(sorted((sighting.best_frame, sighting.second_frame), key=lambda f: not _shows(zone, f)))


def _shows(zone: Zone, frame: FrameRef | None) -> bool:
    return frame is not None and inside(zone.polygon, ((frame.x1 + frame.x2) / 2, frame.y2))
