"""Messages of a topic as rows of its table: the whole batch as columns, or message by message to find a bad one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from waysight.codec import Codec
from waysight.engine import Message
from waysight.errors import BadMessage
from waysight.storage.columns import conform, records_of
from waysight.storage.tables import Table

LATEST_MS = 3_786_912_000_000  # the year 2090: with ten years of retention still inside ClickHouse's DateTime


def rows_of(
    codec: Codec, table: Table, messages: Sequence[Message]
) -> tuple[pa.Table, list[tuple[Message, str]]]:
    """Rows of all good messages in order, and the bad messages each with its reason."""
    try:
        return _columns(codec, table, messages), []
    except (BadMessage, pa.ArrowException, KeyError):
        pass  # at least one is bad: look at each
    good, bad = [], []
    for message in messages:
        try:
            good.append(_single(codec, table, message))
        except (BadMessage, pa.ArrowException, OverflowError) as error:
            bad.append((message, error.reason if isinstance(error, BadMessage) else f"not a row: {error}"))
    return pa.concat_tables(good) if good else table.insert_schema.empty_table(), bad


def _columns(codec: Codec, table: Table, messages: Sequence[Message]) -> pa.Table:
    values = [m.value for m in messages if m.value is not None]
    if len(values) < len(messages):
        raise BadMessage("a message without a value")
    batch = codec.decode_columns(table.topic, values)
    return _checked(table, conform(records_of(batch) if table.envelope else batch, table.insert_schema))


def _single(codec: Codec, table: Table, message: Message) -> pa.Table:
    record = codec.decode(table.topic, message.value)
    records: list[Any] = list(record.records) if table.envelope else [record]
    plain = [msgspec.to_builtins(r, builtin_types=(bytes, Decimal)) for r in records]
    return _checked(table, conform(pa.Table.from_pylist(plain, schema=table.schema), table.insert_schema))


def _checked(table: Table, rows: pa.Table) -> pa.Table:
    if rows.num_rows:
        span = pc.min_max(rows.column(table.time)).as_py()
        if span["min"] < 0 or span["max"] > LATEST_MS:
            raise BadMessage(
                f"{table.time} {span['min']}..{span['max']} is outside 1970 to 2090", table.topic
            )
    return rows
