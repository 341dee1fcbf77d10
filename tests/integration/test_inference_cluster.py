"""A detect worker on two real Tritons: one killed, then one stopped, under load; every frame is answered once."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from workers import eventually, running

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.local import control, ports
from waysight.local.temporary import temporary_stack
from waysight.messages import Frame
from waysight.settings import Settings

pytestmark = pytest.mark.integration
FRAMES, CAMERAS = 120, 3
START_MS = 1_700_000_000_000


def test_no_frame_is_lost_when_a_server_dies_or_hangs(
    full_stack: Settings, unique: str, tmp_path: Path
) -> None:
    codec, log = Codec(ConfluentRegistry(full_stack.registry)), tmp_path / "detect.log"
    with temporary_stack(full_stack, ("triton",)) as other:
        addresses = [f"127.0.0.1:{s.triton_grpc_port}" for s in (full_stack, other)]
        settings = full_stack.model_copy(
            update={"triton_urls": ",".join(addresses), "metrics_port": ports.free_ports(1)[0]}
        )
        publisher = Publisher(settings, codec)

        def publish(part: int) -> None:
            for number in range(FRAMES):
                frame = _frame(f"{unique}-{number % CAMERAS}", part * FRAMES + number)
                publisher.publish("frames", frame.camera_id, frame)
            publisher.flush()

        def answered() -> int:
            return _calls(settings, addresses, "answered")

        publish(0)
        with running(settings, log, "process", "detect", "--instance", unique):
            assert eventually(answered, lambda n: n > 30) > 30, log.read_text()[-3000:]
            _signal(other, signal.SIGKILL)
            assert eventually(lambda: _up(settings, addresses), lambda up: up == [1, 0]) == [1, 0]
            assert eventually(answered, lambda n: n >= FRAMES) >= FRAMES, log.read_text()[-3000:]
            # The supervisor starts the killed one again; it takes its share of what comes then.
            assert eventually(lambda: _up(settings, addresses), lambda up: up == [1, 1]) == [1, 1]
            publish(1)
            eventually(answered, lambda n: n > FRAMES + 30)
            stopped = _signal(full_stack, signal.SIGSTOP)
            try:
                assert eventually(lambda: _up(settings, addresses), lambda up: up == [0, 1]) == [0, 1]
                assert eventually(answered, lambda n: n >= 2 * FRAMES) >= 2 * FRAMES
            finally:
                os.kill(stopped, signal.SIGCONT)
            assert eventually(lambda: _up(settings, addresses), lambda up: up == [1, 1]) == [1, 1]
    found = Counter((d.camera_id, d.seq) for _, d in read_all(settings, codec, "detections")
                    if d.camera_id.startswith(unique))  # fmt: skip
    wanted = {(f"{unique}-{n % CAMERAS}", n + part * FRAMES) for part in (0, 1) for n in range(FRAMES)}
    assert found == dict.fromkeys(wanted, 1), log.read_text()[-3000:]


def _frame(camera: str, seq: int) -> Frame:
    picture = np.random.default_rng(seq % 7).integers(90, 130, (360, 640, 3), np.uint8)
    return Frame(
        camera_id=camera, epoch="e", seq=seq, kind="jpeg", captured_ms=START_MS + seq * 200, clock_error_ms=0,
        received_ms=0, width=640, height=360, payload=cv2.imencode(".jpg", picture)[1].tobytes(),
    )  # fmt: skip


def _signal(settings: Settings, number: signal.Signals) -> int:
    pid = int(control.status(settings)["children"]["triton"]["pid"])
    os.kill(pid, number)
    return pid


def _metric(settings: Settings, name: str, address: str, more: str = "") -> float:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=2) as page:
            lines = page.read().decode().splitlines()
    except OSError:
        time.sleep(0.2)
        return 0.0
    start = f'{name}{{address="{address}"{more}}} '
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), 0.0)


def _calls(settings: Settings, addresses: list[str], outcome: str) -> int:
    more = f',outcome="{outcome}"'
    return int(sum(_metric(settings, "waysight_triton_calls_total", a, more) for a in addresses))


def _up(settings: Settings, addresses: list[str]) -> list[int]:
    return [int(_metric(settings, "waysight_triton_up", a)) for a in addresses]
