"""Offences that the register of vehicles shows: no insurance, no inspection, too heavy or too dirty for a zone.

What the register does not say never offends. Insurance and inspection are judged by local days, from the day after
the last one on which they held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from waysight.domain.enforcement.case import Law, OffenceName, local_day, of_pass
from waysight.domain.enforcement.closed_lane import judge_closed
from waysight.domain.enforcement.offences import able
from waysight.domain.ids import derive_id
from waysight.domain.observations import VEHICLES
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Vehicle, Violation
from waysight.messages.perception import Sighting

DAILY: Final[tuple[OffenceName, ...]] = ("no_insurance", "no_inspection")
PURPOSES: Final = frozenset((*DAILY, "restricted_hours"))
LEAST_VOTES = 2
REGISTER: Final = "register"  # `Violation.source`: what the register says, not a camera


@dataclass(frozen=True, slots=True)
class Papers:
    """What is kept of a vehicle; None and empty where the register does not say."""

    country: str
    insured_until_ms: int | None = None
    inspected_until_ms: int | None = None
    emission_class: str = ""
    mass_kg: int | None = None

    @staticmethod
    def of(vehicle: Vehicle) -> Papers:
        """The papers of a registered vehicle."""
        return Papers(
            vehicle.country,
            vehicle.insured_until_ms,
            vehicle.inspected_until_ms,
            vehicle.emission_class.strip().lower(),
            vehicle.mass_kg,
        )

    @property
    def say_something(self) -> bool:
        """Whether any offence could follow from them."""
        dates = self.insured_until_ms, self.inspected_until_ms, self.mass_kg
        return any(v is not None for v in dates) or bool(self.emission_class)


def asks(scene: Scene) -> bool:
    """Whether a camera's sightings are to be held against the register."""
    mine = able(scene) & PURPOSES
    by_zone = any(z.by_register and z.kind == "restricted_hours" for z in scene.zones)
    return bool(mine - {"restricted_hours"}) or ("restricted_hours" in mine and by_zone)


def is_sure(law: Law, sighting: Sighting) -> bool:
    """Whether a sighting is final, of a vehicle, and its plate is read as surely as a fine needs."""
    return bool(
        sighting.final
        and sighting.plate
        and sighting.label in VEHICLES
        and sighting.plate_confidence >= law.enforcement_gate
        and sighting.plate_votes >= LEAST_VOTES
    )


def judge(law: Law, scene: Scene, sighting: Sighting, papers: Papers) -> Iterator[Violation]:
    """What a sure sighting breaks by the register; those of `DAILY` have the same id all day long."""
    day = _day(law, scene, sighting.last_ms)
    if not is_sure(law, sighting) or sighting.plate_country not in ("", papers.country):
        return
    meant = able(scene)
    if day is not None:
        ends = papers.insured_until_ms, papers.inspected_until_ms
        for offence, until_ms in zip(DAILY, ends, strict=True):
            if offence in meant and until_ms is not None and _lapsed(law, scene, sighting, until_ms):
                yield _daily(law, scene, sighting, offence, day)
    if "restricted_hours" in meant:
        for found in judge_closed(law, scene, sighting, "restricted_hours", lambda z: concerns(z, papers)):
            yield replace(found, source=REGISTER)


def concerns(zone: Zone, papers: Papers) -> bool:
    """Whether a zone is closed to a vehicle by its mass or its emission class."""
    heavy = zone.min_mass_kg is not None and papers.mass_kg is not None and papers.mass_kg >= zone.min_mass_kg
    classes = {c.strip().lower() for c in zone.emission_classes}
    return heavy or (bool(papers.emission_class) and papers.emission_class in classes)


def day_key(law: Law, scene: Scene, violation: Violation) -> str:
    """The local day of one of `DAILY`, by which it is told once; empty for the others."""
    day = _day(law, scene, violation.occurred_ms) if violation.offence in DAILY else None
    return day.isoformat() if day else ""


def _lapsed(law: Law, scene: Scene, sighting: Sighting, until_ms: int) -> bool:
    seen = _day(law, scene, sighting.first_ms - sighting.clock_error_ms)
    last = _day(law, scene, until_ms - 1)
    return seen is not None and last is not None and seen > last


def _day(law: Law, scene: Scene, at_ms: int) -> date | None:
    pack = law.packs.get(scene.country)
    return local_day(pack, at_ms) if pack else None


def _daily(law: Law, scene: Scene, sighting: Sighting, offence: OffenceName, day: date) -> Violation:
    found = of_pass(law, offence, scene, sighting, sighting.last_ms)
    same_all_day = derive_id("violation", offence, sighting.plate, day.isoformat())
    return replace(found, violation_id=same_all_day, source=REGISTER)
