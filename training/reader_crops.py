"""Grey crops around rendered plates, as a camera and an imprecise detector would give them, with their lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.corners import fit_corners, line_crop
from waysight.triton_models.vision.reading import HEIGHT_PX, WIDTH_PX, fit, unfold

from training.layouts import Plate
from training.specimens import specimen

Grey = npt.NDArray[np.uint8]
Bgr = npt.NDArray[np.uint8]
Quads = npt.NDArray[np.float32]
ILLEGIBLE_SHARE, BACKGROUND_SHARE, LOOSE_SHARE = 0.05, 0.05, 0.2
LEAST_PX, MOST_PX, LEAST_CONTRAST = 7.5, 40.0, 5.0


@dataclass(frozen=True, slots=True)
class Sight:
    """A crop uint8 (h, w), its text ("" where none is legible), and its lines, float32 (k, 4, 2) in crop pixels."""

    crop: Grey
    text: str
    quads: Quads


def sight(rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> Sight:
    """One plate, or now and then none, as the crop of a detector's box grown by a little or much."""
    kind = rng.random()
    if kind < BACKGROUND_SHARE and backgrounds:
        return Sight(
            degrade(_patch(rng, backgrounds), rng, float(rng.uniform(8, 60))),
            "",
            np.zeros((0, 4, 2), np.float32),
        )
    plate = specimen(rng, int(rng.integers(48, 76)), kind >= BACKGROUND_SHARE + ILLEGIBLE_SHARE)
    crop, quads = place(plate, rng, backgrounds)
    text_px, text = float(np.exp(rng.uniform(np.log(LEAST_PX), np.log(MOST_PX)))), plate.text
    if text and rng.random() < 0.03:
        text_px, text = float(rng.uniform(1.5, 3.5)), ""
    line_px = float(np.linalg.norm(quads[0, 3] - quads[0, 0])) if len(quads) else 0.45 * crop.shape[0]
    small = degrade(crop, rng, crop.shape[0] * text_px / line_px)
    quads = quads * np.array([small.shape[1] / crop.shape[1], small.shape[0] / crop.shape[0]], np.float32)
    if not all(contrast(small, quad) > LEAST_CONTRAST for quad in quads):
        text = ""
    return Sight(small, text, quads if text else quads[:0])


def contrast(crop: Grey, quad: Quads) -> float:
    """Standard deviation of the grey values in the box around a line."""
    left, top = np.clip(quad.min(0), 0, None).astype(int)
    right, bottom = np.ceil(quad.max(0)).astype(int)
    return float(crop[top : max(top + 1, bottom), left : max(left + 1, right)].std())


def reader_crop(rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> tuple[Grey, str]:
    """One sample for the reader: crop uint8 (40, 128), and the text it must read as ("" for nothing legible)."""
    seen = sight(rng, backgrounds)
    if len(seen.quads) and rng.random() > LOOSE_SHARE:
        quads = [astray(quad, rng) for quad in seen.quads]
        margins = float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.04, 0.22))
        return line_crop(seen.crop, quads, (WIDTH_PX, HEIGHT_PX), *margins), seen.text
    if len(seen.quads) == 2:
        folded = rng.random() < 0.25
        crop = seen.crop if folded else unfold(seen.crop, float(rng.uniform(0.45, 0.55)))
        return fit(crop), "" if folded else seen.text
    if rng.random() < 0.07 and seen.crop.shape[1] < 3.2 * seen.crop.shape[0]:
        return fit(unfold(seen.crop, float(rng.uniform(0.45, 0.55)))), ""
    return fit(seen.crop), seen.text


def corner_crop(rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> tuple[Grey, Sight]:
    """One sample for the corner network: crop uint8 (64, 128), and what it was made from."""
    seen = sight(rng, backgrounds)
    return fit_corners(seen.crop), seen


def astray(quad: Quads, rng: np.random.Generator) -> Quads:
    """A line's corners moved as the corner network errs: together, apart, and now and then far."""
    height = float(np.linalg.norm(quad[3] - quad[0]))
    spread = 0.05 if rng.random() < 0.85 else 0.13
    shift = rng.normal(0, spread, (1, 2)) + rng.normal(0, spread * 0.8, (4, 2))
    shift[:, 0] = shift[:, 0] * 1.6 + np.array([-1, 1, 1, -1]) * rng.normal(0.02, spread)
    return (quad + shift * height).astype(np.float32)


def _patch(rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> Grey:
    picture = backgrounds[int(rng.integers(len(backgrounds)))]
    width = int(rng.integers(40, min(300, picture.shape[1] // 2)))
    height = max(12, int(width / rng.uniform(1.3, 5)))
    x = int(rng.integers(0, picture.shape[1] - width))
    y = int(rng.integers(0, max(1, picture.shape[0] - height)))
    return np.asarray(cv2.cvtColor(picture[y : y + height, x : x + width], cv2.COLOR_BGR2GRAY), np.uint8)


def place(plate: Plate, rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> tuple[Grey, Quads]:
    """Sets a plate askew on some surface and cuts it out with margins; returns crop and lines (k, 4, 2) in its pixels."""
    grey = cv2.cvtColor(plate.image, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    angle = float(rng.uniform(-0.25, 0.25)) if rng.random() < 0.1 else float(rng.normal(0, 0.06))
    lean = float(rng.normal(0, 0.08))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle) - lean * 0.4, np.cos(angle)]])
    turn[0, 1] += lean
    turn[:, 0] *= float(rng.uniform(0.75, 1.05))
    target = corners @ turn.T + rng.normal(0, 0.025, (4, 2)) * height
    left, right, top, bottom = _margins(rng)
    first, last = target.min(0), target.max(0)
    room = last - first
    origin = first - room * (left, top)
    size = np.maximum(8, np.rint(room * (1 + left + right, 1 + top + bottom))).astype(int)
    target = (target - origin).astype(np.float32)
    canvas = _surface((int(size[0]), int(size[1])), rng, backgrounds)
    matrix = cv2.getPerspectiveTransform(corners, target)
    cv2.warpPerspective(grey, matrix, canvas.shape[::-1], dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)
    lines = np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, y0, x1, y1 in plate.lines], np.float32)
    quads = (
        cv2.perspectiveTransform(lines.reshape(-1, 1, 2), matrix).reshape(-1, 4, 2) if len(lines) else lines
    )
    return canvas, np.asarray(quads, np.float32).reshape(-1, 4, 2)


def _surface(size: tuple[int, int], rng: np.random.Generator, backgrounds: Sequence[Bgr]) -> Grey:
    if backgrounds and rng.random() < 0.6:
        return np.asarray(cv2.resize(_patch(rng, backgrounds), size), np.uint8)
    canvas = np.full((size[1], size[0]), int(rng.integers(10, 240)), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        ends = (0, int(rng.integers(size[1]))), (size[0], int(rng.integers(size[1])))
        cv2.line(canvas, *ends, int(rng.integers(255)), int(rng.integers(1, 9)))
    return canvas


def _margins(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Left, right, top, bottom: some crops tight, most as the corner network gets them."""
    if rng.random() < 0.25:
        return rng.uniform(-0.03, 0.1, 4)
    return np.array([*rng.uniform(0.0, 0.28, 2), *rng.uniform(0.0, 0.45, 2)])


def degrade(crop: Grey, rng: np.random.Generator, height_px: float) -> Grey:
    """Camera effects: motion, defocus, small size, exposure, noise, compression; height_px is the result's height."""
    if rng.random() < 0.25:
        length = int(rng.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        if rng.random() < 0.4:
            kernel = kernel.T.copy()
        crop = np.asarray(cv2.filter2D(crop, -1, kernel), np.uint8)
    height_px = max(5.0, min(height_px, crop.shape[0] * 1.0))
    scale = height_px / crop.shape[0]
    width = max(12, round(crop.shape[1] * scale * float(rng.uniform(0.85, 1.15))))
    small = cv2.resize(crop, (width, round(height_px)), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.5:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, max(0.5, height_px * 0.028))))
    if rng.random() < 0.2:
        # Cameras sharpen, which leaves halos.
        amount = float(rng.uniform(0.3, 1.5))
        small = small * (1 + amount) - cv2.GaussianBlur(small, (0, 0), 1.2) * amount
    gamma, gain, lift = (
        float(np.exp(rng.normal(0, 0.35))),
        float(rng.uniform(0.35, 1.15)),
        float(rng.uniform(0, 50)),
    )
    kind = rng.random()
    if kind < 0.15:
        gain, lift = float(rng.uniform(0.08, 0.35)), float(rng.uniform(0, 25))
    elif kind < 0.22:
        gain, lift = float(rng.uniform(0.6, 1.3)), float(rng.uniform(40, 120))
    small = 255 * (np.clip(small, 0, 255) / 255) ** gamma * gain + lift
    small += rng.normal(0, float(rng.uniform(0.5, 3 + 9 * min(1.0, gain))), small.shape)
    result = np.clip(small, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        packed = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 92))])[1]
        result = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return result
