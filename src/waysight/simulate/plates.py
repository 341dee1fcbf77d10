"""Licence plates drawn from designs kept as data (`designs/*.yaml`), for the simulator and for training.

A design gives millimetre boxes for coloured fills, rules, small labels and the fields of the plate's
text. Glyphs come from the DejaVu fonts inside the matplotlib wheel, squeezed to the field, so that a
machine without system fonts draws the same plates. All colours are blue-green-red.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image, ImageDraw, ImageFont

from waysight.errors import BadConfiguration

Bgr = npt.NDArray[np.uint8]
GLYPH_PX = 96
BOUNDARY = re.compile(r"(?<=[A-Z])(?=\d)|(?<=\d)(?=[A-Z])")
LETTER_AND_REGION = re.compile(r"^(\d+)([A-Z])(\d+)$")


@dataclass(frozen=True, slots=True)
class PlateDesign:
    """One design: outer size in millimetres, colours, and where each part of the text goes."""

    name: str
    country: str
    size_mm: tuple[float, float]
    patterns: Mapping[str, float]
    alphabets: Mapping[str, tuple[str, ...]]
    background: tuple[int, int, int]
    ink: tuple[int, int, int]
    fields: tuple[Mapping[str, Any], ...]
    fills: tuple[Mapping[str, Any], ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    labels: tuple[Mapping[str, Any], ...] = ()
    glyphs: Mapping[str, str] = field(default_factory=dict)
    two_line: bool = False


@dataclass(frozen=True, slots=True)
class PlateStyle:
    """How one specimen departs from its design; the default departs in nothing.

    `squeeze` scales glyph widths, `gap` is the space between glyphs as a share of their mean width,
    `separator` is set between letters and digits.
    """

    font_path: str = ""
    squeeze: float = 1.0
    gap: float = 0.16
    separator: str = ""
    background: tuple[int, int, int] | None = None
    ink: tuple[int, int, int] | None = None
    frame: bool = True
    extras: bool = True


@lru_cache(maxsize=1)
def load_designs() -> Mapping[str, PlateDesign]:
    """Every design by name, from the package's yaml files."""
    designs: dict[str, PlateDesign] = {}
    for source in sorted(resources.files("waysight.simulate").joinpath("designs").iterdir(), key=str):
        if not source.name.endswith(".yaml"):
            continue
        content = yaml.safe_load(source.read_text(encoding="utf-8"))
        alphabets = {key: tuple(str(item) for item in value) for key, value in content["alphabets"].items()}
        for name, entry in content["designs"].items():
            designs[name] = _design(name, entry, alphabets, content.get("glyphs", {}))
    return designs


def _design(name: str, entry: dict[str, Any], alphabets: Any, glyphs: Any) -> PlateDesign:
    parts = {key: tuple(entry.get(key, ())) for key in ("fields", "fills", "rules", "labels")}
    colours = {key: tuple(entry[key]) for key in ("background", "ink")}
    size = (float(entry["size_mm"][0]), float(entry["size_mm"][1]))
    two_line = bool(entry.get("two_line", False))
    return PlateDesign(
        name,
        entry["country"],
        size,
        entry["patterns"],
        alphabets,
        **colours,
        **parts,
        glyphs=glyphs,
        two_line=two_line,
    )


def find_design(name: str) -> PlateDesign:
    """The design of that name; raises BadConfiguration with the known names when there is none."""
    designs = load_designs()
    if name not in designs:
        raise BadConfiguration(
            f"plate design {name!r} does not exist: use one of {', '.join(sorted(designs))}"
        )
    return designs[name]


def list_designs() -> tuple[str, ...]:
    """Names of all designs, sorted."""
    return tuple(sorted(load_designs()))


def plate_size_m(design: str) -> tuple[float, float]:
    """Outer width and height of a design's plate, in metres."""
    width_mm, height_mm = find_design(design).size_mm
    return width_mm / 1000, height_mm / 1000


def random_text(design: str, rng: np.random.Generator) -> str:
    """A text that the design allows: A-Z and 0-9 without separators, Moroccan letters transliterated."""
    chosen = find_design(design)
    patterns = list(chosen.patterns)
    weights = np.array([chosen.patterns[pattern] for pattern in patterns], dtype=np.float64)
    pattern = patterns[int(rng.choice(len(patterns), p=weights / weights.sum()))]
    return "".join(str(rng.choice(chosen.alphabets[symbol])) for symbol in pattern)


def default_font_path() -> str:
    """Path of DejaVu Sans Bold inside the matplotlib wheel."""
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf")


@lru_cache(maxsize=20_000)
def glyph_mask(font_path: str, character: str) -> npt.NDArray[np.uint8]:
    """Tight coverage mask of one glyph, uint8 (h, w), drawn at 96 px; a blank glyph gives (96, 1)."""
    font = ImageFont.truetype(font_path, GLYPH_PX)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(character))
    if right <= left or bottom <= top:
        return np.zeros((GLYPH_PX, 1), np.uint8)
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), character, font=font, fill=255)
    return np.asarray(image, np.uint8)


def render_plate(design: str, text: str, height_px: int = 64) -> Bgr:
    """Draws a plate face-on: uint8 BGR (height_px, w, 3), w in the design's proportion; deterministic."""
    return draw_plate(find_design(design), text, height_px, PlateStyle())


def soiled(plate: Bgr, dirt: float, rng: np.random.Generator) -> Bgr:
    """The plate, uint8 BGR (h, w, 3), with splashes of mud; `dirt` 0..1 is how many and how thick they are."""
    height, width = plate.shape[:2]
    mud, cover = np.array([58.0, 78.0, 96.0]), np.zeros((height, width), np.float32)
    for _ in range(round(4 + 26 * dirt)):
        centre = (int(rng.uniform(0, width)), int(height * rng.beta(2.0, 1.2)))
        size = (
            int(rng.uniform(0.02, 0.05 + 0.09 * dirt) * width),
            int(rng.uniform(0.04, 0.10 + 0.16 * dirt) * height),
        )
        cv2.ellipse(
            cover,
            centre,
            size,
            float(rng.uniform(0, 180)),
            0,
            360,
            float(rng.uniform(0.3, 0.5 + 0.5 * dirt)),
            -1,
        )
    share = cv2.GaussianBlur(cover, (0, 0), height / 24)[..., None]
    return np.asarray(np.clip(plate * (1 - share) + mud * share, 0, 255), np.uint8)


def draw_plate(design: PlateDesign, text: str, height_px: int, style: PlateStyle) -> Bgr:
    """Draws one specimen of a design, uint8 BGR (height_px, w, 3)."""
    scale = height_px / design.size_mm[1]
    width_px = max(8, round(design.size_mm[0] * scale))
    image = np.full((height_px, width_px, 3), style.background or design.background, np.uint8)
    if style.extras:
        for part in design.fills + design.rules:
            _fill(image, part["box"], part["colour"], scale)
    if style.frame:
        thick = max(1, round(3 * scale))
        cv2.rectangle(image, (0, 0), (width_px - 1, height_px - 1), style.ink or design.ink, thick)
    if style.extras:
        for part in design.labels:
            _write(image, part["text"], part["box"], scale, PlateStyle(squeeze=0.8, ink=part["colour"]))
    ink = style.ink or design.ink
    for part in design.fields:
        written = field_text(part["chars"], text)
        if part.get("glyphs"):
            shaped = "".join(design.glyphs.get(character, character) for character in written)
            _write(image, shaped, part["box"], scale, PlateStyle(ink=ink))
        else:
            _write(image, separated(written, style.separator), part["box"], scale, replace(style, ink=ink))
    return image


def field_text(chars: Any, text: str) -> str:
    """The part of a plate's text that a field shows: a [start, end) pair (end 0: to the end) or a name."""
    if isinstance(chars, str):
        match = LETTER_AND_REGION.match(text)
        groups = match.groups() if match else (text, "", "")
        return groups[("serial", "letter", "region").index(chars)]
    start, end = chars
    return text[start : end or None]


def separated(text: str, separator: str) -> str:
    """The text with a separator wherever letters meet digits."""
    return BOUNDARY.sub(separator, text) if separator else text


def _fill(image: Bgr, box: Any, colour: Any, scale: float) -> None:
    left, top, right, bottom = (round(edge * scale) for edge in box)
    image[top : max(top + 1, bottom), left : max(left + 1, right)] = colour


def _write(image: Bgr, text: str, box: Any, scale: float, style: PlateStyle) -> None:
    if not text:
        return
    left, top, right, bottom = (edge * scale for edge in box)
    height = bottom - top
    face = style.font_path or default_font_path()
    masks = [glyph_mask(face if c.isalnum() else default_font_path(), c) for c in text]
    tallest = max(mask.shape[0] for mask in masks)
    widths = np.array([mask.shape[1] for mask in masks], np.float64) / tallest * height
    # Digits such as 1 keep a fair share of the line so that the spacing looks even, as on embossed plates.
    widths = np.maximum(widths, 0.22 * height) * style.squeeze
    total = widths.sum() + style.gap * widths.mean() * (len(text) - 1)
    squeeze = min(1.0, (right - left) / total)
    x = left + (right - left - total * squeeze) / 2
    for character, mask, width in zip(text, masks, widths, strict=True):
        natural = mask.shape[1] / tallest * height * style.squeeze * squeeze
        offset = (width * squeeze - natural) / 2
        tall = height * mask.shape[0] / tallest
        y = top if character.isalnum() else top + (height - tall) / 2
        _blend(image, mask, (x + offset, y, natural, tall), style.ink)
        x += width * squeeze + style.gap * widths.mean() * squeeze


def _blend(
    image: Bgr, mask: npt.NDArray[np.uint8], place: tuple[float, float, float, float], colour: Any
) -> None:
    left, top, width, height = place
    target_width, target_height = max(1, round(width)), max(1, round(height))
    x0, y0 = max(0, round(left)), max(0, round(top))
    shrunk = cv2.resize(mask, (target_width, target_height), interpolation=cv2.INTER_AREA)
    region = image[y0 : y0 + target_height, x0 : x0 + target_width]
    coverage = shrunk[: region.shape[0], : region.shape[1], None].astype(np.float32) / 255
    mixed = region * (1 - coverage) + np.asarray(colour, np.float32) * coverage
    region[:] = np.rint(mixed).astype(np.uint8)
