"""Real parts: a bus lane and the register judge what drives, and an exemption covers it until it is revoked."""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from officers import plates
from sightings import sighting
from synthetic import START_MS
from workers import eventually, running, said, waysight

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.messages import PassBatch, PathPoint, Sighting, SightingBatch, Watermark
from waysight.settings import Settings
from waysight.streaming.passes import pass_of

pytestmark = pytest.mark.integration
PROMISED_S = 5.0
CAMERAS = """
cameras:
  - {id: CAMERA, source: rtsp://127.0.0.1/x, sampling: {fps: 5}, timezone: Asia/Almaty, purposes: [bus_lane, no_insurance],
     zones: [{id: lane, kind: bus_lane, image: [[0, 0], [900, 0], [900, 900], [0, 900]], labels: [car]}]}
"""
EXEMPT = """plate,kind,legal_basis,authority,case_number,valid_from,valid_until,offences
PLATE,emergency,Law on road traffic art. 5,fire brigade,CASE,2026-01-01,2026-12-31,bus_lane;no_insurance
"""
VEHICLES = """plate,country,owner_name,owner_id,insured_until
PLATE,kz,Aigerim,1,2026-10-01
OTHER,kz,Bolat,2,2026-10-01
"""


def test_who_is_exempt_is_told_and_not_fined_until_it_is_revoked(
    stack: Settings, unique: str, tmp_path: Path
) -> None:
    codec, camera = Codec(ConfluentRegistry(stack.registry)), f"cam-{unique}"
    plate, other = plates(2)
    for command, name, text in [
        ("cameras", "c.yaml", CAMERAS), ("vehicles", "v.csv", VEHICLES), ("exemptions", "e.csv", EXEMPT),
    ]:  # fmt: skip
        words = {"CAMERA": camera, "PLATE": plate, "OTHER": other, "CASE": unique}
        for word, value in words.items():
            text = text.replace(word, value)
        (tmp_path / name).write_text(text)
        said(stack, command, "import", str(tmp_path / name))
    road = _Road(stack, codec, camera)

    def told(minute: int) -> dict[tuple[str, str], tuple[bool, str]]:
        found = [v for _, v in read_all(stack, codec, "violations") if v.camera_id == camera]
        return {
            (v.plate, v.offence): (v.enforceable, v.exemption) for v in found if road.minute_of(v) == minute
        }

    log = tmp_path / "workers.log"
    with running(stack, log, "process", "enforce", "papers", "--instance", unique):
        # Who is registered after a pass was looked at is not judged by it: the register is read before.
        assert eventually(lambda: drained(stack, ("papers",)), {"papers": 0}.__eq__) == {"papers": 0}
        road.drive(0, plate, other)
        first = eventually(lambda: told(0), lambda t: len(t) == 4)
        assert {key for key, (_, exemption) in first.items() if exemption} == {
            (plate, "bus_lane"), (plate, "no_insurance"),
        }, log.read_text()[-3000:]  # fmt: skip
        (held,) = (
            e
            for e in said(stack, "exemptions", "list", "--purpose", "test", "--case", unique)
            if e["plate"] == plate
        )
        said(stack, "exemptions", "revoke", held["exemption_id"])
        time.sleep(PROMISED_S)
        road.drive(10, plate)
        # Another processor may tell of the papers first.
        second = eventually(lambda: told(10), lambda t: t[plate, "bus_lane"])
        assert second[plate, "bus_lane"][1] == "", "it was revoked"
    bad = tmp_path / "bad.csv"
    bad.write_text((tmp_path / "e.csv").read_text().replace("Law on road traffic art. 5", ""))
    refused = waysight(stack, "exemptions", "import", str(bad))
    assert refused.returncode != 0
    assert "nobody is exempt without" in refused.stderr


class _Road:
    """Sends what a camera's tracker would."""

    def __init__(self, settings: Settings, codec: Codec, camera: str) -> None:
        self._codec, self._camera = codec, camera
        self._publisher, self._origin, self._sent = Publisher(settings, codec), uuid.uuid4().int % 2**31, 0

    def drive(self, minute: int, *plates: str) -> None:
        """Vehicles for three seconds of a minute through the lane, and the camera's time after them."""
        made = [self._pass(minute, plate) for plate in plates]
        key = f"camera:{self._camera}"
        at = {"origin_partition": self._origin, "origin_offset": self._sent + 1, "ordinal": 0}
        mark = Watermark(camera_id=self._camera, captured_ms=made[-1].last_ms + 1000, end=False, **at)
        self._sent += 1
        passes = tuple(pass_of(self._codec, key, s) for s in made)
        self._publisher.publish("passes", key, PassBatch(records=passes, watermarks=(mark,)))
        for one in made:
            self._publisher.publish("sightings", one.plate, SightingBatch(records=(one,), watermarks=()))
        self._publisher.flush()

    @staticmethod
    def minute_of(violation: Any) -> int:
        """Which minute's drive a violation belongs to."""
        return int((violation.occurred_ms - START_MS) // 60_000)

    def _pass(self, minute: int, plate: str) -> Sighting:
        self._sent += 1
        first_ms = START_MS + minute * 60_000
        path = tuple(
            PathPoint(
                captured_ms=first_ms + n * 500, x_m=math.nan, y_m=math.nan, x_px=400.0, y_px=300.0 + 50 * n
            )
            for n in range(7)
        )
        made = sighting(
            self._camera,
            plate,
            minute * 60_000 + 3000,
            first_ms=first_ms,
            path=path,
            zones=("lane",),
            frames=7,
        )
        origin = {"origin_partition": self._origin, "origin_offset": self._sent}
        return replace(made, **origin, sighting_id=f"{self._camera}-{plate}-{minute}")
