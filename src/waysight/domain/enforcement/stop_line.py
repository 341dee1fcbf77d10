"""Stopping beyond the stop line on red: the front stood clearly past the line while the light was red all the time.

Who goes on across the junction on red runs the light, which is the graver offence of the same act.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from waysight.domain.enforcement import red_light
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.red_light import LONGEST_M, Crossing
from waysight.domain.enforcement.shown import Shown
from waysight.domain.geometry import beyond_line_m
from waysight.domain.scene import Scene
from waysight.domain.speed import crossing_ms
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE: Final = "stop_line"
OVER_M = 1.0  # the front is past the line by this, place errors included
STOOD_MS = 1_000
PLACE_ERROR_MS = 100  # half a metre at a creep
STILL_M = 0.6
SHORTEST_M = {"motorcycle": 1.5, "car": 3.0, "truck": 4.5, "bus": 6.0}  # rear views show the rear end


def overrun(scene: Scene, sighting: Sighting) -> Crossing | None:
    """From when the front may have reached the line until it had stood past it for a second; None if it did not."""
    places = [p for p in sighting.path if not math.isnan(p.x_m)]
    if scene.stop_line is None or len(places) < 3:
        return None
    line = scene.stop_line
    raw = [beyond_line_m(line, (p.x_m, p.y_m)) for p in places]
    side = 1.0 if raw[-1] > raw[0] else -1.0
    along = [side * d for d in raw]
    if not red_light.over_the_line(line, places, along):
        return None
    rear = not places[-1].y_m < places[0].y_m
    longest = LONGEST_M.get(sighting.label, max(LONGEST_M.values())) if rear else 0.0
    shortest = SHORTEST_M.get(sighting.label, 0.0) if rear else 0.0
    if along[0] + longest >= 0:  # it was there already when it was first seen
        return None
    stood = _stood(places, along, OVER_M - shortest)
    first = crossing_ms([p.captured_ms for p in places], along, -longest)
    if stood is None or first is None or first > stood:
        return None
    return Crossing(first, stood + STOOD_MS, sighting.clock_error_ms + PLACE_ERROR_MS, PURPOSE)


def judge(law: Law, scene: Scene, sighting: Sighting, overran: Crossing, lamp: Shown) -> Violation | None:
    """The violation of a pass whose lamp is settled, or None when the light may have been other than red."""
    since_ms = red_light.red_over(overran, lamp)
    if since_ms is None:
        return None
    found = red_light.breach(law, scene, sighting, PURPOSE, round(overran.earliest_ms), since_ms)
    return replace(found, dwell_ms=STOOD_MS, measured_kmh=None, uncertainty_kmh=None)


def _stood(places: list[PathPoint], along: list[float], least_m: float) -> int | None:
    """When the first stay began that has its place past the line and lasted long enough."""
    for i, place in enumerate(places):
        if along[i] < least_m:
            continue
        for j in range(i + 1, len(places)):
            if abs(along[j] - along[i]) > STILL_M:
                break
            if places[j].captured_ms - place.captured_ms >= STOOD_MS:
                return place.captured_ms
    return None
