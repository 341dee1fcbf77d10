"""Topics and schemas on a real broker and registry."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from workers import eventually

from waysight.adapters import kafka_admin
from waysight.adapters.broadcast import Broadcast
from waysight.adapters.kafka import Publisher, client_config, latest_by_key, read_all
from waysight.adapters.kafka_admin import apply_topics, topic_partitions, wanted_topics
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import BadConfiguration, BadMessage, EngineDown
from waysight.messages import CameraRecord
from waysight.settings import Settings
from waysight.topics import avro_schema, topic

pytestmark = pytest.mark.integration


def _record(camera_id: str, version: str) -> CameraRecord:
    return CameraRecord(camera_id=camera_id, record_kind="camera", config_json="{}", version=version)


def test_apply_is_repeatable_and_mends_configurations(stack: Settings) -> None:
    rows = apply_topics(stack)
    assert {row["action"] for row in rows} == {"unchanged"}
    assert all(row["schema_id"] for row in rows if not row["topic"].startswith("waysight-"))
    assert {w.name: w.partitions for w in wanted_topics(stack)}.items() <= topic_partitions(stack).items()
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, "counts", incremental_configs=[entry])
    admin = AdminClient(client_config(stack))
    for future in admin.incremental_alter_configs([change]).values():
        future.result()
    assert [row["topic"] for row in apply_topics(stack) if row["action"] == "corrected"] == ["counts"]


def test_another_partition_count_is_refused(stack: Settings) -> None:
    with pytest.raises(BadConfiguration, match="has 4 partitions, not 5"):
        apply_topics(stack.model_copy(update={"partitions": 5}))


def test_an_incompatible_schema_is_refused(stack: Settings) -> None:
    changed = avro_schema("Payment") | {"fields": [{"name": "new", "type": "string"}]}
    with pytest.raises(BadConfiguration, match="not backward-compatible"):
        ConfluentRegistry(stack.registry).register(topic("payments").subject, changed)


def test_records_go_through_and_compacted_topics_keep_the_newest(stack: Settings) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher = Publisher(stack, codec)
    seen: list[str] = []
    broadcast: Broadcast[CameraRecord] = Broadcast(stack, codec, "cameras", lambda key, _: seen.append(key))
    broadcast.start()
    before = broadcast.version
    for version in ("1", "2"):
        record = _record("cam-t", version)
        publisher.publish("cameras", "cam-t", record)
    publisher.publish("cameras", "cam-gone", _record("cam-gone", "1"))
    publisher.publish("cameras", "cam-gone", None)
    publisher.publish_bytes("cameras", b"cam-bad", b"garbage")
    publisher.flush()
    latest = latest_by_key(stack, codec, "cameras")
    assert latest["cam-t"].version == "2"
    assert "cam-gone" not in latest
    late: Broadcast[CameraRecord] = Broadcast(stack, codec, "cameras")
    late.start()
    assert late.snapshot() == latest
    eventually(lambda: broadcast.version, lambda version: version >= before + 4)
    assert broadcast.snapshot() == latest
    assert seen[-4:] == ["cam-t", "cam-t", "cam-gone", "cam-gone"]
    broadcast.stop()
    late.stop()
    publisher.publish("cameras", "cam-t", None)  # no camera that other tests could use
    publisher.flush()


def test_errors_say_what_to_do(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher = Publisher(stack, codec)
    with pytest.raises(BadMessage, match="more than a message may hold"):
        publisher.publish_bytes("frames", b"cam", bytes(20 * 1024 * 1024))
    with pytest.raises(BadMessage, match="does not fit its schema"):
        publisher.publish("payments", "p", _record("cam-t", "1"))
    with pytest.raises(BadConfiguration, match="topics apply"):
        list(read_all(stack, codec, "no-such-topic"))
    nowhere = stack.model_copy(update={"kafka_port": 1})
    monkeypatch.setattr(kafka_admin, "_TIMEOUT_S", 1.0)
    with pytest.raises(EngineDown, match="is Kafka at"):
        topic_partitions(nowhere)
