"""Where a simulated month's records are stored, by production's rows and writer, and how they leave as exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from waysight.adapters.clickhouse import connect
from waysight.adapters.clickhouse_writer import ClickHouseWriter
from waysight.adapters.keyed_state import KeyedState
from waysight.codec import Codec
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.evaluation.month.exports import DATASETS, file_of
from waysight.local.temporary import temporary_stack
from waysight.processors.store import StoreLogic, Writer
from waysight.reporting.exports import Export
from waysight.reporting.reading import batches, months
from waysight.reporting.selection import Selection
from waysight.settings import Settings
from waysight.storage.migrations import migrate
from waysight.storage.tables import TABLES, table

_AT_ONCE = 5_000  # messages: an insert costs ClickHouse a part, however few its rows


class Shelf(Writer, Protocol):
    """Where rows go, and whence an export takes them."""

    def batches(self, wanted: Selection) -> Iterable[pa.RecordBatch]:
        """The newest version of each wanted row, in the order of the table's key."""


class ClickHouseShelf:
    """The real engine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer = ClickHouseWriter(lambda: connect(settings), interval_s=0.0)

    async def insert(self, name: str, rows: pa.Table) -> None:
        """Return when the rows are stored."""
        await self._writer.insert(name, rows)

    def batches(self, wanted: Selection) -> Iterable[pa.RecordBatch]:
        """As `waysight export` reads them."""
        clickhouse = connect(self._settings)
        return batches(clickhouse, wanted, months(clickhouse, wanted))


class MemoryShelf:
    """The same in this process: all rows are kept, so for small months."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {name: {} for name in TABLES}

    async def insert(self, name: str, rows: pa.Table) -> None:
        """Keep the rows."""
        known, kept = table(name), self._rows[name]
        for row in rows.to_pylist():
            key = tuple(row[column] for column in known.order)
            before = kept.get(key)
            if before is None or not known.version or row[known.version] >= before[known.version]:
                kept[key] = row

    def batches(self, wanted: Selection) -> Iterator[pa.RecordBatch]:
        """All rows of the table."""
        rows = [row for _, row in sorted(self._rows[wanted.table.name].items())]
        yield from pa.Table.from_pylist(rows, schema=wanted.table.insert_schema).to_batches()


@contextmanager
def clickhouse_shelf(settings: Settings) -> Iterator[ClickHouseShelf]:
    """A ClickHouse of one's own, ended with the body."""
    with temporary_stack(settings, ("clickhouse",)) as own:
        migrate(own)
        yield ClickHouseShelf(own)


class Storing:
    """A logic that stores what the others put out, many messages at a time; the last are stored by `finish`."""

    name = "store"
    outputs: tuple[str, ...] = ("dead-letters",)
    tables: Sequence[Followed] = ()

    def __init__(self, codec: Codec, shelf: Shelf) -> None:
        self.inputs = tuple(table(name).topic for name in DATASETS)
        self._store = StoreLogic(codec, shelf, self.name, self.inputs)
        self._waiting: list[Message] = []

    async def start(self) -> None:
        """Nothing to open."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """Keep the messages; store all that wait once there are enough."""
        self._waiting += messages
        return await self._write(state) if len(self._waiting) >= _AT_ONCE else []

    async def finish(self) -> list[Output]:
        """Store what still waits; what cannot be stored comes back as dead letters."""
        return await self._write(KeyedState(0)) if self._waiting else []

    async def _write(self, state: PartitionState) -> list[Output]:
        messages, self._waiting = self._waiting, []
        return await self._store.step(state, messages)


def write_exports(shelf: Shelf, folder: Path, progress: Callable[[str], None] = lambda _: None) -> None:
    """One Parquet file with its manifest for each dataset that is judged, by the code of `waysight export`."""
    for dataset in DATASETS:
        progress(dataset)
        wanted = Selection(table(dataset))
        with Export(file_of(folder, dataset), "parquet", wanted.schema) as export:
            export.write_all(shelf.batches(wanted), lambda _rows: None)
            export.publish(export.manifest({"dataset": dataset, "asked": wanted.described()}))
