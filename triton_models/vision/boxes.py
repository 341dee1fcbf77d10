"""Boxes (xyxy, pixels): overlap, suppression, and placing a region of a picture on a network's input."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Bgr = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
PAD = 114


@dataclass(frozen=True, slots=True)
class Placement:
    """How input pixels relate to picture pixels: picture = input / scale + origin (x, y)."""

    scale: float
    origin: tuple[float, float]

    def to_picture(self, boxes: Floats) -> Floats:
        """Boxes xyxy (n, 4) from input pixels to picture pixels."""
        return np.asarray(boxes / self.scale + np.array([*self.origin, *self.origin], np.float32), np.float32)


def place(
    picture: Bgr, region: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[Bgr, Placement]:
    """Cuts `region` (xyxy, may reach outside) out of a picture and fits it into `size` (w, h), padded grey."""
    x0, y0, x1, y1 = region
    width, height = size
    scale = min(width / (x1 - x0), height / (y1 - y0))
    left, top = max(0, int(x0)), max(0, int(y0))
    right, bottom = min(picture.shape[1], int(np.ceil(x1))), min(picture.shape[0], int(np.ceil(y1)))
    cut = picture[top : max(top + 1, bottom), left : max(left + 1, right)]
    whole = int(min(1 / scale, *cut.shape[:2]))
    if whole >= 2:
        # Averaging by a whole factor first is several times faster than by a broken one, and looks the same.
        cut = cut[: cut.shape[0] // whole * whole, : cut.shape[1] // whole * whole]
        cut = cv2.resize(cut, (cut.shape[1] // whole, cut.shape[0] // whole), interpolation=cv2.INTER_AREA)
    shrink = scale * max(1, whole)
    target = (
        max(1, min(width, round(cut.shape[1] * shrink))),
        max(1, min(height, round(cut.shape[0] * shrink))),
    )
    canvas = np.full((height, width, 3), PAD, np.uint8)
    canvas[: target[1], : target[0]] = cv2.resize(cut, target, interpolation=cv2.INTER_LINEAR)
    return canvas, Placement(scale, (float(left), float(top)))


def to_batch(canvases: list[Bgr]) -> Floats:
    """Canvases of one size as a network's input (n, 3, h, w), BGR, 0..1."""
    return np.ascontiguousarray(np.stack(canvases).transpose(0, 3, 1, 2)).astype(np.float32) * np.float32(
        1 / 255
    )


def overlap(one: Floats, many: Floats) -> Floats:
    """Intersection over union of one box (4,) with many (n, 4)."""
    low, high = np.maximum(one[:2], many[:, :2]), np.minimum(one[2:], many[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(many[:, 2:] - many[:, :2], axis=1) + np.prod(one[2:] - one[:2])
    return np.asarray(shared / np.maximum(areas - shared, 1e-6), np.float32)


def suppress(boxes: Floats, scores: Floats, threshold: float) -> npt.NDArray[np.int64]:
    """Indices of the boxes kept by non-maximum suppression, best first."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        kept.append(int(order[0]))
        order = order[1:][overlap(boxes[order[0]], boxes[order[1:]]) < threshold]
    return np.array(kept, np.int64)


def grown(box: Floats, share_x: float, share_y: float) -> tuple[float, float, float, float]:
    """A box grown on every side by shares of its width and height."""
    dx, dy = (box[2] - box[0]) * share_x, (box[3] - box[1]) * share_y
    return float(box[0] - dx), float(box[1] - dy), float(box[2] + dx), float(box[3] + dy)


def sigmoid(x: Floats) -> Floats:
    """The logistic function, safe for large negative values."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)
