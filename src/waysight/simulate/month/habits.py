"""What officers and drivers of the simulated month do, by rule, so that both sides of the check know it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from waysight.simulate.month.court import Sum
from waysight.simulate.month.tariffs import Nation

_HOUR_MS = 3_600_000
OFFICERS = ("A. Serikova", "B. Omarov", "C. Quispe", "D. Alaoui")
_HOURS = (1, 5, 23, 30, 49, 71)


@dataclass(frozen=True)
class Part:
    """Money that arrives: when (UTC epoch ms), how much, and how often the bank tells of it."""

    at_ms: int
    amount: Decimal
    times: int = 1


def reviewed_ms(sighting_id: str, occurred_ms: int) -> int:
    """When an officer decides about what a sighting shows, UTC epoch ms."""
    return occurred_ms + _HOURS[int(sighting_id[:4], 16) % len(_HOURS)] * _HOUR_MS


def officers(sighting_id: str) -> tuple[str, str]:
    """Who decides, and who has to agree where two must."""
    first = int(sighting_id[4:8], 16) % len(OFFICERS)
    return OFFICERS[first], OFFICERS[first - 1]


def served_ms(sighting_id: str, issued_ms: int) -> int:
    """When a notice is served, UTC epoch ms."""
    return issued_ms + (2, 26, 75)[int(sighting_id[12:16], 16) % 3] * _HOUR_MS


def payments(nation: Nation, sighting_id: str, clock: date, cost: Sum) -> list[Part]:
    """What an addressee pays, and when: nothing, in time, at the last minute, too late, in parts, twice.

    `clock` is the day on which the periods of `cost` begin.
    """
    plan = int(sighting_id[8:12], 16) % 10
    soon = clock + timedelta(days=1)
    reduced, until = cost.stages[0] if cost.stages else (cost.amount, None)
    last = until or soon
    second = cost.due(last + timedelta(days=1))
    half = (reduced / 2).quantize(Decimal("0.01"))
    return {
        0: [],
        1: [_part(nation, soon, 9, reduced)],
        2: [_part(nation, last, 23, reduced)],
        3: [_part(nation, last + timedelta(days=1), 0, reduced)],
        4: [_part(nation, clock + timedelta(days=20), 12, cost.amount)],
        5: [_part(nation, soon, 9, half), _part(nation, last, 12, reduced - half)],
        6: [_part(nation, soon, 9, reduced, times=2)],
        7: [_part(nation, last + timedelta(days=2), 9, reduced), _part(nation, last + timedelta(days=9), 9, second)],
        8: [_part(nation, soon, 9, half)],
        9: [_part(nation, last + timedelta(days=1), 9, second)],
    }[plan]  # fmt: skip


def _part(nation: Nation, day: date, hour: int, amount: Decimal, times: int = 1) -> Part:
    at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=nation.zone)
    return Part(round(at.timestamp() * 1000), amount, times)
