"""Live cameras over RTSP: a session is an epoch; whatever ends it, the camera is opened again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from waysight.adapters.video import Video, open_live
from waysight.cameras.models import Camera
from waysight.capture.arrival import ArrivalClock
from waysight.capture.lanes import Lane
from waysight.capture.sampling import Remarks, Shot, Stamper, shots
from waysight.domain.ids import derive_id
from waysight.errors import EngineDown
from waysight.metrics import RECONNECTS

LEAST_BACKOFF_S, MOST_BACKOFF_S = 0.5, 30.0
HEALTHY_S = 10.0
SETTLE_MS = 700.0
SAY_AGAIN_S = 60.0


class RtspLane(Lane):
    """One live camera; with `once` its first session is its last and ends the stream."""

    live = True

    def __init__(self, camera: Camera, once: bool = False) -> None:
        super().__init__(camera)
        self._once = once
        self._backoff_s, self._said_s, self._trouble = LEAST_BACKOFF_S, float("-inf"), ""

    def work(self) -> None:
        """Session after session until asked to stop."""
        while not self.stopping.is_set():
            opened_s = time.monotonic()
            try:
                video = open_live(self.camera.source, self.camera.id)
            except EngineDown as error:
                self._unreachable(str(error))
            else:
                with video:
                    stamper = self._session(video)
                if self._once and stamper.seq:
                    self._end(stamper)
                    return
            if time.monotonic() - opened_s > HEALTHY_S:
                self._backoff_s = LEAST_BACKOFF_S
            self.stopping.wait(self._backoff_s)
            self._backoff_s = min(self._backoff_s * 2, MOST_BACKOFF_S)

    def _session(self, video: Video) -> Stamper:
        self.epoch = derive_id("epoch", self.camera.id, "live", time.time_ns())[:16]
        stamper, clock, remarks = Stamper(self.camera, self.epoch), ArrivalClock(), Remarks()
        state, detail = "eof", "the stream ended"
        try:
            for shot, arrival_ms in settled(shots(video, self.camera, remarks), clock):
                if self.stopping.is_set():
                    return stamper
                captured_ms = clock.place(shot.time_ms, arrival_ms)
                until_ms = captured_ms - int(shot.time_ms - shot.until_ms + 0.5)
                for frame in stamper.records(shot, captured_ms, until_ms):
                    if frame.seq == 0:
                        self._connected(video)
                    self.put(frame)
        except EngineDown as error:
            state, detail = "frozen", str(error)
        words = "; ".join([detail, *remarks.words(video, self.camera.fps)])
        self._trouble = state
        self.report("frozen" if state == "frozen" else "eof", words, _now_ms())
        return stamper

    def _connected(self, video: Video) -> None:
        width, height = video.size
        words = f"{video.codec} {width}x{height}"
        self.report("recovered" if self._trouble else "connected", words, _now_ms())
        if self._trouble:
            self.tally.reconnects += 1
            RECONNECTS.labels(self.camera.id).inc()
        self._trouble, self._said_s = "", float("-inf")

    def _unreachable(self, reason: str) -> None:
        """Say it at once, then once a minute."""
        self._trouble = self._trouble or "unreachable"
        if time.monotonic() - self._said_s >= SAY_AGAIN_S:
            self._said_s = time.monotonic()
            self.report("unreachable", f"{reason}; trying again", _now_ms())

    def _end(self, stamper: Stamper) -> None:
        end = stamper.end(_now_ms())
        self.end_ms = end.captured_ms
        self.put(end)


def settled(pictures: Iterable[Shot], clock: ArrivalClock) -> Iterator[tuple[Shot, float]]:
    """Shots with their arrival (UTC epoch ms); the first ones wait until the clock has seen what opening buffered."""
    waiting: list[tuple[Shot, float]] | None = []
    for shot in pictures:
        arrival_ms = time.time_ns() / 1e6
        if waiting is None:
            yield shot, arrival_ms
            continue
        waiting.append((shot, arrival_ms))
        clock.place(shot.time_ms, arrival_ms)
        if arrival_ms - waiting[0][1] >= SETTLE_MS:
            yield from waiting
            waiting = None
    yield from waiting or ()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
