"""Envelopes read as Arrow columns: only what a hot step looks at is taken out of them.

Decoding whole records costs most of the time of a hot step; columns cost a twenty-fifth of it. A record
that turns out to matter is made whole afterwards, from the same columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waysight.codec import Codec
from waysight.engine import Message
from waysight.errors import BadMessage
from waysight.messages import Sighting, Watermark

Integers = npt.NDArray[np.integer]


class SightingColumns:
    """Messages of `sightings` as columns, message by message in the order in which the sightings were made.

    `records` holds all sightings (n,), `message` (n,) the number of each one's message, `marks` of each message
    the watermarks than which no later one of their camera is in these messages. `records` is None, and nothing is held, when some message must be decoded singly.
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
            for number, mark in _newest(marks):
                self.marks[number].append(mark)

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


def _newest(marks: pa.ListArray) -> list[tuple[int, Watermark]]:
    """The newest watermark of each camera with the number of its message: there are as many of them as sightings."""
    told = marks.flatten()
    if not len(told):
        return []
    message = np.repeat(np.arange(len(marks)), np.diff(marks.offsets.to_numpy()))
    camera = told.field("camera_id").dictionary_encode().indices.to_numpy()
    order = np.lexsort((told.field("captured_ms").to_numpy(), camera))
    last = order[np.append(np.diff(camera[order]) != 0, True)]
    return [(int(message[at]), Watermark(**told[at].as_py())) for at in np.sort(last).tolist()]


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
