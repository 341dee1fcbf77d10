"""Random plates for training: designs, texts, faces, colours, dirt; with or without legible text."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.ctc import ALPHABET

from training.fonts import plate_fonts
from waysight.simulate.plates import (
    PlateStyle,
    default_font_path,
    draw_plate,
    list_designs,
    load_designs,
    random_text,
)

Bgr = npt.NDArray[np.uint8]
WEIGHTS = {
    "kz_2012": 5.0,
    "kz_2012_two_line": 2.0,
    "pe_2010": 3.0,
    "ma_2000": 4.0,
    "generic_eu": 7.0,
    "generic_us": 4.0,
}


def choose_design(rng: np.random.Generator) -> str:
    """A design's name, the frequent ones more often."""
    names = list_designs()
    weights = np.array([WEIGHTS.get(name, 1.5) for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def choose_text(design: str, rng: np.random.Generator) -> str:
    """A text of the design's format, or for foreign shapes often any five to eight characters."""
    if not design.startswith("generic"):
        return random_text(design, rng)
    if rng.random() < 0.3:
        return "".join(ALPHABET[i] for i in rng.integers(0, 36, int(rng.integers(4, 9))))
    # Other countries do use the letters that the simulator leaves out.
    letters = [
        str(rng.choice(["I", "O", "Q"])) if c.isalpha() and rng.random() < 0.1 else c
        for c in random_text(design, rng)
    ]
    return "".join(letters)


def choose_style(design: str, rng: np.random.Generator) -> PlateStyle:
    """A face, spacing and colours; a third as the simulator draws them."""
    if not design.startswith("generic") and rng.random() < 0.4:
        return PlateStyle()
    fonts = plate_fonts()
    font = default_font_path() if rng.random() < 0.15 else fonts[int(rng.integers(len(fonts)))]
    background, ink = _colours(rng)
    return PlateStyle(
        font_path=font,
        squeeze=float(rng.uniform(0.75, 1.25)),
        gap=float(rng.uniform(0.02, 0.45)),
        separator=str(
            rng.choice(
                ["", " ", "-", "\u00b7", "\u25cf", "\u25c6", "\u25a3", "\u2605"],
                p=[0.4, 0.25, 0.1, 0.07, 0.06, 0.04, 0.05, 0.03],
            )
        ),
        background=background,
        ink=ink,
        frame=bool(rng.random() < 0.6),
        extras=bool(rng.random() < 0.9),
    )


def _colours(rng: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    dark = tuple(int(v) for v in rng.integers(0, 90, 3))
    light = tuple(int(v) for v in rng.integers(190, 256, 3))
    kind = rng.random()
    if kind < 0.12:
        light = (int(rng.integers(0, 110)), int(rng.integers(170, 225)), int(rng.integers(215, 256)))
    elif kind < 0.2:
        dark = tuple(int(v) for v in rng.permutation([20, 60, int(rng.integers(90, 170))]))
        light, dark = dark, light
    elif kind < 0.26:
        light, dark = dark, light
    elif kind < 0.4:
        light = tuple(int(v) for v in np.clip(rng.integers(150, 256) + rng.integers(-12, 12, 3), 0, 255))
    return (light[0], light[1], light[2]), (dark[0], dark[1], dark[2])


def specimen(rng: np.random.Generator, height_px: int = 56, legible: bool = True) -> tuple[Bgr, str, bool]:
    """One random plate: picture uint8 BGR, its text ("" when not legible), and whether it has two lines."""
    name = choose_design(rng)
    design = load_designs()[name]
    text = choose_text(name, rng) if legible else ""
    image = draw_plate(design, text, height_px, choose_style(name, rng))
    if legible and rng.random() < 0.3:
        emboss(image, rng)
    soil(image, rng, heavy=not legible)
    return image, text, design.two_line


def emboss(image: Bgr, rng: np.random.Generator) -> None:
    """Light and shadow on the edges of pressed characters, in place."""
    kernel = np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]], np.float32) * float(rng.uniform(-0.25, 0.25))
    relief = cv2.filter2D(image.astype(np.float32), -1, kernel)
    image[:] = np.clip(image + cv2.GaussianBlur(relief, (0, 0), 0.8), 0, 255).astype(np.uint8)


def soil(image: Bgr, rng: np.random.Generator, heavy: bool = False) -> None:
    """Screws, dirt, a shadow edge and uneven light, in place."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        for x in (0.1, 0.9) if rng.random() < 0.5 else (0.28, 0.72):
            centre = (int(width * x), int(height * rng.choice([0.1, 0.5, 0.9], p=[0.5, 0.1, 0.4])))
            cv2.circle(
                image, centre, max(1, height // 22), tuple(int(v) for v in rng.integers(60, 200, 3)), -1
            )
    if rng.random() < 0.35 or heavy:
        fineness = int(rng.choice([1, 2, 4]))
        spots = cv2.resize(
            rng.normal(0, 1, (4 * fineness, 8 * fineness)).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        image[:] = np.clip(
            image + spots[..., None] * float(rng.uniform(3, 40 if heavy else 18)), 0, 255
        ).astype(np.uint8)
    if rng.random() < 0.25:
        level = float(rng.uniform(0.45, 0.85))
        edge = float(rng.uniform(0.1, 0.9)) * height
        slope = float(rng.uniform(-0.3, 0.3))
        rows = np.arange(height)[:, None] > edge + slope * np.arange(width)[None, :]
        image[:] = np.where(rows[..., None], image * level, image).astype(np.uint8)
