"""The second opinion: a large general text recogniser on the plates that the small reader is unsure of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

from .boxes import Bgr, Floats
from .ctc import ALPHABET, alternatives, best_path, text_probabilities
from .reading import Read, unfold

Network = Callable[[Floats], Floats]
WIDTH_PX, HEIGHT_PX = 224, 48
MARGIN = 0.02
TRUST, AGREEING = 0.55, 0.9
LETTER_BETWEEN_DIGITS = re.compile(r"(\d{1,5})[A-Z](\d{1,2})")


def prepare(crop: Bgr) -> Floats:
    """A colour crop as the recogniser's input (3, 48, 224): BGR, -1..1, in proportion, zeros to the right."""
    width = int(np.clip(round(crop.shape[1] * HEIGHT_PX / crop.shape[0]), 16, WIDTH_PX))
    small = cv2.resize(
        crop,
        (width, HEIGHT_PX),
        interpolation=cv2.INTER_AREA if crop.shape[0] > HEIGHT_PX else cv2.INTER_CUBIC,
    )
    canvas = np.zeros((3, HEIGHT_PX, WIDTH_PX), np.float32)
    canvas[:, :, :width] = small.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
    return canvas


def fold_characters(probabilities: Floats, characters: Sequence[str]) -> Floats:
    """Probabilities over the recogniser's characters (n, steps, k) as ours (n, steps, 37).

    Column 0 of the input is its blank, column i + 1 is `characters[i]`. Small letters count as capitals;
    what a plate cannot carry (spaces, signs, other scripts) counts as blank.
    """
    folded = np.zeros((*probabilities.shape[:2], len(ALPHABET) + 1), np.float32)
    for column, code in columns_of(tuple(characters)):
        folded[..., code] += probabilities[..., column]
    folded[..., 0] = np.clip(1 - folded[..., 1:].sum(-1), 0, 1)
    return folded


@lru_cache(maxsize=2)
def columns_of(characters: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Pairs of the recogniser's column and our class for every character that a plate can carry."""
    pairs = []
    for index, character in enumerate(characters):
        code = ALPHABET.find(character.upper()) if len(character) == 1 and character.isascii() else -1
        if code >= 0:
            pairs.append((index + 1, code + 1))
    return tuple(pairs)


def look_large(network: Network, plates: Sequence[tuple[Bgr, Sequence[float], bool]]) -> list[Floats]:
    """Log probabilities (steps, 37) of plates given as (picture, box xyxy, whether it has two lines)."""
    if not plates:
        return []
    probabilities = network(np.stack([prepare(_crop(*plate)) for plate in plates]))
    return list(np.log(np.maximum(probabilities, 1e-8)).astype(np.float32))


def _crop(picture: Bgr, box: Sequence[float], two_line: bool) -> Bgr:
    grow_x, grow_y = (box[2] - box[0]) * MARGIN, (box[3] - box[1]) * MARGIN
    left, top = max(0, round(box[0] - grow_x)), max(0, round(box[1] - grow_y))
    crop = picture[top : max(top + 4, round(box[3] + grow_y)), left : max(left + 4, round(box[2] + grow_x))]
    if not two_line:
        return crop
    return np.dstack([unfold(np.ascontiguousarray(crop[..., channel]), 0.5) for channel in range(3)])


def second_opinion(small: Read, view: Floats) -> tuple[Read, str]:
    """The reading to report and whose text it is ("small" or "large"), from the small reader's and the large one's view.

    Every candidate of either is weighed by both; a text only one of them believes in keeps that one's share.
    """
    first = dict(small.candidates) | {small.text: small.confidence}
    text, characters, _ = best_path(view)
    texts = [t for t in dict.fromkeys([*first, *alternatives(view)]) if t]
    if not texts:
        return small, "small"
    seconds = text_probabilities(view[None], texts)[0]
    if transliterated(small.text, text):
        # The large reader knows no transliteration: agreeing on everything else, it has nothing to object.
        seconds[texts.index(small.text)] = small.confidence
    scores = {
        t: (1 - TRUST) * first.get(t, 0.0) + TRUST * float(p) for t, p in zip(texts, seconds, strict=True)
    }
    ranked = sorted(
        ((t, round(min(1.0, score), 4)) for t, score in scores.items()), key=lambda entry: -entry[1]
    )
    ranked = [entry for entry in ranked if entry[0] in first or plausible(entry[0])][:5]
    if not ranked:
        return small, "small"
    best, confidence = ranked[0]
    if best == small.text == text or (best == small.text and transliterated(best, text)):
        # Two unlike readers that agree err together far less often than each alone.
        second = float(seconds[texts.index(best)])
        confidence = round(max(confidence, 1 - (1 - small.confidence) * (1 - AGREEING * second)), 4)
        ranked[0] = (best, confidence)
    if best == small.text:
        return Read(best, confidence, small.confidences, tuple(ranked), small.two_line), "small"
    confidences = tuple(round(c, 4) for c in characters) if best == text else (confidence,) * len(best)
    return Read(
        best, confidence, confidences, tuple(ranked), small.two_line
    ), "large" if best == text else "small"


def transliterated(small: str, large: str) -> bool:
    """Whether two texts differ only in one letter between digits, such as stands for a letter of another script."""
    shape = LETTER_BETWEEN_DIGITS.fullmatch(small)
    return shape is not None and re.fullmatch(f"{shape[1]}[A-Z0-9]?{shape[2]}", large) is not None


def plausible(text: str) -> bool:
    """Whether a text could be a whole plate: four to nine characters, at least one digit."""
    return 4 <= len(text) <= 9 and any(character.isdigit() for character in text)
