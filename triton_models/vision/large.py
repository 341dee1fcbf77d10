"""The second opinion: a large general text recogniser on the plates that the small reader is unsure of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from .boxes import Bgr, Floats
from .corners import line_crop
from .ctc import ALPHABET

Network = Callable[[Floats], Floats]
WIDTH_PX, HEIGHT_PX = 144, 48
LEAST = 1e-8


def prepare(crop: Bgr) -> Floats:
    """A colour crop of (48, 144) as the recogniser's input (3, 48, 144): BGR, -1..1."""
    return np.ascontiguousarray(crop.transpose(2, 0, 1).astype(np.float32) / np.float32(127.5) - 1)


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


def look_large(
    network: Network, plates: Sequence[tuple[Bgr, Sequence[Floats], tuple[float, float]]]
) -> list[Floats]:
    """Log probabilities (steps, 37) of plates given as (picture, quadrilaterals of their lines, margins x and y)."""
    if not plates:
        return []
    size = (WIDTH_PX, HEIGHT_PX)
    crops = [line_crop(picture, quads, size, *margins) for picture, quads, margins in plates]
    probabilities = network(np.stack([prepare(crop) for crop in crops]))
    return list(np.log(np.maximum(probabilities, LEAST)).astype(np.float32))
