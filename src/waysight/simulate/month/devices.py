"""What devices measure: a certified radar beside a camera, whose word stands before the picture's while its papers do.

At a place without video an ANPR camera and a radar are all there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from waysight.messages import ExternalRead, Sighting
from waysight.simulate.looked import Look, look
from waysight.simulate.month.streets import RADAR_ERROR_KMH, anpr_of, colour, radar_of
from waysight.simulate.month.telling import Told
from waysight.simulate.town import CLOCK_ERROR_MS

_AFTER_MS, _SENT_MS, _SILENT_MS = 300, 2_000, 25_000
_ALONE_MS, _LATER_MS = 120_000, 600_000


def by_radar(told: Told) -> None:
    """The radar says less than the picture, more, nothing punishable; or its papers are over and the picture's word stands."""
    told.enrol()
    kind, pictured, radar = (
        ("radar", 40.0, 15.0), ("radar", -20.0, 25.0), ("radar", 40.0, -5.0), ("unfit", 25.0, 40.0),
    )[told.number % 4]  # fmt: skip
    seen = told.fast_at(told.camera(kind), pictured)
    read = _measured(told, seen, radar)
    if kind == "unfit":
        told.guilty("spot_speed", seen, over=pictured)
    elif radar > 0:
        told.guilty("spot_speed", seen, over=radar, at_ms=read.captured_ms)


def without_video(told: Told) -> None:
    """Past a place without video: read twice, or only once, which is no proof; or not too fast."""
    told.enrol()
    traffic, camera_id = told.traffic, told.camera("pole")
    at_ms = traffic.alone_at(camera_id, told.at_ms, _ALONE_MS)
    pictures, over = ((2, 25.0), (1, 25.0), (2, -5.0))[told.number % 3]
    country, paint = traffic.streets.nation.code, colour(told.number)
    what = Look(camera_id, told.plate, "car", paint, at_ms, 48.0, country=country)
    shown = look(what, traffic.truth.passes, traffic.chance)
    seen = replace(shown, sighting_id=_id_of(anpr_of(camera_id), shown.sighting_id), last_ms=at_ms)
    frames = tuple(f for f in (seen.best_frame, seen.second_frame)[:pictures] if f is not None)
    _sent(
        told, "anpr", anpr_of(camera_id), camera_id, at_ms, read_id=shown.sighting_id, plate=seen.plate,
        plate_country=country, plate_confidence=seen.plate_confidence, label="car", colour=paint, evidence=frames,
    )  # fmt: skip
    traffic.truth.passed(camera_id, "car", at_ms)
    nameless = told.number % 2 > 0  # alone there, so that it is known whose speed it is
    read = _measured(told, replace(seen, plate="", plate_country="") if nameless else seen, over)
    for wait_ms in (_SILENT_MS, _LATER_MS):
        _sent(told, "anpr", anpr_of(camera_id), camera_id, at_ms + wait_ms)
    if over > 0:
        told.guilty("spot_speed", seen, over=over, at_ms=read.captured_ms, enforceable=pictures > 1)


def _id_of(device_id: str, read_id: str) -> str:
    """What a sighting that a device made is called: the hash of its device and read."""
    return hashlib.blake2b(f"edge\x1f{device_id}\x1f{read_id}".encode(), digest_size=16).hexdigest()


def _measured(told: Told, seen: Sighting, over_kmh: float) -> ExternalRead:
    """The radar's read of a pass, by which `over_kmh` are left of what it drove too fast; it is still there a little later."""
    camera_id, nation = seen.camera_id, told.traffic.streets.nation
    limit = told.traffic.streets.limit_kmh(camera_id)
    kmh = limit + nation.margin_kmh(limit) + over_kmh + RADAR_ERROR_KMH
    radar = radar_of(camera_id)
    read = _sent(
        told, "radar", radar, camera_id, seen.first_ms + _AFTER_MS, read_id=seen.sighting_id, plate=seen.plate,
        plate_country=seen.plate_country, plate_confidence=0.97, speed_kmh=kmh, speed_error_kmh=RADAR_ERROR_KMH / 2,
    )  # fmt: skip
    _sent(told, "radar", radar, camera_id, seen.last_ms + _SILENT_MS)
    return read


def _sent(
    told: Told, kind: str, device_id: str, camera_id: str, at_ms: int, read_id: str = "", **more: Any
) -> ExternalRead:
    """What a device sends of a moment (UTC epoch ms): `more` that it measured, or only that it is there."""
    read = ExternalRead(
        read_id=read_id or f"beat-{told.number}-{at_ms}", device_id=device_id, device_kind=kind, camera_id=camera_id,  # type: ignore[arg-type]
        captured_ms=at_ms, clock_error_ms=CLOCK_ERROR_MS, received_ms=at_ms + _SENT_MS, **more,
    )  # fmt: skip
    told.traffic.push(read.received_ms, read)
    return read


DEVICES: Mapping[str, Callable[[Told], None]] = {
    "radar": by_radar, "radar-2": by_radar, "without-video": without_video,
}  # fmt: skip
