"""Which watchlist entries a plate meets, over millions of them: exactly, by formats, by pattern, or perhaps.

Entries with a plate lie packed in `Rows`, sorted by the plate's folded key; changes since then, and the few entries
that are no plate (patterns, descriptions, permit lists, plates longer than twelve characters), wait in dictionaries.
A whole step is looked up at once in a filter of one bit an entry; what passes it is looked at singly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from waysight.domain import patterns
from waysight.domain.lookalikes import (
    STRAY,
    STRAY_UNREGISTERED,
    THRESHOLD,
    THRESHOLD_UNREGISTERED,
    UNSURE,
    Reading,
    changes,
    differences,
    posteriors,
    unsure_places,
)
from waysight.domain.patterns import PatternIndex
from waysight.domain.plate_keys import (
    ALL_CODES,
    FOLDED,
    LONGEST,
    POWERS,
    Flags,
    Keys,
    codes_of,
    exchanged,
    key_of,
    pack,
    pack_one,
    rows_of,
    text_of,
)
from waysight.domain.plates import PlateFormats, canonical, resolved
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_layer import APPROXIMATE, PACKED_MODES, PERMIT, Layer, NoRows, Rows
from waysight.messages import WatchlistEntry

How = Literal["exact", "normalised", "pattern", "approximate"]
Mode = Literal["description", "permit_list"]

_MOST_CANDIDATES = 5
_COUNTRY = 100_000  # vehicles from which on a register tells who is there


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that a plate meets, and how: `distance` characters differ, `probability` that it is the wanted plate.

    `differences`: place from 1, characters wanted / read, e.g. "3:0/O,5:B/8".
    """

    entry: WatchlistEntry
    how: How
    distance: int = 0
    differences: str = ""
    probability: float = 1.0

    @property
    def exact(self) -> bool:
        """Whether the canonical texts are equal."""
        return self.how == "exact"


class WatchIndex:
    """The entries of the watchlist; written by one thread, read by any: a look-up sees an old entry or the new one.

    `vehicles` is the register that approximate matches ask who else has such a plate.
    """

    def __init__(self, formats: Sequence[PlateFormats] = (), vehicles: VehicleTable | None = None) -> None:
        self._formats, self._vehicles = tuple(formats), vehicles or VehicleTable()
        self._layer = Layer(NoRows())
        self._odd: dict[str, WatchlistEntry] = {}
        self._odd_forms: dict[str, dict[str, None]] = {}
        self._modes: dict[str, dict[str, WatchlistEntry]] = {}
        self._patterns = PatternIndex()
        self.version = 0

    def __len__(self) -> int:
        layer = self._layer
        others = len(self._odd) + sum(map(len, self._modes.values()))
        return int(layer.alive.sum()) + len(layer.changed) + others

    @property
    def changes(self) -> int:
        """How many entries have changed since rows were loaded."""
        return len(self._layer.changed)

    @property
    def nbytes(self) -> int:
        """Memory of keys, flags and filters; the rows' own columns and the changes come on top."""
        layer = self._layer
        arrays = layer.rows.keys.nbytes + layer.rows.flags.nbytes + layer.alive.nbytes
        return arrays + layer.wanted.nbytes + layer.near.nbytes

    @property
    def has_approximate(self) -> bool:
        """Whether any entry may be met by reads that differ; without, nobody needs to ask."""
        return self._layer.approximate

    def load(self, rows: Rows) -> None:
        """Take these rows instead of all packed entries and their changes."""
        self._layer = Layer(rows)
        self.version += 1

    def kept(self) -> tuple[Rows, Flags, Mapping[str, WatchlistEntry]]:
        """The rows, which of them still count, and the packed entries that changed since: what new rows are made of."""
        return self._layer.rows, self._layer.alive, self._layer.changed

    def apply(self, entry_id: str, entry: WatchlistEntry | None) -> None:
        """Add, replace or (None) remove one entry."""
        layer = self._layer
        if (
            entry is not None
            and entry.mode in PACKED_MODES
            and (plate := canonical(entry.plate)) != entry.plate
        ):
            entry = replace(entry, plate=plate)
        key = _packed_key(entry)
        old = layer.changed.get(entry_id)
        if entry is not None and key:
            layer.by_key.setdefault(key, {})[entry_id] = None
            layer.changed[entry_id] = entry
            one = np.array([key], np.uint64)
            if entry.mode == "plate":
                layer.wanted.add(one)
            if entry.approximate:
                layer.near.add(one)
                layer.approximate = True
        else:
            layer.changed.pop(entry_id, None)
        row = layer.rows.row_of(entry_id)
        if row is not None:
            layer.alive[row] = False
        if old is not None and (before := _packed_key(old)) != key:
            layer.by_key[before].pop(entry_id, None)
            if not layer.by_key[before]:
                del layer.by_key[before]
        self._apply_other(entry_id, None if key else entry)
        self.version += 1

    def _apply_other(self, entry_id: str, entry: WatchlistEntry | None) -> None:
        for entries in self._modes.values():
            entries.pop(entry_id, None)
        self._patterns.drop(entry_id)
        gone = self._odd.pop(entry_id, None)
        if gone is not None:
            self._odd_forms[gone.plate.translate(FOLDED)].pop(entry_id)
        if entry is None:
            return
        if entry.mode in PACKED_MODES:
            self._odd[entry_id] = entry
            self._odd_forms.setdefault(entry.plate.translate(FOLDED), {})[entry_id] = None
            return
        self._modes.setdefault(entry.mode, {})[entry_id] = entry
        if entry.mode == "pattern" and patterns.is_pattern(entry.plate):
            self._patterns.put(entry_id, entry.plate)

    def of_mode(self, mode: Mode) -> tuple[WatchlistEntry, ...]:
        """All entries that are no plates of a mode, in force or not, by entry id."""
        return tuple(e for _, e in sorted(self._modes.get(mode, {}).items()))

    def odd(self) -> tuple[WatchlistEntry, ...]:
        """The entries whose plates do not fit into a key."""
        return tuple(self._odd.values())

    def possible(self, plates: Sequence[str]) -> Flags:
        """Which canonical plates (n,) may meet a wanted plate or pattern: all that do, and few that do not."""
        layer = self._layer
        keys = pack(plates, fold=True)
        found = layer.holds(keys, layer.wanted)
        if self._odd:
            forms = self._odd_forms
            odd = np.flatnonzero(keys == 0)
            found[odd] = [plates[i].translate(FOLDED) in forms for i in odd.tolist()]
        if len(self._patterns):
            found |= self._patterns.possible(codes_of(keys))
        return found

    def holds(self, plate: str) -> bool:
        """`possible` of one plate."""
        return bool(self.possible([plate])[0])

    def matches(self, plate: str, at_ms: int) -> list[Hit]:
        """The wanted plates and patterns in force at a time (UTC epoch ms) that a canonical plate meets, by entry id."""
        hits = {h.entry.entry_id: h for h in self._same(plate, at_ms, permit=False)}
        for entry_id in self._patterns.matches(plate) if len(self._patterns) else ():
            entry = self._modes.get("pattern", {}).get(entry_id)
            if entry is not None and in_force(entry, at_ms):
                told = patterns.differences(entry.plate, plate)
                hits[entry_id] = Hit(entry, "pattern", len(told), ",".join(told))
        return [hits[i] for i in sorted(hits)]

    def permits(self, plate: str, at_ms: int, confidences: Sequence[float] = ()) -> list[Hit]:
        """The members of permit lists in force that a canonical plate is, or where it is unsure may be, by entry id."""
        hits = {h.entry.entry_id: h for h in self._same(plate, at_ms, permit=True)}
        reading = Reading(plate, tuple(confidences))
        for entry in self._entries_at(_neighbours(reading, fold=True), PERMIT) if reading.unsure else ():
            if entry.entry_id not in hits and in_force(entry, at_ms) and reading.odds(entry.plate) > 0:
                hits[entry.entry_id] = _perhaps(entry, plate, 0.0)
        return [hits[i] for i in sorted(hits)]

    def possible_approximate(
        self,
        plates: Sequence[str],
        confidences: Sequence[Sequence[float]],
        candidates: Sequence[Iterable[str]] = (),
    ) -> Flags:
        """Which canonical plates may meet an `approximate` entry where the reader was unsure; few that do not.

        Per plate the confidences of its characters (0..1) and, if given, its N-best texts.
        """
        found = np.zeros(len(plates), bool)
        layer = self._layer
        if not layer.approximate:
            return found
        doubted = [i for i, c in enumerate(confidences) if c and min(c) < UNSURE]
        readings = [(i, unsure_places(plates[i], confidences[i])) for i in doubted]
        pairs = [(i, place) for i, places in readings for place in places]
        if not pairs:
            return found
        rows, places = np.array(pairs).T
        codes = codes_of(pack([plates[i] for i, _ in pairs], fold=True))
        exchanged = layer.holds(_exchanged(codes, places).ravel(), layer.near)
        near = exchanged.reshape(-1, len(ALL_CODES)).any(axis=1)
        near |= layer.holds(_dropped(codes, places), layer.near)
        found[rows[near]] = True
        if candidates:
            texts = [(i, t) for i, p in readings if p for t in list(candidates[i])[:_MOST_CANDIDATES]]
            near = layer.holds(pack([t for _, t in texts], fold=True), layer.near)
            found[[i for (i, _), yes in zip(texts, near.tolist(), strict=True) if yes]] = True
        return found

    def approximate(self, reading: Reading, at_ms: int, threshold: float | None = None) -> list[Hit]:
        """The `approximate` entries in force that the plate may be although it was read otherwise, by entry id.

        Their posterior chance (`lookalikes`) over all plates that are registered or wanted is `threshold` or more; None:
        what `lookalikes` says, by whether there is a register of the country.
        """
        if not self._layer.approximate or not reading.unsure:
            return []
        entries = self._entries_at(_neighbours(reading, fold=True), APPROXIMATE)
        found = {e.entry_id: e for e in entries if in_force(e, at_ms) and reading.odds(e.plate) > 0}
        found = {
            i: e for i, e in found.items() if e.mode == "plate" and not self._alike(e.plate, reading.plate)
        }
        if not found:
            return []
        if threshold is None:
            threshold = THRESHOLD if self._registered else THRESHOLD_UNREGISTERED
        chances = self._posteriors(reading, found.values(), threshold)
        told = ((e, chances.get(e.plate, 0.0)) for _, e in sorted(found.items()))
        return [
            _perhaps(e, reading.plate, chance)
            for e, chance in told
            if e.plate in chances and chance >= threshold
        ]

    @property
    def _registered(self) -> bool:
        return len(self._vehicles) >= _COUNTRY

    def _posteriors(
        self, reading: Reading, entries: Iterable[WatchlistEntry], least: float
    ) -> dict[str, float]:
        """The chances of the wanted plates; of none when even without other vehicles all are below `least`."""
        known = self._vehicles.look_of(reading.plate) is not None
        stray = STRAY if self._registered else STRAY_UNREGISTERED
        own = self._fit(reading, reading.plate) if known else stray
        wanted = {e.plate: self._fit(reading, e.plate, e.label, e.colour) for e in entries}
        if (
            max(posteriors(reading, {plate: fit}, own).get(plate, 0.0) for plate, fit in wanted.items())
            < least
        ):
            return {}
        others = _neighbours(reading, fold=False)
        texts = {text_of(k) for k in others[self._vehicles.holds_keys(others)].tolist()}
        return posteriors(reading, {text: self._fit(reading, text) for text in texts} | wanted, own)

    def _fit(self, reading: Reading, plate: str, label: str = "", colour: str = "") -> float:
        look = self._vehicles.look_of(plate)
        return reading.fit(label or (look.label if look else ""), colour or (look.colour if look else ""))

    def _alike(self, one: str, other: str) -> bool:
        """Whether two canonical plates may stand for the same one by the formats."""
        if one == other:
            return True
        if one.translate(FOLDED) != other.translate(FOLDED):
            return False
        return bool(resolved(one, self._formats) & resolved(other, self._formats))

    def _same(self, plate: str, at_ms: int, *, permit: bool) -> Iterator[Hit]:
        """Entries whose plate is this one, or may stand for the same."""
        if not plate:
            return
        key = pack_one(plate, fold=True)
        odd = [
            self._odd[i] for i in tuple(self._odd_forms.get(plate.translate(FOLDED), ())) if i in self._odd
        ]
        for entry in self._entries_of(key, 0) if key else odd:
            if (
                (entry.mode == "permit") is permit
                and in_force(entry, at_ms)
                and self._alike(entry.plate, plate)
            ):
                told = differences(plate, entry.plate)
                yield Hit(entry, "normalised" if told else "exact", told.count("/"), told)

    def _entries_at(self, keys: Keys, flags: int) -> Iterator[WatchlistEntry]:
        layer = self._layer
        if flags == APPROXIMATE:
            keys = keys[layer.holds(keys, layer.near)]
        for key in dict.fromkeys(keys.tolist()):
            yield from self._entries_of(key, flags)

    def _entries_of(self, key: int, flags: int) -> list[WatchlistEntry]:
        """The entries of a folded key that have all of these flags."""
        layer = self._layer
        fresh = [layer.changed.get(i) for i in tuple(layer.by_key.get(key, ()))]
        found = [e for e in fresh if e is not None and _packed_key(e) == key and _flags(e) & flags == flags]
        ids = {e.entry_id for e in found}
        rows = (
            r
            for r in rows_of(layer.rows.keys, key)
            if layer.alive[r] and layer.rows.flags[r] & flags == flags
        )
        return found + [e for e in map(layer.rows.entry, rows) if e.entry_id not in ids]


def in_force(entry: WatchlistEntry, at_ms: int) -> bool:
    """Whether an entry may match at a time (UTC epoch ms): begun, not expired; a revoked one never again."""
    return entry.revoked_ms is None and entry.valid_from_ms <= at_ms < entry.expires_ms


def _perhaps(entry: WatchlistEntry, plate: str, chance: float) -> Hit:
    told = differences(plate, entry.plate)
    return Hit(entry, "approximate", changes(plate, entry.plate), told, round(chance, 4))


def _flags(entry: WatchlistEntry) -> int:
    return APPROXIMATE * entry.approximate + PERMIT * (entry.mode == "permit")


def _packed_key(entry: WatchlistEntry | None) -> int:
    """The folded key of an entry that rows may hold; 0 for any other."""
    return 0 if entry is None or entry.mode not in PACKED_MODES else pack_one(entry.plate, fold=True)


def _neighbours(reading: Reading, *, fold: bool) -> Keys:
    """Keys of what the plate may be: one unsure character exchanged or dropped, or one of the N-best."""
    others = [pack_one(t, fold=fold) for t in reading.others]
    return np.concatenate((exchanged(reading.plate, reading.unsure, fold=fold), np.array(others, np.uint64)))


def _exchanged(codes: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> Keys:
    """Keys (n, 36) of plates (n, 12 characters) with any character in one place each."""
    rows = np.arange(len(codes))
    power = POWERS[places]
    without = key_of(codes) - codes[rows, places] * power
    keys: Keys = without[:, None] + ALL_CODES * power[:, None]
    return keys


def _dropped(codes: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> Keys:
    """Keys (n,) of plates (n, 12 characters) without one character each."""
    columns = np.arange(LONGEST)
    after = np.minimum(columns + (columns >= places[:, None]), LONGEST - 1)
    shifted = np.take_along_axis(codes, after, axis=1)
    shifted[:, -1] = 0
    return key_of(shifted)
