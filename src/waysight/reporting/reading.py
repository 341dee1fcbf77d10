"""Reads a selection month by month, so that the engine's memory does not grow with the years that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.selection import Selection


def months(clickhouse: ClickHouse, wanted: Selection) -> dict[str, int]:
    """How many rows of a selection each partition of its table (a month of its time, UTC) holds, oldest first."""
    condition, parameters = wanted.where()
    found = clickhouse.rows(
        f"SELECT _partition_id AS month, count() AS rows FROM {wanted.table.name} FINAL WHERE {condition} "
        "GROUP BY month ORDER BY month SETTINGS do_not_merge_across_partitions_select_final = 1",
        parameters,
    )
    return {str(row["month"]): int(row["rows"]) for row in found}


def batches(clickhouse: ClickHouse, wanted: Selection, partitions: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """The rows of these partitions as Arrow batches, one partition after the other, each in the order of the key."""
    for partition in partitions:
        yield from clickhouse.batches(*wanted.sql(partition))
