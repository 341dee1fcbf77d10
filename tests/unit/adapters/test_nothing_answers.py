"""Commands of a person while the stack is down: an answer within seconds, and what to do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import latest_by_key, require_answer
from waysight.codec import Codec
from waysight.commands.output import open_codec
from waysight.errors import BadConfiguration, EngineDown
from waysight.local.ports import free_ports
from waysight.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    kafka, registry, clickhouse = free_ports(3)
    return Settings(state_dir=tmp_path, kafka_port=kafka, registry_port=registry, clickhouse_port=clickhouse)


def test_kafka_that_is_down_is_said_soon(settings: Settings) -> None:
    codec: Codec = open_codec(settings)
    for look in (lambda: latest_by_key(settings, codec, "cameras"), AuditLog(settings, codec).verify):
        began = time.monotonic()
        with pytest.raises(EngineDown, match="does not answer; `waysight up`"):
            look()
        assert time.monotonic() - began < 8


def test_an_address_without_port_is_a_wrong_setting(settings: Settings) -> None:
    with pytest.raises(BadConfiguration, match="WAYSIGHT_KAFKA_BOOTSTRAP"):
        require_answer(settings.model_copy(update={"kafka_bootstrap": "broker:kafka"}))


def test_clickhouse_that_is_down_is_said_in_a_few_words(settings: Settings) -> None:
    with pytest.raises(EngineDown, match="failed: connection refused; is it up") as caught:
        connect(settings)
    assert len(str(caught.value)) < 120
