"""Messages of `passes` as columns: one decode a step, masks over all rows, and the watermarks between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waysight.adapters.dead_letters import REPLAYED
from waysight.codec import Codec
from waysight.engine import Message, Output
from waysight.errors import BadMessage
from waysight.messages import Pass, Watermark
from waysight.storage.columns import arrow_schema
from waysight.streaming.envelopes import Fences, decoded

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_PLACE = ("origin_offset", "ordinal")
_TOPIC = "passes"
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Records of one kind (n,), and the number of the message (n,) that each came in."""

    records: pa.StructArray
    message: Numbers

    def numbers(self, name: str) -> Numbers:
        """A column of whole numbers (n,)."""
        found: Numbers = self.records.field(name).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        return found

    def floats(self, name: str) -> npt.NDArray[np.float64]:
        """A column of numbers (n,); NaN where there is none."""
        found: npt.NDArray[np.float64] = (
            self.records.field(name).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        )
        return found

    def texts(self, name: str) -> tuple[Numbers, list[str]]:
        """A column of texts as numbers (n,) into the different ones there are."""
        coded = self.records.field(name).dictionary_encode()
        return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()


class Short(NamedTuple):
    """What it takes to judge a pass: where it comes from, and the sighting as bytes."""

    key: str
    origin_partition: int
    origin_offset: int
    ordinal: int
    whole: bytes


class PassColumns:
    """Readable messages of `passes`, their records and their watermarks.

    What was made first has the lower rank: a message's place in the step first, then origin offset and ordinal.
    """

    def __init__(
        self, codec: Codec, messages: Sequence[Message], processor: str, outputs: list[Output]
    ) -> None:
        """Decode; a message that cannot be read is left out and becomes a dead letter in `outputs`."""
        self._codec, self.messages = codec, list(messages)
        try:
            batch = _batch(codec, self.messages)
        except BadMessage:
            self.messages = [m for m in messages if decoded(codec, m, processor, outputs) is not None]
            batch = _batch(codec, self.messages)
        self.passes, self.marks = _rows(batch, "records"), _rows(batch, "watermarks")
        self._rank()

    def __len__(self) -> int:
        return len(self.passes.message)

    def _rank(self) -> None:
        kinds = self.passes, self.marks
        place = [np.concatenate([rows.numbers(name) for rows in kinds]) for name in _PLACE]
        order = np.lexsort((place[1], place[0], np.concatenate([rows.message for rows in kinds])))
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        self.rank, self.mark_rank = ranks[: len(self)], ranks[len(self) :]

    def new(self, fences: Fences) -> Flags:
        """Which passes (n,) were not applied before; moves the fences."""
        again = np.array([bool(m.headers) and REPLAYED in m.headers for m in self.messages], bool)
        order = np.argsort(self.rank)
        origins = [self.passes.numbers(n)[order] for n in ("origin_partition", *_PLACE)]
        found = np.empty(len(self), bool)
        found[order] = fences.new_rows(
            _TOPIC, (origins[0], origins[1], origins[2]), again[self.passes.message][order]
        )
        return found

    def keyed(self, prefix: str) -> Flags:
        """Which passes (n,) have a key that begins so."""
        found: Flags = pc.starts_with(self.passes.records.field("key"), prefix).to_numpy(zero_copy_only=False)
        return found

    def whole(self, row: int) -> Pass:
        """A pass with all its fields."""
        return msgspec.convert(self.passes.records[row].as_py(), Pass)

    def message(self, row: int) -> Message:
        """The message that a pass came in."""
        return self.messages[int(self.passes.message[row])]

    def mark(self, number: int) -> Watermark:
        """A watermark."""
        return Watermark(**self.marks.records[number].as_py())

    def short(self, row: int) -> Short:
        """A pass's key, origin and whole sighting."""
        fields = (self.passes.records.field(name)[row].as_py() for name in Short._fields)
        return Short(*fields)

    def in_order(self, rows: Numbers) -> list[tuple[int, int | Watermark]]:
        """Some rows and the watermarks by rank, each with the number of its message.

        Of a camera's watermarks in one minute of its time only the last comes if none of these rows lies between
        them, or only rows under the keys of other cameras; ends always come.
        """
        names, captured, ends = (
            self.marks.records.field(name).to_pylist() for name in ("camera_id", "captured_ms", "end")
        )
        cameras = self.passes.records.field("camera_id").take(pa.array(rows)).to_pylist()
        alone = self.keyed("camera:")[rows].tolist()
        last: dict[str, tuple[int, int]] = {}
        kept: list[tuple[int, int | Watermark]] = []
        for at in np.argsort(-np.concatenate((self.rank[rows], self.mark_rank))).tolist():
            number = at - len(rows)
            if number >= 0:
                name, now = names[number], captured[number]
                minute, newest = last.get(name, (-1, -1))
                if not ends[number] and minute == now // _MINUTE_MS and now <= newest:
                    continue
                last[name] = now // _MINUTE_MS, now
                kept.append((int(self.marks.message[number]), self.mark(number)))
                continue
            kept.append((int(self.passes.message[rows[at]]), int(rows[at])))
            if alone[at]:
                last.pop(cameras[at], None)
            else:
                last.clear()
        return kept[::-1]


def _batch(codec: Codec, messages: Sequence[Message]) -> pa.RecordBatch | None:
    if not messages:
        return None
    if any(m.value is None for m in messages):
        raise BadMessage("a message without a value", _TOPIC)
    batch = codec.decode_columns(_TOPIC, [m.value or b"" for m in messages])
    empty = pc.equal(pc.binary_length(batch.column("records").flatten().field("whole")), 0)
    if pc.any(empty).as_py():
        raise BadMessage("passes without their sightings: written by an older version", _TOPIC)
    return batch


def _rows(batch: pa.RecordBatch | None, name: str) -> Rows:
    if batch is None:
        kind = pa.struct(list(arrow_schema({"records": "Pass", "watermarks": "Watermark"}[name])))
        return Rows(pa.array([], kind), np.zeros(0, np.int64))
    lists = batch.column(name)
    return Rows(lists.flatten(), np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy())))
