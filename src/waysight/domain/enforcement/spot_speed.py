"""Speeding at one camera: the measured speed less its 95 % bound, against the limit and the law's threshold."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

from waysight.domain.enforcement.beside import Reading
from waysight.domain.enforcement.case import Law, in_favour_kmh, of_pass
from waysight.domain.enforcement.external import Measured, awaits
from waysight.domain.scene import Device, Scene
from waysight.messages.enforcement import Violation
from waysight.messages.perception import Sighting

PURPOSE: Final = "spot_speed"
LEAST_FPS = 5.0
LEAST_FIXES = 3
LEAST_TRAVEL_M = 3.0


def measured_during(scene: Scene, sighting: Sighting) -> tuple[int, int] | None:
    """When a speed was measured (UTC epoch ms), or None where none was that a limit could be held against."""
    pictured = (scene.fps or 0.0) >= LEAST_FPS and sighting.speed_kmh is not None
    if PURPOSE not in scene.purposes or not (pictured or awaits(scene)):
        return None
    return sighting.first_ms, sighting.last_ms


def least_kmh(law: Law, scene: Scene, from_ms: int, until_ms: int) -> float:
    """Below this no speed (km/h, less its bound) is an offence here in a span of time (UTC epoch ms).

    inf where no spot speed is judged, -inf where a sign says the limit.
    """
    if PURPOSE not in scene.purposes or (scene.fps or 0.0) < LEAST_FPS:
        return math.inf
    if scene.variable_limit:
        return -math.inf
    if scene.speed_limit_kmh is None:
        return math.inf
    return scene.speed_limit_kmh + law.least_threshold_kmh(scene.country, PURPOSE, from_ms, until_ms)


def judge(
    law: Law,
    scene: Scene,
    sighting: Sighting,
    limit_kmh: float | None = None,
    measured: Measured | None = None,
) -> Violation | None:
    """The violation of a vehicle's pass, or None. The picture needs 5 frames a second, three places and some travel.

    `limit_kmh` is what a variable sign showed, instead of the camera's posted limit; `measured` what a device beside
    the camera says, which outranks the picture.
    """
    limit = scene.speed_limit_kmh if limit_kmh is None else limit_kmh
    if PURPOSE not in scene.purposes or limit is None:
        return None
    if measured is not None and measured.device is not None and measured.reading is not None:
        return _by_device(law, scene, sighting, limit, measured.source, measured.device, measured.reading)
    speed, error = sighting.speed_kmh, sighting.speed_error_kmh
    places = [p for p in sighting.path if not math.isnan(p.x_m)]
    if (scene.fps or 0.0) < LEAST_FPS or speed is None or error is None or len(places) < LEAST_FIXES:
        return None
    travel_m = math.hypot(places[-1].x_m - places[0].x_m, places[-1].y_m - places[0].y_m)
    if travel_m < LEAST_TRAVEL_M:
        return None
    best = sighting.best_frame
    occurred_ms = best.captured_ms if best else sighting.last_ms
    return _over(
        law,
        scene,
        sighting,
        occurred_ms,
        (speed, error, limit),
        evidence=(best, sighting.second_frame),
        obstacles=("ambiguous_device",) if measured is not None else (),
        distance_m=round(travel_m, 3),
        duration_ms=places[-1].captured_ms - places[0].captured_ms,
    )


def _by_device(
    law: Law, scene: Scene, sighting: Sighting, limit: float, source: str, device: Device, reading: Reading
) -> Violation | None:
    """By the device's speed, bound, papers and pictures; the camera's papers do not matter."""
    return _over(
        law,
        replace(scene, papers=device.papers, certificate=device.certificate),
        sighting,
        reading.at_ms,
        (reading.speed_kmh, reading.error_kmh, limit),
        evidence=tuple(dict.fromkeys((sighting.best_frame, sighting.second_frame, *reading.evidence))),
        source=source,
    )


def _over(
    law: Law,
    scene: Scene,
    sighting: Sighting,
    occurred_ms: int,
    kmh: tuple[float, float, float],
    **more: Any,
) -> Violation | None:
    """The violation when the speed less its bound passes the limit (all km/h) by the law's threshold."""
    speed, error, limit = kmh
    tolerance = law.tolerance_kmh(scene.country, PURPOSE, limit, occurred_ms)
    enforced = in_favour_kmh(speed - error - tolerance)
    if not law.over(scene.country, PURPOSE, enforced, limit, occurred_ms):
        return None
    return of_pass(
        law,
        PURPOSE,
        scene,
        sighting,
        occurred_ms,
        measured_kmh=round(speed, 3),
        uncertainty_kmh=round(error, 3),
        enforced_kmh=enforced,
        limit_kmh=limit,
        tolerance_kmh=tolerance,
        **more,
    )
