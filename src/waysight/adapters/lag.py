"""How much each processor still has to do, counted in messages and not in offsets (confluent-kafka).

Offsets overstate it: a transaction's marker takes an offset too, so a drained partition of a transactional
topic never shows a lag of zero. Near the end the messages themselves are counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from waysight.adapters.kafka import end_offsets, kafka_error, plain_consumer
from waysight.errors import EngineDown
from waysight.processing import INPUTS, group_id
from waysight.settings import Settings

_COUNT_BELOW = 200
_SILENCE_S = 20.0


def drained(settings: Settings, names: Iterable[str]) -> dict[str, int]:
    """Committed messages that each processor has not committed yet; 0 means that it is done.

    Name the processors in the order of the flow: what an earlier one has done by then is seen by the later.
    Above 200 offsets a partition's figure is an upper bound. Raises EngineDown.
    """
    return {name: remaining(settings, group_id(name), INPUTS[name]) for name in names}


def remaining(settings: Settings, group: str, topics: Iterable[str]) -> int:
    """The same for one consumer group."""
    consumer = plain_consumer(settings, **{"group.id": group})
    try:
        total, near = 0, {}
        for topic in topics:
            ends = end_offsets(consumer, topic, settings)
            for partition, start in _committed(consumer, topic, ends):
                gap = ends[partition] - start
                if gap > _COUNT_BELOW:
                    total += gap
                elif gap > 0:
                    near[topic, partition] = (start, ends[partition])
        return total + _count(consumer, near, settings)
    except KafkaException as error:
        raise kafka_error(error, f"cannot look up the lag of {group}", settings) from error
    finally:
        consumer.close()


def starts(settings: Settings, group: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Where a group goes on in each topic and partition: what it committed, else the first offset there is."""
    consumer = plain_consumer(settings, **{"group.id": group})
    try:
        found: dict[tuple[str, int], int] = {}
        for topic in topics:
            ends = end_offsets(consumer, topic, settings)
            found |= {(topic, partition): 0 for partition in ends}
            found |= {(topic, partition): start for partition, start in _committed(consumer, topic, ends)}
        return found
    except KafkaException as error:
        raise kafka_error(error, f"cannot look up where {group} is", settings) from error
    finally:
        consumer.close()


def _committed(consumer: Consumer, topic: str, ends: dict[int, int]) -> list[tuple[int, int]]:
    asked = [TopicPartition(topic, partition) for partition, end in ends.items() if end > 0]
    if not asked:
        return []
    found = consumer.committed(asked, timeout=15.0)
    starts = []
    for at in found:
        low = consumer.get_watermark_offsets(at, timeout=15.0)[0] if at.offset < 0 else at.offset
        starts.append((at.partition, low))
    return starts


def _count(consumer: Consumer, near: dict[tuple[str, int], tuple[int, int]], settings: Settings) -> int:
    if not near:
        return 0
    consumer.assign([TopicPartition(t, p, start) for (t, p), (start, _) in near.items()])
    waiting, found, heard = set(near), 0, time.monotonic()
    while waiting:
        for raw in consumer.consume(200, 0.3):
            heard, error, at = time.monotonic(), raw.error(), (raw.topic(), raw.partition())
            if error is None and raw.offset() < near[at][1]:
                found += 1
            if (error is None and raw.offset() >= near[at][1] - 1) or (
                error is not None and error.code() == KafkaError._PARTITION_EOF
            ):
                waiting.discard(at)
        if time.monotonic() - heard > _SILENCE_S:
            raise EngineDown(f"no answer from Kafka at {settings.bootstrap} for {_SILENCE_S:g} s")
    consumer.unassign()
    return found
