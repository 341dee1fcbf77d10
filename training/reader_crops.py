"""Training crops for the plate reader: grey 40 x 128, as the production code cuts them, with their text."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.reading import fit, unfold

from training.specimens import specimen

Grey = npt.NDArray[np.uint8]
Bgr = npt.NDArray[np.uint8]
ILLEGIBLE_SHARE, BACKGROUND_SHARE = 0.05, 0.05


def reader_crop(rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> tuple[Grey, str]:
    """One training sample: crop uint8 (40, 128), and the text it must read as ("" for nothing legible)."""
    kind = rng.random()
    if kind < BACKGROUND_SHARE and backgrounds:
        return fit(degrade(_patch(rng, backgrounds), rng, float(rng.uniform(8, 60)))), ""
    legible = kind >= BACKGROUND_SHARE + ILLEGIBLE_SHARE
    image, text, two_line = specimen(rng, int(rng.integers(44, 72)), legible)
    crop = place(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), rng, backgrounds)
    text_height_px = float(np.exp(rng.uniform(np.log(8.5), np.log(40))))
    if legible and rng.random() < 0.03:
        text_height_px, text = float(rng.uniform(1.5, 3.5)), ""
    lines_px = text_height_px * (2.9 if two_line else 1.6)
    small = degrade(crop, rng, lines_px)
    if two_line:
        folded = rng.random() < 0.25
        return (fit(small), "") if folded else (fit(unfold(small, float(rng.uniform(0.45, 0.55)))), text)
    if rng.random() < 0.07 and small.shape[1] < 3.2 * small.shape[0]:
        return fit(unfold(small, float(rng.uniform(0.45, 0.55)))), ""
    return fit(small), text


def _patch(rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> Grey:
    picture = backgrounds[int(rng.integers(len(backgrounds)))]
    width = int(rng.integers(40, min(300, picture.shape[1] // 2)))
    height = max(12, int(width / rng.uniform(1.3, 5)))
    x = int(rng.integers(0, picture.shape[1] - width))
    y = int(rng.integers(0, max(1, picture.shape[0] - height)))
    return cv2.cvtColor(picture[y : y + height, x : x + width], cv2.COLOR_BGR2GRAY)


def place(plate: Grey, rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> Grey:
    """Sets a plate askew on some surface and cuts it out as an imprecise detector would (-5 to +20 %)."""
    height, width = plate.shape
    left, right, top, bottom = (float(v) for v in _margins(rng))
    size = (round(width * (1 + left + right)), round(height * (1 + top + bottom)))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    target = corners + np.array([left * width, top * height], np.float32)
    lean, shear = rng.normal(0, 0.05) * height, rng.normal(0, 0.06) * height
    target += np.array([[lean, -shear], [lean, shear], [-lean, shear], [-lean, -shear]], np.float32)
    target += rng.normal(0, 0.025, (4, 2)).astype(np.float32) * height
    if backgrounds and rng.random() < 0.5:
        canvas = cv2.resize(_patch(rng, backgrounds), size)
    else:
        canvas = np.full((size[1], size[0]), int(rng.integers(10, 240)), np.uint8)
        cv2.line(
            canvas,
            (0, int(rng.integers(size[1]))),
            (size[0], int(rng.integers(size[1]))),
            int(rng.integers(255)),
            3,
        )
    matrix = cv2.getPerspectiveTransform(corners, target)
    cv2.warpPerspective(plate, matrix, size, dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)
    return canvas


def _margins(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    if rng.random() < 0.5:
        return rng.uniform(-0.02, 0.08, 4)
    return np.array([*rng.uniform(-0.03, 0.2, 2), *rng.uniform(-0.05, 0.25, 2)])


def degrade(crop: Grey, rng: np.random.Generator, height_px: float) -> Grey:
    """Camera effects: motion, defocus, small size, exposure, noise and compression; height_px is the result's height."""
    if rng.random() < 0.25:
        length = int(rng.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        if rng.random() < 0.4:
            kernel = kernel.T.copy()
        crop = cv2.filter2D(crop, -1, kernel)
    height_px = max(5.0, min(height_px, crop.shape[0] * 1.0))
    scale = height_px / crop.shape[0]
    width = max(12, round(crop.shape[1] * scale * float(rng.uniform(0.8, 1.15))))
    small = cv2.resize(crop, (width, round(height_px)), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.5:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, max(0.5, height_px * 0.035))))
    gamma, gain, lift = (
        float(np.exp(rng.normal(0, 0.35))),
        float(rng.uniform(0.35, 1.1)),
        float(rng.uniform(0, 50)),
    )
    if rng.random() < 0.15:
        gain, lift = float(rng.uniform(0.08, 0.35)), float(rng.uniform(0, 25))
    small = 255 * (small / 255) ** gamma * gain + lift
    small += rng.normal(0, float(rng.uniform(0.5, 3 + 9 * gain)), small.shape)
    result = np.clip(small, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        packed = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 92))])[1]
        result = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return result
