"""Training patches for the plate detector: pictures with plates set in, their boxes, and look-alikes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from training.clutter import add_clutter
from training.specimens import specimen

Bgr = npt.NDArray[np.uint8]
PATCH_PX = 192


def background_patch(rng: np.random.Generator, pictures: Sequence[Bgr], size: int = PATCH_PX) -> Bgr:
    """A random square of a picture at a random scale, or flat noise where there are none."""
    if not pictures:
        return np.asarray(rng.integers(0, 255, (size, size, 3)), np.uint8)
    picture = pictures[int(rng.integers(len(pictures)))]
    side = int(np.exp(rng.uniform(np.log(90), np.log(min(picture.shape[:2])))))
    x = int(rng.integers(0, picture.shape[1] - side + 1))
    y = int(rng.integers(0, picture.shape[0] - side + 1))
    patch = cv2.resize(picture[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(patch[:, ::-1] if rng.random() < 0.5 else patch, np.uint8).copy()


def set_plate(image: Bgr, rng: np.random.Generator) -> npt.NDArray[np.float32] | None:
    """Draws one plate into the picture; returns its box xyxy, or None when it found no room."""
    plate = specimen(rng, int(rng.integers(40, 64))).image
    size = image.shape[0]
    width = float(np.exp(rng.uniform(np.log(20), np.log(150))))
    height = width * plate.shape[0] / plate.shape[1] * float(rng.uniform(0.9, 1.2))
    corners = (
        np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * np.array([width, height], np.float32) / 2
    )
    corners[:, 0] *= float(rng.uniform(0.7, 1.0))
    angle, shear = rng.normal(0, 0.05), rng.normal(0, 0.07)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle) + shear, np.cos(angle)]], np.float32)
    corners = corners @ turn.T + rng.normal(0, 0.015, (4, 2)).astype(np.float32) * width
    room = np.ptp(corners, axis=0) + 4
    if (room >= size - 4).any():
        return None
    centre = np.array(
        [rng.uniform(room[0] / 2, size - room[0] / 2), rng.uniform(room[1] / 2, size - room[1] / 2)]
    )
    corners = (corners + centre).astype(np.float32)
    if rng.random() < 0.5:
        _surround(image, corners, rng)
    plate = np.clip(plate * float(rng.uniform(0.35, 1.05)), 0, 255).astype(np.uint8)
    shrink = min(1.0, 1.6 * width / plate.shape[1])
    plate = cv2.resize(plate, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    source = np.array(
        [[0, 0], [plate.shape[1], 0], [plate.shape[1], plate.shape[0]], [0, plate.shape[0]]], np.float32
    )
    matrix = cv2.getPerspectiveTransform(source, corners)
    cv2.warpPerspective(plate, matrix, (size, size), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
    return np.array([*corners.min(0), *corners.max(0)], np.float32)


def _surround(image: Bgr, corners: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
    left, top = corners.min(0)
    right, bottom = corners.max(0)
    grow = (right - left) * rng.uniform(0.03, 0.5, 4)
    first = (int(left - grow[0]), int(top - grow[1] * 0.6))
    last = (int(right + grow[2]), int(bottom + grow[3] * 0.6))
    base = rng.integers(0, 230)
    cv2.rectangle(
        image, first, last, tuple(int(v) for v in np.clip(base + rng.integers(-15, 15, 3), 0, 255)), -1
    )


def patch(rng: np.random.Generator, pictures: Sequence[Bgr]) -> tuple[Bgr, npt.NDArray[np.float32]]:
    """One sample: picture uint8 BGR (192, 192, 3) and the boxes xyxy of its plates, float32 (n, 4)."""
    image = background_patch(rng, pictures)
    add_clutter(image, rng)
    boxes: list[npt.NDArray[np.float32]] = []
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.3, 0.4, 0.2, 0.1]))):
        trial = image.copy()
        box = set_plate(trial, rng)
        if box is not None and not any(_overlap(box, other) for other in boxes):
            image = trial
            boxes.append(box)
    return weather(image, rng), np.array(boxes, np.float32).reshape(-1, 4)


def _overlap(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> bool:
    grown = 0.4 * (b[2:] - b[:2])
    return bool((a[:2] < b[2:] + grown).all() and (b[:2] - grown < a[2:]).all())


def weather(image: Bgr, rng: np.random.Generator) -> Bgr:
    """Exposure, colour cast, blur, noise and compression, as one camera would put on everything."""
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4)))
    if rng.random() < 0.15:
        image = np.asarray(cv2.blur(image, (int(rng.integers(2, 6)), 1)), np.uint8)
    gamma, gain = float(np.exp(rng.normal(-0.05, 0.25))), rng.uniform(0.6, 1.25) * rng.uniform(0.92, 1.08, 3)
    if rng.random() < 0.12:
        gain = gain * 0.4
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    curve = 255 * (np.arange(256, dtype=np.float32) / 255) ** gamma
    mixed = cv2.LUT(np.asarray(image, np.uint8), curve[:, None, None] * gain.astype(np.float32))
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    mixed += cv2.randn(np.empty(image.shape, np.float32), (0, 0, 0), (float(rng.uniform(0.5, 8)),) * 3)
    result = np.clip(mixed, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        packed = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 92))])[1]
        result = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return result
