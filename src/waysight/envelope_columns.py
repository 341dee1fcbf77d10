"""Envelopes read as Arrow columns: only the fields that a hot step needs, as small rows.

Decoding whole records costs most of the time of `match` and `count`; columns cost a twelfth of it. A record
that turns out to matter is made whole afterwards, from the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from waysight.codec import Codec
from waysight.engine import Message
from waysight.errors import BadMessage
from waysight.messages import Sighting, Watermark


class PassRow(NamedTuple):
    """What counting needs of a pass; the origin is its sighting's."""

    origin_offset: int
    ordinal: int
    origin_partition: int
    key: str
    camera_id: str
    label: str
    last_ms: int


class SightingRow(NamedTuple):
    """What a look-up in the watchlist needs of a sighting; `at` is its place in the columns."""

    origin_offset: int
    ordinal: int
    origin_partition: int
    at: int
    camera_id: str
    plate: str
    plate_confidence: float


Rows = list[Any]
_ORIGIN = ("origin_offset", "ordinal", "origin_partition")
_place = itemgetter(0, 1)


def pass_rows(codec: Codec, messages: Sequence[Message]) -> list[Rows | None]:
    """Per message of `passes` its `PassRow`s and `Watermark`s in the order they were made; None: decode it singly."""
    batch = _columns(codec, messages)
    return [None] * len(messages) if batch is None else _rows(batch, len(messages), _passes)


class SightingColumns:
    """Messages of `sightings` as columns; `rows` holds per message its `SightingRow`s and `Watermark`s in order.

    None in `rows`: decode that message singly.
    """

    def __init__(self, codec: Codec, messages: Sequence[Message]) -> None:
        batch = _columns(codec, messages)
        self._records = None if batch is None else batch.column("records").flatten()
        self.rows: list[Rows | None] = [None] * len(messages)
        if batch is not None:
            self.rows = _rows(batch, len(messages), _sightings)

    @property
    def records(self) -> pa.StructArray | None:
        """All sightings as one array, in the order of `SightingRow.at`; None when no message was read as columns."""
        return self._records

    def whole(self, row: SightingRow) -> Sighting:
        """The sighting of a row with all its fields."""
        if self._records is None:
            raise BadMessage("no columns were read", "sightings")
        return msgspec.convert(self._records[row.at].as_py(), Sighting)


def _columns(codec: Codec, messages: Sequence[Message]) -> pa.RecordBatch | None:
    if not messages or any(m.value is None for m in messages):
        return None
    try:
        return codec.decode_columns(messages[0].topic, [m.value or b"" for m in messages])
    except BadMessage:
        return None


def _rows(batch: pa.RecordBatch, messages: int, make: Callable[[Any], list[Any]]) -> list[Rows | None]:
    records, marks = batch.column("records"), batch.column("watermarks")
    rows, watermarks = make(records.flatten()), marks.flatten().to_pylist()
    begin, ends = records.offsets.to_pylist(), marks.offsets.to_pylist()
    found: list[Rows | None] = []
    for n in range(messages):
        mine = rows[begin[n] - begin[0] : begin[n + 1] - begin[0]]
        told = [Watermark(**w) for w in watermarks[ends[n] - ends[0] : ends[n + 1] - ends[0]]]
        if told:
            # Rows and watermarks never share a place, so that the comparison ends there.
            keyed = [(_place(r), r) for r in mine] + [((w.origin_offset, w.ordinal), w) for w in told]
            found.append([item for _, item in sorted(keyed, key=itemgetter(0))])
        else:
            found.append(sorted(mine, key=_place))
    return found


def _passes(records: pa.StructArray) -> list[Any]:
    origin = [records.field(name).to_pylist() for name in _ORIGIN]
    rest = [records.field(name).to_pylist() for name in ("camera_id", "label", "last_ms")]
    return list(map(PassRow._make, zip(*origin, records.field("key").to_pylist(), *rest, strict=True)))


def _sightings(records: pa.StructArray) -> list[Any]:
    origin = [records.field(name).to_pylist() for name in _ORIGIN]
    rest = [records.field(name).to_pylist() for name in ("camera_id", "plate", "plate_confidence")]
    return list(map(SightingRow._make, zip(*origin, range(len(records)), *rest, strict=True)))
