"""Repeated offences: which earlier penalty of the liable person makes an offence a repeated one.

What counts is that a fine was imposed on that person, whatever the vehicle: issued before the new offence
occurred, less than the pack's months earlier, for an article that the pack names, and not ended. Nothing else
about the order in which things became known matters, so that a replay says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from waysight.domain.periods import months_later
from waysight.domain.rulepack import Repeat
from waysight.messages import Penalty, Violation


def repeated(
    repeat: Repeat | None,
    person: str,
    violation: Violation,
    at_ms: int,
    local_day: Callable[[int], date],
    penalties: Iterable[Penalty],
) -> Penalty | None:
    """The newest penalty of a person that makes an offence a repeated one as things stand at `at_ms`, or None."""
    if repeat is None or not person:
        return None
    occurred_on = local_day(violation.occurred_ms)
    found = [
        p
        for p in penalties
        if p.person == person
        and p.violation_id != violation.violation_id
        and p.law in repeat.of
        and p.imposed_ms <= violation.occurred_ms
        and (p.ended_ms is None or p.ended_ms > at_ms)
        and occurred_on < months_later(local_day(p.imposed_ms), repeat.within_months)
    ]
    return max(found, key=lambda p: (p.imposed_ms, p.fine_id), default=None)
