"""Lanes: each source of records runs in a thread of its own and hands them over through a bounded buffer.

Files wait when their buffer is full. Live streams cannot wait: their oldest records are dropped and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from waysight.cameras.models import Camera
from waysight.messages import CameraHealth, Frame
from waysight.metrics import FRAMES_DROPPED

_log = logging.getLogger(__name__)
BUFFERED_FRAMES = 12
LIVE_BUFFER_BYTES = 96 * 1024 * 1024
ALL_LIVE_BUFFERS_BYTES = 1024 * 1024 * 1024
State = Literal["connected", "unreachable", "eof", "frozen", "corrupt", "ended", "backpressure", "recovered"]


@dataclass(slots=True)
class Tally:
    """What one camera's lane has done, for the summary."""

    frames: int = 0
    watermarks: int = 0
    payload_bytes: int = 0
    dropped: int = 0
    already_sent: int = 0
    reconnects: int = 0
    last_ms: int = 0
    state: str = "waiting"
    failure: str = ""


class Lane:
    """One camera's records on their way; subclasses fill it from `work`, which runs in the lane's thread."""

    live = False

    def __init__(self, camera: Camera) -> None:
        self.camera, self.tally, self.epoch = camera, Tally(), ""
        self.end_ms: int | None = None
        self.stopping, self.fresh = threading.Event(), threading.Event()
        self.buffer_bytes = LIVE_BUFFER_BYTES
        self._ready: deque[Frame] = deque()
        self._bytes = 0
        self._room = threading.Condition()
        self._health: deque[CameraHealth] = deque()
        self._done = False

    def work(self) -> None:
        """Read the source to its end (or until `stopping`) and `put` its records."""
        raise AssertionError(f"{type(self).__name__} does no work")

    def run(self, fresh: threading.Event) -> None:
        """The thread: work, then say that nothing more will come; an error of ours ends the program through it."""
        self.fresh = fresh
        try:
            self.work()
        finally:
            self._done = True
            fresh.set()

    def put(self, frame: Frame) -> None:
        """Hand a record over; waits (file) or drops the oldest (live) when the buffer is full."""
        with self._room:
            if self.live:
                while self._ready and self._bytes + len(frame.payload) > self.buffer_bytes:
                    self._drop_oldest()
            else:
                while len(self._ready) >= BUFFERED_FRAMES and not self.stopping.is_set():
                    self._room.wait(0.2)
            self._ready.append(frame)
            self._bytes += len(frame.payload)
        self.fresh.set()

    def head(self) -> Frame | None:
        """The next record without taking it."""
        with self._room:
            return self._ready[0] if self._ready else None

    def take(self) -> Frame:
        """The next record; IndexError when there is none."""
        with self._room:
            frame = self._ready.popleft()
            self._bytes -= len(frame.payload)
            self._room.notify()
            return frame

    @property
    def finished(self) -> bool:
        """Whether nothing is left and nothing will come."""
        return self._done and self.head() is None

    def report(self, state: State, detail: str, at_ms: int) -> None:
        """Say something about the camera's stream, for the `camera-health` topic."""
        self.tally.state = state
        _log.info("%s: %s: %s", self.camera.id, state, detail)
        self._health.append(
            CameraHealth(
                camera_id=self.camera.id,
                epoch=self.epoch,
                state=state,
                detail=detail,
                at_ms=at_ms,
                frames_sent=self.tally.frames,
                frames_dropped=self.tally.dropped,
            )
        )
        self.fresh.set()

    def news(self) -> list[CameraHealth]:
        """Take what was reported."""
        return [self._health.popleft() for _ in range(len(self._health))]

    def _drop_oldest(self) -> None:
        oldest = self._ready.popleft()
        self._bytes -= len(oldest.payload)
        if oldest.payload:
            self.tally.dropped += 1
            FRAMES_DROPPED.labels(self.camera.id, "backpressure").inc()
            if self.tally.dropped in (1, 10, 100) or self.tally.dropped % 1000 == 0:
                self.report(
                    "backpressure", f"{self.tally.dropped} frames dropped: Kafka is slower", _now_ms()
                )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Pace:
    """When a record of a recording may leave: at once, or `speed` times as fast as it was captured."""

    FAR_MS = 600_000

    def __init__(self, speed: float | None, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._speed, self._clock_s = speed, clock_s
        self._bases: list[tuple[int, float]] = []

    def wait_s(self, captured_ms: int) -> float:
        """Seconds until a record of that capture time (UTC epoch ms) is due; 0 when it is."""
        if not self._speed:
            return 0.0
        now_s = self._clock_s()
        base = next(
            (b for b in self._bases if abs(captured_ms - self._reached_ms(b, now_s)) <= self.FAR_MS), None
        )
        if base is None:  # recordings of another day run beside each other, not one after the other
            base = (captured_ms, now_s)
            self._bases.append(base)
        return max(0.0, base[1] + (captured_ms - base[0]) / 1000 / self._speed - now_s)

    def _reached_ms(self, base: tuple[int, float], now_s: float) -> float:
        return base[0] + (now_s - base[1]) * 1000 * (self._speed or 1.0)
