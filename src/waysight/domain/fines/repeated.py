"""Repeated offences: which earlier penalty of the liable person makes an offence a repeated one.

What counts is that a fine was imposed on that person, whatever the vehicle: issued before the new offence
occurred, less than the pack's months earlier, for an article that the pack names, and not ended. Nothing else
about the order in which things became known matters, so that a replay says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import pairwise

from waysight.domain.fines.pricing import fine_id_of
from waysight.domain.periods import months_later
from waysight.domain.rulepack import Repeat
from waysight.messages import Fine, Penalty, Violation

INQUIRY = -1  # the version of a penalty that only asks


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


def imposed(
    fine: Fine, law: str, liable: Sequence[tuple[int, str]], ended_ms: int | None
) -> tuple[Penalty, ...]:
    """A fine as the penalty of its liable person, imposed when that person became liable; UTC epoch ms.

    `liable` says who was from when on. Whoever was liable before is named too, with a penalty that never counts, so
    that the other penalties of that person are told to this plate.
    """
    since_ms = fine.issued_ms
    for (_, before), (at_ms, person) in pairwise(liable):
        since_ms = at_ms if person != before else since_ms
    last = liable[-1][1] if liable else ""
    return tuple(
        Penalty(
            person=person,
            fine_id=fine.fine_id,
            violation_id=fine.violation_id,
            plate=fine.plate,
            law=law,
            imposed_ms=since_ms if person == last else fine.issued_ms,
            ended_ms=(None if ended_ms is None else max(ended_ms, since_ms))
            if person == last
            else fine.issued_ms,
            version=0,
        )
        for person in dict.fromkeys(p for _, p in liable)
        if person
    )


def inquiry(violation: Violation, person: str) -> Penalty:
    """The question for a person's penalties before a fine is imposed: a penalty of no article, which never counts."""
    return Penalty(
        person=person,
        fine_id=fine_id_of(violation.violation_id),
        violation_id=violation.violation_id,
        plate=violation.plate,
        law="",
        imposed_ms=violation.occurred_ms,
        ended_ms=violation.occurred_ms,
        version=INQUIRY,
    )
