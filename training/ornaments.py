"""What stands on and around number plates and is not read: words, emblems, scenery, bands, frames.

Pictures are uint8 blue-green-red and painted in place, boxes are xyxy in pixels, words come from `plates.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image, ImageDraw, ImageFont

from training.fonts import label_fonts

Bgr = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
WORDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("plates.yaml").read_text(encoding="utf-8"))


def pick(words: str, rng: np.random.Generator) -> str:
    """A word of one of the lists in `plates.yaml`."""
    return str(rng.choice(WORDS[words]))


@lru_cache(maxsize=4000)
def word_mask(font: str, word: str) -> Mask:
    """Coverage mask of a small word, 32 px high letters; a middle dot stands for a space."""
    face = ImageFont.truetype(font, 32)
    text = word.replace("·", " ")
    left, top, right, bottom = (int(edge) for edge in face.getbbox(text))
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), text, font=face, fill=255)
    return np.asarray(image, np.uint8)


def blend(image: Bgr, mask: Mask, box: Box, colour: Colour) -> None:
    """Paints a mask stretched into a box, cut off at the picture's edge, in place."""
    x0, y0 = round(box[0]), round(box[1])
    size = (max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1])))
    shrunk = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    top, left = max(0, -y0), max(0, -x0)
    region = image[max(0, y0) : y0 + size[1], max(0, x0) : x0 + size[0]]
    if region.size == 0:
        return
    coverage = shrunk[top : top + region.shape[0], left : left + region.shape[1], None].astype(np.uint16)
    paint = np.array(colour, np.uint16)
    region[:] = ((region * (255 - coverage) + paint * coverage) // 255).astype(np.uint8)


def word(image: Bgr, text: str, box: Box, colour: Colour, rng: np.random.Generator) -> None:
    """Writes a small word into a box, in proportion or filling it."""
    fonts = label_fonts()
    mask = word_mask(fonts[int(rng.integers(len(fonts)))], text)
    width = min(
        box[2] - box[0], mask.shape[1] / mask.shape[0] * (box[3] - box[1]) * float(rng.uniform(0.8, 1.3))
    )
    middle = (box[0] + box[2]) / 2
    blend(image, mask, (middle - width / 2, box[1], middle + width / 2, box[3]), colour)


def emblem(image: Bgr, box: Box, rng: np.random.Generator) -> None:
    """Something between or beside the characters that is not read: star, shield, stickers, map, stacked letters."""
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    half_x, half_y = max(1.0, (right - left) / 2), max(1.0, (bottom - top) / 2)
    colour = tuple(int(v) for v in rng.integers(0, 220, 3))
    kind = rng.random()
    if kind < 0.3:
        count = int(rng.integers(4, 11))
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        reach = rng.uniform(0.5, 1.0, (count, 1))
        points = np.stack([np.cos(angles) * half_x, np.sin(angles) * half_y], 1) * reach + (x, y)
        cv2.fillPoly(image, [np.rint(points).astype(np.int32)], colour, cv2.LINE_AA)
    elif kind < 0.5:
        for sign in (-1, 1):
            tint = tuple(int(v) for v in rng.integers(40, 240, 3))
            place = (round(x), round(y + sign * half_y * 0.5))
            cv2.circle(image, place, max(1, round(min(half_x, half_y * 0.5))), tint, -1, cv2.LINE_AA)
    elif kind < 0.62:
        angles = np.arange(10) * np.pi / 5 - np.pi / 2
        reach = np.where(np.arange(10) % 2, 0.42, 1.0)[:, None] * min(half_x, half_y)
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * reach + (x, y)
        cv2.fillPoly(image, [np.rint(points).astype(np.int32)], colour, cv2.LINE_AA)
    elif kind < 0.72:
        word(
            image,
            pick("stickers", rng),
            (left, y - half_y * 0.6, right, y),
            colour,
            rng,
        )
        word(
            image,
            pick("stickers", rng),
            (left, y, right, y + half_y * 0.6),
            colour,
            rng,
        )
    else:
        for _ in range(int(rng.integers(1, 4))):
            tint = tuple(int(v) for v in rng.integers(20, 240, 3))
            a, b = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
            corners = np.rint(np.array([x, y]) + np.array([a, b]) * (half_x, half_y)).astype(int)
            cv2.rectangle(image, tuple(corners.min(0).tolist()), tuple(corners.max(0).tolist()), tint, -1)


def scenery(image: Bgr, rng: np.random.Generator) -> None:
    """Printed graphics behind the characters: gradients, hills, blots, pale against the ink, in place."""
    height, width = image.shape[:2]
    strength = float(rng.uniform(0.1, 0.55))
    layer = image.copy()
    if rng.random() < 0.6:
        tint = rng.integers(60, 256, 3)
        part = np.linspace(0, 1, height) ** float(rng.uniform(0.5, 3))
        part = (part if rng.random() < 0.5 else part[::-1])[:, None, None]
        layer = np.asarray(layer * (1 - part) + tint * part, np.uint8)
    for _ in range(int(rng.integers(0, 4))):
        colour = tuple(int(v) for v in rng.integers(60, 256, 3))
        if rng.random() < 0.5:
            centre = (int(rng.integers(width)), int(rng.integers(height)))
            axes = (int(rng.integers(4, width // 3)), int(rng.integers(4, height // 2)))
            cv2.ellipse(layer, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            xs = np.linspace(0, width, 7)
            ys = rng.uniform(0.4, 1.0, 7) * height
            points = np.vstack([np.stack([xs, ys], 1), [[width, height], [0, height]]])
            cv2.fillPoly(layer, [points.astype(np.int32)], colour)
    image[:] = cv2.addWeighted(layer, strength, image, 1 - strength, 0)


def surround(image: Bgr, lines: Sequence[Box], rng: np.random.Generator) -> None:
    """A dealer's frame over the rim, which may cover names and touch the characters, in place."""
    height, width = image.shape[:2]
    colour: Colour = (
        (int(rng.integers(0, 60)),) * 3 if rng.random() < 0.7 else (int(rng.integers(120, 220)),) * 3
    )
    above, below = min(line[1] for line in lines), height - max(line[3] for line in lines)
    top, bottom = (round(room * float(rng.uniform(0.1, 1.18))) for room in (above, below))
    side = round(width * float(rng.uniform(0.0, 0.04)))
    image[:top], image[height - bottom :] = colour, colour
    image[:, :side], image[:, width - side :] = colour, colour
    ink = (235, 235, 235) if colour[0] < 100 else (20, 20, 20)
    for start, end in ((0, top), (height - bottom, height)):
        if end - start > 5 and rng.random() < 0.7:
            name = pick("slogans", rng)
            word(image, name, (width * 0.1, start + 1, width * 0.9, end - 1), ink, rng)


def band(image: Bgr, left: float, right: float, rng: np.random.Generator) -> float:
    height = image.shape[0]
    image[:, round(left) : round(right)] = (int(rng.integers(110, 200)), int(rng.integers(30, 90)), 15)
    width = right - left
    word(
        image,
        pick("bands", rng),
        (left + width * 0.15, height * 0.6, right - width * 0.15, height * 0.88),
        (240, 240, 240),
        rng,
    )
    middle = (round((left + right) / 2), round(height * 0.32))
    cv2.circle(
        image, middle, max(2, round(width * 0.3)), (40, 200, 230), max(1, round(height / 50)), cv2.LINE_AA
    )
    return right


def holder(image: Bgr, rng: np.random.Generator) -> Bgr:
    """The same with a strip of small lettering added below, as plate holders have."""
    height, width = image.shape[:2]
    strip = np.full(
        (round(height * float(rng.uniform(0.12, 0.22))), width, 3), int(rng.integers(5, 70)), np.uint8
    )
    text = (width * 0.2, 2.0, width * 0.8, strip.shape[0] - 2.0)
    word(strip, pick("slogans", rng), text, (220, 220, 220), rng)
    return np.vstack([image, strip])


def seals(image: Bgr, box: Box, rng: np.random.Generator) -> None:
    """Two round stickers one above the other, as inspection seals: discs or rings with something small inside."""
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2 + float(rng.normal(0, 0.03)) * (bottom - top)
    radius = min((right - left) / 2, (bottom - top) * float(rng.uniform(0.15, 0.24)))
    apart = radius * float(rng.uniform(0.9, 1.2))
    for sign in (-1, 1):
        if rng.random() < 0.08:
            continue
        centre = (round(x + float(rng.normal(0, 0.06)) * radius), round(y + sign * apart))
        rim: Colour = tuple(int(v) for v in rng.integers(0, 210, 3))  # type: ignore[assignment]
        core: Colour = tuple(int(v) for v in rng.integers(30, 256, 3))  # type: ignore[assignment]
        cv2.circle(image, centre, max(1, round(radius)), rim, -1, cv2.LINE_AA)
        if rng.random() < 0.7:
            inner = max(1, round(radius * float(rng.uniform(0.3, 0.8))))
            cv2.circle(image, centre, inner, core, -1, cv2.LINE_AA)
            if rng.random() < 0.5:
                dot = max(1, round(inner * float(rng.uniform(0.2, 0.5))))
                cv2.circle(image, centre, dot, rim, -1, cv2.LINE_AA)
    if rng.random() < 0.3:
        # A dash that the stickers were set around.
        ends = (round(left), round(y)), (round(right), round(y))
        cv2.line(image, *ends, tuple(int(v) for v in rng.integers(0, 80, 3)), max(1, round(radius * 0.3)))
