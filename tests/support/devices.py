"""Reads of devices made in one line, and a scene with devices beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from synthetic import START_MS

from waysight.domain.scene import Device, Scene
from waysight.messages import ExternalRead

ALWAYS = (0, 2**42)
RADAR = Device(device_id="radar-1", kind="radar", clock_error_ms=50, speed_error_kmh=3.0, certificate="R-1, V-1",
               papers=ALWAYS)  # fmt: skip
ANPR = Device(device_id="anpr-1", kind="anpr", clock_error_ms=50)
GATE = Scene(
    camera_id="gate", country="kz", purposes=frozenset(("spot_speed", "count")), fps=5.0, clock_error_ms=40,
    speed_limit_kmh=60.0, certificate="C-1, V-2", papers=ALWAYS, devices=(RADAR,),
)  # fmt: skip
POLE = replace(
    GATE, camera_id="pole", fps=None, certificate="", papers=None, devices=(ANPR, RADAR), video=False
)


def read(number: int | str, at_ms: int, **change: Any) -> ExternalRead:
    """A read by `RADAR` at the gate, `at_ms` after `START_MS`."""
    made = ExternalRead(
        read_id=f"r{number}", device_id="radar-1", device_kind="radar", camera_id="gate", captured_ms=START_MS + at_ms,
        clock_error_ms=20, received_ms=START_MS + at_ms + 500,
    )  # fmt: skip
    return replace(made, **change)
