"""Making the topics and registering the schemas, as schemas/topics.yaml says (confluent-kafka)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from waysight.adapters.kafka import client_config, kafka_error
from waysight.adapters.registry import ConfluentRegistry
from waysight.errors import BadConfiguration, EngineDown
from waysight.processing import PROCESSORS, state_topic
from waysight.settings import Settings
from waysight.topics import TopicSpec, all_topics, avro_schema

_TIMEOUT_S = 30.0
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One topic as it should be on the broker."""

    name: str
    partitions: int
    config: dict[str, str]
    schema_subject: str = ""
    schema_name: str = ""


def wanted_topics(settings: Settings) -> list[Wanted]:
    """Every topic of topics.yaml, and each processor's state topic."""
    public = [_wanted(spec, settings) for spec in all_topics().values()]
    state = [Wanted(state_topic(name), settings.partitions, _STATE_CONFIG) for name in PROCESSORS]
    return [*public, *state]


def apply_topics(settings: Settings) -> list[dict[str, Any]]:
    """Create what is missing, correct configurations, register schemas; harmless to repeat.

    Returns one row a topic: `topic`, `action` (created, corrected, unchanged), `partitions`, `schema_id`.
    Raises BadConfiguration for another partition count than wanted or an incompatible schema, EngineDown.
    """
    admin = AdminClient(client_config(settings))
    wanted = wanted_topics(settings)
    actions = _create(admin, wanted, settings)
    present = topic_partitions(settings, admin)
    for topic in wanted:
        if present.get(topic.name, topic.partitions) != topic.partitions:
            raise BadConfiguration(
                f"topic {topic.name} has {present[topic.name]} partitions, not {topic.partitions}: keys would move. "
                "Set WAYSIGHT_PARTITIONS to what the broker has, or start with empty topics"
            )
    for name in _correct(admin, [w for w in wanted if w.name not in actions], settings):
        actions[name] = "corrected"
    registry = ConfluentRegistry(settings.registry)
    rows = []
    for topic in wanted:
        schema = avro_schema(topic.schema_name) if topic.schema_name else None
        rows.append(
            {
                "topic": topic.name,
                "action": actions.get(topic.name, "unchanged"),
                "partitions": topic.partitions,
                "schema_id": None if schema is None else registry.register(topic.schema_subject, schema),
            }
        )
    return rows


def topic_partitions(settings: Settings, admin: AdminClient | None = None) -> dict[str, int]:
    """How many partitions each topic on the broker has; raises EngineDown."""
    client = admin or AdminClient(client_config(settings))
    try:
        found = client.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as error:
        raise kafka_error(error, "cannot list topics", settings) from error
    return {name: len(topic.partitions) for name, topic in found.items()}


def _wanted(spec: TopicSpec, settings: Settings) -> Wanted:
    config = {"max.message.bytes": str(spec.max_message_bytes)}
    if spec.compacted:
        config |= {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2"}
    else:
        keep_ms = -1 if spec.retention_hours < 0 else spec.retention_hours * _HOUR_MS
        config |= {"cleanup.policy": "delete", "retention.ms": str(keep_ms)}
    return Wanted(spec.name, spec.partitions or settings.partitions, config, spec.subject, spec.schema_name)


_STATE_CONFIG = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": "600000",
    "max.message.bytes": str(8 * 1024 * 1024),
}


def _create(admin: AdminClient, wanted: list[Wanted], settings: Settings) -> dict[str, str]:
    new = [NewTopic(w.name, w.partitions, settings.replication, config=w.config) for w in wanted]
    created = {}
    for name, future in admin.create_topics(new, request_timeout=_TIMEOUT_S).items():
        try:
            future.result(_TIMEOUT_S)
            created[name] = "created"
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise kafka_error(error, f"cannot create topic {name}", settings) from error
        except TimeoutError as error:
            raise EngineDown(
                f"Kafka at {settings.bootstrap} did not create {name} in {_TIMEOUT_S:g} s"
            ) from error
    return created


def _correct(admin: AdminClient, wanted: list[Wanted], settings: Settings) -> list[str]:
    """Set configurations that differ; returns the names of the topics changed."""
    resources = {ConfigResource(ResourceType.TOPIC, w.name): w for w in wanted}
    if not resources:
        return []
    changes = []
    try:
        for resource, future in admin.describe_configs(list(resources)).items():
            found, topic = future.result(_TIMEOUT_S), resources[resource]
            different = {k: v for k, v in topic.config.items() if k not in found or found[k].value != v}
            if different:
                entries = [
                    ConfigEntry(k, v, incremental_operation=AlterConfigOpType.SET)
                    for k, v in different.items()
                ]
                changes.append(ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries))
        for future in admin.incremental_alter_configs(changes).values() if changes else ():
            future.result(_TIMEOUT_S)
    except KafkaException as error:
        raise kafka_error(error, "cannot set topic configurations", settings) from error
    return [change.name for change in changes]
