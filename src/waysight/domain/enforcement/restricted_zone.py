"""Entering a zone that is closed to a class of vehicles: bus lanes, pavements, closed roads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import in_force, in_zone
from waysight.domain.geometry import inside
from waysight.domain.scene import Scene
from waysight.messages.enforcement import Violation
from waysight.messages.perception import Sighting

PURPOSE: Final = "restricted_zone"


def judge(law: Law, scene: Scene, sighting: Sighting) -> Iterator[Violation]:
    """One violation for each restricted zone that a listed class of vehicle stood in."""
    if PURPOSE not in scene.purposes:
        return
    for zone in scene.zones:
        if zone.kind == "restricted" and zone.zone_id in sighting.zones and sighting.label in zone.labels:
            times = [p.captured_ms for p in sighting.path if inside(zone.polygon, (p.x_px, p.y_px))]
            at_ms = times[0] if times else sighting.first_ms
            if not in_force(scene, zone.hours, at_ms, sighting.clock_error_ms):
                continue
            yield in_zone(
                law,
                PURPOSE,
                scene,
                zone,
                sighting,
                at_ms,
            )
