"""What `waysight replay --apply` sends: new versions under the same ids, never over what a person decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa

from waysight import messages
from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.kafka import Publisher
from waysight.domain.enforcement.papers import REGISTER
from waysight.replaying.difference import WITHDRAWN, Change
from waysight.storage.columns import restore
from waysight.storage.records import IDS_AT_ONCE
from waysight.storage.tables import Table

_KEYS: Mapping[str, Callable[[Any], str]] = {
    "violations": lambda v: v.plate or v.violation_id,
    "alerts": lambda a: str(a.subject),
    "counts": lambda c: f"camera:{c.camera_id}",
    "rollups": lambda r: f"{r.scope}:{r.place}",
    "sightings": lambda s: s.plate or s.camera_id,
}


def decided(clickhouse: ClickHouse, changes: Mapping[str, list[Change]]) -> dict[str, str]:
    """Violation id → fined or reviewed, of the violations that an officer has decided on."""
    ids = [c.row_id for c in changes.get("violations", ())]
    found: dict[str, str] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = {"ids": ids[start : start + IDS_AT_ONCE]}
        for table, word in (("reviews", "reviewed"), ("fines", "fined")):
            sql = f"SELECT DISTINCT violation_id FROM {table}_current WHERE violation_id IN {{ids:Array(String)}}"
            found |= {row["violation_id"]: word for row in clickhouse.rows(sql, some)}
    return found


def held_back(table: Table, change: Change, decisions: Mapping[str, str]) -> str:
    """Why a change is reported and not published, or empty."""
    before, after = change.before, change.after
    if table.topic not in _KEYS:
        return "not published"
    if table.topic == "violations" and change.row_id in decisions:
        return decisions[change.row_id]
    if table.topic == "violations" and before and before.get("corrects"):
        return "corrected"  # an officer made it from the pictures; the stream never says it
    if table.topic == "violations" and before and before.get("source") == REGISTER:
        return "by the register"  # found by `papers`, which is not replayed: the register of that day is gone
    if before and after and any(before[name] != after[name] for name in table.order):
        return "moved"
    if table.topic == "alerts" and before and (before["status"] != "new" or after is None):
        return "raised" if before["status"] == "new" else str(before["status"])
    return "stored" if table.topic == "sightings" and after is None else ""


def new_version(table: Table, change: Change, now_ms: int) -> Any:
    """The record to send for a change: what is gone becomes a withdrawn violation or a count of zero."""
    row = change.after if change.after is not None else change.before
    arrow = pa.Table.from_pylist([dict(row or {})], schema=table.insert_schema)
    plain = restore(arrow, table.schema).to_pylist()[0]
    record: Any = msgspec.convert(plain, getattr(messages, table.record), strict=False)
    if table.topic == "violations":
        record = replace(record, revised_ms=now_ms)
        if change.after is None:
            record = replace(record, enforceable=False, obstacles=(*record.obstacles, WITHDRAWN))
    if table.topic in ("counts", "rollups") and change.after is None:
        record = replace(record, value=0)
    if table.version and change.before is not None:
        known = max(int(change.before[table.version]) + 1, getattr(record, table.version))
        record = replace(record, **{table.version: known})
    return record


def publish(publisher: Publisher, table: Table, record: Any) -> None:
    """Queue one record as its processor would send it."""
    key = _KEYS[table.topic](record)
    if table.topic == "sightings":
        record = messages.SightingBatch(records=(record,), watermarks=())
    publisher.publish(table.topic, key, record)
