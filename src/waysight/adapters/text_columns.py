"""Arrow columns kept small, and their texts as the bytes and offsets that `domain/plate_keys.py` takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from waysight.domain.plate_keys import Keys, hashes

_REPEATED = 2  # texts that occur this often on average are kept once
_INDEX_TYPES = ((127, pa.int8()), (32_767, pa.int16()))


def layout(column: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer]]:
    """A text column as bytes one behind the other and offsets (n + 1), without a copy where it is one."""
    texts = plain(column).cast(pa.string())
    _, offsets, data = texts.buffers()
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int32)
    where = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8), where


def hashes_of(column: pa.Array | pa.ChunkedArray) -> Keys:
    """64-bit hashes (n,) of a text column."""
    return hashes(*layout(column))


def dictionaries(table: pa.Table) -> pa.Table:
    """The table with every column as codes in which enough repeats itself: what a batch brings, in little space."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode().combine_chunks()
        few = pa.types.is_dictionary(column.type) or len(coded.dictionary) * _REPEATED <= len(coded)
        columns[name] = coded if few else column
    return pa.table(columns)


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """Parts made by `dictionaries`, one behind the other, in one chunk."""
    names = parts[0].column_names
    full = [p for p in parts if len(p)] or parts[:1]
    coded = {n for n in names if all(pa.types.is_dictionary(p[n].type) for p in full)}
    alike = [pa.table({n: _wide(p[n]) if n in coded else plain(p[n]) for n in names}) for p in full]
    return pa.concat_tables(alike).unify_dictionaries().combine_chunks()


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece, without codes."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def compact(column: pa.ChunkedArray) -> pa.Array:
    """A column of `joined` with codes as short as they can be, or plain where hardly anything occurs twice."""
    array = column.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        return array
    known = np.asarray(array.indices.is_valid())
    codes = np.asarray(array.indices.fill_null(0))
    used = np.flatnonzero(np.bincount(codes[known], minlength=len(array.dictionary)))
    if len(used) * _REPEATED > len(array):
        return array.dictionary_decode()
    renumbered = np.zeros(len(array.dictionary), np.int32)
    renumbered[used] = np.arange(len(used))
    fit = next((kind for most, kind in _INDEX_TYPES if len(used) <= most), pa.int32())
    indices = pa.array(renumbered[codes] if len(renumbered) else codes, mask=~known).cast(fit)
    return pa.DictionaryArray.from_arrays(indices, array.dictionary.take(pa.array(used)))


def to_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow stream, compressed."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def from_bytes(data: bytes) -> pa.Table:
    """The table of `to_bytes`; raises pyarrow's ArrowInvalid for anything else."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def _wide(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.dictionary(pa.int32(), column.type.value_type))
