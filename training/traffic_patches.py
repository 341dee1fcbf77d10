"""Augmented training samples for the vehicle detector: letterboxed crops and mosaics."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from training.pasting import Pool, paste
from training.plate_patches import weather
from training.traffic import Boxes

Bgr = npt.NDArray[np.uint8]
WIDTH_PX, HEIGHT_PX = 416, 256
PAD = 114


Labelled = tuple[Bgr, Boxes, npt.NDArray[np.int64]]


class Library:
    """Pictures with boxes and classes, decoded, drawn at random by group weight."""

    def __init__(self, groups: Sequence[tuple[float, Sequence[Labelled]]]) -> None:
        self.groups = [(weight, pictures) for weight, pictures in groups if pictures]
        total = sum(weight for weight, _ in self.groups)
        self.shares = [weight / total for weight, _ in self.groups]

    def draw(self, rng: np.random.Generator) -> Labelled:
        group = self.groups[int(rng.choice(len(self.groups), p=self.shares))][1]
        return group[int(rng.integers(len(group)))]


def view(
    rng: np.random.Generator, library: Library, size: tuple[int, int], zoom: tuple[float, float]
) -> Labelled:
    """A picture at random scale and place in a frame of `size` (w, h), maybe mirrored, with its labels."""
    image, boxes, labels = library.draw(rng)
    width, height = size
    fit = min(width / image.shape[1], height / image.shape[0])
    scale = fit * float(np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1]))))
    stretch = float(rng.uniform(0.88, 1.14))
    scale_x, scale_y = scale * stretch, scale / stretch
    free_x, free_y = width - image.shape[1] * scale_x, height - image.shape[0] * scale_y
    shift_x = float(rng.uniform(min(0, free_x), max(0, free_x)))
    shift_y = float(rng.uniform(min(0, free_y), max(0, free_y)))
    if scale < 0.8:
        blur = 0.35 / scale
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur) if blur > 0.5 else image, np.uint8)
    matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y]], np.float32)
    canvas = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(PAD, PAD, PAD))
    moved = boxes * np.array([scale_x, scale_y] * 2, np.float32) + np.array(
        [shift_x, shift_y] * 2, np.float32
    )
    if rng.random() < 0.5:
        canvas = canvas[:, ::-1]
        moved = moved[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32) + np.array(
            [width, 0, width, 0], np.float32
        )
    return np.ascontiguousarray(canvas), *clip(moved, labels, size)


def clip(
    boxes: Boxes, labels: npt.NDArray[np.int64], size: tuple[int, int]
) -> tuple[Boxes, npt.NDArray[np.int64]]:
    """Boxes cut at the frame's edge; those with little left, or tiny ones, become ignore boxes."""
    limit = np.array([size[0], size[1]] * 2, np.float32)
    inside = np.clip(boxes, 0, limit)
    sides = inside[:, 2:] - inside[:, :2]
    whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    visible = np.prod(sides, axis=1) / np.maximum(whole, 1e-6)
    small = (sides.min(1) < 4) | (sides.max(1) < 8) | (visible < 0.35)
    present = sides.min(1) > 0.5
    return inside[present], np.where(small, -1, labels)[present]


def sample(rng: np.random.Generator, library: Library, scenery: Library, pool: Pool) -> Labelled:
    """One training sample: BGR (256, 416, 3), boxes xyxy, classes (-1 ignore).

    A view of `library`, a mosaic of four, or a view of `scenery` with cut-outs of `pool` set in.
    """
    kind = rng.random()
    if kind < 0.45:
        scene = view(rng, scenery, (WIDTH_PX, HEIGHT_PX), (0.9, 3.2))
        image, boxes, labels = paste(rng, scene, pool)
        boxes, labels = clip(boxes, labels, (WIDTH_PX, HEIGHT_PX))
    elif kind < 0.79:
        image, boxes, labels = view(rng, library, (WIDTH_PX, HEIGHT_PX), (0.7, 2.4))
    else:
        image = np.full((HEIGHT_PX, WIDTH_PX, 3), PAD, np.uint8)
        cut_x, cut_y = int(rng.uniform(0.35, 0.65) * WIDTH_PX), int(rng.uniform(0.35, 0.65) * HEIGHT_PX)
        parts = []
        for x0, y0, x1, y1 in (
            (0, 0, cut_x, cut_y),
            (cut_x, 0, WIDTH_PX, cut_y),
            (0, cut_y, cut_x, HEIGHT_PX),
            (cut_x, cut_y, WIDTH_PX, HEIGHT_PX),
        ):
            tile, boxes, labels = view(rng, library, (x1 - x0, y1 - y0), (1.0, 3.2))
            image[y0:y1, x0:x1] = tile
            parts.append((boxes + np.array([x0, y0, x0, y0], np.float32), labels))
        boxes = np.concatenate([part[0] for part in parts])
        labels = np.concatenate([part[1] for part in parts])
    return weather(recolour(image, rng), rng), boxes, labels


def recolour(image: Bgr, rng: np.random.Generator) -> Bgr:
    """Random hue and saturation."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(rng.integers(-8, 9))) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * float(rng.uniform(0.5, 1.5)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)
