"""Writes rows to ClickHouse in few, large inserts, and waits for as long as it is down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pyarrow as pa

from waysight.adapters.clickhouse import ClickHouse
from waysight.errors import EngineDown, WaysightError

_LOG = logging.getLogger(__name__)
_SAY_S = 30.0
_Offered = tuple[pa.Table, asyncio.Future[None]]


class ClickHouseWriter:
    """Rows that several partitions offer at about the same time go into one insert (group commit).

    `interval_s` is the least time between two inserts into one table: each makes a part on disk, and
    ClickHouse merges parts only so fast. `longest_pause_s` bounds the back-off while it is down.
    """

    def __init__(
        self, connect: Callable[[], ClickHouse], interval_s: float = 0.25, longest_pause_s: float = 5.0
    ) -> None:
        self._connect, self._interval_s, self._longest_pause_s = connect, interval_s, longest_pause_s
        self._client: ClickHouse | None = None
        self._waiting: dict[str, list[_Offered]] = {}
        self._last: dict[str, float] = {}
        self._flushing: dict[str, asyncio.Task[None]] = {}

    async def insert(self, table: str, rows: pa.Table) -> None:
        """Return when the rows are stored; raises BadConfiguration when they can never be."""
        stored = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(table, []).append((rows, stored))
        if table not in self._flushing:
            self._flushing[table] = asyncio.create_task(self._flush(table))
        await stored

    async def _flush(self, table: str) -> None:
        taken: list[_Offered] = []
        try:
            while self._waiting.get(table):
                await asyncio.sleep(
                    max(0.0, self._last.get(table, 0.0) + self._interval_s - time.monotonic())
                )
                taken = self._waiting.pop(table)
                failure = await self._write(table, taken)
                self._last[table] = time.monotonic()
                _answer(taken, failure)
        finally:
            del self._flushing[table]
            # After a fault of ours nobody may wait for ever: the worker ends and stores the rows again.
            _answer([*taken, *self._waiting.pop(table, [])], EngineDown(f"the writer of {table} has ended"))

    async def _write(self, table: str, taken: list[_Offered]) -> WaysightError | None:
        pause_s, said = 0.2, -_SAY_S
        # Rows of a step that was given up in a rebalance come again: keeping them would double them each time.
        while taken := [offered for offered in taken if not offered[1].cancelled()]:
            rows = pa.concat_tables([rows for rows, _ in taken])
            try:
                await asyncio.to_thread(self._write_once, table, rows)
                return None
            except EngineDown as error:
                if time.monotonic() - said > _SAY_S:
                    said = time.monotonic()
                    _LOG.warning("%d rows for %s wait: %s", rows.num_rows, table, error)
            except WaysightError as error:
                return error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._longest_pause_s)
        return None

    def _write_once(self, table: str, rows: pa.Table) -> None:
        if self._client is None:
            self._client = self._connect()
        self._client.insert(table, rows)


def _answer(taken: list[_Offered], failure: WaysightError | None) -> None:
    for _, stored in taken:
        if stored.done():
            continue
        if failure is None:
            stored.set_result(None)
        else:
            stored.set_exception(failure)
