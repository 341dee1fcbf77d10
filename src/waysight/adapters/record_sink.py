"""The producers' way to Kafka: idempotent, in order, patient with a broker that is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as RawMessage

from waysight.adapters.kafka import client_config, kafka_error
from waysight.codec import Codec
from waysight.errors import BadMessage, EngineDown
from waysight.settings import Settings
from waysight.topics import topic as topic_spec

_log = logging.getLogger(__name__)
QUEUE_KIB = 48 * 1024
OVERHEAD_BYTES = 2048
Acknowledged = Callable[[int], None]  # called with the offset


class RecordSink:
    """Sends records; a message is retried until the broker has it, so nothing queued is ever given up."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings, self._codec, self._failure = settings, codec, ""
        self._producer = Producer(
            {
                **client_config(settings),
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "none",  # video is compressed already
                "partitioner": "murmur2_random",
                "linger.ms": 10,
                "message.max.bytes": 24 * 1024 * 1024,
                "queue.buffering.max.kbytes": QUEUE_KIB,
                "message.timeout.ms": 0,
            }
        )

    def encode(self, topic: str, record: Any) -> bytes:
        """The record's bytes; raises BadMessage when they exceed what the topic takes."""
        value = self._codec.encode(topic, record)
        limit = topic_spec(topic).max_message_bytes - OVERHEAD_BYTES
        if len(value) > limit:
            raise BadMessage(f"{len(value)} bytes are more than the {limit} that one message may have", topic)
        return value

    def send(
        self,
        topic: str,
        key: str,
        value: bytes,
        headers: Mapping[str, bytes],
        acknowledged: Acknowledged | None,
        stopping: Callable[[], bool],
    ) -> bool:
        """Queue one message, waiting while the queue is full; False when asked to stop meanwhile.

        Raises EngineDown when the broker refused something for good.
        """

        def on_delivery(error: KafkaError | None, message: RawMessage) -> None:
            if error is not None:
                self._failure = self._failure or f"{topic}: {error.str()}"
            elif acknowledged is not None:
                acknowledged(int(message.offset()))

        said_s = time.monotonic()
        while True:
            self._check()
            try:
                self._producer.produce(
                    topic, value, key.encode(), headers=list(headers.items()), on_delivery=on_delivery
                )
                self._producer.poll(0)
                return True
            except BufferError:
                self._producer.poll(0.1)
                if stopping():
                    return False
                if time.monotonic() - said_s > 10:
                    said_s = time.monotonic()
                    _log.warning(
                        "Kafka at %s takes nothing; %d messages wait", self._settings.bootstrap, len(self)
                    )
            except KafkaException as error:
                raise kafka_error(error, f"cannot publish to {topic}", self._settings) from error

    def poll(self) -> None:
        """Serve acknowledgements; raises EngineDown after a refusal."""
        self._producer.poll(0)
        self._check()

    def flush(self, timeout_s: float) -> int:
        """Wait for acknowledgements; returns how many messages are still open."""
        left = int(self._producer.flush(timeout_s))
        self._check()
        return left

    def __len__(self) -> int:
        return len(self._producer)

    def _check(self) -> None:
        if self._failure:
            raise EngineDown(
                f"Kafka refused a message for {self._failure}; start again to resume after the last one taken"
            )
