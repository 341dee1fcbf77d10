"""A date in a register, an order or on a form is a day of the country's law, and not one of UTC."""

from __future__ import annotations

from collections.abc import Collection
from zoneinfo import ZoneInfo

from waysight.authority.imports import moment_ms
from waysight.authority.rulepacks import all_packs


def local_ms(text: str, column: str, country: str = "", end_of_day: bool = False) -> int:
    """UTC epoch ms of an ISO date or time; without a zone it is local to `country` (two letters, "" where unknown).

    Where no rule pack says what is local, a start is the earliest that it may be, an end the latest: what a date
    ends or begins for a driver never does so too soon. Raises BadConfiguration for what is neither date nor time.
    """
    found = _readings(text, column, (country,), end_of_day)
    return max(found) if end_of_day else min(found)


def term_ms(text: str, column: str, countries: Collection[str], end_of_day: bool = False) -> int:
    """The same for the term of a power over people: of what it may be in `countries`, the latest start and the earliest end.

    What an authority may do for a day it never does before that day, nor after it. Raises BadConfiguration.
    """
    found = _readings(text, column, countries, end_of_day)
    return min(found) if end_of_day else max(found)


def _readings(text: str, column: str, countries: Collection[str], end_of_day: bool) -> list[int]:
    """What it is in each of these countries, or in all that there are where none of them has a rule pack."""
    packs = all_packs()
    known = [packs[c] for c in countries if c in packs] or list(packs.values())
    return [moment_ms(text, column, end_of_day, ZoneInfo(pack.timezone)) for pack in known]
