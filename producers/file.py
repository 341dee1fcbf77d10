"""Recordings as cameras: read, sample, number, hand over; a restart goes on after the last acknowledged record."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from waysight.adapters.acknowledged import Position
from waysight.adapters.video import Video, open_file
from waysight.cameras.models import Camera
from waysight.capture.lanes import Lane
from waysight.capture.sampling import Remarks, Stamper, shots
from waysight.domain.ids import derive_id
from waysight.errors import BadMessage

SAMPLING_VERSION = 1  # raise it when the choice or numbering of pictures changes


class FileLane(Lane):
    """One video file. `resume` is what the topic already has of this epoch."""

    def __init__(self, camera: Camera, start_ms: int, epoch: str, once: bool = False) -> None:
        super().__init__(camera)
        self.start_ms, self.epoch, self._once = start_ms, epoch, once
        self.resume: Position | None = None

    def work(self) -> None:
        """Play the file (again and again when it loops), then end the epoch."""
        if self.resume and self.resume.kind == "end":
            self.end_ms, self.tally.last_ms = self.resume.captured_ms, self.resume.captured_ms
            self.tally.already_sent, self.tally.state = self.resume.seq + 1, "ended"
            return
        stamper, begin_ms = Stamper(self.camera, self.epoch), self.start_ms
        while not self.stopping.is_set():
            try:
                begin_ms = self._play(stamper, begin_ms)
            except BadMessage as error:
                self.tally.failure = error.reason
                self.report("corrupt", error.reason, stamper.end_ms(begin_ms))
                break
            if self._once or not self.camera.loop:
                break
        if not self.stopping.is_set():
            end = stamper.end(begin_ms)
            self.end_ms = end.captured_ms
            self.put(end)

    def _play(self, stamper: Stamper, begin_ms: int) -> int:
        """One pass through the file; returns when the next pass would begin (UTC epoch ms)."""
        path, remarks, until_ms = self.camera.path, Remarks(), begin_ms
        if path is None:
            raise BadMessage(f"{self.camera.public_source}: is not a file")
        sent = self.resume.seq if self.resume else -1
        with open_file(path, self.camera.frame_rate) as video:
            self.report("connected", _words(video, sent), begin_ms)
            for shot in shots(video, self.camera, remarks):
                if self.stopping.is_set():
                    return until_ms
                captured_ms = begin_ms + int(shot.time_ms + 0.5)
                for frame in stamper.records(shot, captured_ms, begin_ms + int(shot.until_ms // 1)):
                    if frame.seq > sent:
                        self.put(frame)
                    else:
                        self.tally.already_sent += 1
                until_ms = max(until_ms, captured_ms + max(1, round(1000 / video.frame_rate)))
            words = remarks.words(video, self.camera.fps)
            damaged = video.broken > 0
        if damaged:
            self.tally.failure = "; ".join(words)
        self.report("corrupt" if damaged else "ended", "; ".join(words) or "the file is finished", until_ms)
        return until_ms


def file_lane(camera: Camera, state_dir: Path, run: str = "", once: bool = False) -> FileLane:
    """The lane of a file camera: its start and epoch follow from camera, file, sampling and run alone."""
    path = camera.path
    try:
        size = path.stat().st_size if path else 0
    except OSError:
        size = -1  # the lane itself reports the missing file
    name = path.name if path else camera.source
    identity = f"{camera.id}|{name}|{size}|{run}"
    start_ms = int(camera.start.timestamp() * 1000) if camera.start else _remembered(state_dir, identity)
    sampling = json.dumps([camera.fps, camera.motion_gate, camera.frame_rate, SAMPLING_VERSION])
    epoch = derive_id("epoch", camera.id, name, size, start_ms, sampling, run)[:16]
    return FileLane(camera, start_ms, epoch, once)


def _remembered(state_dir: Path, identity: str) -> int:
    """The start of a file whose camera has none: the moment it was first seen, kept for the next run."""
    folder = state_dir / "producers"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"start-{derive_id('start', identity)[:16]}.txt"
    if not note.exists():
        fresh = note.with_suffix(".new")
        fresh.write_text(datetime.fromtimestamp(int(time.time()), UTC).isoformat())
        os.replace(fresh, note)
    return int(datetime.fromisoformat(note.read_text()).timestamp() * 1000)


def _words(video: Video, sent: int) -> str:
    width, height = video.size
    resumed = f", resumed after record {sent}" if sent >= 0 else ""
    return f"{video.codec} {width}x{height} at {video.frame_rate:g}/s{resumed}"
