"""Entering a zone that is closed to a class of vehicles: bus lanes, pavements, closed roads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from waysight.domain.enforcement.case import Law, violation
from waysight.domain.geometry import inside
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import FrameRef, Sighting

PURPOSE: Final = "restricted_zone"


def judge(law: Law, scene: Scene, sighting: Sighting) -> Iterator[Violation]:
    """One violation for each restricted zone that a listed class of vehicle stood in."""
    if PURPOSE not in scene.purposes:
        return
    for zone in scene.zones:
        if zone.restricted and zone.zone_id in sighting.zones and sighting.label in zone.labels:
            times = [p.captured_ms for p in sighting.path if inside(zone.polygon, (p.x_px, p.y_px))]
            frames = sorted((sighting.best_frame, sighting.second_frame), key=lambda f: not _shows(zone, f))
            yield violation(
                law,
                PURPOSE,
                (scene,),
                (sighting,),
                times[0] if times else sighting.first_ms,
                country=scene.country,
                subject=f"{scene.camera_id}/{zone.zone_id}",
                evidence=frames,
                zone_id=zone.zone_id,
            )


def _shows(zone: Zone, frame: FrameRef | None) -> bool:
    return frame is not None and inside(zone.polygon, ((frame.x1 + frame.x2) / 2, frame.y2))
