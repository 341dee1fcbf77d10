"""The plain loop that the stream engine is compared with: confluent-kafka, fastavro, a dictionary and a Counter.

python -m bench.reference STARTS: reads `sightings` and `passes` from the given offsets to their ends, looks each
plate up in the watchlist, counts passes per camera, class and minute, sends alerts and counts, and prints
{"events", "cpu_s", "alerts", "counts"} as JSON. No state survives it, nothing is exact, nothing is fenced.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections import Counter
from typing import Any

import fastavro
from confluent_kafka import KafkaError, Producer, TopicPartition

from waysight.adapters.kafka import client_config, latest_by_key, plain_consumer
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.settings import get_settings
from waysight.topics import avro_schema, topic


def main() -> None:
    """Run and print."""
    starts: list[tuple[str, int, int]] = [tuple(s) for s in json.loads(sys.argv[1])]
    settings = get_settings()
    codec = Codec(ConfluentRegistry(settings.registry))
    watchlist = {entry.plate: entry for entry in latest_by_key(settings, codec, "watchlist").values()}
    schemas = {t: fastavro.parse_schema(avro_schema(topic(t).schema_name)) for t in ("sightings", "passes")}
    producer = Producer({**client_config(settings), "compression.type": "lz4", "linger.ms": 20})
    consumer = plain_consumer(settings)
    consumer.assign([TopicPartition(t, p, offset) for t, p, offset in starts])
    waiting, counts, events, alerts = {(t, p) for t, p, _ in starts}, Counter[Any](), 0, 0
    began = time.process_time()
    while waiting:
        for raw in consumer.consume(1000, 0.2):
            if raw.error() is not None:
                if raw.error().code() == KafkaError._PARTITION_EOF:
                    waiting.discard((raw.topic(), raw.partition()))
                continue
            body = io.BytesIO(raw.value()[5:])
            for record in fastavro.schemaless_reader(body, schemas[raw.topic()])["records"]:
                events += 1
                if raw.topic() == "passes":
                    counts[record["camera_id"], record["label"], record["last_ms"] // 60_000] += 1
                elif record["plate"] in watchlist and record["plate_confidence"] >= settings.alert_gate:
                    alerts += 1
                    producer.produce("alerts", json.dumps({"plate": record["plate"]}), record["plate"])
        producer.poll(0)
    for key, value in counts.items():
        producer.produce("counts", json.dumps([*key, value]), str(key[0]))
    producer.flush()
    spent = time.process_time() - began
    print(json.dumps({"events": events, "cpu_s": spent, "alerts": alerts, "counts": sum(counts.values())}))


if __name__ == "__main__":
    main()
