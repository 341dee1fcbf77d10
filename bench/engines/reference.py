"""The plain loop: confluent-kafka, fastavro, a dictionary and a Counter. No state survives it, nothing is fenced."""

from __future__ import annotations

from collections import Counter

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from bench.engines.arrow_job import ArrowJob
from bench.engines.job import WINDOW_MS, Job, Marks, Rows, Spec
from waysight.adapters.kafka import client_config, plain_consumer
from waysight.settings import get_settings


def main() -> None:
    """Read the topic to its end."""
    spec, settings = Spec.read(), get_settings()
    marks = Marks(spec)
    producer = Producer(
        {**client_config(settings), "compression.type": "lz4", "linger.ms": 20, "acks": "all"}
    )
    consumer = plain_consumer(settings, **{"fetch.max.bytes": 52_428_800})
    consumer.assign([TopicPartition(spec.topic, p, 0) for p in range(spec.partitions)])
    counts = (_columns if spec.arrow else _records)(spec, consumer, producer, marks)
    job = Job(spec)
    for (camera_id, label, start_ms), value in counts.items():
        producer.produce(
            spec.counts, job.encode("Count", job.count(camera_id, label, start_ms, value)), camera_id
        )
        producer.poll(0)
    producer.flush()
    marks.done()
    consumer.close()


def _records(
    spec: Spec, consumer: Consumer, producer: Producer, marks: Marks
) -> Counter[tuple[str, str, int]]:
    job, rows, counts = Job(spec), Rows(spec), Counter[tuple[str, str, int]]()
    for values in _batches(spec, consumer, marks):
        for value in values:
            records = job.decode(value)
            for record in records:
                if job.is_wanted(record):
                    producer.produce(spec.alerts, job.encode("Alert", job.alert(record)), record["plate"])
                if job.is_speeding(record):
                    violation = job.encode("Violation", job.violation(record))
                    producer.produce(spec.violations, violation, record["plate"])
                start_ms = record["last_ms"] - record["last_ms"] % WINDOW_MS
                counts[record["camera_id"], record["label"], start_ms] += 1
            rows.add(records)
        producer.poll(0)
    rows.flush()
    return counts


def _columns(
    spec: Spec, consumer: Consumer, producer: Producer, marks: Marks
) -> Counter[tuple[str, str, int]]:
    job, counts = ArrowJob(spec), Counter[tuple[str, str, int]]()
    for values in _batches(spec, consumer, marks):
        done = job.step(values)
        for topic, key, value in done.outputs:
            producer.produce(topic, value, key)
        for cell, more in done.counts:
            counts[cell] += more
        producer.poll(0)
    job.flush()
    return counts


def _batches(spec: Spec, consumer: Consumer, marks: Marks):  # type: ignore[no-untyped-def]
    waiting = set(range(spec.partitions))
    while waiting:
        values = []
        for raw in consumer.consume(1000 if not spec.envelopes else 200, 0.2):
            error = raw.error()
            if error is None:
                values.append(raw.value())
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(raw.partition())
        if values:
            marks.first()
            yield values


if __name__ == "__main__":
    main()
