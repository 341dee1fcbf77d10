"""A real ClickHouse engine in process, a fresh database per test, and the accepted examples of every record."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from audit_book import AuditBook

from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.commands import export, governed
from waysight.storage.migrations import apply, migrations
from waysight.storage.tables import BY_TOPIC
from waysight.topics import all_topics

_NUMBER = itertools.count()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    client = clickhouse_connect.get_client(interface="chdb", dsn=f"chdb://{tmp_path_factory.mktemp('chdb')}")
    yield ClickHouse(client, "chdb")
    client.close()


@pytest.fixture
def empty(engine: ClickHouse) -> ClickHouse:
    name = f"test_{next(_NUMBER)}"
    engine.run(f"CREATE DATABASE {name}")
    engine.run(f"USE {name}")
    engine.client.database = name
    return engine


@pytest.fixture
def clickhouse(empty: ClickHouse) -> ClickHouse:
    apply(empty, migrations())
    return empty


@pytest.fixture
def audit(clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> AuditBook:
    log = AuditBook()
    for module in (export, governed):
        monkeypatch.setattr(module, "connect", lambda _: clickhouse)
        monkeypatch.setattr(module, "open_codec", lambda _: None)
        monkeypatch.setattr(module, "AuditLog", lambda *_: log)
    return log


@pytest.fixture(scope="session")
def codec() -> Codec:
    return Codec(MemoryRegistry())


@pytest.fixture(scope="session")
def examples(root: Path) -> Callable[[str], list[dict[str, Any]]]:
    def load(topic: str) -> list[dict[str, Any]]:
        text = (root / f"schemas/examples/{all_topics()[topic].schema_name}.json").read_text()
        found: list[dict[str, Any]] = json.loads(text, object_hook=_special)["accepted"]
        # Without received_ms retention counts from now, and this test does not end with the examples' year.
        records = [r for batch in found for r in batch["records"]] if BY_TOPIC[topic].envelope else found
        return [{**r, "received_ms": 0} if "received_ms" in r else r for r in records]

    return load


def _special(node: dict[str, Any]) -> Any:
    if set(node) == {"$hex"}:
        return bytes.fromhex(node["$hex"])
    return Decimal(node["$decimal"]) if set(node) == {"$decimal"} else node
