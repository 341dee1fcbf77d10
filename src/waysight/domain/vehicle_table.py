"""The register of vehicles packed: 25 bytes each.

A vehicle is five numbers in arrays that are sorted by the plate's key: key, hash of the owner's number, codes of class,
colour and make. Changes since the arrays were made wait in a dictionary and are merged when they are many. Owners are
told by 64-bit hashes: that one of ten million is taken for one of ten thousand wanted ones has a chance of 1 in 10^8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waysight.domain.plate_keys import (
    Flags,
    Keys,
    hash_of,
    hashes,
    in_arrow_layout,
    pack,
    pack_one,
    rows_of,
    text_of,
)
from waysight.messages import Vehicle

LABELS = ("", "car", "truck", "bus", "motorcycle", "bicycle")
COLOURS = ("", "white", "silver", "grey", "black", "red", "blue", "green", "yellow", "orange", "brown", "beige",
           "gold", "purple", "pink")  # fmt: skip
_TYPES = {
    "sedan": "car", "hatch": "car", "hatchback": "car", "suv": "car", "wagon": "car", "minivan": "car", "coupe": "car",
    "pickup": "truck", "van": "truck", "lorry": "truck", "tractor": "truck", "minibus": "bus", "coach": "bus",
    "scooter": "motorcycle", "moped": "motorcycle", "gray": "grey",
}  # fmt: skip
_LABEL_CODES = {name: code for code, name in enumerate(LABELS)}
_COLOUR_CODES = {name: code for code, name in enumerate(COLOURS)}
NO_KEYS, NO_CODES = np.zeros(0, np.uint64), np.zeros(0, np.uint8)
_LEAST_MERGED, _MERGED_SHARE = 20_000, 0.1


@dataclass(frozen=True, slots=True)
class RegisteredLook:
    """What the register says of a vehicle's class, colour and make; "" where it says nothing that a camera tells."""

    label: str
    colour: str
    make: str


@dataclass(frozen=True, slots=True)
class VehicleRows:
    """Vehicles as arrays of equal length: plate keys, hashes of owners (0: none), codes; `makes` by its code."""

    keys: Keys
    owners: Keys
    labels: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]
    makes: npt.NDArray[np.uint16]
    make_names: tuple[str, ...] = ("",)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return sum(a.nbytes for a in (self.keys, self.owners, self.labels, self.colours, self.makes))

    def taken(self, rows: npt.NDArray[np.integer] | Flags) -> VehicleRows:
        """Some of them, in that order."""
        return VehicleRows(
            self.keys[rows],
            self.owners[rows],
            self.labels[rows],
            self.colours[rows],
            self.makes[rows],
            self.make_names,
        )


def label_code(kind: str) -> int:
    """The code of a body type; 0 for one that cameras do not tell."""
    known = kind.strip().lower()
    return _LABEL_CODES.get(_TYPES.get(known, known), 0)


def colour_code(colour: str) -> int:
    """The code of a colour; 0 for an unknown one."""
    known = colour.strip().lower()
    return _COLOUR_CODES.get(_TYPES.get(known, known), 0)


def rows_from(vehicles: Sequence[Vehicle]) -> VehicleRows:
    """Vehicles as arrays, in their order."""
    names = tuple(dict.fromkeys(["", *(v.make for v in vehicles)]))
    codes = {name: code for code, name in enumerate(names)}
    return VehicleRows(
        pack([v.plate for v in vehicles]),
        hashes(*in_arrow_layout([v.owner_id for v in vehicles])),
        np.array([label_code(v.type) for v in vehicles], np.uint8),
        np.array([colour_code(v.colour) for v in vehicles], np.uint8),
        np.array([codes[v.make] for v in vehicles], np.uint16),
        names,
    )


def joined(parts: Sequence[VehicleRows]) -> VehicleRows:
    """All parts one behind the other, with one list of makes."""
    names = tuple(dict.fromkeys(n for part in parts for n in part.make_names)) or ("",)
    codes = {name: code for code, name in enumerate(names)}
    makes = [np.array([codes[n] for n in part.make_names], np.uint16)[part.makes] for part in parts]
    return VehicleRows(
        np.concatenate([NO_KEYS, *(part.keys for part in parts)]),
        np.concatenate([NO_KEYS, *(part.owners for part in parts)]),
        np.concatenate([NO_CODES, *(part.labels for part in parts)]),
        np.concatenate([NO_CODES, *(part.colours for part in parts)]),
        np.concatenate([np.zeros(0, np.uint16), *makes]),
        names,
    )


def newest(rows: VehicleRows) -> VehicleRows:
    """The last row of each plate, sorted by plate; rows without a key are left out."""
    order = np.argsort(rows.keys, kind="stable")
    ordered = rows.keys[order]
    last = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
    return rows.taken(order[last & (ordered != 0)])


class _Base:
    """Sorted rows, which of them still count, and their order by owner."""

    def __init__(self, rows: VehicleRows) -> None:
        self.rows = rows
        self.alive = np.ones(len(rows.keys), bool)
        self.count = len(rows.keys)
        self.by_owner = np.argsort(rows.owners, kind="stable").astype(np.uint32)
        self.changed: dict[str, Vehicle] = {}
        self.changed_keys: set[int] = set()
        self.by_changed_owner: dict[str, dict[str, None]] = {}


class VehicleTable:
    """Registered vehicles by plate and by owner; written by one thread, read by any."""

    def __init__(self) -> None:
        self._base = _Base(joined(()))

    def __len__(self) -> int:
        return self._base.count + len(self._base.changed)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays; changes that are not merged yet come on top."""
        base = self._base
        return base.rows.nbytes + base.alive.nbytes + base.by_owner.nbytes

    def apply(self, plate: str, vehicle: Vehicle | None) -> None:
        """Add, replace or (None) remove one vehicle."""
        base = self._base
        old = base.changed.get(plate)
        if old is not None:
            base.by_changed_owner.get(old.owner_id, {}).pop(plate, None)
        key = pack_one(plate)
        if vehicle is None:
            base.changed.pop(plate, None)
            base.changed_keys.discard(key)
        else:
            base.changed[plate] = vehicle
            base.changed_keys.add(key)
            if vehicle.owner_id:
                base.by_changed_owner.setdefault(vehicle.owner_id, {})[plate] = None
        for row in rows_of(base.rows.keys, key):
            base.count -= int(base.alive[row])
            base.alive[row] = False
        if len(base.changed) > max(_LEAST_MERGED, int(_MERGED_SHARE * len(base.rows.keys))):
            self._merge()

    def load(self, rows: VehicleRows, others: Iterable[Vehicle] = ()) -> None:
        """Take these instead of all before: of each plate the last row; `others` are those whose plates have no key."""
        base = _Base(newest(rows))
        for vehicle in others:
            base.changed[vehicle.plate] = vehicle
            base.by_changed_owner.setdefault(vehicle.owner_id, {})[vehicle.plate] = None
        self._base = base

    def rows(self) -> VehicleRows:
        """All vehicles whose plates have keys, changes included, sorted by plate."""
        base = self._base
        fresh = rows_from([v for v in base.changed.values() if pack_one(v.plate)])
        return newest(joined((base.rows.taken(base.alive), fresh)))

    def holds(self, plates: Sequence[str]) -> Flags:
        """Which canonical plates are registered."""
        changed = self._base.changed
        fresh = np.fromiter((p in changed for p in plates), bool, len(plates))
        return np.asarray(self.holds_keys(pack(plates)) | fresh, bool)

    def holds_keys(self, keys: Keys) -> Flags:
        """Which keys are those of registered plates."""
        base = self._base
        found = np.zeros(len(keys), bool)
        if len(base.rows.keys):
            at = np.minimum(np.searchsorted(base.rows.keys, keys), len(base.rows.keys) - 1)
            found = (base.rows.keys[at] == keys) & base.alive[at]
        if base.changed_keys:
            found |= np.fromiter((k in base.changed_keys for k in keys.tolist()), bool, len(keys))
        return np.asarray(found & (keys != 0), bool)

    def look_of(self, plate: str) -> RegisteredLook | None:
        """What the register says of a plate's vehicle; None when it is not registered."""
        base = self._base
        vehicle = base.changed.get(plate)
        if vehicle is not None:
            return RegisteredLook(LABELS[label_code(vehicle.type)], COLOURS[colour_code(vehicle.colour)], vehicle.make)  # fmt: skip
        for row in self._alive(base, plate):
            rows = base.rows
            names = LABELS[rows.labels[row]], COLOURS[rows.colours[row]], rows.make_names[rows.makes[row]]
            return RegisteredLook(*names)
        return None

    def plates_of(self, owner_id: str) -> list[str]:
        """The plates registered to an owner, sorted; none for an empty number."""
        base, wanted = self._base, np.uint64(hash_of(owner_id))
        if not wanted:
            return []
        begin, end = (
            int(np.searchsorted(base.rows.owners, wanted, side, sorter=base.by_owner))
            for side in ("left", "right")
        )
        rows = [int(row) for row in base.by_owner[begin:end] if base.alive[row]]
        found = {text_of(int(base.rows.keys[row])) for row in rows}
        return sorted(found | set(base.by_changed_owner.get(owner_id, ())))

    @staticmethod
    def _alive(base: _Base, plate: str) -> Iterable[int]:
        return (row for row in rows_of(base.rows.keys, pack_one(plate)) if base.alive[row])

    def _merge(self) -> None:
        self.load(self.rows(), [v for v in self._base.changed.values() if not pack_one(v.plate)])
