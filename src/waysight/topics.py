"""The topics as data: what schemas/topics.yaml says, and which partition a key belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import fastavro.schema
import yaml
from aiokafka.partitioner import murmur2

from waysight.errors import BadConfiguration


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic: `partitions` is None where settings.partitions decides; retention in hours, -1 for ever."""

    name: str
    schema_name: str
    key: str
    partitions: int | None
    retention_hours: int
    compacted: bool
    max_message_bytes: int
    cloudevents_type: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    copartitioned: str

    @property
    def subject(self) -> str:
        """Its subject in the schema registry."""
        return f"{self.name}-value"


@lru_cache(maxsize=1)
def all_topics() -> dict[str, TopicSpec]:
    """Every topic of schemas/topics.yaml by name; raises BadConfiguration naming topic and field."""
    text = files("waysight.schemas").joinpath("topics.yaml").read_text()
    return {name: _spec(name, raw) for name, raw in yaml.safe_load(text)["topics"].items()}


def topic(name: str) -> TopicSpec:
    """One topic; raises BadConfiguration for an unknown name."""
    try:
        return all_topics()[name]
    except KeyError:
        raise BadConfiguration(
            f"unknown topic {name!r}; schemas/topics.yaml has {', '.join(all_topics())}"
        ) from None


def is_keyed(name: str) -> bool:
    """Whether settings.partitions decides how many partitions a topic has; False for topics that are not ours."""
    spec = all_topics().get(name)
    return spec is not None and spec.partitions is None


@lru_cache(maxsize=64)
def avro_schema(record: str) -> dict[str, Any]:
    """The Avro schema of a record with every named type inlined once, as the registry keeps it."""
    path = files("waysight.schemas").joinpath(f"waysight.{record}.avsc")
    return dict(_plain(fastavro.schema.load_schema(str(path))))


@lru_cache(maxsize=16_384)
def partition_for(key: str, partitions: int) -> int:
    """The partition of a key, as Kafka's default partitioner chooses it (murmur2)."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


def _spec(name: str, raw: dict[str, Any]) -> TopicSpec:
    allowed = {"schema", "key", "partitions", "retention_hours", "compacted", "max_message_bytes", "cloudevents",
               "producers", "consumers", "copartitioned"}  # fmt: skip
    unknown, missing = (
        set(raw) - allowed,
        {"schema", "key", "partitions", "producers", "consumers"} - set(raw),
    )
    if unknown or missing:
        raise BadConfiguration(
            f"topics.yaml: topic {name}: unknown {sorted(unknown)}, missing {sorted(missing)}"
        )
    return TopicSpec(
        name=name,
        schema_name=raw["schema"],
        key=raw["key"],
        partitions=None if raw["partitions"] == "keyed" else int(raw["partitions"]),
        retention_hours=int(raw.get("retention_hours", -1)),
        compacted=bool(raw.get("compacted", False)),
        max_message_bytes=int(raw.get("max_message_bytes", 2 * 1024 * 1024)),
        cloudevents_type=raw.get("cloudevents", ""),
        producers=tuple(raw["producers"]),
        consumers=tuple(raw["consumers"]),
        copartitioned=raw.get("copartitioned", ""),
    )


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _plain(v) for k, v in node.items() if not k.startswith("__")}
    return [_plain(n) for n in node] if isinstance(node, list) else node
