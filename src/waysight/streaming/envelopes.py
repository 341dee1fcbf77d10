"""Envelopes in and out: records of one message in the order they were made, outputs grouped by partition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from waysight.adapters.dead_letters import REPLAYED, dead_letter_output
from waysight.codec import Codec
from waysight.domain.fence import Origin, fence_key
from waysight.engine import Message, Output, PartitionState
from waysight.errors import BadMessage
from waysight.messages import MinuteBatch, PassBatch, SightingBatch, TallyBatch, Watermark
from waysight.topics import partition_for

_BATCHES: dict[str, Callable[..., Any]] = {
    "sightings": SightingBatch,
    "passes": PassBatch,
    "tallies": TallyBatch,
    "minutes": MinuteBatch,
}
R = TypeVar("R")
Numbers = npt.NDArray[np.integer]


def decoded(codec: Codec, message: Message, processor: str, outputs: list[Output]) -> Any | None:
    """The record of a message; a dead letter is put out and None returned when it cannot be read."""
    try:
        record = codec.decode(message.topic, message.value)
        if isinstance(record, PassBatch) and not all(r.whole for r in record.records):
            raise BadMessage("passes without their sightings: written by an older version", message.topic)
        return record
    except BadMessage as error:
        outputs.append(dead_letter_output(codec, message, error.reason, processor))
        return None


def in_order(batch: Any) -> list[Any]:
    """Records and watermarks of an envelope in the order they were made in.

    An envelope comes from one step of one partition, so that origin offset and ordinal say everything.
    """
    return sorted((*batch.records, *batch.watermarks), key=_place)


def is_new(state: PartitionState, message: Message, record: Any) -> bool:
    """Whether a record was not applied before; remembers it. Letters that a person sends again always pass."""
    fences = Fences(state)
    new = fences.is_new(message, record)
    fences.save()
    return new


class Fences:
    """The fences of one partition during one step, written back once by `save`."""

    def __init__(self, state: PartitionState) -> None:
        self._state = state
        self._last: dict[tuple[str, int], tuple[int, int]] = {}
        self._moved: set[tuple[str, int]] = set()

    def is_new(self, message: Message, made: Any) -> bool:
        """Whether what `made` says of its origin was not applied before; letters sent again always pass."""
        if message.headers and REPLAYED in message.headers:
            return True
        at, origin = (message.topic, made.origin_partition), (made.origin_offset, made.ordinal)
        if origin <= self._newest(at):
            return False
        self._last[at] = origin
        self._moved.add(at)
        return True

    def new_rows(
        self, topic: str, origins: tuple[Numbers, Numbers, Numbers], always: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """`is_new` of many rows (n,) in order: `origins` are partition, offset and ordinal; `always` passes letters sent again."""
        new = always.copy()
        partitions, offsets, ordinals = origins
        for partition in np.unique(partitions[~always]).tolist():
            at = topic, partition
            rows = np.flatnonzero((partitions == partition) & ~always)
            offset, ordinal = self._newest(at)
            bits = max(int(ordinals[rows].max()), ordinal, 0).bit_length()
            places = (offsets[rows].astype(np.int64) << bits) | ordinals[rows].astype(np.int64)
            first = (offset << bits) | ordinal if offset >= 0 else -1
            newest = np.maximum.accumulate(np.concatenate(([first], places)))
            new[rows] = places > newest[:-1]
            if int(newest[-1]) > first:
                self._last[at] = divmod(int(newest[-1]), 1 << bits)
                self._moved.add(at)
        return new

    def _newest(self, at: tuple[str, int]) -> tuple[int, int]:
        if at not in self._last:
            kept = self._state.get("fence", fence_key(*at), Origin)
            self._last[at] = (-1, -1) if kept is None else (kept.offset, kept.ordinal)
        return self._last[at]

    def save(self) -> None:
        """Keep how far each fence has moved."""
        for at in self._moved:
            self._state.put("fence", fence_key(*at), Origin(*self._last[at]))


@dataclass
class Flush:
    """The outputs of one step. `partitions` is the partition count of the keyed topics.

    Call `reading` for each input message; every record put out then carries it as its origin.
    """

    codec: Codec
    partitions: int
    outputs: list[Output] = field(default_factory=list)
    _records: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    _watermarks: dict[tuple[str, int], list[Watermark]] = field(default_factory=dict)
    _at: tuple[int, int] = (0, 0)
    _ordinal: int = 0

    def reading(self, message: Message) -> None:
        """From here on outputs come from this message."""
        self._at, self._ordinal = (message.partition, message.offset), 0

    def stamped(self, record: R) -> R:
        """The record with its origin, as the next output of the message being read."""
        stamp = {"origin_partition": self._at[0], "origin_offset": self._at[1], "ordinal": self._ordinal}
        self._ordinal += 1
        return replace(record, **stamp)  # type: ignore[type-var]

    def one(self, topic: str, key: str, record: Any, headers: dict[str, bytes] | None = None) -> None:
        """Put out one record as a message of its own."""
        self.outputs.append(Output(topic, key, self.codec.encode(topic, record), headers=headers or {}))

    def grouped(self, topic: str, key: str, record: Any) -> None:
        """Put out one record in the envelope of its key's partition."""
        self._records.setdefault((topic, partition_for(key, self.partitions)), []).append(record)

    def watermark(self, topic: str, partition: int, camera_id: str, captured_ms: int, end: bool) -> None:
        """Put out a watermark in the envelope of a partition."""
        mark = Watermark(
            camera_id=camera_id,
            captured_ms=captured_ms,
            end=end,
            origin_partition=0,
            origin_offset=0,
            ordinal=0,
        )
        self._watermarks.setdefault((topic, partition), []).append(self.stamped(mark))

    def finish(self) -> list[Output]:
        """All outputs: single messages in the order they were made, then one envelope per topic and partition."""
        for topic, partition in sorted({*self._records, *self._watermarks}):
            batch = _BATCHES[topic](
                records=tuple(self._records.get((topic, partition), ())),
                watermarks=tuple(self._watermarks.get((topic, partition), ())),
            )
            value = self.codec.encode(topic, batch)
            self.outputs.append(Output(topic, f"partition-{partition}", value, partition))
        return self.outputs


def _place(record: Any) -> tuple[int, int]:
    return record.origin_offset, record.ordinal
