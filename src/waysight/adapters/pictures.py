"""Pictures: from frame payloads to pixels and back, and boxes and words drawn on them (PyAV, OpenCV)."""

from __future__ import annotations

from collections.abc import Sequence

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.errors import BadMessage

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
MOST_PIXELS = 8192 * 8192
GREEN: Colour = (60, 200, 60)
RED: Colour = (50, 50, 230)
AMBER: Colour = (40, 170, 250)


def decode_frame(kind: str, payload: bytes) -> Picture:
    """The picture of a frame payload: BGR uint8 (H, W, 3).

    `kind` is h264 or hevc (one access unit in Annex B with parameter sets) or jpeg. Raises BadMessage.
    """
    if kind == "jpeg":
        picture = cv2.imdecode(np.frombuffer(payload, dtype=np.uint8), cv2.IMREAD_COLOR) if payload else None
        if picture is None:
            raise BadMessage(f"payload of {len(payload)} bytes is not a JPEG picture", "frames")
        return np.asarray(picture, dtype=np.uint8)
    if kind not in ("h264", "hevc"):
        raise BadMessage(f"a frame of kind {kind!r} has no picture", "frames")
    try:
        decoder = av.CodecContext.create(kind, "r")
        decoder.thread_count = 1
        frames = [*decoder.decode(av.Packet(payload)), *decoder.decode(None)] if payload else []
    except (av.FFmpegError, ValueError, EOFError) as error:
        raise BadMessage(
            f"{kind} access unit of {len(payload)} bytes does not decode: {error}", "frames"
        ) from error
    if not frames:
        raise BadMessage(f"{kind} access unit of {len(payload)} bytes holds no picture", "frames")
    if frames[0].width * frames[0].height > MOST_PIXELS:
        raise BadMessage(
            f"picture of {frames[0].width}x{frames[0].height} is larger than any camera's", "frames"
        )
    return np.asarray(frames[0].to_ndarray(format="bgr24"), dtype=np.uint8)


def encode_jpeg(picture: Picture, quality: int = 90) -> bytes:
    """A BGR or grey uint8 picture as JPEG, 4:2:0; quality 1..100. Raises ValueError for another shape."""
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or 0 in picture.shape:
        raise ValueError(f"expected a uint8 picture (H, W[, 3]), got {picture.dtype} {picture.shape}")
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"OpenCV cannot encode a picture of shape {picture.shape}")
    return bytes(data)


def crop(picture: Picture, xyxy: Sequence[float], margin: float = 0.0) -> Picture:
    """The part of a picture inside a box (px), widened by `margin` of its sides and cut at the edges; ≥ 1 px."""
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = xyxy
    dx, dy = (x2 - x1) * margin, (y2 - y1) * margin
    left, top = min(max(int(x1 - dx), 0), width - 1), min(max(int(y1 - dy), 0), height - 1)
    right, bottom = (
        max(min(int(np.ceil(x2 + dx)), width), left + 1),
        max(min(int(np.ceil(y2 + dy)), height), top + 1),
    )
    return picture[top:bottom, left:right].copy()


def draw_box(picture: Picture, xyxy: Sequence[float], text: str = "", colour: Colour = GREEN) -> None:
    """Draw a box (px) with a label above it, in place; sizes follow the picture's height."""
    thick = max(1, round(picture.shape[0] / 400))
    x1, y1, x2, y2 = (round(float(v)) for v in xyxy)
    cv2.rectangle(picture, (x1, y1), (x2, y2), colour, thick, cv2.LINE_AA)
    if text:
        draw_text(picture, (x1, y1), text, colour)


def draw_text(picture: Picture, at: tuple[int, int], text: str, colour: Colour = GREEN) -> None:
    """Write text on a filled bar that ends above `at` (px) and stays inside the picture, in place."""
    scale = max(0.4, picture.shape[0] / 1400)
    thick = max(1, round(scale * 1.6))
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    x = min(max(at[0], 0), max(picture.shape[1] - width - 4, 0))
    y = min(max(at[1], height + base + 2), picture.shape[0] - 1)
    cv2.rectangle(picture, (x, y - height - base - 2), (x + width + 4, y), colour, cv2.FILLED)
    ink = (0, 0, 0) if sum(colour) > 380 else (255, 255, 255)
    cv2.putText(picture, text, (x + 2, y - base), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)


def draw_polygon(
    picture: Picture,
    points: Sequence[tuple[float, float]],
    text: str = "",
    colour: Colour = AMBER,
    closed: bool = True,
) -> None:
    """Draw a polygon or a line (px), labelled at its first point, in place."""
    corners = np.round(np.array(points, dtype=np.float64)).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(picture, [corners], closed, colour, max(1, round(picture.shape[0] / 400)), cv2.LINE_AA)
    if text:
        draw_text(picture, (int(corners[0, 0, 0]), int(corners[0, 0, 1])), text, colour)


def fit_inside(picture: Picture, width: int, height: int) -> Picture:
    """The picture scaled into `width` x `height` px, its shape kept, on a dark ground."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.full((height, width, 3), 24, dtype=np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas


def grid(cells: Sequence[Picture], columns: int) -> Picture:
    """Pictures of one size side by side, row by row, at most `columns` in a row; at least one is needed."""
    columns = min(columns, len(cells))
    blank = np.full(cells[0].shape, 24, dtype=np.uint8)
    padded = [*cells, *[blank] * (-len(cells) % columns)]
    rows = [np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)]
    return np.vstack(rows)
