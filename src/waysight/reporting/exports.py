"""Writes rows as CSV, Parquet or JSON in constant memory; a file appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from waysight.digests import sha256_of
from waysight.errors import BadConfiguration
from waysight.storage.columns import restore, widen


class _Sink(Protocol):
    def write(self, rows: pa.Table) -> None: ...
    def close(self) -> None: ...


class _Parquet:
    """Types, nulls and nested records as in the Avro schema."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows)

    def close(self) -> None:
        self._writer.close()


class _Csv:
    """A header, then rows; null is an empty cell, "" an empty quoted one, a list or record JSON text."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        flat = [pa.field(f.name, f.type if _is_flat(f.type) else pa.string()) for f in schema]
        self._writer = pyarrow.csv.CSVWriter(path, pa.schema(flat))

    def write(self, rows: pa.Table) -> None:
        columns = [c if _is_flat(c.type) else _as_text(c) for c in rows.columns]
        self._writer.write_table(pa.table(columns, names=rows.schema.names))

    def close(self) -> None:
        self._writer.close()


class _Json:
    """One array with one object per line; amounts are strings, bytes base64, NaN null."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        del schema
        self._file, self._between = path.open("wb"), b"[\n"

    def write(self, rows: pa.Table) -> None:
        for row in pa.table(
            [widen(c.combine_chunks()) for c in rows.columns], names=rows.schema.names
        ).to_pylist():
            self._file.write(self._between + msgspec.json.encode(row))
            self._between = b",\n"

    def close(self) -> None:
        self._file.write(b"[]\n" if self._between == b"[\n" else b"\n]\n")
        self._file.close()


FORMATS: dict[str, Callable[[Path, pa.Schema], _Sink]] = {"csv": _Csv, "parquet": _Parquet, "json": _Json}


class Export:
    """`with Export(...) as export: export.write_all(batches); export.publish()`; without `publish` nothing stays."""

    def __init__(self, path: Path, file_format: str, schema: pa.Schema) -> None:
        if file_format not in FORMATS:
            raise BadConfiguration(f"format {file_format!r} is not known; there are {', '.join(FORMATS)}")
        self._path, self._schema = path, schema
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch(mode=0o600)
            self._sink = FORMATS[file_format](self._part, schema)
        except OSError as error:
            raise BadConfiguration(f"cannot write {path}: {error.strerror}; choose another --out") from error
        self.rows = 0

    def write_all(self, batches: Iterable[pa.RecordBatch], progress: Callable[[int], None]) -> None:
        """Write every batch; `progress` gets the number of rows so far."""
        for batch in batches:
            self._sink.write(restore(batch, self._schema))
            self.rows += batch.num_rows
            progress(self.rows)
        self._sink.close()

    def sha256(self) -> str:
        """SHA-256 of the written file, hexadecimal."""
        return sha256_of(self._part)

    def publish(self) -> None:
        """Give the file its name."""
        self._part.replace(self._path)

    def __enter__(self) -> Export:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._part.unlink()


def _is_flat(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_decimal(kind))


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    values: list[Any] = widen(column.combine_chunks()).to_pylist()
    if pa.types.is_decimal(column.type):
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    if pa.types.is_binary(column.type):
        return pa.array([None if v is None else v.hex() for v in values], pa.string())
    return pa.array([None if v is None else msgspec.json.encode(v).decode() for v in values], pa.string())
