"""How the topic `vehicles` becomes the packed register; owners of wanted persons are joined as it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waysight.adapters.text_columns import dictionaries, hashes_of, joined, layout, plain
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.plate_keys import Keys, pack_utf8
from waysight.domain.vehicle_table import (
    COLOURS,
    LABELS,
    VehicleRows,
    VehicleTable,
    colour_code,
    label_code,
)
from waysight.messages import Person, Vehicle

_GONE = 255  # instead of a class: the vehicle was removed


class RegisterTable:
    """Parts are tables of vehicles in the order of arrival: key, owner, label, colour, make; of those without a key
    the plate and the owner's number as text.

    `lock` keeps this table's changes of `owners` apart from those of the persons.
    """

    topic, name = "vehicles", "vehicles"

    def __init__(self, vehicles: VehicleTable, owners: OwnerIndex | None, lock: RLock) -> None:
        self._vehicles, self._owners, self._lock = vehicles, owners, lock

    def part(self, batch: pa.RecordBatch) -> pa.Table:
        """Decoded vehicles in little space."""
        plates, owners = batch.column("plate"), batch.column("owner_id")
        keys = pack_utf8(*layout(plates))
        return _part(
            keys,
            hashes_of(owners),
            _coded(batch.column("type"), label_code),
            _coded(batch.column("colour"), colour_code),
            batch.column("make"),
            plates,
            owners,
        )

    def gone(self, keys: Sequence[str]) -> pa.Table:
        """Vehicles that were removed."""
        plates, none = pa.array(keys, pa.string()), np.zeros(len(keys), np.uint64)
        empty = pa.array([""] * len(keys), pa.string())
        marks = np.full(len(keys), _GONE, np.uint8)
        return _part(pack_utf8(*layout(plates)), none, marks, marks * 0, empty, plates, empty)

    def newest(self, parts: Sequence[pa.Table]) -> pa.Table:
        """The last that was said of each vehicle, without those that are gone."""
        table = joined(parts) if parts else self.gone([])
        keys = _numbers(table["key"])
        keys = np.where(keys != 0, keys, hashes_of(table["plate"]))
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        last = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
        chosen = np.zeros(len(keys), bool)
        chosen[order[last]] = True
        return table.filter(pa.array(chosen & (_numbers(table["label"]) != _GONE)))

    def load(self, table: pa.Table) -> None:
        """Vehicles of `newest` into the register."""
        makes = table["make"].combine_chunks()
        coded = makes if pa.types.is_dictionary(makes.type) else makes.dictionary_encode()
        names = tuple(coded.dictionary.to_pylist())
        keys = _numbers(table["key"])
        rows = VehicleRows(
            keys.astype(np.uint64),
            _numbers(table["owner"]).astype(np.uint64),
            _numbers(table["label"]).astype(np.uint8),
            _numbers(table["colour"]).astype(np.uint8),
            np.asarray(coded.indices).astype(np.uint16),
            names or ("",),
        )
        others = table.filter(pa.array(keys == 0)).to_pylist()
        with self._lock:
            self._vehicles.load(rows, [_vehicle(values) for values in others])
            if self._owners is not None:
                self._owners.vehicles_loaded()

    def change(self, key: str, record: Vehicle | None) -> None:
        """One vehicle changed after the load."""
        with self._lock:
            self._vehicles.apply(key, record)
            if self._owners is not None:
                self._owners.apply_vehicle(key, record)

    def merge(self, least: int) -> None:
        """Nothing: the register packs its changes itself."""

    def shard_of(self, table: pa.Table, of: int) -> npt.NDArray[np.int64]:
        """In which of `of` shards each row belongs."""
        mixed = (_numbers(table["key"]) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
        return (mixed % np.uint64(of)).astype(np.int64)


def person_changes(owners: OwnerIndex, lock: RLock) -> Callable[[str, Person | None], None]:
    """What follows the topic `persons`."""

    def change(key: str, record: Person | None) -> None:
        with lock:
            owners.apply_person(key, record)

    return change


def _part(
    keys: Keys,
    owners: Keys,
    labels: npt.NDArray[np.uint8],
    colours: npt.NDArray[np.uint8],
    makes: pa.Array,
    plates: pa.Array,
    owner_ids: pa.Array,
) -> pa.Table:
    packed, none = pa.array(keys != 0), pa.scalar("")
    texts = {
        "make": makes.cast(pa.string()),
        "plate": pc.if_else(packed, none, plates.cast(pa.string())),
        "owner_id": pc.if_else(packed, none, owner_ids.cast(pa.string())),
    }
    numbers = {
        "key": pa.array(keys),
        "owner": pa.array(owners),
        "label": pa.array(labels),
        "colour": pa.array(colours),
    }
    return pa.table({**numbers, **dict(zip(texts, dictionaries(pa.table(texts)).columns, strict=True))})


def _coded(column: pa.Array, code: Callable[[str], int]) -> npt.NDArray[np.uint8]:
    names = column.dictionary_encode()
    codes = np.array([code(n) for n in names.dictionary.to_pylist()], np.uint8)
    return codes[np.asarray(names.indices)] if len(codes) else np.zeros(len(column), np.uint8)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.unsignedinteger]:
    return np.asarray(plain(column))


def _vehicle(values: dict[str, str]) -> Vehicle:
    label, colour = LABELS[int(values["label"])], COLOURS[int(values["colour"])]
    return Vehicle(plate=values["plate"], country="", make=values["make"], model="", type=label, colour=colour,
                   owner_id=values["owner_id"], owner_name="", owner_address="", owner_kind="")  # fmt: skip
