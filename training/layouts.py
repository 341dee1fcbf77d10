"""Plates of other countries for training: a random layout with everything around the registration that is not read.

`foreign_plate` draws one and says where its lines of characters are. Colours are blue-green-red.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from waysight.triton_models.vision.ctc import ALPHABET

from training.fonts import plate_fonts
from training.ornaments import (
    WORDS,
    Bgr,
    Box,
    Colour,
    Mask,
    band,
    blend,
    emblem,
    holder,
    pick,
    scenery,
    seals,
    surround,
    word,
)
from training.strokes import PREFIX, stroke_faces, stroke_mask
from waysight.simulate.plates import glyph_mask

FORMATS: dict[str, list[str]] = WORDS["formats"]
# What stands between the groups of characters, and how often in which region.
MARKS = ("", " ", "-", "dot", "emblem", "seals")
MARK_SHARES = {
    "us": (0.3, 0.2, 0.05, 0.05, 0.4, 0.0),
    "br": (0.12, 0.08, 0.2, 0.58, 0.02, 0.0),
    "eu": (0.2, 0.16, 0.17, 0.04, 0.13, 0.3),
}


@dataclass(frozen=True, slots=True)
class Plate:
    """A drawn plate: picture uint8 BGR, its text, and the box xyxy of each line of characters in its pixels."""

    image: Bgr
    text: str
    lines: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Hand:
    """How one plate writes: face, glyph width factor, gap share, even spacing, ink, and what stands between groups."""

    face: str
    squeeze: float
    gap: float
    even: bool
    ink: Colour
    mark: str


def mask_of(face: str, character: str) -> Mask:
    """Coverage mask of a glyph of a drawn face or of a font file."""
    return stroke_mask(face, character) if face.startswith(PREFIX) else glyph_mask(face, character)


def random_face(rng: np.random.Generator) -> str:
    """Half drawn faces, half fonts of the system."""
    names = stroke_faces() if rng.random() < 0.55 else plate_fonts()
    return names[int(rng.integers(len(names)))]


def random_format(kind: str, rng: np.random.Generator) -> str:
    """A text in one of a region's formats, sometimes any four to eight characters; now and then with I, O, Q."""
    if rng.random() < 0.22 and kind != "br":
        return "".join(ALPHABET[i] for i in rng.integers(0, 36, int(rng.integers(4, 9))))
    pattern = FORMATS[kind][int(rng.integers(len(FORMATS[kind])))]
    letters = ALPHABET[10:] if kind == "br" or rng.random() < 0.4 else "ABCDEFGHJKLMNPRSTUVWXYZ"
    return "".join(
        letters[int(rng.integers(len(letters)))] if c == "L" else ALPHABET[int(rng.integers(10))]
        for c in pattern
    )


def write_line(
    image: Bgr, text: str, box: Box, hand: Hand, rng: np.random.Generator, groups: Sequence[int]
) -> Box:
    """Writes one line of characters into a box; returns the box of its ink. `groups` are places of marks."""
    left, top, right, bottom = box
    height = bottom - top
    masks = [mask_of(hand.face, character) for character in text]
    tallest = max(mask.shape[0] for mask in masks)
    natural = np.array([mask.shape[1] for mask in masks], np.float64) / tallest * height * hand.squeeze
    cell = float(np.median(natural))
    widths = np.maximum(natural, cell if hand.even else 0.22 * height)
    shares = (0.0, 0.5, 0.7, 0.6, float(rng.uniform(0.6, 1.3)), float(rng.uniform(0.5, 1.05)))
    room = shares[MARKS.index(hand.mark)] * cell
    gap = hand.gap * cell
    total = float(widths.sum()) + gap * (len(text) - 1) + room * len(groups)
    fit = min(1.0, (right - left) / total)
    x = left + (right - left - total * fit) * float(rng.uniform(0.3, 0.7))
    ink: list[Box] = []
    for k, (mask, width) in enumerate(zip(masks, widths, strict=True)):
        if k in groups:
            _mark(image, hand, (x - gap * fit / 2, top, x - gap * fit / 2 + room * fit, bottom), rng)
            x += room * fit
        drawn = min(natural[k], width) * fit
        start = x + (width * fit - drawn) / 2
        tall = height * mask.shape[0] / tallest
        ink.append((start, bottom - tall, start + drawn, bottom))
        blend(image, mask, ink[-1], hand.ink)
        x += (width + gap) * fit
    boxes = np.array(ink)
    return (float(boxes[0, 0]), float(boxes[:, 1].min()), float(boxes[-1, 2]), float(boxes[:, 3].max()))


def _mark(image: Bgr, hand: Hand, box: Box, rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    if hand.mark == "-":
        half = (max(1, round(width * 0.3)), max(1, round(height * 0.04)))
        cv2.rectangle(
            image,
            (round(x) - half[0], round(y) - half[1]),
            (round(x) + half[0], round(y) + half[1]),
            hand.ink,
            -1,
        )
    elif hand.mark == "dot":
        cv2.circle(image, (round(x), round(y)), max(1, round(height * 0.07)), hand.ink, -1, cv2.LINE_AA)
    elif hand.mark == "seals":
        seals(image, (x - width * 0.45, top, x + width * 0.45, bottom), rng)
    elif hand.mark == "emblem":
        tall = float(rng.uniform(0.2, 0.5)) * height
        emblem(image, (x - width * 0.45, y - tall, x + width * 0.45, y + tall), rng)


def groups_of(text: str, rng: np.random.Generator) -> list[int]:
    """Where a text is parted: at the first change between letters and digits, or in the middle."""
    changes = [k for k in range(2, len(text) - 1) if text[k].isdigit() != text[k - 1].isdigit()]
    return [changes[0] if changes and rng.random() < 0.7 else len(text) // 2] if len(text) > 3 else []


def random_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Ground and ink: mostly dark on light, some yellow, coloured, or light on dark."""
    dark = rng.integers(0, 80, 3)
    light = rng.integers(185, 256) + rng.integers(-12, 13, 3)
    kind = rng.random()
    if kind < 0.12:
        light = np.array([rng.integers(0, 110), rng.integers(170, 225), rng.integers(215, 256)])
    elif kind < 0.32:
        dark = rng.permutation([20, 60, int(rng.integers(90, 190))])
    elif kind < 0.4:
        light = light - rng.integers(0, 70)
    elif kind < 0.5:
        light, dark = rng.permutation([20, 60, int(rng.integers(60, 170))]), light
    ground, ink = np.clip(light, 0, 255), np.clip(dark, 0, 255)
    return (int(ground[0]), int(ground[1]), int(ground[2])), (int(ink[0]), int(ink[1]), int(ink[2]))


def _american(text: str, hand: Hand, ground: Colour, height: int, rng: np.random.Generator) -> Plate:
    width = round(height * float(rng.uniform(1.85, 2.1)))
    image = np.full((height, width, 3), ground, np.uint8)
    if rng.random() < 0.4:
        scenery(image, rng)
    top, bottom = float(rng.uniform(0.22, 0.36)) * height, float(rng.uniform(0.72, 0.84)) * height
    tint: Colour = tuple(int(v) for v in rng.integers(0, 200, 3))  # type: ignore[assignment]
    if rng.random() < 0.12:
        image[: round(top * 0.9)] = tint
        tint = (240, 240, 240)
    if rng.random() < 0.85:
        word(
            image,
            pick("states", rng),
            (width * 0.15, height * 0.04, width * 0.85, top - height * 0.03),
            tint,
            rng,
        )
    if rng.random() < 0.6:
        band = (width * 0.12, bottom + height * 0.05, width * 0.88, height * 0.96)
        word(image, pick("slogans", rng), band, tint, rng)
    for x, y in ((0.04, 0.04), (0.8, 0.04), (0.04, 0.84), (0.8, 0.84)):
        if rng.random() < 0.25:
            corner = (round(x * width), round(y * height))
            end = (round((x + float(rng.uniform(0.1, 0.17))) * width), round((y + 0.13) * height))
            cv2.rectangle(image, corner, end, tuple(int(v) for v in rng.integers(30, 256, 3)), -1)
            word(image, pick("stickers", rng), (*corner, *end), (20, 20, 20), rng)
    start, end_x = float(rng.uniform(0.03, 0.1)) * width, width * float(rng.uniform(0.9, 0.97))
    if rng.random() < 0.15:
        picture = (width * 0.03, top, width * float(rng.uniform(0.14, 0.22)), bottom)
        emblem(image, picture, rng)
        start = picture[2] + width * 0.02
    line = write_line(
        image, text, (start, top, end_x, bottom), hand, rng, groups_of(text, rng) if hand.mark else []
    )
    if rng.random() < 0.45:
        surround(image, [line], rng)
    return Plate(image, text, (line,))


def _brazilian(text: str, hand: Hand, ground: Colour, height: int, rng: np.random.Generator) -> Plate:
    width = round(height * float(rng.uniform(2.85, 3.2)))
    image = np.full((height, width, 3), ground, np.uint8)
    new = text[4].isalpha() or rng.random() < 0.15
    top, bottom = float(rng.uniform(0.3, 0.38)) * height, float(rng.uniform(0.86, 0.95)) * height
    if new:
        image[: round(height * 0.26)] = (150, 50, 20)
        word(image, "BRASIL", (width * 0.3, height * 0.06, width * 0.7, height * 0.2), (240, 240, 240), rng)
    else:
        word(
            image,
            pick("towns", rng),
            (width * 0.15, height * 0.08, width * 0.85, height * 0.23),
            hand.ink,
            rng,
        )
        if rng.random() < 0.7:
            ends = (round(width * 0.1), round(height * 0.04)), (round(width * 0.9), round(height * 0.27))
            cv2.rectangle(image, *ends, tuple(int(v * 0.75) for v in ground), 1)
    line = write_line(
        image, text, (width * 0.04, top, width * 0.96, bottom), hand, rng, [3] if hand.mark else []
    )
    if rng.random() < 0.5:
        seal = (round(width * float(rng.uniform(0.05, 0.15))), round(height * float(rng.uniform(0.1, 0.24))))
        cv2.circle(image, seal, round(height * 0.08), (50, 60, int(rng.integers(90, 220))), -1, cv2.LINE_AA)
    return Plate(image, text, (line,))


def _european(text: str, hand: Hand, ground: Colour, height: int, rng: np.random.Generator) -> Plate:
    width = round(height * float(rng.uniform(4.3, 4.9)))
    image = np.full((height, width, 3), ground, np.uint8)
    start, end = width * float(rng.uniform(0.02, 0.06)), width * float(rng.uniform(0.94, 0.985))
    if rng.random() < 0.75:
        start = band(image, 0.0, float(rng.uniform(0.07, 0.11)) * width, rng) + width * 0.015
    if rng.random() < 0.08:
        end = width * 0.92
        band(image, end, float(width), rng)
    top, bottom = float(rng.uniform(0.1, 0.18)) * height, float(rng.uniform(0.83, 0.92)) * height
    line = write_line(
        image, text, (start, top, end, bottom), hand, rng, groups_of(text, rng) if hand.mark else []
    )
    if rng.random() < 0.4:
        image = holder(image, rng)
    return Plate(image, text, (line,))


def _two_line(text: str, hand: Hand, ground: Colour, height: int, rng: np.random.Generator) -> Plate:
    width = round(height * float(rng.uniform(1.1, 1.6)))
    image = np.full((height, width, 3), ground, np.uint8)
    start = width * 0.06
    upper = start
    if rng.random() < 0.5:
        upper = band(image[: height // 2], 0.0, width * float(rng.uniform(0.1, 0.2)), rng) + width * 0.03
    part = int(rng.integers(2, max(3, len(text) - 2)))
    seam, space = height * float(rng.uniform(0.46, 0.54)), height * float(rng.uniform(0.03, 0.09))
    margin = height * float(rng.uniform(0.05, 0.1))
    first = write_line(image, text[:part], (upper, margin, width * 0.94, seam - space / 2), hand, rng, [])
    second = write_line(
        image, text[part:], (start, seam + space / 2, width * 0.94, height - margin), hand, rng, []
    )
    return Plate(image, text, (first, second))


LAYOUTS: dict[str, tuple[float, str, Callable[..., Plate]]] = {
    "us": (9.0, "us", _american),
    "br": (5.0, "br", _brazilian),
    "eu": (8.0, "eu", _european),
    "two": (2.0, "eu", _two_line),
}


def _grey_or_red(rng: np.random.Generator) -> tuple[Colour, Colour]:
    if rng.random() < 0.12:
        return (25, 30, int(rng.integers(110, 200))), (235, 235, 235)
    ground, ink = int(rng.integers(135, 250)), int(rng.integers(0, 60))
    return (ground, ground, ground), (ink, ink, ink)


def foreign_plate(rng: np.random.Generator, height: int) -> Plate:
    """One random plate of a foreign layout; two-line ones are drawn half as high again."""
    weights = np.array([weight for weight, _, _ in LAYOUTS.values()])
    name = list(LAYOUTS)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    _, formats, layout = LAYOUTS[name]
    ground, ink = random_colours(rng)
    if name == "br" and rng.random() < 0.75:
        ground, ink = _grey_or_red(rng)
    hand = Hand(
        random_face(rng),
        float(rng.uniform(0.8, 1.2)),
        float(rng.uniform(0.08, 0.5)),
        bool(rng.random() < 0.5),
        ink,
        str(rng.choice(MARKS, p=MARK_SHARES[formats])),
    )
    plate = layout(
        random_format(formats, rng), hand, ground, round(height * (1.5 if name == "two" else 1.0)), rng
    )
    if rng.random() < 0.5:
        thick = max(1, round(height * float(rng.uniform(0.01, 0.03))))
        end = (plate.image.shape[1] - 1, plate.image.shape[0] - 1)
        cv2.rectangle(plate.image, (0, 0), end, ink, thick)
    return plate
