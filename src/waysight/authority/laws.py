"""The law of each country that has fines: its rule pack, its local days, and the gate for a fine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from waysight.authority.rulepacks import all_packs
from waysight.domain.confirming import confirmed
from waysight.domain.fines.facts import Law
from waysight.errors import BadMessage
from waysight.messages import Confirmation
from waysight.settings import Settings


def laws_of(settings: Settings, confirmations: Iterable[Confirmation] = ()) -> dict[str, Law]:
    """By country, for every rule pack that has offences, with what named persons confirmed."""
    known = tuple(confirmations)
    return {
        pack.country: Law(
            confirmed(pack, known), _days_of(ZoneInfo(pack.timezone)), settings.enforcement_gate
        )
        for pack in all_packs().values()
        if pack.offences
    }


def local_day(at_ms: int, zone: tzinfo) -> date:
    """The day of a UTC epoch ms in a time zone; raises BadMessage for a time that is no date."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, zone).date()
    except (OverflowError, ValueError, OSError) as error:
        raise BadMessage(f"{at_ms} ms is no date") from error


def _days_of(zone: ZoneInfo) -> Callable[[int], date]:
    return lambda at_ms: local_day(at_ms, zone)
