"""A compacted topic as a dictionary that a background thread keeps up to date (confluent-kafka)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from waysight.adapters.follower import Follower
from waysight.adapters.kafka import end_offsets, kafka_error, plain_consumer, to_message
from waysight.codec import Codec
from waysight.errors import BadMessage, WaysightError
from waysight.settings import Settings

_log = logging.getLogger(__name__)
T = TypeVar("T")
OnChange = Callable[[str, Any], None]


class Broadcast(Follower, Generic[T]):
    """The newest record of each key of a topic, in memory; a tombstone removes its key.

    `on_change(key, record or None)` runs for each change, during the load too, in the background thread and under the
    table's lock. Records that cannot be decoded or that `on_change` refuses are logged and left out. A broker that is
    away for a while only delays changes.
    """

    def __init__(
        self, settings: Settings, codec: Codec, topic: str, on_change: OnChange | None = None
    ) -> None:
        super().__init__(settings, topic)
        self._codec, self._on_change = codec, on_change
        self._records: dict[str, T] = {}
        self._lock = threading.RLock()
        self.version = 0

    def get(self, key: str) -> T | None:
        """The newest record of a key; raises like `check`."""
        self.check()
        return self._records.get(key)

    def snapshot(self) -> dict[str, T]:
        """All records as they are now; raises like `check`."""
        self.check()
        with self._lock:
            return dict(self._records)

    def _consumer(self) -> Consumer:
        return plain_consumer(self._settings)

    def _follow(self, consumer: Consumer) -> None:
        ends = end_offsets(consumer, self._topic, self._settings)
        waiting = {p for p, end in ends.items() if end > 0}
        consumer.assign([TopicPartition(self._topic, p, OFFSET_BEGINNING) for p in ends])
        if not waiting:
            self._loaded.set()
        while not self._stopped.is_set():
            for raw in consumer.consume(1000, 0.2):
                error = raw.error()
                if error is None:
                    self._apply(raw)
                elif error.code() == KafkaError._PARTITION_EOF:
                    # The end event comes after all records, also where only markers are left before it.
                    waiting.discard(raw.partition())
                elif error.fatal():
                    raise kafka_error(KafkaException(error), f"cannot follow {self._topic}", self._settings)
                else:
                    _log.info("%s: %s", self._topic, error.str())
                    time.sleep(0.2)
            if not waiting:
                self._loaded.set()

    def _apply(self, raw: Any) -> None:
        message = to_message(raw)
        key = (message.key or b"").decode(errors="replace")
        try:
            record = None if message.value is None else self._codec.decode(self._topic, message.value)
        except BadMessage as error:
            _log.warning(
                "left out %s[%d]@%d: %s", self._topic, message.partition, message.offset, error.reason
            )
            return
        with self._lock:
            if record is None:
                self._records.pop(key, None)
            else:
                self._records[key] = record
            self.version += 1
            try:
                if self._on_change is not None:
                    self._on_change(key, record)
            except WaysightError as error:
                _log.warning(
                    "cannot use %s[%d]@%d: %s", self._topic, message.partition, message.offset, error
                )
