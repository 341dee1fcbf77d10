"""The file formats of exports: each takes rows batch by batch, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from waysight.errors import BadConfiguration
from waysight.storage.columns import widen

ROW_GROUP = (
    32_768  # the writer keeps some 80 KB of each until the end: few of them, but each in memory at once
)
SHEET_ROWS = 1_048_576  # of Excel, header included
_CELL = 32_767
_EXACT = 2**53
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Sink(Protocol):
    """One file being written."""

    def write(self, rows: pa.Table) -> None:
        """Append rows of the sink's schema."""

    def close(self) -> None:
        """Finish the file."""


class Parquet:
    """Types, nulls and nested records as in the Avro schema; row groups of one size, however the rows came."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")
        self._waiting = schema.empty_table()

    def write(self, rows: pa.Table) -> None:
        self._waiting = pa.concat_tables([self._waiting, rows])
        while self._waiting.num_rows >= ROW_GROUP:
            self._writer.write_table(self._waiting.slice(0, ROW_GROUP))
            self._waiting = self._waiting.slice(ROW_GROUP)

    def close(self) -> None:
        if self._waiting.num_rows:
            self._writer.write_table(self._waiting)
        self._writer.close()


class Csv:
    """A header, then rows; null is an empty cell, "" an empty quoted one, a list or record JSON text."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        flat = [pa.field(f.name, f.type if _is_flat(f.type) else pa.string()) for f in schema]
        self._writer = pyarrow.csv.CSVWriter(path, pa.schema(flat))

    def write(self, rows: pa.Table) -> None:
        columns = [c if _is_flat(c.type) else _as_text(c) for c in rows.columns]
        self._writer.write_table(pa.table(columns, names=rows.schema.names))

    def close(self) -> None:
        self._writer.close()


class Json:
    """One array with one object per line; amounts are strings, bytes base64, NaN null."""

    begin, between, end, empty = b"[\n", b",\n", b"\n]\n", b"[]\n"

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        del schema
        self._file, self._next = path.open("wb"), self.begin

    def write(self, rows: pa.Table) -> None:
        for row in _objects(rows):
            self._file.write(self._next + msgspec.json.encode(row))
            self._next = self.between

    def close(self) -> None:
        self._file.write(self.empty if self._next == self.begin else self.end)
        self._file.close()


class JsonLines(Json):
    """One object per line."""

    begin, between, end, empty = b"", b"\n", b"\n", b""

    def close(self) -> None:
        if self._file.tell():
            self._file.write(self.end)
        self._file.close()


class Xlsx:
    """One sheet of text and numbers; a further sheet for each million rows. No cell is read as a formula or link."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "nan_inf_to_errors": True,
            "default_date_format": "yyyy-mm-dd",
            "tmpdir": str(path.parent),  # rows wait here, not in a folder that all share
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties({"created": _EPOCH})  # the same rows make the same file
        self._names, self._row = schema.names, 0
        self._sheet: Any = None

    def write(self, rows: pa.Table) -> None:
        columns = [c if _is_flat(c.type) else _as_text(c) for c in rows.columns]
        for row in zip(*(_cells(c) for c in columns), strict=True):
            if self._sheet is None or self._row == SHEET_ROWS:
                self._begin()
            self._sheet.write_row(self._row, 0, row)
            self._row += 1

    def close(self) -> None:
        if self._sheet is None:
            self._begin()
        try:
            self._book.close()
        except FileCreateError as error:
            raise OSError(str(error)) from error

    def _begin(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.write_row(0, 0, self._names)
        self._sheet.freeze_panes(1, 0)
        self._row = 1


FORMATS: dict[str, Callable[[Path, pa.Schema], Sink]] = {
    "csv": Csv,
    "parquet": Parquet,
    "json": Json,
    "jsonl": JsonLines,
    "xlsx": Xlsx,
}


def format_of(asked: str, path: Path, known: Sequence[str] = tuple(FORMATS)) -> str:
    """The format asked for, else the one that the file's ending names, else csv; raises BadConfiguration."""
    ending = path.suffix.lstrip(".").lower()
    chosen = asked or (ending if ending in known else "csv")
    if chosen not in known:
        raise BadConfiguration(f"format {chosen!r} is not known; there are {', '.join(known)}")
    return chosen


def _objects(rows: pa.Table) -> list[dict[str, Any]]:
    columns = [widen(c.combine_chunks()) for c in rows.columns]
    found: list[dict[str, Any]] = pa.table(columns, names=rows.schema.names).to_pylist()
    return found


def _cells(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = widen(column.combine_chunks()).to_pylist()
    if pa.types.is_integer(column.type):  # Excel keeps 53 bits
        return [str(v) if v is not None and abs(v) > _EXACT else v for v in values]
    return [v[:_CELL] if isinstance(v, str) else v for v in values]


def _is_flat(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_decimal(kind))


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    values: list[Any] = widen(column.combine_chunks()).to_pylist()
    if pa.types.is_decimal(column.type):
        texts = [None if v is None else str(v) for v in values]
    elif pa.types.is_binary(column.type):
        texts = [None if v is None else v.hex() for v in values]
    else:
        texts = [None if v is None else msgspec.json.encode(v).decode() for v in values]
    return pa.chunked_array([pa.array(texts, pa.string())])
