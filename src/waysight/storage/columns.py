"""Records as Arrow columns: the Arrow schema of an Avro record, and tables brought into it."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from waysight.topics import avro_schema

_PLAIN = {
    "string": pa.string(), "long": pa.int64(), "int": pa.int32(), "float": pa.float32(), "double": pa.float64(),
    "boolean": pa.bool_(), "bytes": pa.binary(),
}  # fmt: skip


@lru_cache(maxsize=64)
def arrow_schema(record: str) -> pa.Schema:
    """The Arrow schema of an Avro record: same names and order, enums as strings, unions with null as nullable."""
    named: dict[str, Any] = {}
    return pa.schema([_field(f["name"], f["type"], named) for f in avro_schema(record)["fields"]])


def conform(rows: pa.Table | pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """The same rows with exactly this schema's columns and types.

    A missing record becomes one of empty strings and zeros, because ClickHouse's Tuple has no null.
    Raises KeyError for a column that is absent, pa.ArrowInvalid for a value that does not fit.
    """
    columns = [_column(rows.column(f.name), f.type) for f in schema]
    plain = pa.schema([pa.field(f.name, f.type) for f in schema])
    return pa.table([c.cast(f.type) for c, f in zip(columns, plain, strict=True)], schema=plain)


def records_of(rows: pa.RecordBatch, column: str = "records") -> pa.Table:
    """The rows inside an envelope's list column, in order."""
    return pa.Table.from_struct_array(rows.column(column).flatten())


def restore(rows: pa.Table | pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """The reverse of `conform`: exactly this schema, and empty records are null again where it allows null."""
    plain = pa.schema([pa.field(f.name, f.type) for f in schema])
    columns = [
        _without_empty(_one(c)) if f.nullable and pa.types.is_struct(f.type) else c
        for c, f in zip(conform(rows, plain).columns, schema, strict=True)
    ]
    return pa.table(columns, schema=schema)


def widen(column: pa.Array) -> pa.Array:
    """float32 anywhere inside as the float64 of the same shortest decimal: 0.9, not 0.8999999761581421."""
    kind = column.type
    if pa.types.is_float32(kind):
        return column.cast(pa.string()).cast(pa.float64())
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(column.offsets, widen(column.values), mask=column.is_null())
    if pa.types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        parts = [widen(column.field(i)) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(parts, names=names, mask=column.is_null())
    return column


def _field(name: str, kind: Any, named: dict[str, Any]) -> pa.Field:
    nullable = isinstance(kind, list)
    inner = next(k for k in kind if k != "null") if nullable else kind
    return pa.field(name, _type(inner, named), nullable=nullable)


def _type(kind: Any, named: dict[str, Any]) -> pa.DataType:
    if isinstance(kind, str):
        return _PLAIN[kind] if kind in _PLAIN else _type(named[kind], named)
    if "name" in kind:
        named[kind["name"]] = named[f"{kind.get('namespace', 'waysight')}.{kind['name']}"] = kind
    if kind.get("logicalType") == "decimal":
        return pa.decimal128(kind["precision"], kind["scale"])
    if kind["type"] == "enum":
        return pa.string()
    if kind["type"] == "array":
        return pa.list_(_type(kind["items"], named))
    if kind["type"] == "record":
        return pa.struct([_field(f["name"], f["type"], named) for f in kind["fields"]])
    return _PLAIN[kind["type"]]


def _column(column: Any, kind: pa.DataType) -> Any:
    column = _one(column)
    if not pa.types.is_struct(kind) or not column.null_count:
        return column
    fields = [kind.field(i) for i in range(kind.num_fields)]
    parts = [c.cast(f.type).fill_null(_empty(f.type)) for c, f in zip(column.flatten(), fields, strict=True)]
    return pa.StructArray.from_arrays(parts, names=[f.name for f in fields])


def _empty(kind: pa.DataType) -> Any:
    return "" if pa.types.is_string(kind) else 0


def _without_empty(column: pa.StructArray) -> pa.StructArray:
    fields = [column.type.field(i) for i in range(column.type.num_fields)]
    empty = [pc.equal(c, _empty(f.type)) for c, f in zip(column.flatten(), fields, strict=True)]
    return pa.StructArray.from_arrays(column.flatten(), fields=fields, mask=reduce(pc.and_, empty))


def _one(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
