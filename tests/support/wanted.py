"""Watchlist entries, wanted persons and what they are held in, made in one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from synthetic import START_MS

from waysight.domain.watch_index import WatchIndex
from waysight.messages import Person, WatchlistEntry


def entry(entry_id: str, plate: str, **change: Any) -> WatchlistEntry:
    """A stolen car's entry, in force for a day from `START_MS` on."""
    made = WatchlistEntry(
        entry_id=entry_id, plate=plate, kind="stolen", priority=3, legal_basis="CPC art. 185", authority="police",
        case_number="c-1", source="test", audience="police", valid_from_ms=START_MS, expires_ms=START_MS + 86_400_000,
    )  # fmt: skip
    return replace(made, **change)


def person(person_id: str, **change: Any) -> Person:
    """A wanted person, in force for a day from `START_MS` on."""
    made = Person(
        person_id=person_id, name="A. Person", kind="wanted", priority=1, legal_basis="CPC art. 185", authority="court",
        case_number="w-1", source="test", audience="police", valid_from_ms=START_MS, expires_ms=START_MS + 86_400_000,
    )  # fmt: skip
    return replace(made, **change)


def index_of(entries: Iterable[WatchlistEntry], *given: Any) -> WatchIndex:
    """An index with these entries; `given` goes to its constructor."""
    index = WatchIndex(*given)
    for one in entries:
        index.apply(one.entry_id, one)
    return index
