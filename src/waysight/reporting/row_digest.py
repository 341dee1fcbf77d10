"""A digest of rows that does not depend on the file format they are written in, nor on how they were batched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class RowDigest:
    """SHA-256 over columns: per leaf column three streams (which rows are there, lengths, bytes), then over those.

    Rows in the same order with the same schema give the same digest, from whatever source: anyone can compute it
    again from a Parquet export. Numbers are hashed as little-endian values, texts as UTF-8, decimals as text.
    """

    def __init__(self) -> None:
        self._columns: dict[str, Any] = {}
        self._rows = 0

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Take further rows."""
        self._rows += rows.num_rows
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            for part, data in _streams(name, _one(column)):
                self._columns.setdefault(part, hashlib.sha256()).update(data)

    def hexdigest(self) -> str:
        """The digest of all rows so far, hexadecimal."""
        parts = {name: found.hexdigest() for name, found in sorted(self._columns.items())}
        return hashlib.sha256(
            json.dumps({"rows": self._rows, "columns": parts}, sort_keys=True).encode()
        ).hexdigest()


def _streams(name: str, column: pa.Array) -> Iterator[tuple[str, memoryview | bytes]]:
    kind = column.type
    yield f"{name}#there", pc.is_valid(column).cast(pa.uint8()).to_numpy(zero_copy_only=False).tobytes()
    if pa.types.is_struct(kind):
        for i in range(kind.num_fields):
            yield from _streams(f"{name}.{kind.field(i).name}", pc.struct_field(column, [i]))
        return
    if pa.types.is_list(kind):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        yield f"{name}#length", _numbers(lengths)
        yield from _streams(f"{name}[]", column.flatten())
        return
    if pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        filled = pc.fill_null(column, b"" if pa.types.is_binary(column.type) else "")
        yield f"{name}#length", _numbers(pc.binary_length(filled))
        if len(filled):
            yield f"{name}#bytes", _text(filled)
        return
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    yield f"{name}#value", _numbers(pc.fill_null(column, 0))


def _numbers(column: pa.Array) -> bytes:
    values = column.to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()


def _text(column: pa.Array) -> memoryview | bytes:
    ends = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    data = column.buffers()[2]
    return memoryview(data)[ends[0] : ends[-1]] if data is not None else b""


def _one(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
