"""What a watchlist entry must have before it may look for anybody."""

from __future__ import annotations

from dataclasses import replace

from waysight.domain.ids import derive_id
from waysight.messages import WatchlistEntry

GROUNDS = {"legal_basis": "legal basis", "authority": "authority", "case_number": "case number"}


def missing_grounds(legal_basis: str, authority: str, case_number: str, expires: str) -> tuple[str, ...]:
    """The legal grounds that are missing, in words; without any of them an entry is not allowed."""
    values = (legal_basis, authority, case_number, expires)
    return tuple(n for n, v in zip((*GROUNDS.values(), "expiry"), values, strict=True) if not v.strip())


def faults(entry: WatchlistEntry, now_ms: int) -> tuple[str, ...]:
    """What is wrong with an entry, in words; `now_ms` is UTC epoch ms."""
    found = []
    if len(entry.plate) < 2:
        found.append("the plate is too short to look for")
    if not entry.kind:
        found.append("the kind is missing (stolen, wanted_owner …)")
    if not 0 <= entry.priority <= 9:
        found.append(f"priority {entry.priority} is not 0 (highest) .. 9")
    if entry.expires_ms <= entry.valid_from_ms:
        found.append("it expires before it is valid")
    if entry.valid_from_ms > now_ms + 366 * 86_400_000:
        found.append("it is not valid within a year from now")
    return tuple(found)


def entry_id(authority: str, case_number: str, kind: str, plate: str) -> str:
    """The id of an entry that brings none: the same order gives the same entry again."""
    return derive_id("watchlist", authority, case_number, kind, plate)


def revoked(entry: WatchlistEntry, at_ms: int, by: str) -> WatchlistEntry:
    """The entry, revoked from now on; one that is already keeps its first revocation."""
    return entry if entry.revoked_ms is not None else replace(entry, revoked_ms=at_ms, revoked_by=by)


def merged(known: WatchlistEntry | None, fresh: WatchlistEntry) -> WatchlistEntry:
    """A newer copy of an entry; importing a file again never brings back what was revoked."""
    if known is None or known.revoked_ms is None:
        return fresh
    return replace(fresh, revoked_ms=known.revoked_ms, revoked_by=known.revoked_by)
