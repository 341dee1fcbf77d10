"""Repeated offences: which earlier fine makes an offence a repeated one.

What counts is that a fine was imposed: issued and not cancelled, for an article that the rule pack names, on
the same owner and plate, before the new offence occurred and less than the pack's months earlier. Nothing
else about the order in which things became known matters, so that a replay says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from waysight.domain.rulepack import Repeat


@dataclass(frozen=True, slots=True)
class Imposed:
    """A fine that stands: its violation, the article of a first offence, whose it is, and when it was issued."""

    fine_id: str
    violation_id: str
    law: str
    owner_id: str
    issued_ms: int
    issued_on: date


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last of that month.

    >>> months_later(date(2024, 2, 29), 12)
    datetime.date(2025, 2, 28)
    """
    months += day.year * 12 + day.month - 1
    last = date((months + 1) // 12, (months + 1) % 12 + 1, 1) - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


def repeated(
    repeat: Repeat | None,
    owner_id: str,
    violation_id: str,
    occurred_ms: int,
    occurred_on: date,
    imposed: Iterable[Imposed],
) -> Imposed | None:
    """The newest of a plate's fines that makes an offence a repeated one, or None."""
    if repeat is None or not owner_id:
        return None
    found = [
        i
        for i in imposed
        if i.violation_id != violation_id
        and i.owner_id == owner_id
        and i.law in repeat.of
        and i.issued_ms <= occurred_ms
        and occurred_on < months_later(i.issued_on, repeat.within_months)
    ]
    return max(found, key=lambda i: (i.issued_ms, i.fine_id), default=None)
