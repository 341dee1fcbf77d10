"""Things that look like plates and are none: lettering, signs, grilles, lamps, road markings, panels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.ctc import ALPHABET

from training.fonts import plate_fonts
from waysight.simulate.plates import glyph_mask

Bgr = npt.NDArray[np.uint8]


def _colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    values = rng.integers(low, high, 3)
    return int(values[0]), int(values[1]), int(values[2])


def lettering(image: Bgr, rng: np.random.Generator) -> None:
    """A word or number straight on the surface, no frame around it, in place."""
    fonts = plate_fonts()
    font = fonts[int(rng.integers(len(fonts)))]
    text = "".join(ALPHABET[i] for i in rng.integers(0, 36, int(rng.integers(3, 12))))
    height = int(np.exp(rng.uniform(np.log(6), np.log(60))))
    x, y = int(rng.integers(-20, image.shape[1] - 10)), int(rng.integers(-5, image.shape[0] - 5))
    colour = np.array(_colour(rng), np.float32)
    for character in text:
        mask = glyph_mask(font, character)
        width = max(2, round(mask.shape[1] * height / 80))
        glyph = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        y0, x0 = max(0, y), max(0, x)
        part = glyph[y0 - y :, x0 - x :][: max(0, image.shape[0] - y0), : max(0, image.shape[1] - x0)]
        if part.size:
            region = image[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]]
            share = part[..., None].astype(np.float32) / 255
            region[:] = (region * (1 - share) + colour * share).astype(np.uint8)
        x += width + max(1, height // 8)


def sign(image: Bgr, rng: np.random.Generator) -> None:
    """A traffic or shop sign: a saturated board with a few lines of light text, in place."""
    height, width = int(rng.integers(14, 90)), int(rng.integers(14, 120))
    x, y = int(rng.integers(0, image.shape[1])), int(rng.integers(0, image.shape[0]))
    base = [(150, 70, 10), (70, 120, 20), (30, 30, 200), (20, 20, 20), (230, 230, 230)][int(rng.integers(5))]
    board = np.full((height, width, 3), base, np.uint8)
    lines = int(rng.integers(1, 4))
    for row in range(lines):
        text = "".join(ALPHABET[i] for i in rng.integers(10, 36, int(rng.integers(2, 9))))
        scale = height / lines / 34
        cv2.putText(
            board,
            text,
            (2, int(height * (row + 0.8) / lines)),
            0,
            scale,
            (250, 250, 250) if sum(base) < 500 else (20, 20, 160),
            1,
        )
    region = image[y : y + height, x : x + width]
    region[:] = board[: region.shape[0], : region.shape[1]]


def panel(image: Bgr, rng: np.random.Generator) -> None:
    """A car-body-like patch: smooth shading, a grille of bars, lamps, a badge, in place."""
    height, width = image.shape[:2]
    ramp = np.linspace(rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.2), height, dtype=np.float32)[:, None, None]
    body = np.clip(np.array(_colour(rng, 10, 240), np.float32) * ramp, 0, 255).astype(np.uint8)
    top, bottom = sorted(int(v) for v in rng.integers(0, height, 2))
    image[top:bottom] = np.broadcast_to(body, image.shape)[top:bottom]
    for _ in range(int(rng.integers(0, 3))):
        grille(image, rng)
    for _ in range(int(rng.integers(0, 3))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.ellipse(
            image,
            centre,
            (int(rng.integers(4, 30)), int(rng.integers(3, 16))),
            0,
            0,
            360,
            _colour(rng, 120),
            -1,
        )


def grille(image: Bgr, rng: np.random.Generator) -> None:
    """Parallel bars in a frame, in place."""
    height, width = image.shape[:2]
    w, h = int(rng.integers(16, 110)), int(rng.integers(6, 50))
    x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
    dark, light = _colour(rng, 0, 60), _colour(rng, 60, 255)
    cv2.rectangle(image, (x, y), (x + w, y + h), dark, -1)
    pitch = int(rng.integers(3, 9))
    if rng.random() < 0.5:
        for k in range(x, x + w, pitch):
            cv2.line(image, (k, y), (k, y + h), light, max(1, pitch // 3))
    else:
        for k in range(y, y + h, pitch):
            cv2.line(image, (x, k), (x + w, k), light, max(1, pitch // 3))


def marking(image: Bgr, rng: np.random.Generator) -> None:
    """A light quadrilateral such as a lane marking, a window or a blank label, in place."""
    centre = rng.uniform(0, image.shape[0], 2)
    half = np.exp(rng.uniform(np.log(3), np.log(45), 2))
    corners = centre + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + rng.normal(0, 3, (4, 2))
    cv2.fillConvexPoly(image, np.rint(corners).astype(np.int32), _colour(rng, 140))


def add_clutter(image: Bgr, rng: np.random.Generator) -> None:
    """A random mixture of the above, in place."""
    if rng.random() < 0.35:
        panel(image, rng)
    for draw, chance in ((lettering, 0.4), (sign, 0.25), (grille, 0.25), (marking, 0.4)):
        while rng.random() < chance:
            draw(image, rng)
