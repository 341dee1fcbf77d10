"""Speeds that a certified radar measured beside a camera: its word stands before the picture's, while its papers do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from waysight.messages import ExternalRead, Sighting
from waysight.simulate.month.streets import RADAR_ERROR_KMH, radar_of
from waysight.simulate.month.telling import Told
from waysight.simulate.town import CLOCK_ERROR_MS

_AFTER_MS, _SENT_MS, _SILENT_MS = 300, 2_000, 25_000


def by_radar(told: Told) -> None:
    """The radar says less than the picture, more, nothing punishable; or its papers are over and the picture's word stands."""
    told.enrol()
    kind, pictured, radar = (
        ("radar", 40.0, 15.0), ("radar", -20.0, 25.0), ("radar", 40.0, -5.0), ("unfit", 25.0, 40.0),
    )[told.number % 4]  # fmt: skip
    camera_id, nation = told.camera(kind), told.traffic.streets.nation
    limit = told.traffic.streets.limit_kmh(camera_id)
    allowed = limit + nation.margin_kmh(limit)
    seen = told.fast_at(camera_id, pictured)
    read = _read(told, seen, allowed + radar + RADAR_ERROR_KMH)
    if kind == "unfit":
        told.guilty("spot_speed", seen, over=pictured)
    elif radar > 0:
        told.guilty("spot_speed", seen, over=radar, at_ms=read.captured_ms)


def _read(told: Told, seen: Sighting, kmh: float) -> ExternalRead:
    """What the radar sends of a pass, and that it is still there a little later."""
    at_ms = seen.first_ms + _AFTER_MS
    read = ExternalRead(
        read_id=seen.sighting_id, device_id=radar_of(seen.camera_id), device_kind="radar", camera_id=seen.camera_id,
        captured_ms=at_ms, clock_error_ms=CLOCK_ERROR_MS, plate=seen.plate, plate_country=seen.plate_country,
        plate_confidence=0.97, speed_kmh=kmh, speed_error_kmh=RADAR_ERROR_KMH / 2, received_ms=at_ms + _SENT_MS,
    )  # fmt: skip
    beat_ms = seen.last_ms + _SILENT_MS
    beat = ExternalRead(
        read_id=f"beat-{seen.sighting_id}", device_id=read.device_id, device_kind="radar", camera_id=seen.camera_id,
        captured_ms=beat_ms, clock_error_ms=CLOCK_ERROR_MS, received_ms=beat_ms + _SENT_MS,
    )  # fmt: skip
    for one in (read, beat):
        told.traffic.push(one.received_ms, one)
    return read


DEVICES: Mapping[str, Callable[[Told], None]] = dict.fromkeys(("radar", "radar-2", "radar-3"), by_radar)
