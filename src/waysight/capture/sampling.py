"""From a video to the records of the `frames` topic: which pictures, what time, which number.

`shots` chooses pictures; `stamp` gives them capture times, numbers, a watermark each second and the end.
Both depend on the stream alone, so that a restarted file producer finds every record again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from waysight.adapters.pictures import decode_frame, encode_jpeg
from waysight.adapters.video import Decoded, Video
from waysight.cameras.models import Camera
from waysight.capture.motion_gate import MotionGate
from waysight.errors import BadMessage
from waysight.messages import Frame

Kind = Literal["h264", "hevc", "jpeg", "watermark", "end"]
JPEG_QUALITY = 90
WATERMARK_MS = 1000
MOST_WATERMARKS_AT_ONCE = 60
LONG_GOP_MS = 5000.0
LEAST_GAP_MS = 190.0  # where every picture is a keyframe (MJPEG, all-intra), 5 a second are enough


@dataclass(frozen=True, slots=True)
class Shot:
    """A chosen picture, or (`kind` empty) only the news that nothing before `until_ms` will follow."""

    time_ms: float
    until_ms: float
    kind: Literal["", "h264", "hevc", "jpeg"] = ""
    width: int = 0
    height: int = 0
    payload: bytes = b""


@dataclass(slots=True)
class Remarks:
    """What was noticed about a stream, for camera-health."""

    longest_gap_ms: float = 0.0
    transcoded: bool = False
    gate: MotionGate | None = None
    _key_ms: float = 0.0

    def keyframe_at(self, time_ms: float) -> None:
        """Note a keyframe."""
        self.longest_gap_ms = max(self.longest_gap_ms, time_ms - self._key_ms)
        self._key_ms = time_ms

    def words(self, video: Video, sampling_fps: float | None) -> list[str]:
        """In sentences; empty when the stream is as expected."""
        found = []
        if video.counts:
            found.append(f"no usable timestamps: time is counted at {video.frame_rate:g} pictures a second")
        if video.timeline.jumps:
            found.append(f"time jumped backwards {video.timeline.jumps} times and was continued")
        if video.broken:
            found.append(f"{video.broken} damaged pictures or packets were left out")
        if sampling_fps is None and self.longest_gap_ms > LONG_GOP_MS:
            found.append(
                f"up to {self.longest_gap_ms / 1000:.1f} s between keyframes: vehicles pass unseen; "
                "sample by fps, or set the camera's GOP to 1-2 s"
            )
        if self.transcoded and sampling_fps is None:
            found.append(f"keyframes of {video.codec} are sent as JPEG")
        if self.gate and self.gate.state != "learning":
            found.append(
                f"motion gate {self.gate.state} (AUC {self.gate.auc:.2f}), {self.gate.held} held back"
            )
        return found


def shots(video: Video, camera: Camera, remarks: Remarks) -> Iterator[Shot]:
    """The camera's pictures out of an open video, in time order, with news of time in between."""
    if camera.fps is not None:
        yield from _by_rate(video, camera.fps)
    elif video.passes_through:
        if camera.motion_gate == "auto":
            remarks.gate = MotionGate()
        yield from _keyframes(video, remarks)
    else:
        remarks.transcoded = True
        yield from _decoded_keyframes(video, remarks)


def _keyframes(video: Video, remarks: Remarks) -> Iterator[Shot]:
    last_key_ms, (width, height), gate = -LEAST_GAP_MS, video.size, remarks.gate
    for coded in video.coded():
        if not coded.key or coded.time_ms < last_key_ms + LEAST_GAP_MS:
            if gate:
                gate.between(coded.size_bytes)
            yield Shot(coded.time_ms, coded.until_ms)
            continue
        last_key_ms = coded.time_ms
        remarks.keyframe_at(coded.time_ms)
        if gate and _held(gate, video.codec, coded.data):
            yield Shot(coded.time_ms, coded.until_ms)
        else:
            kind: Literal["h264", "hevc"] = "hevc" if video.codec == "hevc" else "h264"
            yield Shot(coded.time_ms, coded.until_ms, kind, width, height, coded.data)


def _decoded_keyframes(video: Video, remarks: Remarks) -> Iterator[Shot]:
    last_key_ms = -LEAST_GAP_MS
    for shown in video.decoded(keyframes_only=True):
        if shown.time_ms < last_key_ms + LEAST_GAP_MS:
            yield Shot(shown.time_ms, shown.time_ms)
            continue
        last_key_ms = shown.time_ms
        remarks.keyframe_at(shown.time_ms)
        yield _jpeg(shown)


def _held(gate: MotionGate, codec: str, data: bytes) -> bool:
    try:
        return gate.holds(lambda: decode_frame(codec, data))
    except BadMessage:
        return False


def _by_rate(video: Video, fps: float) -> Iterator[Shot]:
    """The first picture of each slot of 1/fps s."""
    last_slot = -1
    for shown in video.decoded(sparse=video.frame_rate >= 3 * fps):
        slot = int((shown.time_ms + 0.5) * fps / 1000)
        if slot > last_slot:
            last_slot = slot
            yield _jpeg(shown)
        else:
            yield Shot(shown.time_ms, shown.time_ms)


def _jpeg(shown: Decoded) -> Shot:
    picture = shown.picture()
    height, width = picture.shape[:2]
    return Shot(shown.time_ms, shown.time_ms, "jpeg", width, height, encode_jpeg(picture, JPEG_QUALITY))


@dataclass(slots=True)
class Stamper:
    """Numbers records of one epoch and never lets time run backwards past a watermark."""

    camera: Camera
    epoch: str
    seq: int = 0
    _mark_ms: int | None = None  # the newest watermark; before the first, where the grid of seconds begins
    _marked: bool = False
    _last_ms: int | None = None

    def records(self, shot: Shot, captured_ms: int, until_ms: int) -> Iterator[Frame]:
        """The watermarks that a shot lets go, and the shot itself; times are UTC epoch ms."""
        mark_ms = captured_ms if self._mark_ms is None else self._mark_ms
        due = (until_ms - 1 - mark_ms) // WATERMARK_MS
        if due > MOST_WATERMARKS_AT_ONCE:  # a long hole in the recording needs one watermark, not thousands
            mark_ms, due = mark_ms + (due - 1) * WATERMARK_MS, 1
        for _ in range(due):
            mark_ms, self._marked = mark_ms + WATERMARK_MS, True
            yield self._frame("watermark", mark_ms)
        self._mark_ms = mark_ms
        captured_ms = max(captured_ms, mark_ms + 1) if self._marked else captured_ms
        self._last_ms = captured_ms if self._last_ms is None else max(captured_ms, self._last_ms)
        if shot.kind:
            yield self._frame(shot.kind, captured_ms, shot.width, shot.height, shot.payload)

    def end_ms(self, default_ms: int) -> int:
        """The time that was reached (UTC epoch ms), or the default when nothing came."""
        return default_ms if self._last_ms is None else self._last_ms

    def end(self, default_ms: int) -> Frame:
        """The record that closes the epoch."""
        return self._frame("end", self.end_ms(default_ms))

    def _frame(
        self, kind: Kind, captured_ms: int, width: int = 0, height: int = 0, payload: bytes = b""
    ) -> Frame:
        frame = Frame(
            camera_id=self.camera.id,
            epoch=self.epoch,
            seq=self.seq,
            kind=kind,
            captured_ms=captured_ms,
            clock_error_ms=self.camera.clock_error_ms,
            width=width,
            height=height,
            payload=payload,
        )
        self.seq += 1
        return frame
