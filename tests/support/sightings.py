"""Sightings, passes and authorisations made in one line, for tests of what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from synthetic import START_MS

from waysight.domain.scene import Scene
from waysight.messages import Authorisation, Sighting


def sighting(camera: str, plate: str, at_ms: int, **change: Any) -> Sighting:
    """A final, surely read pass of two seconds that ends at `at_ms` after `START_MS`; its id says all of that."""
    last_ms = START_MS + at_ms
    made = Sighting(
        sighting_id=f"{camera}-{plate}-{at_ms}", revision=0, final=True, camera_id=camera, epoch="e", label="car",
        label_confidence=0.95, first_ms=last_ms - 2000, last_ms=last_ms, clock_error_ms=40, frames=3, plate=plate,
        plate_country="kz", plate_confidence=0.97, plate_confidences=(), plate_candidates=(), plate_votes=3,
        colour="white", colour_confidence=0.9, path=(), zones=(), dwell_ms=2000, models="", captured_ms=last_ms,
        emitted_ms=last_ms, origin_partition=0, origin_offset=0, ordinal=0,
    )  # fmt: skip
    return replace(made, **change)


def granted(purpose: str, *plates: str, **change: Any) -> Authorisation:
    """An authorisation in force for a day from `START_MS` on, everywhere."""
    made = Authorisation(
        authorisation_id=f"{purpose}-1", purpose=purpose, authority="court 7", legal_basis="CPC art. 231",
        case_number="C-7", subjects=plates, valid_from_ms=START_MS, ends_ms=START_MS + 86_400_000, granted_by="judge",
        granted_ms=START_MS,
    )  # fmt: skip
    return replace(made, **change)


def placed(camera: str, east_km: float = 0.0) -> Scene:
    """A camera on a straight west-east road at 43 degrees north; one degree of longitude is 81.4 km there."""
    return Scene(camera_id=camera, place=f"at {camera}", lat=43.0, lon=76.0 + east_km / 81.4)
