"""A date in a register or on a form is a day of the country's law, and not one of UTC."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from waysight.authority.imports import moment_ms
from waysight.authority.rulepacks import all_packs


def local_ms(text: str, column: str, country: str = "", end_of_day: bool = False) -> int:
    """UTC epoch ms of an ISO date or time; without a zone it is local to `country` (two letters, "" where unknown).

    Where no rule pack says what is local, a start is the earliest that it may be, an end the latest: what a date
    ends or begins for a driver never does so too soon. Raises BadConfiguration for what is neither date nor time.
    """
    packs = all_packs()
    known = [packs[country]] if country in packs else list(packs.values())
    found = [moment_ms(text, column, end_of_day, ZoneInfo(pack.timezone)) for pack in known]
    return max(found) if end_of_day else min(found)
