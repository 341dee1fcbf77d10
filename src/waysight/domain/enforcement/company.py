"""Offences that take two passes of one camera: they wait until everything that was there at the same time is known.

A vehicle is judged once its camera's time has passed its end by `WAIT_MS`; what it may have met is kept for
`KEEP_MS`. Both are told by watermarks, so that the order of arrival changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from waysight.domain.enforcement import captures, double_parking, overtaking, pedestrian_priority, standing
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.presence import zones_of
from waysight.domain.observations import VEHICLES
from waysight.domain.scene import Scene
from waysight.messages.enforcement import Violation
from waysight.messages.perception import Sighting

Judge = Callable[[Law, Scene, Sighting, Iterable[Sighting]], Iterator[Violation]]
JUDGES: Final[dict[str, Judge]] = {
    "pedestrian_priority": pedestrian_priority.judge,
    "overtaking": overtaking.judge,
    "double_parking": double_parking.judge,
    "illegal_parking": partial(captures.judge, offence="illegal_parking"),
    "illegal_stopping": partial(captures.judge, offence="illegal_stopping"),
}
KIND_OF: Final[dict[str, str]] = standing.KIND_OF | {
    "pedestrian_priority": "crossing",
    "overtaking": "no_overtaking",
}
# Of these others matter that stood at the same place before.
_BEFORE: Final[dict[str, captures.AddedUp]] = {
    "illegal_parking": "illegal_parking",
    "illegal_stopping": "illegal_stopping",
}
# A vehicle at the kerb leaves when it likes: it may be told of minutes after the one in the second row.
WAIT_MS: Final[dict[str, int]] = dict.fromkeys(JUDGES, 0) | {"double_parking": 480_000}
KEEP_MS: Final[dict[str, int]] = {
    "pedestrian_priority": 60_000,
    "overtaking": 60_000,
    "double_parking": 3_600_000,
    "illegal_parking": 2 * captures.MOST_ALLOWED_MS,
    "illegal_stopping": 2 * captures.MOST_ALLOWED_MS,
}
LEAST_STAND_MS = 20_000


@dataclass(frozen=True, slots=True)
class Member:
    """A pass, what it may still be judged for, and for which rules others may still need it."""

    sighting: Sighting
    pending: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Company:
    """The passes of a camera that wait or that others may have met."""

    members: tuple[Member, ...] = ()


def joined(company: Company, scene: Scene, purposes: Iterable[str], sighting: Sighting) -> Company:
    """With a pass, if it matters to any of the rules of two that the camera may be used for."""
    pending, needed = [], []
    for purpose in sorted(set(purposes) & set(JUDGES)):
        matters = _matters(scene, purpose, sighting)
        entered = sighting.label in VEHICLES and any(zones_of(scene, KIND_OF[purpose], sighting))
        if entered and (matters or purpose not in _BEFORE):
            pending.append(purpose)
        if matters:
            needed.append(purpose)
    if not pending and not needed:
        return company
    return Company((*company.members, Member(_slim(sighting), tuple(pending), tuple(needed))))


def decided(
    law: Law, scene: Scene, company: Company, captured_ms: int, end: bool
) -> tuple[Company, tuple[Violation, ...]]:
    """What is left at a camera's time, and the violations of those about whom everything is known by then."""
    found: list[Violation] = []
    left: list[Member] = []
    changed = False
    newest: dict[str, int] = {}
    for member in company.members:
        newest[member.sighting.plate] = max(newest.get(member.sighting.plate, 0), member.sighting.last_ms)

    def _until_ms(purpose: str, member: Member) -> float:
        until_ms = member.sighting.last_ms + WAIT_MS[purpose] + KEEP_MS[purpose]
        if purpose not in _BEFORE:
            return until_ms
        return min(until_ms, newest[member.sighting.plate] + captures.keep_ms(scene, _BEFORE[purpose]))

    for member in sorted(company.members, key=lambda m: (m.sighting.last_ms, m.sighting.sighting_id)):
        last_ms = member.sighting.last_ms
        due = [p for p in member.pending if end or captured_ms >= last_ms + WAIT_MS[p]]
        for purpose in due:
            others = [m.sighting for m in company.members if _met(purpose, member, m)]
            found += JUDGES[purpose](law, scene, member.sighting, others)
        pending = tuple(p for p in member.pending if p not in due)
        needed = tuple(p for p in member.needed if captured_ms <= _until_ms(p, member) and not end)
        kept = replace(member, pending=pending, needed=needed)
        changed |= kept != member
        if pending or needed:
            left.append(kept)
    return (Company(tuple(left)) if changed else company), tuple(found)


def held_ms(company: Company) -> list[int]:
    """When what is judged without delay may turn out to have occurred (UTC epoch ms)."""
    return [m.sighting.first_ms for m in company.members if any(WAIT_MS[p] == 0 for p in m.pending)]


def _matters(scene: Scene, purpose: str, sighting: Sighting) -> bool:
    """Whether a pass may be the other one of a rule."""
    if purpose == "pedestrian_priority":
        crossings = {z.zone_id for z in scene.zones if z.kind == "crossing"}
        return sighting.label == "person" and not crossings.isdisjoint(sighting.zones)
    if sighting.label not in VEHICLES:
        return False
    if purpose in _BEFORE:
        return captures.matters(scene, _BEFORE[purpose], sighting)
    return purpose == "overtaking" or sighting.last_ms - sighting.first_ms >= LEAST_STAND_MS


def _met(purpose: str, member: Member, other: Member) -> bool:
    mine, theirs = member.sighting, other.sighting
    if purpose not in other.needed or other is member or theirs.first_ms > mine.last_ms:
        return False
    since_ms = mine.last_ms - KEEP_MS[purpose]
    return theirs.last_ms >= (since_ms if purpose in _BEFORE else max(mine.first_ms, since_ms))


def _slim(sighting: Sighting) -> Sighting:
    return replace(sighting, plate_candidates=(), plate_confidences=(), looks="")
