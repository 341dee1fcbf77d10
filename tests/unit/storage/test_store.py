"""store: any split of the topics, with replays, garbage and a dead engine, ends in the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from waysight.processors.store import StoreLogic

from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.clickhouse_writer import ClickHouseWriter
from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.codec import Codec
from waysight.engine import Message
from waysight.errors import BadConfiguration, EngineDown
from waysight.storage.tables import BY_TOPIC

Examples = Callable[[str], list[dict[str, Any]]]


def _logic(codec: Codec, clickhouse: ClickHouse) -> StoreLogic:
    return StoreLogic(codec, ClickHouseWriter(lambda: clickhouse, interval_s=0.0), "store", tuple(BY_TOPIC))


def _envelope(topic: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"records": records, "watermarks": []} if BY_TOPIC[topic].envelope else records[0]


# Which column makes a copy of an example another row.
_IDENTITY = {"audit": "hash", "camera-health": "epoch", "dead-letters": "processor"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_replays_and_crashes_leave_one_row_per_id(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, seed: int
) -> None:
    bus = MemoryBus()
    for name, table in BY_TOPIC.items():
        for number in range(12):
            record = {**examples(name)[0], _IDENTITY.get(name, table.order[-1]): f"id-{number}"}
            bus.send(name, f"key-{number}", codec.encode(name, _envelope(name, [record])))
    bus.send("fines", "key-1", b"garbage")
    for partition in range(4):
        bus.replay("sightings", partition, 2)
        bus.replay("alerts", partition, 2)
    MemoryEngine(bus, [_logic(codec, clickhouse)], seed=seed, crash_rate=0.2).run_until_idle()
    counts = {
        t.name: clickhouse.rows(f"SELECT count() AS n FROM {t.name} FINAL")[0]["n"] for t in BY_TOPIC.values()
    }
    assert counts == {t.name: 12 + (t.name == "dead_letters") for t in BY_TOPIC.values()}


def test_garbage_is_dead_lettered_and_the_rest_is_stored(
    clickhouse: ClickHouse, codec: Codec, examples: Examples
) -> None:
    good = examples("alerts")[0]
    late = {**good, "alert_id": "late", "occurred_ms": 9_999_999_999_999_999}
    values = [
        codec.encode("alerts", good), b"", None, b"\x00\x00\x00\x00\x63rest", codec.encode("alerts", good)[:-4],
        codec.encode("alerts", late), codec.encode("alerts", {**good, "alert_id": "negative", "version": -1}),
        codec.encode("alerts", {**good, "alert_id": "second"}),
    ]  # fmt: skip
    messages = [Message("alerts", 0, offset, b"k", value) for offset, value in enumerate(values)]
    outputs = asyncio.run(_logic(codec, clickhouse).step(KeyedState(0), messages))
    letters = [codec.decode("dead-letters", o.value) for o in outputs]
    assert [(letter.topic, letter.offset) for letter in letters] == [
        ("alerts", n) for n in (1, 2, 3, 4, 5, 6)
    ]
    assert all(letter.reason for letter in letters)
    stored = clickhouse.rows("SELECT alert_id FROM alerts_current ORDER BY alert_id")
    assert {r["alert_id"] for r in stored} == {good["alert_id"], "second"}


def test_the_highest_version_wins_in_any_order(
    clickhouse: ClickHouse, codec: Codec, examples: Examples
) -> None:
    good = examples("alerts")[0]
    changed = [
        {**good, "status": s, "version": v} for v, s in ((2, "verified"), (0, "new"), (1, "acknowledged"))
    ]
    for offset, record in enumerate(changed):
        message = Message("alerts", 0, offset, b"k", codec.encode("alerts", record))
        asyncio.run(_logic(codec, clickhouse).step(KeyedState(0), [message]))
    assert [(r["status"], r["version"]) for r in clickhouse.rows("SELECT * FROM alerts_current")] == [
        ("verified", 2)
    ]


class _Broken:
    """An engine that fails a few times before it works."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures, self.inserts = failures, list[tuple[str, int]]()

    def insert(self, table: str, rows: pa.Table) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.inserts.append((table, rows.num_rows))


def _writer(broken: _Broken, interval_s: float = 0.0) -> ClickHouseWriter:
    return ClickHouseWriter(lambda: broken, interval_s, longest_pause_s=0.01)  # type: ignore[arg-type, return-value]


def test_rows_wait_while_clickhouse_is_down() -> None:
    broken = _Broken([EngineDown("down"), EngineDown("down")])
    asyncio.run(_writer(broken).insert("alerts", pa.table({"a": [1, 2]})))
    assert broken.inserts == [("alerts", 2)]


def test_rows_that_can_never_be_stored_stop_the_worker() -> None:
    with pytest.raises(BadConfiguration, match="migrate"):
        asyncio.run(
            _writer(_Broken([BadConfiguration("run `waysight migrate`")])).insert("a", pa.table({"a": [1]}))
        )


def test_partitions_share_an_insert() -> None:
    broken = _Broken([])

    async def several() -> None:
        writer = _writer(broken, interval_s=0.05)
        await writer.insert("alerts", pa.table({"a": [0]}))
        await asyncio.gather(*(writer.insert("alerts", pa.table({"a": [n]})) for n in range(8)))

    asyncio.run(several())
    assert broken.inserts == [("alerts", 1), ("alerts", 8)]


def test_rows_of_a_step_that_was_given_up_are_not_kept() -> None:
    broken = _Broken([EngineDown("down")] * 5)

    async def given_up() -> None:
        writer = _writer(broken, interval_s=0.0)
        first = asyncio.create_task(writer.insert("alerts", pa.table({"a": [1, 2]})))
        second = asyncio.create_task(writer.insert("alerts", pa.table({"a": [3]})))
        await asyncio.sleep(0.05)
        assert broken.failures != []
        first.cancel()
        await second

    asyncio.run(given_up())
    assert broken.inserts == [("alerts", 1)]
