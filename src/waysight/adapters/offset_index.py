"""The newest records of a few keys of a large compacted topic, without reading the topic (confluent-kafka).

Beside each partition lies a small file: of every key's hash the offset of its newest record, up to an offset that it covers.
A look-up reads only what came after that, and then the records themselves. The file holds no record and no key. Where it
errs (compaction took a record away, two keys share a hash) the record found has another key, and the partition is read whole.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from waysight.adapters.kafka import (
    client_config,
    end_offsets,
    kafka_error,
    plain_consumer,
    read_all,
    read_messages,
    require_answer,
)
from waysight.adapters.text_columns import hashes_of
from waysight.codec import Codec
from waysight.errors import BadMessage
from waysight.settings import Settings
from waysight.topics import partition_for

_log = logging.getLogger(__name__)
SAVE_AFTER = 1_000  # further messages make a new file worth its while
MANY = 200  # so many keys of one partition are found sooner by reading it
_ENTRY = np.dtype([("key", "<u8"), ("offset", "<i8")])
_GONE, _ANSWER_S = -1, 10.0
Entries = npt.NDArray[np.void]


def newest_of(settings: Settings, codec: Codec, topic: str, keys: Collection[str]) -> dict[str, Any]:
    """The newest record of each key that has one, as of the call; raises BadConfiguration, EngineDown.

    The topic's key must be the record's, and its partitions those of `settings`.
    """
    wanted: dict[int, list[str]] = {}
    for key in sorted({key for key in keys if key}):
        wanted.setdefault(partition_for(key, settings.partitions), []).append(key)
    if not wanted:
        return {}
    require_answer(settings)
    consumer = plain_consumer(settings, **{"fetch.message.max.bytes": 65_536})
    found: dict[str, Any] = {}
    try:
        ends, folder = end_offsets(consumer, topic, settings), _folder(settings, topic)
        for partition, here in wanted.items():
            if len(here) > MANY or not _take(
                settings, codec, consumer, topic, partition, here, ends, folder, found
            ):
                found.update(_all_of(settings, codec, topic, partition, here))
    finally:
        consumer.close()
    return found


def merged(entries: Entries, keys: Collection[str], offsets: Collection[int], covered: int) -> Entries:
    """Entries with what came later: the last offset of each key counts, a negative one says that it is gone.

    The first entry's offset is how far the entries reach.
    """
    later = np.zeros(len(keys), _ENTRY)
    later["key"], later["offset"] = hashes_of(pa.array(list(keys), pa.string())), list(offsets)
    every = np.concatenate([entries[1:], later])
    every = every[np.argsort(every["key"], kind="stable")]
    last = np.append(every["key"][1:] != every["key"][:-1], True)[: len(every)]
    return np.concatenate([nothing(covered), every[last & (every["offset"] >= 0)]])


def nothing(covered: int = 0) -> Entries:
    """Entries of no key."""
    return np.array([(0, covered)], _ENTRY)


def offset_of(entries: Entries, key: str) -> int:
    """The offset of a key's newest record, negative where there is none."""
    hashed = hashes_of(pa.array([key]))[0]
    place = 1 + int(np.searchsorted(entries["key"][1:], hashed))
    return (
        int(entries["offset"][place]) if place < len(entries) and entries["key"][place] == hashed else _GONE
    )


def load(path: Path) -> Entries:
    """Entries of a file; none where it cannot be read."""
    try:
        entries = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return nothing()
    return entries if entries.dtype == _ENTRY and len(entries) else nothing()


def save(path: Path, entries: Entries) -> None:
    """Write a file whole; where that fails the next look-up reads more."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            np.save(file, entries, allow_pickle=False)
        draft.replace(path)
    except OSError as error:
        _log.info("cannot keep %s: %s", path, error.strerror)


def _take(
    settings: Settings, codec: Codec, consumer: Consumer, topic: str, partition: int, keys: list[str],
    ends: Mapping[int, int], folder: Path, found: dict[str, Any],
) -> bool:  # fmt: skip
    """Put the keys' records into `found`; whether the entries were right."""
    path = folder / f"{partition}.npy"
    entries, end = load(path), ends.get(partition, 0)
    covered = int(entries["offset"][0])
    latest: dict[str, int] = {}
    if covered > end:
        return end == 0
    if covered < end:
        names, offsets = list[str](), list[int]()
        for message in read_messages(settings, topic, partition, start=covered):
            names.append((message.key or b"").decode(errors="replace"))
            offsets.append(_GONE if message.value is None else message.offset)
        latest = dict(zip(names, offsets, strict=True))
        if len(names) >= SAVE_AFTER:
            save(path, merged(entries, names, offsets, end))
    for key in keys:
        offset = latest[key] if key in latest else offset_of(entries, key)
        if offset < 0:
            continue
        record = _record_at(codec, consumer, TopicPartition(topic, partition, offset), key)
        if record is None:
            return False
        found[key] = record
    return True


def _record_at(codec: Codec, consumer: Consumer, at: TopicPartition, key: str) -> Any:
    consumer.assign([at])
    for raw in consumer.consume(1, _ANSWER_S):
        if raw.error() is None and raw.offset() == at.offset and raw.key() == key.encode():
            try:
                return codec.decode(at.topic, raw.value())
            except BadMessage as error:
                _log.warning("left out %s[%d]@%d: %s", at.topic, at.partition, at.offset, error.reason)
    return None


def _all_of(settings: Settings, codec: Codec, topic: str, partition: int, keys: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for message, record in read_all(settings, codec, topic, keys, partition):
        key = (message.key or b"").decode()
        if record is None:
            found.pop(key, None)
        else:
            found[key] = record
    return found


def _folder(settings: Settings, topic: str) -> Path:
    """Of this very topic: one that was made anew under the same name has another id."""
    admin = AdminClient(client_config(settings))  # the answer does not come when this is gone
    try:
        asked = admin.describe_topics(TopicCollection([topic]), request_timeout=_ANSWER_S)
        topic_id = str(asked[topic].result().topic_id).replace("/", "_")  # Kafka's base 64 may hold one
    except KafkaException as error:
        raise kafka_error(error, f"cannot look up {topic}", settings) from error
    return settings.state_dir.resolve() / "offsets" / f"{topic}-{topic_id}"
