"""Where a plate's characters are: the corners of its one or two lines, and each line cut out straight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .boxes import Floats, sigmoid

Network = Callable[[Floats], Floats]
Picture = npt.NDArray[np.uint8]
WIDTH_PX, HEIGHT_PX = 128, 64
OUTPUTS = 18
# The network's crop: a detector's box grown by these shares of its width and height on each side.
GROW_X, GROW_Y = 0.12, 0.2
# The second look's box: the lines and these shares of their height, about a plate's rim.
AGAIN_X, AGAIN_Y = 0.3, 0.35
# What is added around a line when it is cut out, in shares of the line's height.
MARGIN_X, MARGIN_Y = 0.22, 0.12


@dataclass(frozen=True, slots=True)
class Lines:
    """A plate's lines of characters in picture pixels, and two probabilities.

    `quads` is float32 (2, 4, 2): upper and lower line, each upper left, upper right, lower right, lower
    left; of a one-line plate only the first counts. `two_line` and `legible` are 0..1.
    """

    quads: Floats
    two_line: float
    legible: float


def fit_corners(crop: Picture) -> Picture:
    """A grey crop resized to the network's input, uint8 (64, 128)."""
    method = cv2.INTER_AREA if crop.shape[1] > WIDTH_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (WIDTH_PX, HEIGHT_PX), interpolation=method), np.uint8)


def _cut(picture: Picture, box: Sequence[float]) -> tuple[Picture, tuple[int, int, int, int]]:
    grow_x, grow_y = GROW_X * (box[2] - box[0]), GROW_Y * (box[3] - box[1])
    left = int(np.clip(round(box[0] - grow_x), 0, picture.shape[1] - 4))
    top = int(np.clip(round(box[1] - grow_y), 0, picture.shape[0] - 4))
    right = int(np.clip(round(box[2] + grow_x), left + 4, picture.shape[1]))
    bottom = int(np.clip(round(box[3] + grow_y), top + 4, picture.shape[0]))
    crop = picture[top:bottom, left:right]
    return (crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)), (left, top, right, bottom)


def find_lines(network: Network, plates: Sequence[tuple[Picture, Sequence[float]]]) -> list[Lines]:
    """Lines of characters of plates given as (picture BGR or grey of at least 4 x 4 px, box xyxy)."""
    if not plates:
        return []
    cuts = [_cut(picture, box) for picture, box in plates]
    batch = np.stack([fit_corners(crop) for crop, _ in cuts])[:, None].astype(np.float32) / np.float32(255)
    found = []
    for row, (_, (left, top, right, bottom)) in zip(network(batch), cuts, strict=True):
        size = np.array([right - left, bottom - top], np.float32)
        quads = row[:16].reshape(2, 4, 2) * size + np.array([left, top], np.float32)
        chances = sigmoid(row[16:18])
        found.append(Lines(quads.astype(np.float32), float(chances[0]), float(chances[1])))
    return found


def look_again(
    network: Network, plates: Sequence[tuple[Picture, Sequence[float]]], found: Sequence[Lines]
) -> list[Lines]:
    """The lines of the same plates, found anew in the box around the lines found first: another opinion of the corners."""
    closer = []
    for (picture, _), lines in zip(plates, found, strict=True):
        points = lines.quads.reshape(-1, 2) if lines.two_line > 0.5 else lines.quads[0]
        (left, top), (right, bottom) = points.min(0), points.max(0)
        grow_x, grow_y = AGAIN_X * (bottom - top), AGAIN_Y * (bottom - top)
        closer.append(
            (
                picture,
                (float(left - grow_x), float(top - grow_y), float(right + grow_x), float(bottom + grow_y)),
            )
        )
    return find_lines(network, closer)


def widened(quad: Floats, margin_x: float = MARGIN_X, margin_y: float = MARGIN_Y) -> Floats:
    """A quadrilateral grown along its own sides; margins are shares of its height."""
    upper_left, upper_right, lower_right, lower_left = quad
    along_top, along_bottom = upper_right - upper_left, lower_right - lower_left
    down_left, down_right = lower_left - upper_left, lower_right - upper_right
    height = (np.linalg.norm(down_left) + np.linalg.norm(down_right)) / 2
    width = (np.linalg.norm(along_top) + np.linalg.norm(along_bottom)) / 2
    share = margin_x * height / max(1e-3, float(width))
    return np.array(
        [
            upper_left - share * along_top - margin_y * down_left,
            upper_right + share * along_top - margin_y * down_right,
            lower_right + share * along_bottom + margin_y * down_right,
            lower_left - share * along_bottom + margin_y * down_left,
        ],
        np.float32,
    )


def straighten(picture: Picture, quad: Floats, size: tuple[int, int]) -> Picture:
    """The part of a picture inside a quadrilateral as an upright rectangle of `size` (w, h); edges repeat outside."""
    width, height = size
    tall = max(float(np.linalg.norm(quad[3] - quad[0])), float(np.linalg.norm(quad[2] - quad[1])))
    wide = max(float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[2] - quad[3])))
    # Sampled finer and then averaged where the picture is finer than the result.
    finer = int(np.clip(np.ceil(max(tall / height, wide / width)), 1, 6))
    big = (width * finer, height * finer)
    target = np.array([[0, 0], [big[0], 0], [big[0], big[1]], [0, big[1]]], np.float32) - np.float32(0.5)
    source = np.asarray(quad, np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source, target)
    flat = cv2.warpPerspective(picture, matrix, big, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat if finer == 1 else cv2.resize(flat, size, interpolation=cv2.INTER_AREA), np.uint8)


def line_crop(
    picture: Picture,
    quads: Sequence[Floats],
    size: tuple[int, int],
    margin_x: float = MARGIN_X,
    margin_y: float = MARGIN_Y,
) -> Picture:
    """A plate's one or two lines as one straight line of `size` (w, h), the second to the right of the first."""
    if len(quads) == 1:
        return straighten(picture, widened(quads[0], margin_x, margin_y), size)
    lengths = [
        float(np.linalg.norm(quad[1] - quad[0])) / max(1.0, float(np.linalg.norm(quad[3] - quad[0])))
        for quad in quads
    ]
    first = int(
        np.clip(round(size[0] * lengths[0] / max(1e-3, sum(lengths))), size[0] // 5, size[0] - size[0] // 5)
    )
    parts = [
        straighten(picture, widened(quad, margin_x, margin_y), (width, size[1]))
        for quad, width in zip(quads, (first, size[0] - first), strict=True)
    ]
    return np.hstack(parts)
