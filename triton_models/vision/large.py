"""The second opinion: a large general text recogniser on the plates that the small reader is unsure of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from .boxes import Bgr, Floats
from .ctc import ALPHABET
from .reading import Read, unfold, vote

Network = Callable[[Floats], Floats]
WIDTH_PX, HEIGHT_PX = 224, 48
MARGIN = 0.02


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
    for index, character in enumerate(characters):
        code = ALPHABET.find(character.upper()) if len(character) == 1 and character.isascii() else -1
        if code >= 0:
            folded[..., code + 1] += probabilities[..., index + 1]
    folded[..., 0] = np.clip(1 - folded[..., 1:].sum(-1), 0, 1)
    return folded


def read_large(network: Network, plates: Sequence[tuple[Bgr, Sequence[float], bool]]) -> list[Read]:
    """Readings of plates given as (picture, box xyxy, whether it has two lines), one view each."""
    if not plates:
        return []
    crops = [prepare(_crop(*plate)) for plate in plates]
    probabilities = network(np.stack(crops))
    log_p = np.log(np.maximum(probabilities, 1e-8)).astype(np.float32)
    return [vote([view], plate[2]) for view, plate in zip(log_p, plates, strict=True)]


def _crop(picture: Bgr, box: Sequence[float], two_line: bool) -> Bgr:
    grow_x, grow_y = (box[2] - box[0]) * MARGIN, (box[3] - box[1]) * MARGIN
    left, top = max(0, round(box[0] - grow_x)), max(0, round(box[1] - grow_y))
    crop = picture[top : max(top + 4, round(box[3] + grow_y)), left : max(left + 4, round(box[2] + grow_x))]
    if not two_line:
        return crop
    return np.dstack([unfold(np.ascontiguousarray(crop[..., channel]), 0.5) for channel in range(3)])


def second_opinion(small: Read, large: Read) -> tuple[Read, str]:
    """The reading to report, and whose it is ("small" or "large")."""
    if large.text == small.text and small.text:
        agreed = 1 - (1 - small.confidence) * (1 - large.confidence)
        return Read(
            small.text, round(agreed, 4), small.confidences, small.candidates, small.two_line
        ), "small"
    candidates = dict(small.candidates)
    for text, probability in large.candidates:
        candidates[text] = max(candidates.get(text, 0.0), round(probability * TRUST, 4))
    ranked = tuple(sorted(candidates.items(), key=lambda entry: -entry[1])[:5])
    if plausible(large.text) and large.confidence * TRUST > max(small.confidence, 0.3):
        return Read(
            large.text, round(large.confidence * TRUST, 4), large.confidences, ranked, large.two_line
        ), "large"
    return Read(small.text, small.confidence, small.confidences, ranked, small.two_line), "small"


TRUST = 0.8


def plausible(text: str) -> bool:
    """Whether a text could be a whole plate: four to nine characters, at least one digit."""
    return 4 <= len(text) <= 9 and any(character.isdigit() for character in text)
