"""Watchlist entries in packed rows, with a filter of one bit an entry, and what changed since the rows were made."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from waysight.domain.plate_keys import Flags, KeyFilter, Keys
from waysight.messages import WatchlistEntry

APPROXIMATE, PERMIT = 1, 2  # bits of Rows.flags
PACKED_MODES = ("plate", "permit")
_SPARE = 20_000  # changes that the filters have room for beside the rows


class Rows(Protocol):
    """Packed entries of the modes plate and permit, in the order of their folded keys; never changed."""

    keys: Keys
    flags: npt.NDArray[np.uint8]

    def entry(self, row: int) -> WatchlistEntry:
        """One of them."""

    def row_of(self, entry_id: str) -> int | None:
        """Where an entry is."""


class NoRows:
    """Packed entries before anything was loaded."""

    keys: Keys = np.zeros(0, np.uint64)
    flags = np.zeros(0, np.uint8)

    def entry(self, row: int) -> WatchlistEntry:
        raise IndexError(row)

    def row_of(self, entry_id: str) -> int | None:
        del entry_id
        return None


class Layer:
    """Packed rows with what changed since; replaced as a whole when rows are loaded."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.alive = np.ones(len(rows.keys), bool)
        self.by_key: dict[int, dict[str, None]] = {}
        self.changed: dict[str, WatchlistEntry] = {}
        permit = (rows.flags & PERMIT) != 0
        near = (rows.flags & APPROXIMATE) != 0
        self.wanted = KeyFilter(int((~permit).sum()) + _SPARE)
        self.near = KeyFilter(int(near.sum()) + _SPARE)
        self.wanted.add(rows.keys[~permit])
        self.near.add(rows.keys[near])
        self.approximate = bool(near.any())

    def holds(self, keys: Keys, filtered: KeyFilter) -> Flags:
        """Which keys are those of entries; `filtered` spares most of the look-ups."""
        found = filtered.may_hold(keys)
        places = np.flatnonzero(found)
        some = keys[places]
        known = self.rows.keys
        there = np.zeros(len(some), bool)
        if len(known):
            there = known[np.minimum(np.searchsorted(known, some), len(known) - 1)] == some
        if self.by_key:
            there |= np.fromiter((k in self.by_key for k in some.tolist()), bool, len(some))
        found[places] = there
        return found
