"""Real parts: an edge ANPR camera's plate stands for a vehicle that ran a light, though its read and its pass meet in
another partition than its camera's; and the watchlists get it at once.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from devices import read
from sightings import sighting
from synthetic import START_MS
from workers import eventually, running, said

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.messages import ClockCheck, FrameRef, PassBatch, PathPoint, Signal, Violation, Watermark
from waysight.settings import Settings
from waysight.streaming.passes import pass_of

pytestmark = pytest.mark.integration
CAMERAS = """
cameras:
  - id: CAMERA
    source: rtsp://127.0.0.1/x
    sampling: {fps: 5}
    timezone: Asia/Almaty
    purposes: [red_light, hotlist]
    junction: {id: CAMERA, signal_group: n}
    stop_line: {ground_y_m: 30}
    calibration:
      image_size: [1920, 1080]
      points:
        - {image: [500, 1000], ground: [-4, 20]}
        - {image: [1400, 1000], ground: [4, 20]}
        - {image: [700, 400], ground: [-4, 60]}
        - {image: [1200, 400], ground: [4, 60]}
    devices: [{id: ANPR, kind: anpr}]
"""


def _frame(at_ms: int, name: str, plate: str) -> FrameRef:
    return FrameRef(captured_ms=START_MS + at_ms, evidence_ref=f"{name}/{at_ms}", sha256="00", x1=0, y1=0, x2=1, y2=1,
                    plate_x1=0, plate_y1=0, plate_x2=0, plate_y2=0, plate_text=plate, plate_confidence=0.98)  # fmt: skip


def test_a_plate_that_a_device_read_meets_the_light_in_its_own_partition(
    stack: Settings, unique: str, tmp_path: Path
) -> None:
    codec, camera, device = Codec(ConfluentRegistry(stack.registry)), f"cam-{unique}", f"anpr-{unique}"
    number = uuid.uuid4().int % 900 + 100
    plate, seen, unread = f"{number}ANP02", f"{number}AMP02", f"{number}NON02"
    (tmp_path / "c.yaml").write_text(CAMERAS.replace("CAMERA", camera).replace("ANPR", device))
    said(stack, "cameras", "import", str(tmp_path / "c.yaml"))
    publisher, origin, sent = Publisher(stack, codec), uuid.uuid4().int % 2**31, 0
    keys = (f"camera:{camera}", f"junction:{camera}")
    for at_ms, read_as in ((10_000, seen), (20_000, "")):
        path = tuple(
            PathPoint(
                captured_ms=START_MS + at_ms - 4000 + 200 * n, x_m=0.0, y_m=50.0 - 2 * n, x_px=0.0, y_px=0.0
            )
            for n in range(21)
        )
        one = sighting(camera, read_as, at_ms, path=path, first_ms=START_MS + at_ms - 4000, frames=21,
                       best_frame=_frame(at_ms, f"{unique}-v", read_as), second_frame=_frame(at_ms - 900, f"{unique}-v", read_as),
                       **({} if read_as else {"plate_votes": 0, "plate_confidence": 0.0}))  # fmt: skip
        one = replace(
            one, sighting_id=f"{unique}-{at_ms}", origin_partition=origin, origin_offset=(sent := sent + 1)
        )
        mark = Watermark(camera_id=camera, captured_ms=one.last_ms + 60_000, end=False, origin_partition=origin,
                         origin_offset=sent, ordinal=1)  # fmt: skip
        for ordinal, key in enumerate(keys):
            marks = (replace(mark, ordinal=5),) if at_ms == 20_000 else ()
            one = replace(one, ordinal=ordinal)
            publisher.publish("passes", key, PassBatch(records=(pass_of(codec, key, one),), watermarks=marks))
    check = ClockCheck(check_id=unique, camera_id=camera, checked_ms=START_MS, offset_ms=300.0, error_ms=5.0,
                       reference="gps", by="T. Tech")  # fmt: skip
    publisher.publish("clock-checks", camera, check)
    shown = Signal(junction_id=camera, signal_group="n", state="red", changed_ms=START_MS - 60_000,
                   valid_ms=START_MS + 120_000, clock_error_ms=20, end=False)  # fmt: skip
    publisher.publish("signals", keys[1], shown)
    for at_ms, text in ((9_000, plate), (19_000, unread), (90_000, "")):
        pictures = tuple(_frame(at_ms + d, f"{unique}-d", text) for d in (0, 200)) if text else ()
        publisher.publish("external-reads", keys[0], read(
            f"{unique}{at_ms}", at_ms, camera_id=camera, device_id=device, device_kind="anpr", plate=text,
            plate_confidence=0.98 if text else 0.0, evidence=pictures))  # fmt: skip
    publisher.flush()

    def told() -> dict[str, Violation]:
        return {
            v.sighting_ids[0]: v for _, v in read_all(stack, codec, "violations") if v.camera_id == camera
        }

    log = tmp_path / "workers.log"
    with running(stack, log, "process", "edge", "enforce", "--instance", unique):
        found = eventually(told, lambda t: len(t) == 2)
    assert len(found) == 2, log.read_text()[-3000:]
    first, second = found[f"{unique}-10000"], found[f"{unique}-20000"]
    assert (first.offence, first.plate, first.read_plate) == ("red_light", plate, seen)
    assert {"plates_differ", "no_certificate", "clock_off"} == set(first.obstacles)
    assert (second.plate, second.read_plate, second.obstacles) == (
        unread,
        "",
        ("no_certificate", "clock_off"),
    )
    assert second.models == f"anpr:{device}"
    assert [f.evidence_ref for f in second.evidence[2:]] == [f"{unique}-d/19000", f"{unique}-d/19200"]
    sightings = {
        s.plate for _, b in read_all(stack, codec, "sightings") for s in b.records if s.camera_id == camera
    }
    assert sightings == {plate, unread}
    keyed = [m for m, r in read_all(stack, codec, "external-reads") if r.camera_id == camera]
    assert len(keyed) == 6, "each once more, for the junction"
