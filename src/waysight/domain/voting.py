"""One plate out of many reads of the same vehicle.

Frames that agree raise the confidence, frames that read something else lower it. Reads of one length are
compared character by character; a read that is a piece of the winner (a plate half out of the picture)
is not held against it. Formats only decide between candidates that the reader itself found about equally
likely, and only the formats of the countries that a camera is set to: a foreign plate is never bent into a
domestic one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from waysight.domain.plates import PlateFormats, country_of

_LEAST_LENGTH = 5  # shorter reads of no known format are stickers and grilles
_LEAST_CONFIDENCE = 0.3  # a read below it says nothing about the plate
_HIGHEST = 0.995  # no single frame is surer than this
_REPEAT = 0.5  # frames of one pass share their errors: each further one counts for this much of the first
_MOST_REPEATS = 3  # beyond which further frames say nothing new
_UNCONFIRMED = 0.95  # highest confidence of a text that only one of several legible frames shows
_TIE = 0.5  # a rival with this share of the winner's weight is about equally likely
_MOST_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Read:
    """One frame's read: canonical text, confidence of the whole (0..1) and per character, candidates."""

    text: str
    confidence: float
    confidences: tuple[float, ...] = ()
    candidates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class VotedPlate:
    """The plate of a track; `text` is empty when nothing legible was read."""

    text: str = ""
    country: str = ""
    confidence: float = 0.0
    confidences: tuple[float, ...] = ()
    candidates: tuple[tuple[str, float], ...] = ()
    votes: int = 0


def vote(
    reads: Iterable[Read], formats: Sequence[PlateFormats], home: Collection[str] | None = None
) -> VotedPlate:
    """The plate that the reads of one track agree on, with the confidence (0..1) that it is right.

    `formats` name the plate's country; those of the countries `home` (None: of all) decide between candidates.
    """
    usable = [r for r in reads if r.confidence >= _LEAST_CONFIDENCE and _plausible(r.text, formats)]
    if not usable:
        return VotedPlate()
    weights = _weights(usable, formats)
    text = _best(usable, weights, [f for f in formats if home is None or f.country in home])
    votes = sum(r.text == text for r in usable)
    confidence = _posterior(text, usable)
    if not votes:  # put together from several reads, or only ever a candidate
        confidence = min(weights[text] / max(1.0, sum(weights.values())), 0.5)
    elif votes == 1 and len(usable) > 1:
        confidence = min(confidence, _UNCONFIRMED)
    total = sum(weights.values()) or 1.0
    ranked = sorted(weights.items(), key=lambda w: (-w[1], w[0]))
    others = tuple((t, w / total * (1.0 - confidence)) for t, w in ranked if t != text)
    return VotedPlate(
        text=text,
        country=country_of(text, formats),
        confidence=round(min(confidence, 0.9999), 6),
        confidences=_per_character(text, usable, confidence),
        candidates=((text, round(confidence, 6)), *((t, round(c, 6)) for t, c in others))[:_MOST_CANDIDATES],
        votes=votes,
    )


def _plausible(text: str, formats: Sequence[PlateFormats]) -> bool:
    """Whether a text may be a plate: a known format, or long enough and not a word."""
    if any(f.has(text) for f in formats):
        return True
    return len(text) >= _LEAST_LENGTH and any(c.isdigit() for c in text)


def _odds(confidence: float) -> float:
    bounded = min(confidence, _HIGHEST)
    return bounded / (1.0 - bounded)


def _weights(reads: Sequence[Read], formats: Sequence[PlateFormats]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for read in reads:
        weights[read.text] = weights.get(read.text, 0.0) + _odds(read.confidence)
        for text, confidence in read.candidates:
            if text != read.text and _plausible(text, formats):
                weights[text] = weights.get(text, 0.0) + _odds(min(confidence, 1.0 - read.confidence))
    return weights


def _best(reads: Sequence[Read], weights: dict[str, float], formats: Sequence[PlateFormats]) -> str:
    lengths: dict[int, float] = {}
    for read in reads:
        lengths[len(read.text)] = lengths.get(len(read.text), 0.0) + _odds(read.confidence)
    length = max(lengths, key=lambda n: (lengths[n], n))
    whole = {t: w for t, w in weights.items() if len(t) == length}
    text = max(whole, key=lambda t: (whole[t], t))
    mixed = _by_character([r for r in reads if len(r.text) == length])
    if mixed in whole and whole[mixed] >= _TIE * whole[text]:
        text = mixed
    if formats and not country_of(text, formats):
        rivals = [t for t, w in weights.items() if w >= _TIE * weights[text] and country_of(t, formats)]
        if rivals:
            text = max(rivals, key=lambda t: (weights[t], t))
    return text


def _by_character(reads: Sequence[Read]) -> str:
    columns: list[dict[str, float]] = [{} for _ in reads[0].text]
    for read in reads:
        for i, character in enumerate(read.text):
            sure = read.confidences[i] if i < len(read.confidences) else read.confidence
            columns[i][character] = columns[i].get(character, 0.0) + sure * _odds(read.confidence)
    return "".join(max(c, key=lambda k: (c[k], k)) for c in columns)


def _posterior(text: str, reads: Sequence[Read]) -> float:
    """Odds of the text against those of every other read text and of something unread."""
    own = _strength([r.confidence for r in reads if r.text == text])
    rivals = {r.text for r in reads if r.text != text and r.text not in text}
    return own / (1.0 + own + sum(_strength([r.confidence for r in reads if r.text == t]) for t in rivals))


def _strength(confidences: list[float]) -> float:
    """Odds of one text: the surest read counts whole, each further one as a power, 0 without any."""
    if not confidences:
        return 0.0
    first, *more = sorted(confidences, reverse=True)[: 1 + _MOST_REPEATS]
    exponent = sum(_REPEAT * math.log(max(_odds(c), 1.0)) for c in more)
    return _odds(first) * math.exp(min(exponent, 30.0))


def _per_character(text: str, reads: Sequence[Read], whole: float) -> tuple[float, ...]:
    """Per character the odds of the reads that have it against those that do not; never below the whole text's.

    Frames that agree do not make a character certain: what one frame was unsure of, the next one often was too.
    """
    found = []
    for i, character in enumerate(text):
        said: dict[str, list[float]] = {}
        for read in reads:
            if len(read.text) == len(text):
                sure = read.confidences[i] if i < len(read.confidences) else read.confidence
                said.setdefault(read.text[i], []).append(sure)
        own = _strength(said.pop(character, []))
        found.append(max(whole, own / (1.0 + own + sum(map(_strength, said.values()))) if own else whole))
    return tuple(round(min(c, 0.9999), 6) for c in found)
