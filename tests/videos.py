"""Small videos made for tests (PyAV): a bar that moves over a gradient, its position telling the picture's number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


def picture(number: int, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """BGR uint8 (height, width, 3); a white bar at x = 4 * number."""
    columns = np.linspace(20, 120, width, dtype=np.uint8)
    frame = np.repeat(np.tile(columns, (height, 1))[:, :, None], 3, axis=2)
    x = 4 * number % width
    frame[:, x : x + 12] = 250
    return frame


def make_video(
    path: Path,
    codec: str = "libx264",
    frames: int = 100,
    fps: Fraction | int = 25,
    gop: int = 25,
    size: tuple[int, int] = (320, 240),
    options: dict[str, str] | None = None,
    rotate: int = 0,
    pts: list[int] | None = None,
    noise: bool = False,
) -> Path:
    """Encode test pictures (or noise); `pts` (in 1/fps) makes the frame rate variable; `rotate` is display metadata in degrees."""
    random = np.random.default_rng(7)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        if codec == "mjpeg":
            stream.pix_fmt = "yuvj420p"
        stream.options = {"tune": "zerolatency", "x264-params": "scenecut=0"} if codec == "libx264" else {}
        stream.options |= options or {}
        if rotate:
            stream.set_display_rotation(rotate)
        for number in range(frames):
            shown = (
                random.integers(0, 255, (size[1], size[0], 3), np.uint8) if noise else picture(number, *size)
            )
            frame = av.VideoFrame.from_ndarray(shown, format="bgr24")
            frame.pts = pts[number] if pts else number
            frame.time_base = 1 / Fraction(fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
