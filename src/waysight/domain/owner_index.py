"""Wanted persons by the plates of the vehicles that are registered to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from waysight.domain.plate_keys import Flags
from waysight.domain.vehicle_table import VehicleTable
from waysight.messages import Person, Vehicle


class OwnerIndex:
    """Joined when a person or a vehicle changes, not for each sighting; one writer at a time, any number of readers."""

    def __init__(self, vehicles: VehicleTable) -> None:
        self._vehicles = vehicles
        self._persons: dict[str, Person] = {}
        self._plates: dict[str, frozenset[str]] = {}
        self._wanted: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._persons)

    def apply_person(self, person_id: str, person: Person | None) -> None:
        """Add, replace or (None) remove one person."""
        if person is None:
            self._persons.pop(person_id, None)
            self._put(person_id, frozenset())
        else:
            self._persons[person_id] = person
            self._put(person_id, frozenset(self._vehicles.plates_of(person_id)))

    def apply_vehicle(self, plate: str, vehicle: Vehicle | None) -> None:
        """What a change of the register means for its old and its new owner; the table has it already."""
        for person_id in tuple(self._wanted.get(plate, ())):
            self._put(person_id, self._plates[person_id] - {plate})
        owner = vehicle.owner_id if vehicle is not None else ""
        if owner in self._persons:
            self._put(owner, self._plates.get(owner, frozenset()) | {plate})

    def vehicles_loaded(self) -> None:
        """Join everybody again, after the register was loaded as a whole."""
        for person_id in self._persons:
            self._put(person_id, frozenset(self._vehicles.plates_of(person_id)))

    def possible(self, plates: Sequence[str]) -> Flags:
        """Which canonical plates belong to somebody who is on the list."""
        wanted = self._wanted
        if not wanted:
            return np.zeros(len(plates), bool)
        return np.fromiter((p in wanted for p in plates), bool, len(plates))

    def wanted(self, plate: str) -> tuple[Person, ...]:
        """The persons on the list who own a canonical plate's vehicle, by their ids; whether in force is not asked."""
        people = (self._persons.get(i) for i in sorted(self._wanted.get(plate, ())))
        return tuple(p for p in people if p is not None)

    def _put(self, person_id: str, plates: frozenset[str]) -> None:
        for plate in plates - self._plates.get(person_id, frozenset()):
            self._wanted.setdefault(plate, {})[person_id] = None
        for plate in self._plates.get(person_id, frozenset()) - plates:
            ids = self._wanted.get(plate, {})
            ids.pop(person_id, None)
            if not ids:
                self._wanted.pop(plate, None)
        if plates:
            self._plates[person_id] = plates
        else:
            self._plates.pop(person_id, None)
