"""Video through PyAV: whole coded pictures without decoding, or decoded pictures; files and RTSP.

Measured facts behind the choices are in docs/cameras.md. Times are ms from the stream's first picture.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from waysight.adapters.access_units import (
    PARAMETER_SETS,
    START,
    ParameterSets,
    begins_picture,
    nal_type,
    nal_units,
)
from waysight.adapters.access_units import sets_of_extradata as _sets
from waysight.adapters.pictures import Picture
from waysight.errors import BadMessage, EngineDown

av.logging.set_level(av.logging.PANIC)
logging.getLogger("libav").setLevel(logging.CRITICAL)

BACKWARDS_MS = 500.0
MOST_BROKEN_IN_A_ROW = 200
OPEN_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 4.0
LIVE_OPTIONS = {
    "rtsp_transport": "tcp",
    "analyzeduration": "500000",
    "probesize": "500000",
}


@dataclass(frozen=True, slots=True)
class Coded:
    """One coded picture: `data` (Annex B, parameter sets in front) of keyframes only; `until_ms` bounds what follows."""

    time_ms: float
    until_ms: float
    key: bool
    size_bytes: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded picture, still in the decoder's pixel format; `picture()` converts it."""

    time_ms: float
    frame: Any
    rotation: int = 0

    def picture(self) -> Picture:
        """BGR uint8 (H, W, 3), turned upright."""
        coded: Picture = self.frame.to_ndarray(format="bgr24")
        return (
            np.ascontiguousarray(np.rot90(coded, round(self.rotation / 90) % 4)) if self.rotation else coded
        )


@dataclass(slots=True)
class Timeline:
    """Raw stream times to ms from the first picture; a jump backwards continues where time had come to."""

    step_ms: float
    counts: bool = False
    jumps: int = 0
    _zero_ms: float | None = None
    _last_ms: float = 0.0
    _index: int = -1

    def place(self, raw_ms: float | None) -> float:
        """The time of the next picture in the order in which times should grow."""
        self._index += 1
        if self.counts or (raw_ms is None and self._zero_ms is None):
            self._last_ms = self._index * self.step_ms
            return self._last_ms
        if raw_ms is None:
            self._last_ms += self.step_ms
            return self._last_ms
        if self._zero_ms is None:  # the first pictures of a live stream may come before its clock is known
            self._zero_ms = raw_ms - self._index * self.step_ms
        if raw_ms - self._zero_ms < self._last_ms - BACKWARDS_MS:
            self.jumps += 1
            self._zero_ms = raw_ms - self._last_ms - self.step_ms
        self._last_ms = max(self._last_ms, raw_ms - self._zero_ms)
        return raw_ms - self._zero_ms


@dataclass(slots=True)
class Video:
    """An open stream. Use as a context manager; iterate `coded()` or `decoded()` once."""

    name: str
    live: bool
    container: Any
    stream: Any
    frame_rate: float
    counts: bool = False
    rotation: int = 0
    broken: int = 0
    timeline: Timeline = field(init=False)
    _tick_ms: float = field(init=False)

    def __post_init__(self) -> None:
        self._tick_ms = float(self.stream.time_base * 1000)
        self.timeline = Timeline(1000.0 / self.frame_rate, self.counts)
        self.stream.codec_context.thread_count = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    @property
    def codec(self) -> str:
        """libav's name of the codec, e.g. h264, hevc, mpeg4."""
        return str(self.stream.codec_context.name)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the coded pictures, px."""
        return int(self.stream.codec_context.width), int(self.stream.codec_context.height)

    @property
    def passes_through(self) -> bool:
        """Whether keyframes can travel undecoded: H.264 or HEVC, upright."""
        return self.codec in PARAMETER_SETS and self.rotation == 0

    def coded(self) -> Iterator[Coded]:
        """Every coded picture in decoding order, slices of one picture joined; raises EngineDown when it freezes."""
        extradata = bytes(self.stream.codec_context.extradata or b"")
        sets = ParameterSets(self.codec, _sets(self.codec, extradata))
        framed = bool(extradata) and not extradata.startswith((b"\x00\x00\x01", START))
        to_annexb = BitStreamFilterContext(f"{self.codec}_mp4toannexb", self.stream) if framed else None
        shift_ms: float | None = None
        for group in self._groups(framed):
            raw_pts, raw_dts = self._ms(group[0].pts), self._ms(group[0].dts)
            raw_pts = raw_dts if raw_pts is None else raw_pts
            raw_dts = raw_pts if raw_dts is None else raw_dts
            if shift_ms is None:  # the first picture is time 0, although it is decoded before it is shown
                shift_ms = 0.0 if self.counts or raw_pts is None or raw_dts is None else raw_dts - raw_pts
            until_ms = self.timeline.place(raw_dts) + shift_ms
            ahead_ms = 0.0 if self.counts or raw_pts is None or raw_dts is None else raw_pts - raw_dts
            key, size = any(p.is_keyframe for p in group), sum(p.size for p in group)
            data = self._joined(group, to_annexb) if key else b""
            complete = sets.complete(data) if data and begins_picture(self.codec, data) else None
            if key and complete is None:
                self.broken += 1
            yield Coded(until_ms + ahead_ms, until_ms, complete is not None, size, complete or b"")

    def decoded(self, keyframes_only: bool = False, sparse: bool = False) -> Iterator[Decoded]:
        """Pictures in the order of showing; `sparse` lets the decoder leave out pictures nothing depends on.

        Where time is counted in pictures, `sparse` leaves none out.
        """
        if keyframes_only:
            self.stream.codec_context.skip_frame = "NONKEY"
        elif sparse and not self.counts:
            self.stream.codec_context.skip_frame = "NONREF"
        seen_key, shown_ms = not self.live, -1.0
        for packet in self._packets(flush=True):
            seen_key = seen_key or bool(packet.is_keyframe)
            if not seen_key or (keyframes_only and packet.size and not packet.is_keyframe):
                continue
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError, EOFError):
                self.broken += 1
                continue
            for frame in frames:
                time_ms = self.timeline.place(self._ms(frame.pts if frame.pts is not None else frame.dts))
                if time_ms > shown_ms:
                    shown_ms = time_ms
                    yield Decoded(time_ms, frame, self.rotation)

    def _packets(self, flush: bool = False) -> Iterator[Any]:
        """Packets of the stream; broken stretches are counted and passed over."""
        in_a_row = 0
        while in_a_row < MOST_BROKEN_IN_A_ROW:
            try:
                for packet in self.container.demux(self.stream):
                    in_a_row = 0
                    if packet.size or (flush and not self.live):
                        yield packet
                return
            except (av.ExitError, av.TimeoutError) as error:
                raise EngineDown(f"{self.name}: no data for {READ_TIMEOUT_S:g} s") from error
            except (av.InvalidDataError, ValueError):
                in_a_row += 1
                self.broken += 1
            except (av.FFmpegError, OSError) as error:
                if self.live:
                    return  # a connection that ends is an end of stream
                self.broken += 1
                raise BadMessage(f"{self.name}: reading stopped: {error}") from error

    def _groups(self, framed: bool) -> Iterator[list[Any]]:
        """Packets that are one picture: a following slice of the same time is no new picture."""
        if framed:
            for packet in self._packets():
                yield [packet]
            return
        group: list[Any] = []
        for packet in self._packets():
            if group and not (packet.pts == group[0].pts and self._continues(group, packet)):
                yield group
                group = []
            group.append(packet)
        if group:
            yield group

    def _continues(self, group: list[Any], packet: Any) -> bool:
        if begins_picture(self.codec, bytes(packet)[:4096]) is not True:
            return True
        return all(begins_picture(self.codec, bytes(p)[:4096]) is None for p in group)

    def _joined(self, group: list[Any], to_annexb: Any) -> bytes:
        first, *rest = group
        try:
            parts = [bytes(p) for p in to_annexb.filter(first)] if to_annexb else [bytes(first)]
        except (av.FFmpegError, ValueError):
            return b""  # a damaged picture; the caller counts it
        repeated = PARAMETER_SETS[self.codec]
        for (
            packet
        ) in rest:  # parameter sets repeated in the middle of a picture would end it for some decoders
            parts += [START + n for n in nal_units(bytes(packet)) if nal_type(self.codec, n) not in repeated]
        return b"".join(parts)

    def _ms(self, timestamp: int | None) -> float | None:
        return None if timestamp is None else timestamp * self._tick_ms


def open_file(path: Path, frame_rate: float | None = None) -> Video:
    """Open a video file after looking at its first pictures; raises BadMessage saying why it cannot be used.

    `frame_rate` (1/s) is used only where the file has no usable timestamps.
    """
    if not path.is_file():
        raise BadMessage(f"{path}: no such file; correct the camera's source")
    with _open(str(path), {}, None) as probe:
        times: list[int | None] = []
        first: Any = None
        for packet in probe._packets(flush=True):
            if packet.size:
                times.append(packet.dts if packet.dts is not None else packet.pts)
            try:
                first = first or next(iter(packet.decode()), None)
            except (av.FFmpegError, ValueError, EOFError):
                continue
            if len(times) >= (8 if first is not None else 600):
                break
        if first is None:
            raise BadMessage(f"{path}: none of its first {len(times)} pictures decodes; the file is damaged")
        counts = len({t for t in times if t is not None}) < min(2, len(times))
        rotation = int(getattr(first, "rotation", 0) or 0)
    video = _open(str(path), {}, None)
    nominal = video.stream.average_rate or video.stream.guessed_rate
    rate = frame_rate if frame_rate and counts else float(nominal or 25)
    video.frame_rate = rate if 0.1 <= rate <= 1000 else 25.0
    video.counts, video.rotation = counts, rotation
    video.timeline = Timeline(1000.0 / video.frame_rate, counts)
    return video


def open_live(url: str, name: str) -> Video:
    """Open an RTSP stream over TCP; raises EngineDown when it cannot be reached. `name` goes into messages."""
    return _open(url, LIVE_OPTIONS, (OPEN_TIMEOUT_S, READ_TIMEOUT_S), name)


def _open(source: str, options: dict[str, str], timeout: tuple[float, float] | None, name: str = "") -> Video:
    name, live = name or source, timeout is not None
    try:
        container = av.open(source, options=options, timeout=timeout)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        if live:
            raise EngineDown(f"{name}: cannot be opened: {reason}") from error
        raise BadMessage(f"{name}: not a readable video: {reason}") from error
    if not container.streams.video:
        container.close()
        raise (EngineDown if live else BadMessage)(f"{name}: has no video stream")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        container.close()
        raise (EngineDown if live else BadMessage)(f"{name}: its video codec is unknown")
    rate = float(stream.average_rate or 25)
    return Video(name, live, container, stream, rate if 0.1 <= rate <= 1000 else 25.0)
