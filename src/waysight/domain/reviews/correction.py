"""A violation whose plate an officer read anew from its pictures: another violation, which says what it replaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from waysight.domain.ids import derive_id
from waysight.domain.plates import PlateFormats, canonical, country_of
from waysight.domain.reviews.people import with_corrector
from waysight.messages import Violation

# What speaks against the machine's read speaks not against the officer's.
_OF_THE_READ = frozenset(
    ("unread_plate", "low_confidence", "single_read", "reads_differ", "plates_differ", "ambiguous_plate")
)
# An officer may find that the plate that stands is the right one.
_UNDECIDED = frozenset(("plates_differ", "ambiguous_plate"))


def corrected(violation: Violation, plate: str, officer: str, formats: Iterable[PlateFormats]) -> Violation:
    """The violation under the plate that `officer` read; raises ValueError where that changes nothing or is no plate.

    The first read is kept in `read_plate`, the violation it replaces in `corrects`. What else spoke against it
    still does. `formats` are the rule packs' plate formats. The same correction has the same id.
    """
    read = canonical(plate)
    if len(read) < 2:
        raise ValueError(f"plate {plate!r} is too short")
    if read == violation.plate and _UNDECIDED.isdisjoint(violation.obstacles):
        raise ValueError(f"the violation has the plate {read} already")
    obstacles = tuple(o for o in violation.obstacles if o not in _OF_THE_READ)
    return replace(
        violation,
        violation_id=derive_id("violation", "corrected", violation.violation_id, read),
        plate=read,
        plate_country=country_of(read, formats),
        plate_confidence=1.0,
        corrects=violation.violation_id,
        read_plate=violation.read_plate or violation.plate,
        corrected_by=with_corrector(violation.corrected_by, officer),
        obstacles=obstacles,
        enforceable=not obstacles,
    )
