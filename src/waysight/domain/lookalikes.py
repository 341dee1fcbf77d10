"""A plate that was perhaps read wrong: what else it may have been, how likely, and who drives something like it.

Of every plate that the vehicle may have carried the posterior chance is prior x reading x looks. *Reading*: the chance
that the reader gives to what it did not choose (one less a character's confidence), shared out among the other
characters by its own N-best and by what is commonly taken for what. *Prior*: vehicles of the register and wanted ones
exist, any other text hardly ever does. *Looks*: how well class and colour that were seen fit those that are known. So a
read that is itself a registered vehicle of that look stays what it is, and a text that nobody carries gives way to the
wanted plate beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from waysight.domain.plate_keys import ALPHABET, LONGEST
from waysight.messages.perception import Sighting

UNSURE = 0.95  # characters below it may be another one; of the reader's wrong ones three quarters are
MOST_PLACES = 3  # of a plate; more than that and nothing was read
SHORTEST, LONG = 5, 7  # shorter plates have no approximate matches; from LONG on two characters may differ
# Least posterior of an approximate match, with a register of the country and without one. With one 99 % of the wanted
# plates with a wrong, doubted character are found and 1 in 10,000 innocent passes is taken for one (bench watchlist).
THRESHOLD, THRESHOLD_UNREGISTERED = 0.12, 0.5
# Prior of a text that is neither registered nor wanted, against that of one that is: with a register of the country
# strangers shared out over all texts; without one the share of texts that are given out.
STRAY, STRAY_UNREGISTERED = 0.002, 0.03

_ALIKE = (
    "0ODQCU",
    "1IJLT7",
    "2Z7",
    "5S",
    "8B3",
    "6GC",
    "4A",
    "UV",
    "MNWH",
    "EFP",
    "PRF",
    "KXY",
    "VY",
    "09",
    "38",
)
_SAME_KIND, _OTHER = (
    0.1,
    0.03,
)  # weights of characters that do not look like the one read, against 1 of one that does
_OWN_CANDIDATES = 0.7  # share of the reader's own N-best in what a character may have been
_DROPPED = 0.05  # chance that a wrong character was none at all
_USUAL = {
    "white": 0.3,
    "black": 0.2,
    "silver": 0.15,
    "grey": 0.15,
}  # shares of traffic; a twentieth for each other
_RARE = 0.05
_NEAR, _FAR = 1.5, 0.4  # how much likelier than by chance a wrong colour is a near one, or one far off
_NEAR_COLOURS = ({"white", "silver", "grey"}, {"black", "grey", "blue"}, {"red", "orange", "brown"},
                 {"yellow", "orange", "gold"}, {"brown", "beige", "gold"}, {"green", "blue"})  # fmt: skip
_LABEL_USUAL, _LABEL_FAR = 0.8, 0.3


def _weights() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for read in ALPHABET:
        alike = {c for group in _ALIKE if read in group for c in group} - {read}
        raw = {
            c: 1.0 if c in alike else _SAME_KIND if c.isdigit() == read.isdigit() else _OTHER
            for c in ALPHABET
            if c != read
        }
        total = sum(raw.values())
        found[read] = {c: w / total for c, w in raw.items()}
    return found


_CONFUSED = _weights()


@dataclass(frozen=True)
class Reading:
    """A plate as it was read: canonical text, confidence per character (0..1), N-best, class and colour seen."""

    plate: str
    confidences: tuple[float, ...] = ()
    candidates: tuple[tuple[str, float], ...] = ()
    label: str = ""
    label_confidence: float = 0.0
    colour: str = ""
    colour_confidence: float = 0.0
    _shares: dict[int, dict[str, float]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, sighting: Sighting) -> Self:
        """What a sighting says of its plate and vehicle."""
        return cls(
            sighting.plate,
            tuple(sighting.plate_confidences),
            tuple((c.text, c.confidence) for c in sighting.plate_candidates),
            sighting.label,
            sighting.label_confidence,
            sighting.colour,
            sighting.colour_confidence,
        )

    @cached_property
    def unsure(self) -> tuple[int, ...]:
        """Places (from 0) that may hold another character, the least sure first; none of a short plate."""
        return unsure_places(self.plate, self.confidences)

    @property
    def most_changes(self) -> int:
        """How many characters of a plate of this length may differ."""
        return most_changes(len(self.plate))

    def odds(self, text: str) -> float:
        """How likely the plate was `text` rather than what was read, by the picture alone; 0 when nothing says so."""
        return max(self._by_candidates.get(text, 0.0), self._by_character(text))

    @cached_property
    def others(self) -> tuple[str, ...]:
        """Texts that are no exchange of one character: an unsure one dropped, and the reader's N-best."""
        return (*(self.plate[:i] + self.plate[i + 1 :] for i in self.unsure), *self._by_candidates)

    @cached_property
    def _by_candidates(self) -> dict[str, float]:
        own = max((c for t, c in self.candidates if t == self.plate), default=0.0)
        told = {t: c / own for t, c in self.candidates if t != self.plate} if own > 0 else {}
        return {t: o for t, o in told.items() if changes(self.plate, t) <= self.most_changes}

    def _by_character(self, text: str) -> float:
        if len(text) == len(self.plate):
            places = [i for i, (x, y) in enumerate(zip(self.plate, text, strict=True)) if x != y]
            if len(places) > self.most_changes or not set(places) <= set(self.unsure):
                return 0.0
            odds = 1.0
            for place in places:
                odds *= self._doubt(place) * self._share(place, text[place])
            return odds
        for place in self.unsure if len(text) == len(self.plate) - 1 else ():
            if self.plate[:place] + self.plate[place + 1 :] == text:
                return self._doubt(place) * _DROPPED
        return 0.0

    def _doubt(self, place: int) -> float:
        confidence = self.confidences[place]
        return (1.0 - confidence) / max(confidence, 0.05)

    def _share(self, place: int, character: str) -> float:
        """The chance that a wrong character at a place is this one in truth."""
        if place not in self._shares:
            told: dict[str, float] = {}
            for text, confidence in self.candidates:
                if len(text) == len(self.plate) and text[place] != self.plate[place]:
                    told[text[place]] = told.get(text[place], 0.0) + confidence
            total = sum(told.values())
            self._shares[place] = {c: m / total for c, m in told.items()} if total > 0 else {}
        own, usual = self._shares[place], _CONFUSED[self.plate[place]][character]
        return _OWN_CANDIDATES * own.get(character, 0.0) + (1 - _OWN_CANDIDATES) * usual if own else usual

    def fit(self, label: str, colour: str) -> float:
        """How much likelier these looks were seen on a vehicle of that class and colour ("": unknown) than on any."""
        return _colour_fit(self.colour, self.colour_confidence, colour) * _label_fit(
            self.label, self.label_confidence, label
        )


def most_changes(length: int) -> int:
    """How many characters of a plate of a length may differ: the shorter, the more others are beside it."""
    return 0 if length < SHORTEST else 1 if length < LONG else 2


def unsure_places(plate: str, confidences: Sequence[float]) -> tuple[int, ...]:
    """Places (from 0) whose confidence is below UNSURE, the least sure first, at most MOST_PLACES."""
    if len(confidences) != len(plate) or not most_changes(len(plate)) or len(plate) > LONGEST:
        return ()
    found = [i for i, c in enumerate(confidences) if c < UNSURE and plate[i] in _CONFUSED]
    return tuple(sorted(found, key=lambda i: (confidences[i], i))[:MOST_PLACES])


def posteriors(reading: Reading, weights: Mapping[str, float], own: float) -> dict[str, float]:
    """The chance of each text that the vehicle carries it.

    `weights`: prior x looks of the texts that somebody carries; `own`: that of the text that was read.
    """
    shares = {text: reading.odds(text) * weight for text, weight in weights.items() if text != reading.plate}
    total = own + sum(shares.values())
    return {text: share / total for text, share in shares.items()} if total > 0 else {}


def changes(read: str, wanted: str) -> int:
    """The least number of characters to exchange, add or drop (Levenshtein, 1966)."""
    row = list(range(len(wanted) + 1))
    for i, x in enumerate(read, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(wanted, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def differences(read: str, wanted: str) -> str:
    """Where a read differs from a wanted plate: place from 1, characters wanted / read, "-" for none.

    >>> differences("123ABCO2", "123A8C02")
    '5:8/B,7:0/O'
    """
    if len(read) == len(wanted):
        told = enumerate(zip(read, wanted, strict=True), 1)
        return ",".join(f"{n}:{y}/{x}" for n, (x, y) in told if x != y)
    begin = next((i for i, (x, y) in enumerate(zip(read, wanted, strict=False)) if x != y), None)
    begin = min(len(read), len(wanted)) if begin is None else begin
    rest = min(len(read), len(wanted)) - begin
    end = next((i for i in range(rest) if read[-1 - i] != wanted[-1 - i]), rest)
    x, y = read[begin : len(read) - end], wanted[begin : len(wanted) - end]
    return f"{begin + 1}:{y or '-'}/{x or '-'}"


def _colour_fit(seen: str, confidence: float, known: str) -> float:
    if not seen or not known:
        return 1.0
    sure = min(max(confidence, 0.3), 0.95)
    if seen == known:
        return max(1.0, sure / _USUAL.get(seen, _RARE))
    near = any({seen, known} <= group for group in _NEAR_COLOURS)
    return (1 - sure) * (_NEAR if near else _FAR)


def _label_fit(seen: str, confidence: float, known: str) -> float:
    if not seen or not known or seen == "plate":
        return 1.0
    sure = min(max(confidence, 0.5), 0.97)
    return sure / _LABEL_USUAL if seen == known else (1 - sure) * _LABEL_FAR / (1 - _LABEL_USUAL)
