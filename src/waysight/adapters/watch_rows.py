"""The watchlist in Arrow columns: about 100 bytes an entry, made a `WatchlistEntry` only when a plate meets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waysight.adapters.text_columns import compact, dictionaries, hashes_of, joined, layout, plain
from waysight.domain.plate_keys import Flags, Keys, hash_of, pack_utf8, text_of
from waysight.domain.watch_index import WatchIndex
from waysight.domain.watch_layer import APPROXIMATE, PACKED_MODES, PERMIT
from waysight.messages import WatchlistEntry

_TYPES: dict[object, pa.DataType] = {int: pa.int64(), int | None: pa.int64(), bool: pa.bool_()}
_FIELDS = {f.name: _TYPES.get(f.type, pa.string()) for f in fields(WatchlistEntry)}
_SEPARATOR = "\x1f"  # between the places of an area
_KEY, _GONE, _PLATE = "key", "gone", "plate"
_COLUMNS = tuple(n for n in _FIELDS if n != "entry_id")
_NO_DIGIT = 255
_HEX = np.full(256, _NO_DIGIT, np.uint8)
_HEX[[ord(c) for c in "0123456789abcdef"]] = np.arange(16)


class WatchRows:
    """Packed entries (the port `Rows` of the index): columns in the order of the plates' folded keys."""

    def __init__(self, table: pa.Table) -> None:
        folded = pack_utf8(*layout(table[_PLATE]), fold=True)
        order = np.argsort(folded, kind="stable")
        self.keys: Keys = folded[order]
        self._plates: Keys = pack_utf8(*layout(table[_PLATE]))[order]
        ids = plain(table[_KEY]).cast(pa.string()).take(pa.array(order))
        hashed = hashes_of(ids)
        self._by_id: npt.NDArray[np.uint32] = np.argsort(hashed, kind="stable").astype(np.uint32)
        self._hashes: Keys = hashed[self._by_id]
        self._ids = _short(ids)
        self.flags: npt.NDArray[np.uint8] = _flags(table)[order]
        self._same: dict[str, Any] = {}  # what is the same in all entries
        self._columns: dict[str, pa.Array] = {}
        self._quick: dict[str, tuple[npt.NDArray[np.integer], list[Any]]] = {}
        for name in table.column_names if len(order) else ():
            if name not in (_KEY, _GONE, _PLATE):
                column = compact(table[name]).take(pa.array(order))
                same = pa.types.is_dictionary(column.type) and len(column.dictionary) <= 1
                if same and column.null_count in (0, len(column)):
                    self._same[name] = column[0].as_py()
                    continue
                self._columns[name] = column
                if pa.types.is_dictionary(column.type):
                    codes = np.asarray(column.indices.fill_null(len(column.dictionary)))
                    self._quick[name] = codes, [*column.dictionary.to_pylist(), None]

    @property
    def nbytes(self) -> int:
        """Memory of all columns."""
        columns = (self._ids, *self._columns.values())
        arrays = (self.keys, self.flags, self._plates, self._by_id, self._hashes)
        return sum(a.nbytes for a in arrays) + sum(int(c.nbytes) for c in columns)

    def entry(self, row: int) -> WatchlistEntry:
        """The entry of a row."""
        values: dict[str, Any] = {name: said[codes[row]] for name, (codes, said) in self._quick.items()}
        values |= {n: column[row].as_py() for n, column in self._columns.items() if n not in self._quick}
        plate = text_of(int(self._plates[row]))
        return entry_of({**self._same, **values, _KEY: self._id(row), _PLATE: plate})

    def row_of(self, entry_id: str) -> int | None:
        """Where an entry is; None when it is not here."""
        wanted = np.uint64(hash_of(entry_id))
        at = int(np.searchsorted(self._hashes, wanted))
        while at < len(self._hashes) and self._hashes[at] == wanted:
            row = int(self._by_id[at])
            if self._id(row) == entry_id:
                return row
            at += 1
        return None

    def table(self, chosen: Flags) -> pa.Table:
        """Some rows as a part again."""
        rows = np.flatnonzero(chosen).tolist()
        mask, same = (
            pa.array(chosen),
            {n: pa.repeat(pa.scalar(v, _FIELDS[n]), len(rows)) for n, v in self._same.items()},
        )
        columns = {
            _KEY: pa.array([self._id(row) for row in rows], pa.string()),
            _GONE: pa.array(np.zeros(len(rows), bool)),
            _PLATE: pa.array([text_of(k) for k in self._plates[chosen].tolist()], pa.string()),
        }
        columns |= same | {name: column.filter(mask) for name, column in self._columns.items()}
        return dictionaries(pa.table({n: columns[n] for n in (_KEY, _GONE, *_COLUMNS)}))

    def _id(self, row: int) -> str:
        found: bytes | str = self._ids[row].as_py()
        return found.hex() if isinstance(found, bytes) else found


def entry_of(values: dict[str, Any]) -> WatchlistEntry:
    """The entry of a part's row."""
    entry_id, area = values.pop(_KEY), values.pop("area")
    return WatchlistEntry(entry_id=entry_id, area=tuple(area.split(_SEPARATOR)) if area else (), **values)


def _short(ids: pa.Array) -> pa.Array:
    """Ids that are all 32 hexadecimal digits as 16 bytes."""
    data, offsets = layout(ids)
    if not len(ids) or (np.diff(offsets) != 32).any():
        return ids
    digits = _HEX[data[offsets[0] : offsets[-1]]]
    if (digits == _NO_DIGIT).any():
        return ids
    packed = (digits[0::2] << 4 | digits[1::2]).astype(np.uint8)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(packed)])


class WatchTable:
    """How the topic `watchlist` becomes packed rows of an index; parts are tables of entries in the order of arrival."""

    topic, name = "watchlist", "watchlist"

    def __init__(self, index: WatchIndex) -> None:
        self._index = index

    def part(self, batch: pa.RecordBatch) -> pa.Table:
        """Decoded entries in little space."""
        columns = {_KEY: batch.column("entry_id"), _GONE: pa.array(np.zeros(len(batch), bool))}
        for name, kind in _FIELDS.items():
            if name == "area":
                area = batch.column("area").cast(pa.list_(pa.string()))
                columns[name] = pc.binary_join(area, _SEPARATOR)
            elif name != "entry_id":
                columns[name] = batch.column(name).cast(kind)
        return dictionaries(pa.table(columns))

    def gone(self, keys: Sequence[str]) -> pa.Table:
        """Entries that were removed."""
        columns = {n: pa.nulls(len(keys), kind) for n, kind in _FIELDS.items() if n != "entry_id"}
        marks = {_KEY: pa.array(keys, pa.string()), _GONE: pa.array(np.ones(len(keys), bool))}
        return dictionaries(pa.table(marks | columns))

    def newest(self, parts: Sequence[pa.Table]) -> pa.Table:
        """The last that was said of each entry, without those that are gone."""
        if not parts:
            return self.gone([]).slice(0, 0)
        table = joined(parts)
        hashed = hashes_of(table[_KEY])
        order = np.argsort(hashed, kind="stable")
        last = np.append(hashed[order][1:] != hashed[order][:-1], True)[: len(order)]
        chosen = np.zeros(len(order), bool)
        chosen[order[last]] = True
        chosen &= ~_truths(table[_GONE])
        return table.filter(pa.array(chosen))

    def load(self, table: pa.Table) -> None:
        """Entries of `newest` into the index: plates as rows, everything else one by one."""
        packed = _truths(pc.is_in(plain(table["mode"]), pa.array(PACKED_MODES)))
        packed &= pack_utf8(*layout(table[_PLATE])) != 0
        rows = WatchRows(table.filter(pa.array(packed)))
        self._index.load(rows)
        for values in table.filter(pa.array(~packed)).drop_columns([_GONE]).to_pylist():
            entry = entry_of(values)
            self._index.apply(entry.entry_id, entry)

    def change(self, key: str, record: WatchlistEntry | None) -> None:
        """One entry changed after the load."""
        self._index.apply(key, record)

    def merge(self, least: int) -> None:
        """Pack what changed since the load, once it is a tenth of the rows and at least `least` entries."""
        rows, alive, changed = self._index.kept()
        if len(changed) < max(least, len(alive) // 10) or not isinstance(rows, WatchRows):
            return
        fresh = self.part(_batch_of(changed))
        self._index.load(WatchRows(joined([rows.table(alive), fresh])))

    def shard_of(self, table: pa.Table, of: int) -> npt.NDArray[np.int64]:
        """In which of `of` shards each row belongs."""
        return (hashes_of(table[_KEY]) % np.uint64(of)).astype(np.int64)


def _flags(table: pa.Table) -> npt.NDArray[np.uint8]:
    permit = _truths(pc.equal(plain(table["mode"]), "permit"))
    return (_truths(table["approximate"]) * APPROXIMATE + permit * PERMIT).astype(np.uint8)


def _truths(column: pa.Array | pa.ChunkedArray) -> Flags:
    return np.asarray(plain(column).cast(pa.bool_()), bool)


def _batch_of(entries: Mapping[str, WatchlistEntry]) -> pa.RecordBatch:
    rows = list(entries.values())
    kinds = {n: pa.list_(pa.string()) if n == "area" else kind for n, kind in _FIELDS.items()}
    columns = {n: pa.array([getattr(e, n) for e in rows], kind) for n, kind in kinds.items()}
    return pa.record_batch(columns)
