"""Envelopes read as Arrow columns: only the fields that a hot step needs, as small rows.

Decoding whole records costs most of the time of `match` and `count`; columns cost a twelfth of it. A record
that turns out to matter is made whole afterwards, from the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
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


Rows = list[Any]
Integers = npt.NDArray[np.integer]
_ORIGIN = ("origin_offset", "ordinal", "origin_partition")
_place = itemgetter(0, 1)


def pass_rows(codec: Codec, messages: Sequence[Message]) -> list[Rows | None]:
    """Per message of `passes` its `PassRow`s and `Watermark`s in the order they were made; None: decode it singly."""
    batch = _columns(codec, messages)
    return [None] * len(messages) if batch is None else _rows(batch, len(messages), _passes)


class SightingColumns:
    """Messages of `sightings` as columns, message by message in the order in which the sightings were made.

    `records` holds all sightings (n,), `message` (n,) the number of each one's message, `marks` the watermarks of each
    message. `records` is None, and nothing is held, when some message must be decoded singly.
    """

    def __init__(self, codec: Codec, messages: Sequence[Message]) -> None:
        batch = _columns(codec, messages)
        self.records: pa.StructArray | None = None
        self.message = np.zeros(0, np.int64)
        self.marks: list[list[Watermark]] = [[] for _ in messages]
        if batch is not None:
            lists, marks = batch.column("records"), batch.column("watermarks")
            self.message = np.repeat(np.arange(len(messages)), np.diff(lists.offsets.to_numpy()))
            self.records = _ordered(lists.flatten(), self.message)
            for number, told in enumerate(marks.to_pylist() if len(marks.flatten()) else ()):
                self.marks[number] = [Watermark(**w) for w in told]

    def origins(self) -> tuple[Integers, Integers, Integers]:
        """Origin partition, offset and ordinal of each sighting."""
        return tuple(self._numbers(name) for name in ("origin_partition", "origin_offset", "ordinal"))  # type: ignore[return-value]

    def whole(self, rows: Integers) -> list[Sighting]:
        """Some sightings with all their fields, in the order of `rows`."""
        if self.records is None or not len(rows):
            return []
        return msgspec.convert(self.records.take(pa.array(rows)).to_pylist(), list[Sighting])

    def _numbers(self, name: str) -> Integers:
        found: Integers = self.records.field(name).to_numpy().astype(np.int64, copy=False)  # type: ignore[union-attr]
        return found


def _ordered(records: pa.StructArray, message: Integers) -> pa.StructArray:
    offset, ordinal = (records.field(name).to_numpy() for name in ("origin_offset", "ordinal"))
    later = (np.diff(offset) > 0) | ((np.diff(offset) == 0) & (np.diff(ordinal) > 0)) | (np.diff(message) > 0)
    return records if later.all() else records.take(pa.array(np.lexsort((ordinal, offset, message))))


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
