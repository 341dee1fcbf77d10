"""Schemas as data: documented, with accepted and rejected examples, and a compatible way to grow."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from waysight import messages
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.errors import BadConfiguration, BadMessage
from waysight.topics import all_topics, avro_schema, partition_for, topic

TOPICS = sorted(all_topics())


def _examples(root: Path, record: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (root / f"schemas/examples/{record}.json").read_text(), object_hook=_special
    )
    return found


def _special(node: dict[str, Any]) -> Any:
    if set(node) == {"$hex"}:
        return bytes.fromhex(node["$hex"])
    return Decimal(node["$decimal"]) if set(node) == {"$decimal"} else node


def _avro(record: str) -> Any:
    return avro.schema.parse(json.dumps(avro_schema(record)))


@pytest.mark.parametrize("name", TOPICS)
def test_accepted_examples_are_valid_and_survive_the_codec(name: str, root: Path) -> None:
    spec = topic(name)
    codec = Codec(MemoryRegistry())
    examples = _examples(root, spec.schema_name)["accepted"]
    assert examples
    for example in examples:
        assert avro.io.validate(_avro(spec.schema_name), example)
        value = codec.encode(name, example)
        record = codec.decode(name, value)
        assert isinstance(record, getattr(messages, spec.schema_name))
        assert codec.encode(name, record) == value
        assert codec.decode_columns(name, [value, value]).num_rows == 2


@pytest.mark.parametrize("name", TOPICS)
def test_rejected_examples_are_refused(name: str, root: Path) -> None:
    spec = topic(name)
    examples = _examples(root, spec.schema_name)["rejected"]
    assert len(examples) >= 2
    for example in examples:
        assert not avro.io.validate(_avro(spec.schema_name), example["record"]), example["why"]
        with pytest.raises(BadMessage):
            Codec(MemoryRegistry()).encode(name, example["record"])


def test_every_example_belongs_to_a_topic(root: Path) -> None:
    assert {p.stem for p in (root / "schemas/examples").iterdir()} == {
        t.schema_name for t in all_topics().values()
    }


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[2].glob("schemas/*.avsc")), ids=lambda p: p.name
)
def test_every_field_is_documented(path: Path) -> None:
    schema = json.loads(path.read_text())
    if schema["type"] == "record":
        assert schema["doc"]
        assert all(f["doc"] for f in schema["fields"])
        bare = [
            f["name"]
            for f in schema["fields"]
            if f["name"].endswith(("_ms", "_kmh", "_m", "_px")) and len(f["doc"]) < 5
        ]
        assert not bare


@pytest.mark.parametrize("name", TOPICS)
def test_a_new_field_needs_a_default(name: str) -> None:
    schema = avro_schema(topic(name).schema_name)
    checker = ReaderWriterCompatibilityChecker()
    old = avro.schema.parse(json.dumps(schema))
    for field, compatible in (
        ({"name": "new", "type": "int", "default": 0}, True),
        ({"name": "new", "type": "int"}, False),
    ):
        grown = copy.deepcopy(schema)
        grown["fields"].append(field)
        verdict = checker.get_compatibility(avro.schema.parse(json.dumps(grown)), old).compatibility
        assert (verdict is SchemaCompatibilityType.compatible) is compatible


def test_a_record_of_an_older_writer_is_read(root: Path) -> None:
    registry = MemoryRegistry()
    codec = Codec(registry)
    example = _examples(root, "Vehicle")["accepted"][0]
    older = copy.deepcopy(avro_schema("WatchlistEntry"))
    older["fields"] = [f for f in older["fields"] if "default" not in f]
    entry = _examples(root, "WatchlistEntry")["accepted"][0]
    import io

    import fastavro

    body = io.BytesIO()
    fastavro.schemaless_writer(
        body,
        fastavro.parse_schema(older),
        {k: v for k, v in entry.items() if k not in {"revoked_ms", "revoked_by", "note"}},
    )
    value = b"\x00" + registry.register("watchlist-value", older).to_bytes(4, "big") + body.getvalue()
    assert codec.decode("watchlist", value).revoked_ms is None
    assert codec.decode_columns("watchlist", [value])["entry_id"].to_pylist() == [entry["entry_id"]]
    assert codec.decode("vehicles", codec.encode("vehicles", example)).plate == example["plate"]


def test_copartitioned_topics_have_equal_partition_counts() -> None:
    groups: dict[str, set[int | None]] = {}
    for spec in all_topics().values():
        if spec.copartitioned:
            groups.setdefault(spec.copartitioned, set()).add(spec.partitions)
    assert groups
    assert all(len(counts) == 1 for counts in groups.values())


def test_partitioner_is_kafkas() -> None:
    # Computed with Apache Kafka's org.apache.kafka.common.utils.Utils.murmur2 test vectors ("21" → -973932308).
    assert partition_for("21", 2**31) == -973932308 & 0x7FFFFFFF


def test_unknown_topic_is_named() -> None:
    with pytest.raises(BadConfiguration, match="unknown topic 'nope'"):
        topic("nope")


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x00\x00\x00\x09abc", b"garbage", None])
def test_garbage_is_a_bad_message(value: bytes | None) -> None:
    with pytest.raises(BadMessage):
        Codec(MemoryRegistry()).decode("frames", value)
