"""Random plates for training: designs and foreign layouts, texts, faces, colours, dirt; with or without legible text."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from training.fonts import plate_fonts
from training.layouts import Box, Plate, foreign_plate, random_colours
from waysight.simulate.plates import (
    PlateDesign,
    PlateStyle,
    default_font_path,
    draw_plate,
    list_designs,
    load_designs,
    random_text,
)

Bgr = npt.NDArray[np.uint8]
FOREIGN_SHARE = 0.62
WEIGHTS = {"kz_2012": 5.0, "kz_2012_two_line": 3.0, "pe_2010": 3.0, "ma_2000": 4.0}
SEPARATORS = ("", " ", "-", "\u00b7", "\u25cf", "\u25c6", "\u25a3", "\u2605")


def choose_design(rng: np.random.Generator, foreign: bool) -> str:
    """A design's name, the frequent ones more often; `foreign` admits the simulator's shapes of other countries."""
    names = [name for name in list_designs() if foreign or not name.startswith("generic")]
    weights = np.array([WEIGHTS.get(name, 1.5) for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def choose_style(rng: np.random.Generator) -> PlateStyle:
    """A face, spacing and colours; two in five as the simulator draws them."""
    if rng.random() < 0.4:
        return PlateStyle()
    fonts = plate_fonts()
    font = default_font_path() if rng.random() < 0.15 else fonts[int(rng.integers(len(fonts)))]
    background, ink = random_colours(rng)
    return PlateStyle(
        font_path=font,
        squeeze=float(rng.uniform(0.75, 1.25)),
        gap=float(rng.uniform(0.02, 0.45)),
        separator=str(rng.choice(SEPARATORS, p=[0.5, 0.3, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03])),
        background=background,
        ink=ink,
        frame=bool(rng.random() < 0.6),
        extras=bool(rng.random() < 0.9),
    )


def specimen(rng: np.random.Generator, height_px: int = 56, legible: bool = True) -> Plate:
    """One random plate, its text "" and without lines when not legible."""
    if not legible:
        design = load_designs()[choose_design(rng, True)]
        plate = Plate(draw_plate(design, "", height_px, choose_style(rng)), "", ())
    elif rng.random() < FOREIGN_SHARE:
        plate = foreign_plate(rng, height_px)
    else:
        plate = designed_plate(rng, height_px)
    if legible and rng.random() < 0.3:
        emboss(plate.image, rng)
    soil(plate.image, rng, heavy=not legible)
    return plate


def designed_plate(rng: np.random.Generator, height_px: int) -> Plate:
    """A plate of one of the simulator's designs."""
    name = choose_design(rng, False)
    design, style = load_designs()[name], choose_style(rng)
    text = random_text(name, rng)
    height_px = round(height_px * 1.5) if design.two_line else height_px
    image = draw_plate(design, text, height_px, style)
    return Plate(image, text, inked_lines(design, image, draw_plate(design, "", height_px, style)))


def inked_lines(design: PlateDesign, image: Bgr, blank: Bgr) -> tuple[Box, ...]:
    """Boxes of the lines of characters, found as what differs from the blank plate."""
    ink = cv2.absdiff(image, blank).max(2) > 24
    seam = image.shape[0] // 2
    parts = ((0, seam), (seam, image.shape[0])) if design.two_line else ((0, image.shape[0]),)
    boxes = []
    for top, bottom in parts:
        rows, columns = np.nonzero(ink[top:bottom].any(1))[0], np.nonzero(ink[top:bottom].any(0))[0]
        boxes.append(
            (float(columns[0]), float(top + rows[0]), float(columns[-1] + 1), float(top + rows[-1] + 1))
        )
    return tuple(boxes)


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
