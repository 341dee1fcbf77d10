"""What a list or a file is narrowed by: a misspelt word must not look like a register without a row."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import get_args, get_type_hints

from waysight.authority.imports import moment_ms
from waysight.domain.enforcement.offences import OFFENCES
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration
from waysight.messages import Alert, Fine

_SHOWN, _NEAR = 50, 5  # so many are all named; of more only the nearest
STATUSES = {
    "fines": get_args(get_type_hints(Fine)["status"]),
    "alerts": get_args(get_type_hints(Alert)["status"]),
}


def one_of(value: str, known: Collection[str], option: str) -> str:
    """`value` where it is known or empty; raises BadConfiguration with what there is, of many only what is like it."""
    if value and value not in known:
        there = ", ".join(known) or "those that there are: there is none"
        if len(known) > _SHOWN:
            near = ", ".join(get_close_matches(value, known, _NEAR))
            there = f"the {len(known):,} that there are" + (f"; like it are {near}" if near else "")
        raise BadConfiguration(f"{option} {value!r} is none of {there}")
    return value


def offence(value: str) -> str:
    """The name of an offence, or ""; raises BadConfiguration."""
    return one_of(value, sorted(o.name for o in OFFENCES.values()), "--offence")


def plate(value: str) -> str:
    """A whole plate in its one spelling, or ""; raises BadConfiguration: one without a letter or digit would be all."""
    found = canonical(value)
    if value and (not found or not {"*", "?", "%"}.isdisjoint(value)):
        raise BadConfiguration(
            f"--plate {value!r}: write a whole plate; `waysight search plate` takes wildcards"
        )
    return found


def a_place(value: str, name: str) -> str:
    """A place as published figures name it; raises BadConfiguration."""
    if not re.fullmatch(r"(camera|road|district):.+", value):
        raise BadConfiguration(f"{name} {value!r}: write camera:<id>, road:<name> or district:<name>")
    return value


def parse_time(text: str, option: str) -> int | None:
    """ISO 8601 as UTC epoch ms, None for ""; without a zone it is UTC; raises BadConfiguration naming the option."""
    return moment_ms(text, option) if text else None


def span(from_: str, to: str) -> tuple[int | None, int | None]:
    """What lies between --from and --to, UTC epoch ms, None where it is open; raises BadConfiguration."""
    found = parse_time(from_, "--from"), parse_time(to, "--to")
    in_order(*found)
    return found


def in_order(from_ms: int | None, to_ms: int | None, names: str = "--from and --to") -> None:
    """Refuse a time that ends before it begins: raises BadConfiguration."""
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise BadConfiguration(f"{names}: the first is not before the second, so nothing lies between")
