"""Running a red light: when the vehicle crossed the stop line, and what the light showed all that while.

The crossing is not a moment but a span: from the earliest time at which the vehicle's front may have
reached the line to the latest at which it was clearly beyond it, widened by both clocks and by the error
of its place. The light must have been red over the whole span.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Literal

from waysight.domain.enforcement import shown
from waysight.domain.enforcement.case import Law, of_pass
from waysight.domain.enforcement.shown import Shown
from waysight.domain.geometry import Point, along_line_m, beyond_line_m
from waysight.domain.scene import Scene
from waysight.domain.speed import crossing_ms
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE: Final = "red_light"
BEYOND_M = 3.0  # it must go on at least so far
COMMITTED_M = 2.0  # from here on it is past the line, whatever the error of its place
PLACE_ERROR_M = 0.5
PAUSE_MS = 2_000
LONGEST_M = {"motorcycle": 2.5, "car": 5.5, "truck": 18.0, "bus": 18.0}  # rear views show the rear end


@dataclass(frozen=True, slots=True)
class Crossing:
    """The span (UTC ms, by the camera's clock) in which a vehicle crossed the line, its bound (ms), and for what rule."""

    earliest_ms: float
    latest_ms: float
    error_ms: float
    rule: str = PURPOSE


def crossing(scene: Scene, sighting: Sighting) -> Crossing | None:
    """When a pass crossed the camera's stop line; None if it did not, or not provably."""
    places = [p for p in sighting.path if not math.isnan(p.x_m)]
    if scene.stop_line is None or len(places) < 2:
        return None
    line = scene.stop_line
    raw = [beyond_line_m(line, (p.x_m, p.y_m)) for p in places]
    side = 1.0 if raw[-1] > raw[0] else -1.0
    along = [side * d for d in raw]
    if along[-1] < BEYOND_M or not over_the_line(line, places, along):
        return None
    times = [p.captured_ms for p in places]
    towards_camera = places[-1].y_m < places[0].y_m
    front_ahead = 0.0 if towards_camera else LONGEST_M.get(sighting.label, max(LONGEST_M.values()))
    first, last = crossing_ms(times, along, -front_ahead), crossing_ms(times, along, COMMITTED_M)
    if first is None or last is None or last < first:
        return None
    speed = (COMMITTED_M + front_ahead) / max(last - first, 1.0)  # m per ms
    gone = crossing_ms(times, along, BEYOND_M)
    if (
        gone is not None and gone - last > PAUSE_MS
    ):  # it stood past the line: whether it went on in red matters
        last = gone
    return Crossing(first, last, PLACE_ERROR_M / speed + sighting.clock_error_ms)


def over_the_line(line: tuple[Point, Point], places: list[PathPoint], along: list[float]) -> bool:
    """Whether it passed between the line's ends, not beside the road."""
    nearest = min(range(len(places)), key=lambda i: abs(along[i]))
    at = along_line_m(line, (places[nearest].x_m, places[nearest].y_m))
    return -PLACE_ERROR_M <= at <= math.dist(*line) + PLACE_ERROR_M


def settled(lamp: Shown, crossed: Crossing) -> bool:
    """Whether the lamp's state is known over the whole span of a crossing."""
    return shown.settled(lamp, crossed.latest_ms + crossed.error_ms)


def reaches_back(lamp: Shown, crossed: Crossing) -> bool:
    """Whether the lamp's history still holds what it showed when a crossing may have begun."""
    return shown.reaches_back(lamp, crossed.earliest_ms - crossed.error_ms)


def red_over(crossed: Crossing, lamp: Shown) -> int | None:
    """For how long (ms, least plausible) it had been red when a crossing began; None unless red over all of it."""
    error = crossed.error_ms + lamp.clock_error_ms
    start, end = crossed.earliest_ms - error, crossed.latest_ms + error
    at = bisect_right(lamp.changes, (start, "~")) - 1
    if at < 0 or lamp.changes[at][1] != "red":
        return None
    until = lamp.changes[at + 1][0] if at + 1 < len(lamp.changes) else lamp.valid_ms
    return None if end > until else int(start - lamp.changes[at][0])


def judge(law: Law, scene: Scene, sighting: Sighting, crossed: Crossing, lamp: Shown) -> Violation | None:
    """The violation of a pass whose lamp is settled, or None when the light may have been other than red."""
    red_ms = red_over(crossed, lamp)
    return (
        None if red_ms is None else breach(law, scene, sighting, PURPOSE, round(crossed.earliest_ms), red_ms)
    )


def breach(
    law: Law,
    scene: Scene,
    sighting: Sighting,
    offence: Literal["red_light", "stop_line"],
    occurred_ms: int,
    red_ms: int,
) -> Violation:
    """The violation of a red light or of its line."""
    return of_pass(
        law,
        offence,
        scene,
        sighting,
        occurred_ms,
        red_ms=red_ms,
        measured_kmh=sighting.speed_kmh,
        uncertainty_kmh=sighting.speed_error_kmh,
    )
