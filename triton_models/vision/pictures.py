"""Payloads to pictures: a JPEG, or one keyframe's access unit (H.264, HEVC; Annex B with parameter sets)."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

Bgr = npt.NDArray[np.uint8]
CODECS = ("jpeg", "h264", "hevc")
MIN_SIDE_PX, MAX_PIXELS = 16, 50_000_000
START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


class Unreadable(ValueError):
    """A payload that is no picture we can use; the message says why."""


def decode(payload: bytes, codec: str) -> Bgr:
    """The picture in a payload, uint8 BGR (h, w, 3); raises Unreadable."""
    if codec not in CODECS:
        raise Unreadable(f"codec {codec!r} is not one of {', '.join(CODECS)}")
    if not payload:
        raise Unreadable("the payload is empty")
    picture = _jpeg(payload) if codec == "jpeg" else _access_unit(payload, codec)
    height, width = picture.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise Unreadable(f"the picture is too small: {width}x{height} px, at least {MIN_SIDE_PX} a side")
    return picture


def jpeg_size(payload: bytes) -> tuple[int, int]:
    """Width and height from a JPEG's frame header; raises Unreadable."""
    if payload[:2] != b"\xff\xd8":
        raise Unreadable("the payload does not begin as a JPEG")
    at = 2
    while at + 9 <= len(payload):
        if payload[at] != 0xFF:
            raise Unreadable("the JPEG's header is damaged")
        marker = payload[at + 1]
        if marker in START_OF_FRAME:
            return int.from_bytes(payload[at + 7 : at + 9]), int.from_bytes(payload[at + 5 : at + 7])
        at += 2 if marker in (0xFF, 0x01) else 2 + int.from_bytes(payload[at + 2 : at + 4])
        if marker == 0xFF:
            at -= 1
    raise Unreadable("the JPEG ends before its frame header")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unreadable(
            f"the picture is too large: {width}x{height} px, at most {MAX_PIXELS // 10**6} megapixels"
        )


def _jpeg(payload: bytes) -> Bgr:
    _check_size(*jpeg_size(payload))
    try:
        picture = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as problem:
        raise Unreadable(f"the JPEG cannot be decoded: {problem.err}") from problem
    if picture is None:
        raise Unreadable("the JPEG cannot be decoded")
    return np.asarray(picture, np.uint8)


def _access_unit(payload: bytes, codec: str) -> Bgr:
    context: Any = av.CodecContext.create(codec, "r")
    context.thread_count = 1
    try:
        frames = [*context.decode(av.Packet(payload)), *context.decode(None)]
    except (av.FFmpegError, ValueError) as problem:
        raise Unreadable(f"the {codec} access unit cannot be decoded: {problem}") from problem
    if not frames:
        raise Unreadable(
            f"the {codec} access unit holds no complete picture; send a keyframe with its parameter sets"
        )
    frame = frames[0]
    _check_size(frame.width, frame.height)
    if frame.format.name not in ("yuv420p", "yuvj420p") or frame.width % 2 or frame.height % 2:
        return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    # OpenCV converts limited-range planes several times faster than swscale; full range goes the long way.
    if frame.format.name == "yuvj420p" or int(frame.color_range) == 2:
        return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    return np.asarray(cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2BGR_I420), np.uint8)
