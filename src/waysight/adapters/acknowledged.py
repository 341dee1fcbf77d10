"""What a producer's source has already put on its topic: found on the broker, with a local note as a hint.

Every message of a producer carries the headers `epoch`, `seq`, `kind` and `captured_ms`, so that the last
one is found without decoding. The note only says where to begin to look; the topic is the truth.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from waysight.adapters.kafka import end_offsets, kafka_error, plain_consumer
from waysight.errors import EngineDown
from waysight.settings import Settings
from waysight.topics import partition_for

SILENCE_S = 30.0
SETTLED_S = 0.3


@dataclass(frozen=True, slots=True)
class Position:
    """The last acknowledged record of one key."""

    epoch: str
    seq: int
    kind: str
    captured_ms: int
    offset: int

    def headers(self) -> dict[str, bytes]:
        """The message headers that say the same."""
        fields = {"epoch": self.epoch, "seq": self.seq, "kind": self.kind, "captured_ms": self.captured_ms}
        return {name: str(value).encode() for name, value in fields.items()}


class Notes:
    """One small file per key, replaced whole, at most once a second unless forced."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._dirty, self._saved_s = folder, dict[str, Position](), 0.0
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, key: str) -> Position | None:
        """The note of a key; None without one or with a damaged one."""
        try:
            return Position(**json.loads(self._path(key).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, key: str, position: Position) -> None:
        """Remember; reaches the disk with the next `save`."""
        self._dirty[key] = position

    def save(self, now_s: float, force: bool = False) -> None:
        """Put what is remembered on disk when a second has passed."""
        if not self._dirty or (now_s - self._saved_s < 1.0 and not force):
            return
        for key, position in self._dirty.items():
            path = self._path(key)
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(position)))
            os.replace(fresh, path)
        self._dirty, self._saved_s = {}, now_s

    def _path(self, key: str) -> Path:
        return self._folder / f"{key.replace(':', '-')}.json"


def last_acknowledged(
    settings: Settings, topic: str, epochs: Mapping[str, str], notes: Notes
) -> dict[str, Position]:
    """The last committed record of each key's epoch (`epochs`: key → epoch); absent keys have none.

    Raises BadConfiguration without the topic, EngineDown.
    """
    consumer = plain_consumer(settings, **{"queued.max.messages.kbytes": 32768})
    try:
        ends = end_offsets(consumer, topic, settings)
        while True:
            found = _look(consumer, settings, topic, epochs, notes, ends)
            time.sleep(SETTLED_S)  # a request of the producer before us may still be on its way to the log
            again = end_offsets(consumer, topic, settings)
            if again == ends:
                return found
            ends = again
    finally:
        consumer.close()


def _look(
    consumer: Consumer,
    settings: Settings,
    topic: str,
    epochs: Mapping[str, str],
    notes: Notes,
    ends: Mapping[int, int],
) -> dict[str, Position]:
    found: dict[str, Position] = {}
    for partition, end in ends.items():
        keys = {key: epoch for key, epoch in epochs.items() if partition_for(key, len(ends)) == partition}
        if not keys or end == 0:
            continue
        hints = {key: note for key in keys if (note := notes.read(key)) and note.epoch == keys[key]}
        begin = min((hints[key].offset if key in hints else 0) for key in keys)
        low, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=15.0)
        here = _scan(consumer, settings, topic, partition, keys, max(begin, low), end)
        wrong = [k for k, hint in hints.items() if low <= hint.offset and here.get(k, hint).seq < hint.seq]
        absent = [k for k, hint in hints.items() if low <= hint.offset and k not in here]
        if begin > low and (wrong or absent):  # the note is of another topic or broker
            here = _scan(consumer, settings, topic, partition, keys, low, end)
        elif begin < low:
            here = {**{k: h for k, h in hints.items() if h.offset < low}, **here}
        found |= here
    return found


def _scan(
    consumer: Consumer,
    settings: Settings,
    topic: str,
    partition: int,
    keys: Mapping[str, str],
    begin: int,
    end: int,
) -> dict[str, Position]:
    found: dict[str, Position] = {}
    if begin >= end:
        return found
    consumer.assign([TopicPartition(topic, partition, begin)])
    heard_s = time.monotonic()
    while True:
        for raw in consumer.consume(200, 0.5):
            heard_s, error = time.monotonic(), raw.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    return found
                if not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                    raise kafka_error(KafkaException(error), f"cannot read {topic}", settings)
                continue
            key, headers = (raw.key() or b"").decode(errors="replace"), dict(raw.headers() or ())
            position = _position(headers, raw.offset())
            if position and keys.get(key) == position.epoch:
                found[key] = position
            if raw.offset() >= end - 1:
                return found
        if time.monotonic() - heard_s > SILENCE_S:
            raise EngineDown(
                f"no answer from Kafka at {settings.bootstrap} while looking for the last frames sent"
            )


def _position(headers: Mapping[str, bytes | None], offset: int) -> Position | None:
    try:
        text = {n: (headers[n] or b"").decode() for n in ("epoch", "seq", "kind", "captured_ms")}
        return Position(text["epoch"], int(text["seq"]), text["kind"], int(text["captured_ms"]), offset)
    except (KeyError, ValueError):
        return None
