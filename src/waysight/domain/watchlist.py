"""What a watchlist entry must have before it may look for anybody."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from waysight.domain.conditions import OCTANTS, spans_of
from waysight.domain.ids import derive_id
from waysight.domain.observations import COLOURS, VEHICLES
from waysight.domain.places import faults as area_faults
from waysight.domain.plates import canonical
from waysight.messages import Person, WatchlistEntry

R = TypeVar("R", WatchlistEntry, Person)

GROUNDS = {"legal_basis": "legal basis", "authority": "authority", "case_number": "case number"}
MODES = ("plate", "pattern", "description", "permit", "permit_list")
WITH_PLATE = ("plate", "pattern", "permit")
LONGEST_DESCRIPTION_MS = 72 * 3_600_000
LEAST_FIXED = 3
EPISODE_S = (10, 86_400)


def missing_grounds(legal_basis: str, authority: str, case_number: str, expires: str) -> tuple[str, ...]:
    """The legal grounds that are missing, in words; without any of them an entry is not allowed."""
    values = (legal_basis, authority, case_number, expires)
    return tuple(n for n, v in zip((*GROUNDS.values(), "expiry"), values, strict=True) if not v.strip())


def canonical_pattern(text: str) -> str:
    """A pattern in its one spelling: canonical characters, ? for one, * for any number of them.

    >>> canonical_pattern("123 а?с|*")
    '123A?C*'
    """
    return re.sub(
        r"\*+", "*", "".join(p if p in ("?", "*") else canonical(p) for p in re.split(r"([?*])", text))
    )


def faults(entry: WatchlistEntry, now_ms: int) -> tuple[str, ...]:
    """What is wrong with an entry, in words; `now_ms` is UTC epoch ms."""
    found = list(area_faults(entry.area))
    if entry.mode not in MODES:
        found.append(f"mode {entry.mode!r} is none of {', '.join(MODES)}")
    if entry.mode in WITH_PLATE and len(entry.plate) < 2:
        found.append("the plate is too short to look for")
    if entry.mode == "pattern" and sum(c not in "?*" for c in entry.plate) < LEAST_FIXED:
        found.append(f"a pattern needs at least {LEAST_FIXED} characters that are given")
    if entry.mode not in WITH_PLATE and entry.plate:
        found.append(f"a {entry.mode} has no plate")
    if entry.approximate and entry.mode != "plate":
        found.append("approximate is for entries of the mode plate")
    if entry.mode in ("permit", "permit_list") and not entry.list:
        found.append("the name of its permit list (list) is missing")
    if entry.mode == "permit_list" and not entry.area:
        found.append("a permit list needs an area")
    if entry.mode == "description":
        found += _faults_of_description(entry)
    if not entry.kind:
        found.append("the kind is missing (stolen, wanted_owner …)")
    for name, value, known in (
        ("label", entry.label, sorted(VEHICLES)),
        ("colour", entry.colour, COLOURS),
        ("direction", entry.direction, OCTANTS),
    ):
        if value and value not in known:
            found.append(f"{name} {value!r} is none of {', '.join(known)}")
    if entry.hours and spans_of(entry.hours) is None:
        found.append(
            f"hours {entry.hours!r} cannot be read; write them as mon-fri 22:00-06:00, sun 00:00-24:00"
        )
    if not EPISODE_S[0] <= entry.suppress_s <= EPISODE_S[1]:
        found.append(f"suppress_s {entry.suppress_s} is not {EPISODE_S[0]} .. {EPISODE_S[1]}")
    if not 0 <= entry.priority <= 9:
        found.append(f"priority {entry.priority} is not 0 (highest) .. 9")
    if entry.expires_ms <= entry.valid_from_ms:
        found.append("it expires before it is valid")
    if entry.valid_from_ms > now_ms + 366 * 86_400_000:
        found.append("it is not valid within a year from now")
    return tuple(found)


def too_wide(entry: WatchlistEntry) -> bool:
    """Whether a description would look for too many: without a look or an area, or for more than 72 hours."""
    lasts_ms = entry.expires_ms - entry.valid_from_ms
    return not (entry.area and (entry.label or entry.colour)) or lasts_ms > LONGEST_DESCRIPTION_MS


def entry_id(authority: str, case_number: str, kind: str, plate: str, *more: str) -> str:
    """The id of an entry that brings none: the same order gives the same entry again.

    `more` tells entries apart that a plate does not: mode, list, look, area.
    """
    return derive_id("watchlist", authority, case_number, kind, plate, *more)


def revoked(entry: R, at_ms: int, by: str) -> R:
    """The entry or person, revoked from now on; one that is already keeps its first revocation."""
    return entry if entry.revoked_ms is not None else replace(entry, revoked_ms=at_ms, revoked_by=by)


def merged(known: R | None, fresh: R) -> R:
    """A newer copy of an entry or person; importing a file again never brings back what was revoked."""
    if known is None or known.revoked_ms is None:
        return fresh
    return replace(fresh, revoked_ms=known.revoked_ms, revoked_by=known.revoked_by)


def _faults_of_description(entry: WatchlistEntry) -> list[str]:
    found = []
    if not (entry.label or entry.colour):
        found.append("a description needs a label or a colour that cameras see")
    if not entry.area:
        found.append("a description needs an area")
    if entry.expires_ms - entry.valid_from_ms > LONGEST_DESCRIPTION_MS:
        found.append("a description may hold for 72 hours at most (valid_from to expires)")
    return found
