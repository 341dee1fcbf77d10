"""store: whatever is worth keeping goes from its topic into its ClickHouse table, once per id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from waysight import metrics
from waysight.adapters.clickhouse import connect
from waysight.adapters.clickhouse_writer import ClickHouseWriter
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.settings import Settings
from waysight.storage.rows import rows_of
from waysight.storage.tables import BY_TOPIC, Table
from waysight.topics import all_topics


class Writer(Protocol):
    """Where rows go."""

    async def insert(self, table: str, rows: pa.Table) -> None:
        """Return when the rows are stored; wait while the engine is down."""


class StoreLogic:
    """Stateless: a step ends when its rows are stored, so a message is stored at least once; the id does the rest.

    `inputs` need not be co-partitioned, but an engine may want topics of equal partition counts in one logic:
    `build` takes the keyed topics and `build_ledger` those with one partition.
    """

    outputs = ("dead-letters",)
    gather_s = 1.0  # an insert costs ClickHouse a part to merge, however few its rows
    tables: Sequence[Followed] = ()

    def __init__(self, codec: Codec, writer: Writer, name: str, inputs: Sequence[str]) -> None:
        self.name, self.inputs = name, tuple(inputs)
        self._codec, self._writer = codec, writer

    async def start(self) -> None:
        """Nothing to open: the writer connects when there is something to write."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """Store the batch; waits while ClickHouse is down, and gives back what cannot be stored as dead letters."""
        del state
        outputs, inserts = [], []
        for topic in dict.fromkeys(m.topic for m in messages):
            table = BY_TOPIC[topic]
            rows, bad = rows_of(self._codec, table, [m for m in messages if m.topic == topic])
            if rows.num_rows:
                inserts.append(self._insert(table, rows))
            outputs += [dead_letter_output(self._codec, m, reason, self.name) for m, reason in bad]
        await asyncio.gather(
            *inserts
        )  # side by side: a slow engine costs a step one answer and not one a table
        return outputs

    async def _insert(self, table: Table, rows: pa.Table) -> None:
        await self._writer.insert(table.name, rows)
        _observe(table, rows)


def build(settings: Settings) -> StoreLogic:
    """Sightings, violations, counts, alerts, reviews and fines."""
    return _build(settings, "store", [t for t in BY_TOPIC if all_topics()[t].partitions is None])


def build_ledger(settings: Settings) -> StoreLogic:
    """Audit events, camera health and dead letters."""
    return _build(settings, "ledger", [t for t in BY_TOPIC if all_topics()[t].partitions is not None])


def _build(settings: Settings, name: str, inputs: Sequence[str]) -> StoreLogic:
    writer = ClickHouseWriter(lambda: connect(settings))
    return StoreLogic(Codec(ConfluentRegistry(settings.registry)), writer, name, inputs)


def _observe(table: Table, rows: pa.Table) -> None:
    metrics.ROWS_STORED.labels(table.name).inc(rows.num_rows)
    if table.name == "alerts":
        now_ms = time.time_ns() // 1_000_000
        for received_ms in rows.column("received_ms").to_pylist():
            if received_ms:
                metrics.LATENCY_SECONDS.labels("alert_stored").observe((now_ms - received_ms) / 1000)
