"""Sends what the lanes hand over: recordings merged by capture time and paced, live streams as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from waysight.adapters.acknowledged import Notes, Position
from waysight.adapters.record_sink import RecordSink
from waysight.capture.lanes import ALL_LIVE_BUFFERS_BYTES, Lane, Pace
from waysight.errors import BadMessage, EngineDown
from waysight.messages import Frame
from waysight.metrics import FRAMES_DROPPED, FRAMES_SENT

IDLE_S = 0.05
FLUSH_S, FLUSH_STOPPED_S = 120.0, 15.0


class Follower(Protocol):
    """A source that keeps step with the recordings (traffic signals)."""

    @property
    def key(self) -> str:
        """Key on the topic."""

    @property
    def epoch(self) -> str:
        """Stream epoch."""

    def until(self, time_ms: int) -> Iterator[tuple[int, Any]]:
        """Records valid up to a time, as (seq, record)."""

    def finish(self, end_ms: int) -> Iterator[tuple[int, Any]]:
        """What is left up to the end."""


class Production:
    """All lanes of one process; `run` returns when every lane is finished or after `stop`."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        followers: Sequence[Follower],
        sink: RecordSink,
        notes: Notes,
        pace: Pace,
        quarantine: Path,
    ) -> None:
        self.lanes, self._followers, self._sink, self._notes = lanes, followers, sink, notes
        self._pace, self._quarantine = pace, quarantine
        self._fresh, self._stop = threading.Event(), threading.Event()
        self._stop_was_asked = False
        self.signals_sent = 0
        live = [lane for lane in lanes if lane.live]
        for lane in live:
            lane.buffer_bytes = min(lane.buffer_bytes, ALL_LIVE_BUFFERS_BYTES // len(live))

    def stop(self) -> None:
        """Ask everything to end soon; what is queued is still sent."""
        self._stop.set()
        for lane in self.lanes:
            lane.stopping.set()
        self._fresh.set()

    def run(self) -> None:
        """Send until all is sent; raises what a lane's thread raised, and EngineDown when Kafka stays away."""
        with ThreadPoolExecutor(max(1, len(self.lanes)), "lane") as pool:
            threads = [pool.submit(lane.run, self._fresh) for lane in self.lanes]
            try:
                self._loop(threads)
            finally:
                self.stop()
        for thread in threads:
            thread.result()
        if not self._stop_was_asked:
            self._finish_followers()
        self._send_news()
        left = self._sink.flush(FLUSH_STOPPED_S if self._stop_was_asked else FLUSH_S)
        self._notes.save(time.monotonic(), force=True)
        if left:
            raise EngineDown(
                f"{left} records are not acknowledged; start again: recordings resume, live frames are lost"
            )

    def _loop(self, threads: Sequence[Future[None]]) -> None:
        recorded = [lane for lane in self.lanes if not lane.live]
        live = [lane for lane in self.lanes if lane.live]
        while not self._stop.is_set():
            self._fresh.clear()
            if any(thread.done() and thread.exception() for thread in threads):
                return
            self._send_news()
            for lane in live:
                while lane.head() is not None and not self._stop.is_set():
                    self._send_frame(lane, lane.take())
            wait_s = self._send_next(recorded)
            self._sink.poll()
            self._notes.save(time.monotonic())
            if wait_s is None and all(lane.finished for lane in self.lanes):
                return
            if wait_s != 0.0:
                self._fresh.wait(IDLE_S if wait_s is None else min(wait_s, IDLE_S))
        self._stop_was_asked = True

    def _send_next(self, recorded: Sequence[Lane]) -> float | None:
        """Send the earliest record of all recordings; returns seconds until it is due, None when nothing is ready."""
        heads = []
        for lane in recorded:
            head = lane.head()
            if head is not None:
                heads.append((head.captured_ms, head.camera_id, lane))
            elif not lane.finished:
                return None  # an earlier record may still come from this lane
        if not heads:
            return None
        captured_ms, _, lane = min(heads, key=lambda h: h[:2])
        if wait_s := self._pace.wait_s(captured_ms):
            return wait_s
        for follower in self._followers:
            self._send_signals(follower, follower.until(captured_ms))
        self._send_frame(lane, lane.take())
        return 0.0

    def _send_frame(self, lane: Lane, frame: Frame) -> None:
        # Stamped when sent: what a paced recording has read ahead is not latency.
        frame = replace(frame, received_ms=time.time_ns() // 1_000_000)
        try:
            value = self._sink.encode("frames", frame)
        except BadMessage as error:
            self._refuse(lane, frame, error.reason)
            return
        position = Position(frame.epoch, frame.seq, frame.kind, frame.captured_ms, -1)

        def acknowledged(offset: int) -> None:
            if not lane.live:
                note = Position(frame.epoch, frame.seq, frame.kind, frame.captured_ms, offset)
                self._notes.write(frame.camera_id, note)

        if not self._sink.send(
            "frames", frame.camera_id, value, position.headers(), acknowledged, self._stop.is_set
        ):
            return
        lane.tally.last_ms = frame.captured_ms
        if frame.payload:
            lane.tally.frames += 1
            lane.tally.payload_bytes += len(frame.payload)
            FRAMES_SENT.labels(frame.camera_id).inc()
        else:
            lane.tally.watermarks += 1

    def _refuse(self, lane: Lane, frame: Frame, reason: str) -> None:
        """A frame that no message can carry is kept on disk and counted."""
        self._quarantine.mkdir(parents=True, exist_ok=True)
        path = self._quarantine / f"{frame.camera_id}-{frame.epoch}-{frame.seq:09d}.{frame.kind}"
        path.write_bytes(frame.payload)
        lane.tally.dropped += 1
        FRAMES_DROPPED.labels(frame.camera_id, "too_big").inc()
        lane.report(
            "corrupt", f"record {frame.seq} refused: {reason}; kept as {path.name}", frame.captured_ms
        )

    def _send_signals(self, follower: Follower, records: Iterator[tuple[int, Any]]) -> None:
        for seq, record in records:
            position = Position(follower.epoch, seq, "end" if record.end else "signal", record.valid_ms, -1)

            def acknowledged(offset: int, at: Position = position) -> None:
                self._notes.write(follower.key, Position(at.epoch, at.seq, at.kind, at.captured_ms, offset))

            value = self._sink.encode("signals", record)
            if not self._sink.send(
                "signals", follower.key, value, position.headers(), acknowledged, self._stop.is_set
            ):
                return
            self.signals_sent += 1

    def _finish_followers(self) -> None:
        ends = [lane.end_ms for lane in self.lanes if lane.end_ms is not None]
        self._stop.clear()
        for follower in self._followers:
            self._send_signals(follower, follower.finish(max(ends, default=0)))

    def _send_news(self) -> None:
        for lane in self.lanes:
            for health in lane.news():
                value = self._sink.encode("camera-health", health)
                self._sink.send("camera-health", health.camera_id, value, {}, None, self._stop.is_set)
