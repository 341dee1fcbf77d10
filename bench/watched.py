"""A country on paper: ten million registered vehicles, two million entries, and passes as the reader would read them.

The plates are Kazakhstan's (three digits, three letters, region). How a pass is read imitates what production's reader did
with 4,000 rendered passes (`simulated_plates`): how many characters are doubted, how sure it then is, how often it is right
when it says so, what it takes for what, how often the truth is among its candidates. None of it is taken from the code
that is measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waysight.domain.lookalikes import Reading
from waysight.domain.plate_keys import pack_utf8
from waysight.domain.vehicle_table import COLOURS, VehicleRows

DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
REGIONS = 20
LABELS_SEEN = ("car", "truck", "bus", "motorcycle")
COLOUR_SHARES = {"white": 0.3, "silver": 0.15, "grey": 0.14, "black": 0.2, "red": 0.06, "blue": 0.07, "green": 0.03,
                 "brown": 0.03, "yellow": 0.02}  # fmt: skip
# Most wrong colours are near ones (docs/models.md).
NEAR = (("black", "grey", "green"), ("silver", "white", "blue"), ("silver", "grey"), ("red", "brown"))
NEAR_SHARE = 0.6
LABEL_SHARES = {"car": 0.85, "truck": 0.1, "bus": 0.03, "motorcycle": 0.02}
# What the reader made of a character that it got wrong, as often as it did so: read, truth.
TAKEN_FOR = "5S5S5S5S5S5S5S5S8B8B8BB8B8B89008081JJ110PEZ7022 3032010K720959YX355JPFUD0D93411386MW1213581MHZ2359W9S79FSF5EFNS"
STRANGERS = 0.05  # share of traffic that is in no register
DOUBTED = 0.031  # share of passes with a character below 0.95 although the text is right: measured
TWICE = 0.15  # of them with a second one
IN_CANDIDATES = (
    0.87  # how often the truth is among the candidates of a text with one wrong character: measured
)


def pairs() -> dict[str, list[str]]:
    """Per true character what it was read as, as often as that happened."""
    found: dict[str, list[str]] = {}
    text = TAKEN_FOR.replace(" ", "")
    for read, truth in zip(text[::2], text[1::2], strict=False):
        if read != truth:
            found.setdefault(truth, []).append(read)
            found.setdefault(read, []).append(truth)
    return found


CONFUSED = pairs()


def plates_of(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Characters (n, 8) of plates by their number, 0 .. SPACE - 1."""
    found = np.empty((len(numbers), 8), np.uint8)
    rest, region = np.divmod(numbers, REGIONS)
    found[:, 6], found[:, 7] = ord("0") + (region + 1) // 10, ord("0") + (region + 1) % 10
    for place in (5, 4, 3):
        rest, letter = np.divmod(rest, 26)
        found[:, place] = ord("A") + letter
    for place in (2, 1, 0):
        rest, digit = np.divmod(rest, 10)
        found[:, place] = ord("0") + digit
    return found


SPACE = 1000 * 26**3 * REGIONS


def texts_of(characters: npt.NDArray[np.uint8]) -> pa.Array:
    """Plates as an Arrow text column."""
    offsets = np.arange(len(characters) + 1, dtype=np.int32) * 8
    data = np.ascontiguousarray(characters).tobytes()
    return pa.StringArray.from_buffers(len(characters), pa.py_buffer(offsets.tobytes()), pa.py_buffer(data))


@dataclass(frozen=True)
class Country:
    """Vehicles by number: plates (n, 8), codes of colour and class; the first `registered` are in the register."""

    plates: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    registered: int
    wanted: npt.NDArray[np.int64]

    def rows(self) -> VehicleRows:
        """The register."""
        known = self.registered
        flat = np.ascontiguousarray(self.plates[:known]).ravel()
        keys = pack_utf8(flat, np.arange(known + 1, dtype=np.int64) * 8)
        owners = np.random.default_rng(5).integers(1, 2**62, known).astype(np.uint64)
        makes = np.zeros(known, np.uint16)
        return VehicleRows(keys, owners, self.labels[:known], self.colours[:known], makes)

    def text(self, number: int) -> str:
        """A vehicle's plate."""
        return self.plates[number].tobytes().decode()

    def entries(self, begin: int, end: int) -> pa.RecordBatch:
        """Some of the wanted vehicles as decoded watchlist entries; four of five say what the vehicle looks like."""
        rows = self.wanted[begin:end]
        count = len(rows)
        chance = np.random.default_rng([9, begin])
        told = chance.random(count) < 0.8
        names = np.array(COLOURS), np.array(("", *LABELS_SEEN))

        def texts(values: npt.NDArray[np.str_]) -> pa.Array:
            return pa.array(values.tolist(), pa.string())

        def any_of(word: str, many: int) -> pa.Array:
            return texts(np.array([f"{word} {n}" for n in range(many)])[chance.integers(0, many, count)])

        def same(value: object, kind: pa.DataType) -> pa.Array:
            return pa.repeat(pa.scalar(value, kind), count)

        ids = chance.bytes(16 * count).hex()
        days = 86_400_000 * chance.integers(0, 700, (2, count))
        columns: dict[str, pa.Array] = {
            "entry_id": pa.array([ids[i : i + 32] for i in range(0, 32 * count, 32)]),
            "plate": texts_of(self.plates[rows]),
            "kind": any_of("kind", 5),
            "priority": pa.array(chance.integers(0, 10, count), pa.int32()),
            "legal_basis": any_of("Criminal Procedure Code, article", 30),
            "authority": any_of("Department of the Ministry, number", 200),
            "case_number": texts(np.array([f"KZ-2026-{n:07}" for n in chance.integers(0, 10**7, count)])),
            "valid_from_ms": pa.array(1_700_000_000_000 + days[0]),
            "expires_ms": pa.array(1_800_000_000_000 + days[1]),
            "revoked_ms": same(None, pa.int64()),
            "mode": same("plate", pa.string()),
            "approximate": same(True, pa.bool_()),
            "label": texts(np.where(told, names[1][self.labels[rows]], "")),
            "colour": texts(np.where(told, names[0][self.colours[rows]], "")),
            "area": pa.array([[]] * count, pa.list_(pa.string())),
            "suppress_s": same(600, pa.int32()),
        }
        blank = ("source", "audience", "revoked_by", "note", "list", "make", "model", "direction", "hours")
        return pa.record_batch(columns | {name: same("", pa.string()) for name in blank})


def country(registered: int, wanted: int, seed: int) -> Country:
    """Vehicles without end: those of the register, and a twentieth more that are in none; of both some are wanted."""
    chance = np.random.default_rng(seed)
    everybody = int(registered * (1 + STRANGERS))
    numbers = chance.permutation(np.unique(chance.integers(0, SPACE, int(everybody * 1.03))))[:everybody]
    colours = np.array([COLOURS.index(c) for c in COLOUR_SHARES], np.uint8)
    labels = np.arange(1, 1 + len(LABELS_SEEN), dtype=np.uint8)
    return Country(
        plates_of(numbers),
        chance.choice(colours, everybody, p=list(COLOUR_SHARES.values())),
        chance.choice(labels, everybody, p=list(LABEL_SHARES.values())),
        min(registered, len(numbers)),
        np.sort(chance.choice(len(numbers), min(wanted, len(numbers) // 2), replace=False)),
    )


class Road:
    """Passes of a country's vehicles as they are read."""

    def __init__(self, land: Country, seed: int) -> None:
        self._land, self._chance = land, random.Random(seed)

    def doubtful(self, number: int, wrong: bool | None) -> Reading:
        """A pass with a doubted character. `wrong`: whether it is another one in truth; None: as often as it says so."""
        chance, truth = self._chance, self._land.text(number)
        places = chance.sample(range(8), 2 if chance.random() < TWICE else 1)
        sure = {p: self._confidence() for p in places}
        if wrong is None:
            missed = [p for p in places if chance.random() > sure[p]][:1]
        else:
            missed = places[:1] if wrong else []
            while wrong and chance.random() < sure[places[0]]:
                sure[places[0]] = self._confidence()
        read = list(truth)
        for place in missed:
            read[place] = self._taken(truth[place])
        text = "".join(read)
        confidences = tuple(sure.get(p, 0.99 + 0.0099 * chance.random()) for p in range(8))
        whole = min(confidences)
        candidates = [(text, whole)]
        if missed and chance.random() < IN_CANDIDATES:
            candidates.append((truth, (1 - whole) * chance.uniform(0.2, 0.9)))
        for _ in range(chance.randrange(3)):
            place = chance.choice(places)
            other = text[:place] + self._taken(text[place]) + text[place + 1 :]
            candidates.append((other, (1 - whole) * chance.uniform(0.0, 0.4)))
        return Reading(text, confidences, tuple(candidates), *self._looks(number))

    def _confidence(self) -> float:
        """Of a doubted character: most are doubted little."""
        return 0.95 - 0.65 * self._chance.random() ** 4

    def _taken(self, character: str) -> str:
        known = CONFUSED.get(character)
        if known and self._chance.random() < 0.7:
            return self._chance.choice(known)
        kind = DIGITS if character in DIGITS else LETTERS
        return self._chance.choice([c for c in kind if c != character])

    def _looks(self, number: int) -> tuple[str, float, str, float]:
        chance, land = self._chance, self._land
        label, colour = LABELS_SEEN[land.labels[number] - 1], COLOURS[land.colours[number]]
        sure = chance.uniform(0.3, 0.95)  # as it is told: right as often as it says
        if chance.random() > sure:
            near = [c for group in NEAR if colour in group for c in group]
            others = near if near and chance.random() < NEAR_SHARE else None
            colour = chance.choices(
                others or list(COLOUR_SHARES), None if others else list(COLOUR_SHARES.values())
            )[0]
        certain = chance.uniform(0.85, 1.0)
        if chance.random() > certain:
            label = chance.choice(LABELS_SEEN)
        return label, certain, colour, sure


def innocents(land: Country, passes: int, seed: int) -> Iterator[int]:
    """Vehicles that pass and are not wanted, of those passes alone whose reading holds a doubted character."""
    chance = np.random.default_rng([seed, 1])
    wanted = np.zeros(len(land.plates), bool)
    wanted[land.wanted] = True
    # A doubted character is right 4 times in 5, and DOUBTED are those that are right.
    doubted = chance.random(passes) < DOUBTED / 0.8
    numbers = chance.integers(0, len(land.plates), int(doubted.sum()))
    yield from numbers[~wanted[numbers]].tolist()
