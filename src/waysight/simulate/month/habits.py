"""What officers and drivers of the simulated month do, by rule, so that both sides of the check know it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from waysight.simulate.month.court import Sum, moment_ms
from waysight.simulate.month.deed import Deed
from waysight.simulate.month.tariffs import Nation

_HOUR_MS = 3_600_000
OFFICERS = ("A. Serikova", "B. Omarov", "C. Quispe", "D. Alaoui")
VERDICTS = ("rejected", "reconsidered", "sampled", "disagreed")
_HOURS = (1, 5, 23, 30, 49, 71)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Part:
    """Money that arrives: when (UTC epoch ms), how much, how often the bank tells of it, and for which name of the fine.

    `currency` is empty where it is the fine's own; other money settles nothing.
    """

    at_ms: int
    amount: Decimal
    times: int = 1
    by_id: bool = False
    currency: str = ""


@dataclass(frozen=True)
class Said:
    """What one officer says of a violation, and when (UTC epoch ms)."""

    at_ms: int
    officer: str
    decision: str = "accepted"
    stage: str = "first"


def reviews(nation: Nation, deed: Deed) -> tuple[Said, ...]:
    """What officers say of a deed, in order of time."""
    seen = deed.sightings[-1]
    minutes = (
        zlib.crc32(deed.offence.encode()) % 60
    )  # of two offences that one sighting shows they see one first
    at_ms = deed.occurred_ms + _HOURS[int(seen[:4], 16) % len(_HOURS)] * _HOUR_MS + minutes * 60_000
    number = int(seen[4:8], 16) % len(OFFICERS)
    one, other, third = OFFICERS[number], OFFICERS[number - 1], OFFICERS[number - 2]
    first, two = Said(at_ms, one), deed.offence in nation.two_officers
    accepted = (first, Said(at_ms + 1, other, stage="second")) if two else (first,)
    later = tuple(
        replace(s, at_ms=s.at_ms + 3 * _HOUR_MS, officer=officer)
        for s, officer in zip(accepted, (other, third), strict=False)
    )
    if deed.mended_to:
        return (replace(first, decision="returned"),)
    if deed.mended:  # whoever mended it does not decide
        return later
    if deed.verdict == "rejected":
        return (replace(first, decision="rejected"),)
    if deed.verdict == "reconsidered":  # one rejects, others accept later
        return (replace(first, decision="rejected"), *later)
    if deed.verdict == "sampled":  # somebody looks again, and does not agree
        return (*accepted, Said(at_ms + 80 * _HOUR_MS, third, "rejected", "quality"))
    if deed.verdict == "disagreed":  # the first accepts, the second rejects
        return (first, Said(at_ms + _HOUR_MS, other, "rejected", "second" if two else "first"))
    return accepted


def accepted_ms(nation: Nation, deed: Deed) -> tuple[int | None, int | None]:
    """When a deed was accepted by all whom it takes, and when that was taken back again, UTC epoch ms; None for never."""
    needed, since, until = 2 if deed.offence in nation.two_officers else 1, None, None
    agreed = 0
    for said in reviews(nation, deed):
        if said.decision == "accepted":
            agreed += 1
            since, until = (said.at_ms, None) if agreed == needed else (since, until)
        else:
            agreed, until = 0, None if since is None else said.at_ms
    return since, until


def served_ms(sighting_id: str, issued_ms: int) -> int:
    """When a notice is served, UTC epoch ms."""
    return issued_ms + (2, 26, 75)[int(sighting_id[12:16], 16) % 3] * _HOUR_MS


def payments(nation: Nation, sighting_id: str, clock: date, cost: Sum) -> list[Part]:
    """What an addressee pays, and when: nothing, in time, at the last minute, too late, in parts, twice.

    `clock` is the day on which the periods of `cost` begin, or go on after something was pending.
    """
    plan = int(sighting_id[8:12], 16) % 10
    by_id = int(sighting_id[16:18], 16) % 3 == 0
    soon = clock + timedelta(days=1)
    reduced, until = cost.stages[0] if cost.stages else (cost.amount, None)
    last = until or soon
    second = cost.due(last + timedelta(days=1))
    half = (reduced / 2).quantize(_CENT)

    def part(day: date, hour: int, amount: Decimal, times: int = 1) -> Part:
        return Part(moment_ms(nation, day, hour), amount, times, by_id)

    return {
        0: [],
        1: [part(soon, 9, reduced)],
        2: [part(last, 23, reduced)],
        3: [part(last + timedelta(days=1), 0, reduced)],
        4: [part(clock + timedelta(days=20), 12, cost.amount)],
        5: [part(soon, 9, half), part(last, 12, reduced - half)],
        6: [part(soon, 9, reduced, times=2)],
        7: [part(last + timedelta(days=2), 9, reduced), part(last + timedelta(days=9), 9, second)],
        8: [part(soon, 9, half)],
        9: [part(last + timedelta(days=1), 9, second)],
    }[plan]


def in_other_money(nation: Nation, clock: date, cost: Sum) -> Part:
    """As many dollars as the whole fine has of its own money."""
    return Part(moment_ms(nation, clock + timedelta(days=1), 8), cost.amount, currency="USD")


def more_than_asked(nation: Nation, clock: date, cost: Sum) -> list[Part]:
    """Somebody pays the whole fine and more, then the whole again."""
    days = (clock + timedelta(days=1), clock + timedelta(days=8))
    amounts = (cost.amount + Decimal("99.50"), cost.amount)
    return [Part(moment_ms(nation, day, 9), amount) for day, amount in zip(days, amounts, strict=True)]
