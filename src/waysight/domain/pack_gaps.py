"""What a sound rule pack is silent about, or soon will be: nothing that makes it wrong, but what someone must see to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from waysight.domain.rulepack import RulePack

SOON_DAYS = 90


def gaps(pack: RulePack, offences: Iterable[str], today: date) -> tuple[str, ...]:
    """One line for each: a calendar or unit that ends within `SOON_DAYS`, an offence of which nothing is said."""
    return tuple(_gaps(pack, offences, today))


def _gaps(pack: RulePack, offences: Iterable[str], today: date) -> Iterator[str]:
    soon = today + timedelta(days=SOON_DAYS)
    working = any(s.unit == "working_days" for d in pack.discounts for s in d.stages)
    if pack.calendar is not None and working and pack.calendar.until_day <= soon:
        ends = pack.calendar.until_day
        yield f"the calendar knows no day from {ends} on: fines whose discount reaches it are withheld"
    ends_on = pack.units[-1].until_day if pack.units else None
    if ends_on is not None and ends_on <= soon:
        yield f"{pack.unit_name} has no value from {ends_on} on: offences from that day are not fined"
    for name in offences:
        offence = pack.offence(name)
        if offence is None and name not in pack.without_tariff:
            yield f"{name}: neither a tariff nor, under `without_tariff`, why there is none"
        last = offence.tariffs[-1].until_day if offence else None
        if last is not None and last <= soon:
            yield f"{name} has no tariff from {last} on"
