"""Plate patterns (? one character, * any number), looked up by what is fixed in them: thousands cost little a plate.

Each pattern waits under up to four of its fixed characters: those of the part before the first *, or of the part
after the last one. Patterns that wait under the same places are looked up together, for all plates of a step at once;
those that are fixed nowhere but between stars are tried one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from waysight.domain.plate_keys import ALPHABET, BASE, FOLDED, LONGEST, Codes, Flags, Keys

_MOST_PLACES = 4
Places = tuple[int, ...]  # from 0 from the left; from -1 from the right


def is_pattern(text: str) -> bool:
    """Whether a text has only capital letters, digits, ? and *, and at least one wildcard and one fixed character."""
    return bool(
        re.fullmatch(r"[A-Z0-9?*]+", text) and re.search(r"[?*]", text) and re.search(r"[A-Z0-9]", text)
    )


def compiled(pattern: str) -> re.Pattern[str]:
    """The expression that the whole folded plate must match."""
    return _compiled(pattern.translate(FOLDED))


@lru_cache(maxsize=65_536)
def _compiled(folded: str) -> re.Pattern[str]:
    return re.compile(folded.replace("?", ".").replace("*", ".*"))


# Places → fixed characters there (as a number) → ids of the patterns that wait under them.
_Groups = dict[Places, dict[int, dict[str, None]]]


class PatternIndex:
    """Patterns by id; kept up to date one by one."""

    def __init__(self) -> None:
        self._patterns: dict[str, str] = {}
        self._groups: _Groups = {}

    def __len__(self) -> int:
        return len(self._patterns)

    def put(self, pattern_id: str, pattern: str) -> None:
        """Add or replace one; a look-up meanwhile sees the old one, the new one or neither."""
        self.drop(pattern_id)
        self._patterns[pattern_id] = pattern
        places, number = _anchor(pattern.translate(FOLDED))
        self._groups.setdefault(places, {}).setdefault(number, {})[pattern_id] = None

    def drop(self, pattern_id: str) -> None:
        """Remove one; an unknown one is no error."""
        pattern = self._patterns.pop(pattern_id, None)
        if pattern is None:
            return
        places, number = _anchor(pattern.translate(FOLDED))
        group = self._groups[places]
        group[number].pop(pattern_id)
        if not group[number]:
            del group[number]
        if not group:
            del self._groups[places]

    def possible(self, codes: Codes) -> Flags:
        """Which plates (folded characters (n, 12), 0 after the end) have the fixed characters of some pattern."""
        found = np.zeros(len(codes), bool)
        lengths = (codes != 0).sum(axis=1)
        for places, group in list(self._groups.items()):
            wanted = list(group)
            numbers = _numbers(codes, lengths, places)
            found |= np.isin(numbers, np.array(wanted, np.uint64))
        return np.asarray(found & (lengths > 0), bool)

    def matches(self, plate: str) -> Iterator[str]:
        """The ids of the patterns that a canonical plate meets, O taken for 0 and I for 1."""
        folded = plate.translate(FOLDED)
        for places, group in list(self._groups.items()):
            if places and max(places[-1], -places[0] - 1) >= len(folded):
                continue
            for pattern_id in tuple(group.get(_number(folded[p] for p in places), ())):
                pattern = self._patterns.get(pattern_id)
                if pattern is not None and compiled(pattern).fullmatch(folded):
                    yield pattern_id


def differences(pattern: str, plate: str) -> tuple[str, ...]:
    """Where a plate meets a pattern only because O is taken for 0 or I for 1, e.g. ("3:0/O",): pattern / read."""
    if "*" in pattern:
        return () if re.fullmatch(pattern.replace("?", ".").replace("*", ".*"), plate) else ("0/O",)
    told = zip(plate, pattern, strict=False)
    return tuple(f"{n}:{x}/{y}" for n, (x, y) in enumerate(told, 1) if y != "?" and x != y)


def _anchor(folded: str) -> tuple[Places, int]:
    """The places of up to four fixed characters before the first star, or after the last, and those characters."""
    head = folded.split("*", 1)[0]
    tail = folded.rsplit("*", 1)[-1] if "*" in folded else ""
    before = [i for i, c in enumerate(head) if c != "?" and i < LONGEST][:_MOST_PLACES]
    after = [-i for i, c in enumerate(reversed(tail), 1) if c != "?" and i <= LONGEST][:_MOST_PLACES]
    places = tuple(before) if len(before) >= len(after) else tuple(sorted(after))
    text = head if len(before) >= len(after) else tail
    return places, _number(text[p] for p in places)


def _number(characters: Iterator[str]) -> int:
    number = 0
    for character in characters:
        number = number * BASE + ALPHABET.index(character) + 1
    return number


def _numbers(codes: Codes, lengths: np.ndarray[tuple[int], np.dtype[np.integer]], places: Places) -> Keys:
    numbers = np.zeros(len(codes), np.uint64)
    rows = np.arange(len(codes))
    for place in places:
        column = place if place >= 0 else np.maximum(lengths + place, 0)
        numbers = numbers * np.uint64(BASE) + codes[rows, column]
    return numbers
