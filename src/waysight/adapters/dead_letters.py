"""Dead letters: records that could not be used, kept with the reason, and sent again when mended."""

from __future__ import annotations

import time
from collections.abc import Iterator

from waysight import metrics
from waysight.adapters.kafka import Publisher, read_all
from waysight.codec import Codec
from waysight.engine import Message, Output
from waysight.messages import DeadLetter
from waysight.settings import Settings

TOPIC = "dead-letters"
REPLAYED = "waysight-replayed"
_KEPT_BYTES = 64 * 1024


def dead_letter_output(codec: Codec, message: Message, reason: str, processor: str) -> Output:
    """What a processor returns for a message that it cannot use; the payload is kept up to 64 KiB."""
    metrics.DEAD_LETTERS.labels(processor, message.topic).inc()
    payload = message.value or b""
    letter = DeadLetter(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        payload=payload[:_KEPT_BYTES],
        payload_bytes=len(payload),
        reason=reason,
        processor=processor,
        at_ms=time.time_ns() // 1_000_000,
    )
    return Output(TOPIC, message.topic, codec.encode(TOPIC, letter))


def dead_letters(settings: Settings, codec: Codec) -> Iterator[tuple[Message, DeadLetter]]:
    """All dead letters, oldest first."""
    yield from read_all(settings, codec, TOPIC)


def replay(publisher: Publisher, letter: DeadLetter) -> str:
    """Send one letter to its topic again; returns "" or why it cannot be.

    The message carries the header `waysight-replayed`, so that readers do not take it for an old duplicate.
    """
    if letter.payload_bytes > len(letter.payload):
        return f"only {len(letter.payload)} of {letter.payload_bytes} bytes were kept"
    publisher.publish_bytes(
        letter.topic, letter.key, letter.payload, {REPLAYED: b"1"}, partition=letter.partition
    )
    return ""
