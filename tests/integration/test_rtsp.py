"""Live cameras against a real RTSP server: whole keyframes, and a way back from every kind of end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from waysight.producers.rtsp import RtspLane

from tests.videos import make_video, picture
from waysight.adapters.pictures import decode_frame
from waysight.cameras.models import Camera
from waysight.local import ports
from waysight.messages import CameraHealth, Frame

pytestmark = pytest.mark.integration
SYSTEM_PYTHON = "/usr/bin/python3"  # gi, GStreamer's binding, belongs to the system's Python
SERVER = Path(__file__).with_name("rtsp_server.py")
SLICES = {"x264-params": "scenecut=0:slices=4:sliced-threads=0"}


class Server:
    """One RTSP server process on a port of its own."""

    def __init__(self, path: Path, codec: str = "h264") -> None:
        (self.port,) = ports.free_ports(1)
        self._command = [SYSTEM_PYTHON, str(SERVER), str(self.port), codec, str(path)]
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"rtsp://user:secret@127.0.0.1:{self.port}/cam"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if said.strip() != "ready":
            _, why = self._process.communicate(timeout=120)
            pytest.fail(
                f"the RTSP server did not start ({why.strip()[-300:]}); install infra/local/system-packages.txt"
            )

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=120)
            self._process = None


class Watched:
    """A lane that runs in a thread, and everything that came out of it."""

    def __init__(self, camera: Camera, once: bool = False) -> None:
        self.lane = RtspLane(camera, once)
        self.frames: list[Frame] = []
        self.health: list[CameraHealth] = []
        self._thread = threading.Thread(target=self.lane.run, args=(threading.Event(),))
        self._thread.start()

    def until(self, reached: Callable[[], bool], seconds: float = 300.0) -> None:
        """Collect until a condition holds; fails after that many seconds."""
        deadline_s = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline_s, (
                f"never reached; health: {[(h.state, h.detail) for h in self.health]}"
            )
            while self.lane.head() is not None:
                self.frames.append(self.lane.take())
            self.health += self.lane.news()
            time.sleep(0.02)

    def pictures(self, epoch: str | None = None) -> list[Frame]:
        return [f for f in self.frames if f.payload and epoch in (None, f.epoch)]

    def states(self) -> list[str]:
        return [h.state for h in self.health]

    def stop(self) -> None:
        self.lane.stopping.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "the lane does not stop"


@pytest.fixture
def servers() -> Iterator[Callable[..., Server]]:
    """Starts servers and ends them."""
    made: list[Server] = []

    def start(path: Path, codec: str = "h264") -> Server:
        made.append(Server(path, codec))
        made[-1].start()
        return made[-1]

    yield start
    for server in made:
        server.stop()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    """Starts lanes and ends them."""
    made: list[Watched] = []

    def start(url: str, once: bool = False, **camera: object) -> Watched:
        made.append(Watched(Camera.model_validate({"id": "live", "source": url, **camera}), once))
        return made[-1]

    yield start
    for watched in made:
        watched.stop()


def test_keyframes_arrive_whole_and_the_end_closes_the_stream(
    tmp_path: Path, servers: Callable[..., Server], watch: Callable[..., Watched]
) -> None:
    server = servers(make_video(tmp_path / "a.mp4", frames=150, gop=25))
    for _ in range(3):
        seen = watch(server.url, once=True)
        seen.until(lambda lane=seen.lane: lane.finished)
        shown = seen.pictures()
        steps = np.diff([f.captured_ms for f in shown])
        if np.all(np.abs(steps - 1000) < 60):
            break  # else a busy machine may have handed the first pictures over late
    assert 4 <= len(shown) <= 6
    assert all(decode_frame(f.kind, f.payload).shape == (240, 320, 3) for f in shown)
    assert np.all(np.abs(steps - 1000) < 60), f"capture times do not follow the camera's clock: {steps}"
    assert abs(shown[-1].captured_ms - time.time() * 1000) < 20_000
    assert sum(f.kind == "watermark" for f in seen.frames) >= 3
    assert seen.frames[-1].kind == "end"
    assert [f.seq for f in seen.frames] == list(range(len(seen.frames)))
    assert seen.states() == ["connected", "eof"]
    assert "secret" not in " ".join(h.detail for h in seen.health)


@pytest.mark.parametrize(
    ("served", "codec", "options"),
    [
        ("h264", "libx264", SLICES),
        ("h264-nal", "libx264", SLICES),
        ("hevc", "libx265", {"x265-params": "log-level=none:slices=2:bframes=0"}),
    ],
)
def test_pictures_of_several_slices_stay_whole(
    tmp_path: Path,
    servers: Callable[..., Server],
    watch: Callable[..., Watched],
    served: str,
    codec: str,
    options: dict[str, str],
) -> None:
    server = servers(make_video(tmp_path / "s.mp4", codec=codec, frames=75, gop=25, options=options), served)
    seen = watch(server.url, once=True)
    seen.until(lambda: seen.lane.finished)
    shown = seen.pictures()
    assert 2 <= len(shown) <= 3, "a picture was split into several"
    for one in shown:
        decoded = decode_frame(one.kind, one.payload).astype(int)
        distance = [np.abs(decoded - picture(25 * n).astype(int)).mean() for n in range(3)]
        assert min(distance) < 6, "a slice is missing"


def test_a_rate_is_decoded(
    tmp_path: Path, servers: Callable[..., Server], watch: Callable[..., Watched]
) -> None:
    server = servers(make_video(tmp_path / "a.mp4", frames=100, gop=25))
    seen = watch(server.url, once=True, sampling={"fps": 5})
    seen.until(lambda: seen.lane.finished)
    assert 14 <= len(seen.pictures()) <= 21
    assert {f.kind for f in seen.pictures()} == {"jpeg"}


def test_a_killed_server_is_found_again(
    tmp_path: Path, servers: Callable[..., Server], watch: Callable[..., Watched]
) -> None:
    server = servers(make_video(tmp_path / "a.mp4", frames=1500, gop=25))
    seen = watch(server.url)
    seen.until(lambda: len(seen.pictures()) >= 2)
    first = seen.frames[0].epoch
    server.stop()
    seen.until(lambda: "eof" in seen.states() and "unreachable" in seen.states())
    server.start()
    seen.until(lambda: any(f.epoch != first for f in seen.pictures()))
    assert seen.states()[0] == "connected"
    assert seen.states()[-1] == "recovered"
    second = [f for f in seen.frames if f.epoch != first]
    assert second[0].seq == 0
    assert second[0].captured_ms > seen.pictures(first)[-1].captured_ms


def test_a_frozen_server_is_left_and_found_again(
    tmp_path: Path, servers: Callable[..., Server], watch: Callable[..., Watched]
) -> None:
    server = servers(make_video(tmp_path / "a.mp4", frames=1500, gop=25))
    seen = watch(server.url)
    seen.until(lambda: len(seen.pictures()) >= 2)
    first = seen.frames[0].epoch
    server.send(signal.SIGSTOP)
    seen.until(lambda: "frozen" in seen.states())
    server.send(signal.SIGCONT)
    seen.until(lambda: any(f.epoch != first for f in seen.pictures()))
    assert seen.states()[-1] == "recovered"


def test_an_unreachable_camera_says_so_once_and_keeps_trying(watch: Callable[..., Watched]) -> None:
    (port,) = ports.free_ports(1)
    seen = watch(f"rtsp://user:secret@127.0.0.1:{port}/cam")
    seen.until(lambda: seen.states() == ["unreachable"])
    time.sleep(3)
    seen.until(lambda: True)
    assert seen.lane.news() == []
    assert seen.states() == ["unreachable"]
    assert "secret" not in seen.health[0].detail
    assert not seen.frames
