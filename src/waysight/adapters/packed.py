"""A compacted topic of millions as a packed table that a background thread keeps up to date (confluent-kafka).

It loads the table's shards, reads in columns what came after them, packs all that at once, and follows the topic record by
record from then on. Like `broadcast.py`: a worker does not start on half a table, and ends when it cannot follow it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, Protocol

import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.follower import Follower
from waysight.adapters.kafka import end_offsets, kafka_error, plain_consumer
from waysight.adapters.shards import Found, read_shards
from waysight.adapters.vehicle_rows import RegisterTable, person_changes
from waysight.adapters.watch_rows import WatchTable
from waysight.codec import Codec
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_index import WatchIndex
from waysight.engine import Followed
from waysight.errors import BadMessage, WaysightError
from waysight.messages import Person
from waysight.settings import Settings

_log = logging.getLogger(__name__)
_AT_ONCE = 10_000  # messages of the load; also how many changes are merged at the least


class PackedTable(Protocol):
    """How one topic's records become a packed table. Parts are tables of records in the order of their arrival."""

    topic: str
    name: str

    def part(self, batch: pa.RecordBatch) -> pa.Table:
        """Decoded records in little space."""

    def gone(self, keys: Sequence[str]) -> pa.Table:
        """Records that were removed."""

    def newest(self, parts: Sequence[pa.Table]) -> pa.Table:
        """The last that was said of each key, without what is gone."""

    def load(self, table: pa.Table) -> None:
        """Take the rows of `newest` into use."""

    def change(self, key: str, record: Any) -> None:
        """One record that came after the load; None: it was removed."""

    def merge(self, least: int) -> None:
        """Pack what has changed since, when it is many."""

    def shard_of(self, table: pa.Table, of: int) -> npt.NDArray[Any]:
        """In which of `of` shards each row belongs."""


class Packed(Follower):
    """Follows one topic in one packed table."""

    load_s = 600.0

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        table: PackedTable,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        shards: bool = True,
    ) -> None:
        super().__init__(settings, table.topic, "shards")
        self._codec, self._table, self._clock_ms, self._shards = codec, table, clock_ms, shards
        self.from_shards = 0  # entries that did not have to be read one by one

    def _consumer(self) -> Consumer:
        return plain_consumer(self._settings)

    def _follow(self, consumer: Consumer) -> None:
        rows, _ = self._read(consumer)
        self._table.load(rows)
        del rows
        self._loaded.set()
        while not self._stopped.is_set():
            for raw in consumer.consume(1000, 0.2):
                if self._is_record(raw):
                    self._apply(raw)
            self._table.merge(_AT_ONCE)

    def read(self) -> tuple[pa.Table, dict[int, int]]:
        """The whole table as it is now, and up to which offsets; without following it. Raises EngineDown."""
        consumer = self._consumer()
        try:
            return self._read(consumer)
        finally:
            consumer.close()

    def _read(self, consumer: Consumer) -> tuple[pa.Table, dict[int, int]]:
        ends = end_offsets(consumer, self._topic, self._settings)
        found = self._usable(ends)
        self.from_shards = found.rows
        parts = list(found.parts)
        begin = {p: found.covers[p] if found.parts else OFFSET_BEGINNING for p in ends}
        waiting = {p for p, end in ends.items() if end > max(0, begin[p])}
        read_to = {p: max(0, begin[p]) for p in ends}
        consumer.assign([TopicPartition(self._topic, p, offset) for p, offset in begin.items()])
        while waiting and not self._stopped.is_set():
            records = []
            for raw in consumer.consume(_AT_ONCE, 0.2):
                if self._is_record(raw):
                    records.append((raw.key(), raw.value()))
                    read_to[raw.partition()] = raw.offset() + 1
                elif raw.error().code() == KafkaError._PARTITION_EOF:
                    # The end event comes after all records, also where only markers are left before it.
                    waiting.discard(raw.partition())
                    read_to[raw.partition()] = max(read_to[raw.partition()], raw.offset())
            parts += self._parts(records)
        return self._table.newest(parts), read_to

    def _usable(self, ends: dict[int, int]) -> Found:
        """The table's shards, unless they speak of another topic than this: other partitions, or offsets it never had."""
        if not self._shards:
            return Found()
        found = read_shards(self._settings, self._codec, self._table.name, self._clock_ms())
        fits = len(found.covers) == len(ends) and all(found.covers[p] <= end for p, end in ends.items())
        return found if fits else Found()

    def _parts(self, records: Sequence[tuple[bytes | None, bytes | None]]) -> list[pa.Table]:
        """Records in columns, in their order: runs of records, and between them what was removed."""
        parts: list[pa.Table] = []
        values: list[bytes] = []
        keys: list[str] = []
        for key, value in records:
            if value is None:
                parts += self._decoded(values)
                values = []
                keys.append((key or b"").decode(errors="replace"))
            else:
                parts += [self._table.gone(keys)] if keys else []
                keys = []
                values.append(value)
        return [*parts, *([self._table.gone(keys)] if keys else []), *self._decoded(values)]

    def _decoded(self, values: Sequence[bytes]) -> list[pa.Table]:
        topic = self._topic
        if not values:
            return []
        try:
            return [self._table.part(self._codec.decode_columns(topic, values))]
        except BadMessage:
            good = []
            for value in values:
                try:
                    self._codec.decode(topic, value)
                    good.append(value)
                except BadMessage as error:
                    _log.warning("left out a record of %s: %s", topic, error.reason)
            return [self._table.part(self._codec.decode_columns(topic, good))] if good else []

    def _is_record(self, raw: Any) -> bool:
        error = raw.error()
        if error is None:
            return True
        if error.fatal():
            raise kafka_error(KafkaException(error), f"cannot follow {self._topic}", self._settings)
        if error.code() != KafkaError._PARTITION_EOF:
            _log.info("%s: %s", self._topic, error.str())
            time.sleep(0.2)
        return False

    def _apply(self, raw: Any) -> None:
        key, value = (raw.key() or b"").decode(errors="replace"), raw.value()
        try:
            self._table.change(key, None if value is None else self._codec.decode(self._topic, value))
        except WaysightError as error:
            where = f"{raw.topic()}[{raw.partition()}]@{raw.offset()}"
            _log.warning("left out %s: %s", where, error)


def watch_table(settings: Settings, codec: Codec, index: WatchIndex) -> Packed:
    """The watchlist, kept in an index."""
    return Packed(settings, codec, WatchTable(index))


def registry_tables(
    settings: Settings, codec: Codec, vehicles: VehicleTable, owners: OwnerIndex
) -> tuple[Followed, Followed]:
    """The register of vehicles and the wanted persons, joined in `owners` as either changes."""
    lock = RLock()
    persons = Broadcast[Person](settings, codec, "persons", person_changes(owners, lock))
    return Packed(settings, codec, RegisterTable(vehicles, owners, lock)), persons
