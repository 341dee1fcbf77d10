"""Kafka for plain programs and commands: publish, and read a topic to its end (confluent-kafka)."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as RawMessage

from waysight.cloudevents import cloudevents_headers
from waysight.codec import Codec
from waysight.engine import Message
from waysight.errors import BadConfiguration, BadMessage, EngineDown
from waysight.settings import Settings

_log = logging.getLogger(__name__)
_SILENCE_S, _ANSWER_S = 30.0, 3.0
_GATHER_S = 0.05  # librdkafka waits so long for a full batch, also when all there is has come
_WRONG = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
Delivered = Callable[[str | None], None]


class Publisher:
    """An idempotent producer of records; the key decides the partition as Java's client would.

    A message that the broker has not taken after `patience_s` has failed.
    """

    def __init__(
        self, settings: Settings, codec: Codec, linger_ms: int = 5, patience_s: float = 120.0
    ) -> None:
        self._settings, self._codec = settings, codec
        self._failure = ""
        self._producer = Producer(
            {
                **client_config(settings),
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
                "linger.ms": linger_ms,
                "message.max.bytes": 16 * 1024 * 1024,
                "queue.buffering.max.kbytes": 262144,
                "delivery.timeout.ms": round(patience_s * 1000),
            }
        )

    def publish(
        self,
        topic: str,
        key: str,
        record: Any,
        headers: Mapping[str, bytes] | None = None,
        timestamp_ms: int | None = None,
        partition: int | None = None,
        delivered: Delivered | None = None,
    ) -> None:
        """Encode and queue one record (None: a tombstone), CloudEvents headers included.

        Waits while the queue is full. `delivered` is called with None, or with the reason of a failure that it
        then has to handle. Raises BadMessage for a record that breaks its schema or is too large, EngineDown
        after a failure that no `delivered` took.
        """
        value = None if record is None else self._codec.encode(topic, record)
        every = {**cloudevents_headers(topic, record), **(headers or {})}
        self.publish_bytes(topic, key.encode(), value, every, timestamp_ms, partition, delivered)

    def publish_bytes(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Mapping[str, bytes] | None = None,
        timestamp_ms: int | None = None,
        partition: int | None = None,
        delivered: Delivered | None = None,
    ) -> None:
        """Queue one message as it is; otherwise like `publish`."""
        extra: dict[str, Any] = {} if timestamp_ms is None else {"timestamp": timestamp_ms}
        if partition is not None:
            extra["partition"] = partition
        self._raise_failure()
        report = self._report(topic, delivered)
        while True:
            try:
                self._producer.produce(
                    topic, value, key, headers=list((headers or {}).items()), on_delivery=report, **extra
                )
                break
            except BufferError:
                self._producer.poll(0.1)
                self._raise_failure()
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise BadMessage(
                        f"{len(value or b'')} bytes are more than a message may hold", topic
                    ) from error
                raise kafka_error(error, f"cannot publish to {topic}", self._settings) from error
        self._producer.poll(0)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Serve delivery callbacks."""
        self._producer.poll(timeout_s)

    def __len__(self) -> int:
        """Messages queued or in flight."""
        return len(self._producer)

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until everything is acknowledged; raises EngineDown when that fails or takes longer."""
        left = self._producer.flush(timeout_s)
        self._raise_failure()
        if left:
            raise EngineDown(
                f"{left} messages unacknowledged after {timeout_s:g} s; is Kafka at {self._settings.bootstrap} up?"
            )

    def _report(
        self, topic: str, delivered: Delivered | None
    ) -> Callable[[KafkaError | None, RawMessage], None]:
        def on_delivery(error: KafkaError | None, message: RawMessage) -> None:
            del message
            if delivered is not None:
                delivered(None if error is None else error.str())
            elif error is not None:
                self._failure = self._failure or f"{topic}: {error.str()}"

        return on_delivery

    def _raise_failure(self) -> None:
        if self._failure:
            failure, self._failure = self._failure, ""
            raise EngineDown(
                f"Kafka did not take a message for {failure}; is the broker at {self._settings.bootstrap} up?"
            )


def read_messages(
    settings: Settings, topic: str, partition: int | None = None, since_ms: int | None = None, start: int = 0
) -> Iterator[Message]:
    """All committed messages of a topic (or of one partition), undecoded, up to its end offsets at the call.

    `since_ms`: from the first that reached Kafka then (UTC epoch ms) on; `start`: from this offset on. Order holds per
    partition. Raises BadConfiguration for a missing topic, EngineDown.
    """
    consumer = plain_consumer(settings)
    try:
        ends = end_offsets(consumer, topic, settings)
        wanted = sorted(p for p, end in ends.items() if end > 0 and partition in (None, p))
        starts = _starts(consumer, topic, wanted, since_ms, start, settings)
        open_partitions = {at.partition for at in starts}
        consumer.assign(starts)
        heard = time.monotonic()
        while open_partitions:
            for raw in consumer.consume(1000, _GATHER_S):
                heard = time.monotonic()
                at, error = raw.partition(), raw.error()
                if error is None and raw.offset() < ends[at]:
                    yield to_message(raw)
                if error is None or error.code() == KafkaError._PARTITION_EOF:
                    if error is not None or raw.offset() >= ends[at] - 1:
                        open_partitions.discard(at)
                elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                    raise kafka_error(KafkaException(error), f"cannot read {topic}", settings)
            if time.monotonic() - heard > _SILENCE_S:
                raise EngineDown(
                    f"no answer from Kafka at {settings.bootstrap} for {_SILENCE_S:g} s while reading {topic}"
                )
    finally:
        consumer.close()


def _starts(
    consumer: Consumer,
    topic: str,
    partitions: list[int],
    since_ms: int | None,
    start: int,
    settings: Settings,
) -> list[TopicPartition]:
    """Where to begin in each partition that has anything to read."""
    if since_ms is None or not partitions:
        return [TopicPartition(topic, p, start) for p in partitions]
    try:
        found = consumer.offsets_for_times(
            [TopicPartition(topic, p, max(0, since_ms)) for p in partitions], timeout=15.0
        )
    except KafkaException as error:
        raise kafka_error(error, f"cannot look up times in {topic}", settings) from error
    return [at for at in found if at.offset >= 0]


def read_all(
    settings: Settings,
    codec: Codec,
    topic: str,
    keys: Collection[str] | None = None,
    partition: int | None = None,
    since_ms: int | None = None,
) -> Iterator[tuple[Message, Any]]:
    """All committed records of a topic up to its end at the call; tombstones give None, undecodable ones are logged.

    `keys`: only those with one of these keys; the others are not decoded. `partition`, `since_ms` as for `read_messages`.
    """
    wanted = None if keys is None else {key.encode() for key in keys}
    for message in read_messages(settings, topic, partition, since_ms):
        if wanted is not None and message.key not in wanted:
            continue
        try:
            record = None if message.value is None else codec.decode(topic, message.value)
        except BadMessage as error:
            _log.warning("left out %s[%d]@%d: %s", topic, message.partition, message.offset, error.reason)
            continue
        yield message, record


def latest_by_key(settings: Settings, codec: Codec, topic: str) -> dict[str, Any]:
    """The newest record of each key; a tombstone removes its key."""
    require_answer(settings)
    latest: dict[str, Any] = {}
    for message, record in read_all(settings, codec, topic):
        key = (message.key or b"").decode(errors="replace")
        if record is None:
            latest.pop(key, None)
        else:
            latest[key] = record
    return latest


def require_answer(settings: Settings) -> None:
    """Raise EngineDown within seconds when nothing listens where Kafka should: a person waits, no worker."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        for address in settings.bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            try:
                with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S):
                    return
            except OSError:
                continue
            except ValueError as error:
                raise BadConfiguration(
                    f"WAYSIGHT_KAFKA_BOOTSTRAP {address!r} is no host:port; correct it"
                ) from error
        if time.monotonic() > deadline:
            raise EngineDown(
                f"Kafka at {settings.bootstrap} does not answer; `waysight up` starts the local stack"
            )
        time.sleep(0.25)


def client_config(settings: Settings) -> dict[str, Any]:
    """What every librdkafka client of ours shares."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "reconnect.backoff.max.ms": 1000,
        "log_level": 0,
        "error_cb": lambda error: _log.info("kafka: %s", error.str()),
    }


def plain_consumer(settings: Settings, **extra: Any) -> Consumer:
    """A consumer without a group: assign it partitions; reads committed messages only and reports ends."""
    return Consumer(
        {
            **client_config(settings),
            "group.id": "waysight-reader",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            "fetch.message.max.bytes": 16 * 1024 * 1024,
            "queued.max.messages.kbytes": 65536,
            **extra,
        }
    )


def end_offsets(
    consumer: Consumer, topic: str, settings: Settings, timeout_s: float = 15.0
) -> dict[int, int]:
    """Per partition the end of what is committed (0 for an empty partition); raises BadConfiguration, EngineDown."""
    try:
        found = consumer.list_topics(topic, timeout=timeout_s).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        ends = {}
        for partition in found.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout_s)
            ends[partition] = high if high > low else 0
    except KafkaException as error:
        raise kafka_error(error, f"cannot look up {topic}", settings) from error
    return ends


def to_message(raw: RawMessage) -> Message:
    """confluent-kafka's message as ours."""
    headers = {name: value or b"" for name, value in raw.headers() or ()}
    return Message(
        raw.topic(),
        raw.partition(),
        raw.offset(),
        raw.key(),
        raw.value(),
        headers,
        max(0, raw.timestamp()[1]),
    )


def kafka_error(error: KafkaException, doing: str, settings: Settings) -> BadConfiguration | EngineDown:
    """Our error for one of librdkafka's."""
    cause = error.args[0]
    if isinstance(cause, KafkaError) and cause.code() in _WRONG:
        return BadConfiguration(f"{doing}: {cause.str()}; run `waysight topics apply`")
    text = cause.str() if isinstance(cause, KafkaError) else str(error)
    return EngineDown(f"{doing}: {text}; is Kafka at {settings.bootstrap} up (`waysight status`)?")
