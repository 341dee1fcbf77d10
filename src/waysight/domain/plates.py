"""Plate texts: one canonical spelling, the formats of countries, and characters that look alike."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_CYRILLIC = dict(zip("АВЕКМНОРСТУХІЅЈЗӀҮҺԚԜ", "ABEKMHOPCTYXISJ3IYHQW", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
# Every form of an Arabic letter is the same letter (NFKD); of Moroccan series letters the Latin of
# simulate/designs/ma.yaml, of others that of bilingual plates (Saudi Arabia).
_ARABIC = {"ا": "A", "ٱ": "A", "ب": "B", "د": "D", "ه": "H", "ة": "H", "ہ": "H", "و": "W", "ط": "T", "ي": "Y", "ى": "Y",
           "ی": "Y", "ج": "J", "ـ": "", "ح": "J", "ر": "R", "س": "S", "ص": "X", "ع": "E", "ق": "G", "ك": "K", "ک": "K",
           "ل": "L", "م": "Z", "ن": "N"}  # fmt: skip
_DIGITS = {0x0660 + d: str(d) for d in range(10)} | {0x06F0 + d: str(d) for d in range(10)}
_TO_LATIN = str.maketrans({**_CYRILLIC, **_GREEK, **_ARABIC, **{chr(c): d for c, d in _DIGITS.items()}})

# Pairs that a reader or a typist confuses and that a format can tell apart.
_MERGED = {"O": "0", "0": "O", "I": "1", "1": "I"}
_MOST_AMBIGUOUS = 6

# The series letter of a Moroccan plate as it is written there.
_SERIES = {"A": "أ", "B": "ب", "D": "د", "H": "ه", "W": "و", "T": "ط", "Y": "ي", "J": "ج"}
_MOROCCAN = re.compile(r"(\d{1,5})([A-Z])(\d{1,2})")


def canonical(text: str) -> str:
    """A plate in its one spelling: upper-case A-Z and 0-9, no separators; Cyrillic, Greek and Arabic forms in Latin.

    Accents are left out; other characters are dropped.

    >>> canonical("123 авс|02")
    '123ABC02'
    """
    upper = unicodedata.normalize("NFKD", text).upper().translate(_TO_LATIN)
    return "".join(c for c in upper if c.isascii() and c.isalnum())


@dataclass(frozen=True)
class PlateFormats:
    """The plate formats of one country: regular expressions that the whole canonical text must match."""

    country: str
    patterns: tuple[str, ...]

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(p) for p in self.patterns)

    def has(self, text: str) -> bool:
        """Whether a canonical text has one of the formats."""
        return any(p.fullmatch(text) for p in self._compiled)


def country_of(text: str, formats: Iterable[PlateFormats]) -> str:
    """The one country whose format a canonical text has; empty when none or several do.

    >>> country_of("123ABC02", [PlateFormats("kz", (r"\\d{3}[A-Z]{3}\\d{2}",))])
    'kz'
    """
    found = {f.country for f in formats if f.has(text)}
    return found.pop() if len(found) == 1 else ""


def resolved(text: str, formats: Iterable[PlateFormats]) -> frozenset[str]:
    """What a canonical text may stand for once O/0 and I/1 are told apart by the configured formats.

    A text that has a format stands for itself; one that has none stands for its look-alikes that have one;
    without any (a foreign plate) again only for itself, so that no format is forced on it.

    >>> sorted(resolved("123ABCO2", [PlateFormats("kz", (r"\\d{3}[A-Z]{3}\\d{2}",))]))
    ['123ABC02']
    """
    known = tuple(formats)
    if not known or any(f.has(text) for f in known):
        return frozenset((text,))
    places = [i for i, c in enumerate(text) if c in _MERGED]
    if not places or len(places) > _MOST_AMBIGUOUS:
        return frozenset((text,))
    choices = [(c, _MERGED[c]) if c in _MERGED else (c,) for c in text]
    fits = {t for t in map("".join, itertools.product(*choices)) if any(f.has(t) for f in known)}
    return frozenset(fits or {text})


def displayed(text: str, country: str) -> str:
    """A canonical text as its plate shows it: of Moroccan plates groups, and the series letter in Arabic.

    Left-to-right marks (U+200E) keep the order of the groups whatever the direction of the text around them;
    `canonical` takes the result back. Texts of other countries and formats stay as they are.

    >>> canonical(displayed("12345A6", "ma"))
    '12345A6'
    """
    shape = _MOROCCAN.fullmatch(text) if country == "ma" else None
    if shape is None or shape[2] not in _SERIES:
        return text
    return f"\u200e{shape[1]} | {_SERIES[shape[2]]}\u200e | {shape[3]}"


def differing(a: str, b: str) -> int:
    """Number of differing places of two texts of equal length; the longer one's length otherwise."""
    return sum(x != y for x, y in zip(a, b, strict=True)) if len(a) == len(b) else max(len(a), len(b))
