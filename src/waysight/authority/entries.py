"""Watchlist entries and wanted persons out of the text fields of a file or a command line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from waysight.authority.local_days import term_ms
from waysight.domain.plates import canonical
from waysight.domain.watchlist import canonical_pattern, entry_id, faults, missing_grounds
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Person, WatchlistEntry

ENTRY_REQUIRED = ("plate", "kind", "legal_basis", "authority", "case_number", "expires")
ENTRY_OPTIONAL = (
    "entry_id", "source", "valid_from", "priority", "note", "audience", "list", "mode", "approximate", "label",
    "colour", "make", "model", "direction", "area", "hours", "suppress_s",
)  # fmt: skip
PERSON_REQUIRED = ("person_id", "name", "kind", "legal_basis", "authority", "case_number", "expires")
PERSON_OPTIONAL = ("source", "valid_from", "priority", "note", "audience")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0", "")


def entry_of(row: Mapping[str, str], now_ms: int, countries: Collection[str] = ()) -> WatchlistEntry:
    """An entry from text fields; raises NotAllowed without a legal ground, BadConfiguration for a wrong field.

    `area` holds places separated by ";"; dates are days of `countries`, those with cameras (unknown: of any).
    """
    grounds = _grounds(row, countries)
    mode = (row.get("mode") or "plate").lower()
    plate = canonical_pattern(row["plate"]) if mode == "pattern" else canonical(row["plate"])
    area = tuple(sorted({part.strip() for part in row.get("area", "").split(";")} - {""}))
    look: dict[str, Any] = {
        name: row.get(name, "").strip() for name in ("label", "colour", "make", "model", "direction")
    }
    look |= {name: look[name].lower() for name in ("label", "colour", "direction")}
    name, hours = row.get("list", ""), row.get("hours", "").lower()
    more = () if mode == "plate" else (mode, name, *look.values(), hours, *area)
    if mode == "description":
        grounds["valid_from_ms"] = grounds["valid_from_ms"] or now_ms
    entry = WatchlistEntry(
        entry_id=row.get("entry_id")
        or entry_id(row["authority"], row["case_number"], row["kind"], plate, *more),
        plate=plate,
        **grounds,
        list=name,
        mode=mode,
        approximate=flag_of(row, "approximate"),
        area=area,
        hours=hours,
        suppress_s=_number(row, "suppress_s", 600),
        **look,
    )
    _refuse(faults(entry, now_ms))
    return entry


def person_of(row: Mapping[str, str], now_ms: int, countries: Collection[str] = ()) -> Person:
    """A wanted person, as `entry_of`."""
    grounds = _grounds(row, countries)
    person = Person(
        person_id=row["person_id"],
        name=row["name"],
        **grounds,
    )
    found = [f"the {n} is missing" for n in ("person_id", "kind") if not row[n]]
    if not 0 <= person.priority <= 9:
        found.append(f"priority {person.priority} is not 0 (highest) .. 9")
    if not max(person.valid_from_ms, now_ms) < person.expires_ms:
        found.append("it expires before it is valid, or has expired already")
    _refuse(found)
    return person


def flag_of(row: Mapping[str, str], name: str) -> bool:
    """Whether a field says yes; raises BadConfiguration for what is neither yes nor no."""
    text = row.get(name, "").lower()
    if text not in (*_YES, *_NO):
        raise BadConfiguration(f"{name} {text!r} is neither yes nor no")
    return text in _YES


def _grounds(row: Mapping[str, str], countries: Collection[str]) -> dict[str, Any]:
    """What entries and persons share: why, for whom, how urgently and how long."""
    missing = missing_grounds(row["legal_basis"], row["authority"], row["case_number"], row["expires"])
    if missing:
        raise NotAllowed(f"{', '.join(missing)} missing: nobody is looked for without")
    start = row.get("valid_from", "")
    return {
        **{name: row[name] for name in ("kind", "legal_basis", "authority", "case_number")},
        **{name: row.get(name, "") for name in ("source", "audience", "note")},
        "priority": _number(row, "priority", 5),
        "valid_from_ms": term_ms(start, "valid_from", countries) if start else 0,
        "expires_ms": term_ms(row["expires"], "expires", countries, end_of_day=True),
    }


def _number(row: Mapping[str, str], name: str, default: int) -> int:
    text = row.get(name) or str(default)
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise BadConfiguration(f"{name} {text!r} is no number")
    return int(text)


def _refuse(found: Sequence[str]) -> None:
    if found:
        raise BadConfiguration("; ".join(found))
