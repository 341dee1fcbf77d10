"""Reads waysight's alerts and acknowledges them, as a dispatch or case-management system would.

Needs nothing of waysight, only:  pip install "confluent-kafka[avro,schemaregistry]"
Run:  python examples/subscribe_alerts.py --actor dispatcher-7

Alerts are CloudEvents (binary mode): type, id and time are Kafka headers, the value is Avro in Confluent's
wire format. Delivery is at least once; `ce_id` is the same for a repeated event.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

ALERTS, ACTIONS = "alerts", "alert-actions"


def main() -> int:
    """Print each new alert as one line of JSON and acknowledge it; exit code 1 when Kafka or the registry fails."""
    options = _options()
    registry = SchemaRegistryClient({"url": options.registry})
    read_alert = AvroDeserializer(registry)
    # The registered schema decides; a subscriber never registers one of its own.
    write_action = AvroSerializer(registry, conf={"auto.register.schemas": False, "use.latest.version": True})
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            "group.id": options.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    # The same partitioner as waysight's, so that an action reaches the partition of its alert.
    producer = Producer(
        {"bootstrap.servers": options.bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random"}
    )
    consumer.subscribe([ALERTS])
    handled, deadline = 0, time.monotonic() + options.seconds
    try:
        while (not options.count or handled < options.count) and time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            alert = _read(read_alert, message)
            if alert is not None and alert["status"] == "new":
                _show(message, alert)
                action = _acknowledgement(alert, options.actor)
                value = write_action(action, SerializationContext(ACTIONS, MessageField.VALUE))
                producer.produce(ACTIONS, value, alert["subject"].encode())
                if producer.flush(30):
                    raise KafkaException("the acknowledgement was not delivered")
                handled += 1
            consumer.commit(
                message, asynchronous=False
            )  # only now: a crash before repeats, and loses nothing
    except (KafkaException, SchemaRegistryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        consumer.close()
    return 0


def _read(read_alert: AvroDeserializer, message: Message) -> dict[str, Any] | None:
    """The alert in a message; None for bytes that are none, which must not stop the alerts behind them."""
    try:
        alert: dict[str, Any] = read_alert(message.value(), SerializationContext(ALERTS, MessageField.VALUE))
    except (SerializationError, SchemaRegistryError) as error:
        if isinstance(error, SchemaRegistryError) and error.http_status_code != 404:
            raise  # the registry is in trouble, not the message
        place = f"{ALERTS} partition {message.partition()} offset {message.offset()}"
        print(f"skipped {place}: {error}", file=sys.stderr)
        return None
    return alert


def _acknowledgement(alert: dict[str, Any], actor: str) -> dict[str, Any]:
    return {
        "action_id": f"{alert['alert_id']}/acknowledged/{actor}",  # the same when it is sent twice
        "alert_id": alert["alert_id"],
        "subject": alert["subject"],
        "status": "acknowledged",
        "reason": "",
        "actor": actor,
        "acted_ms": time.time_ns() // 1_000_000,
    }


def _show(message: Message, alert: dict[str, Any]) -> None:
    headers = {name: value.decode() for name, value in message.headers() or [] if value is not None}
    shown = (
        "alert_id",
        "kind",
        "plate",
        "camera_id",
        "location",
        "occurred_ms",
        "legal_basis",
        "case_number",
    )
    print(
        json.dumps(
            {"id": headers.get("ce_id"), "type": headers.get("ce_type"), **{n: alert[n] for n in shown}}
        ),
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read alerts and acknowledge them.")
    parser.add_argument("--bootstrap", default="127.0.0.1:19092", help="Kafka")
    parser.add_argument(
        "--registry", default="http://127.0.0.1:18081/apis/ccompat/v7", help="schema registry"
    )
    parser.add_argument("--group", default="example-subscriber", help="consumer group")
    parser.add_argument("--actor", required=True, help="who acknowledges")
    parser.add_argument("--count", type=int, default=0, help="stop after so many; 0: do not")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
