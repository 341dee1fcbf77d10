"""What a replay found beside what is stored: rows by id, added, changed or gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from waysight.adapters.clickhouse import ClickHouse
from waysight.codec import Codec
from waysight.engine import Message
from waysight.reporting.selection import Selection
from waysight.storage.columns import conform
from waysight.storage.rows import rows_of
from waysight.storage.tables import Table

Row = Mapping[str, Any]
WITHDRAWN = "withdrawn_by_replay"
# They say when and from which message a record was made, not what it says.
_MAKING = frozenset(("origin_partition", "origin_offset", "ordinal", "emitted_ms", "raised_ms", "revised_ms"))


@dataclass(frozen=True, slots=True)
class Change:
    """One row: `before` is None where it is added, `after` is None where it is gone."""

    row_id: str
    before: Row | None
    after: Row | None

    @property
    def kind(self) -> str:
        """added, changed or gone."""
        return "added" if self.before is None else "gone" if self.after is None else "changed"


@dataclass
class Found:
    """The newest rows of one table that a replay made, with event times from `from_ms` to before `to_ms`."""

    table: Table
    from_ms: int
    to_ms: int
    rows: dict[str, Row] = field(default_factory=dict)

    def keep(self, codec: Codec, messages: Iterable[Message]) -> None:
        """Take what a step put out to the table's topic; rows that cannot be stored are left out."""
        mine = [m for m in messages if m.topic == self.table.topic]
        if not mine:
            return
        rows, _ = rows_of(codec, self.table, mine)
        for row in self._inside(rows):
            known, version = self.rows.get(_id(self.table, row)), self.table.version
            if known is None or not version or row[version] >= known[version]:
                self.rows[_id(self.table, row)] = row

    def against(self, stored: Mapping[str, Row]) -> list[Change]:
        """The differences, by id."""
        changes = []
        for row_id in sorted({*self.rows, *stored}):
            before, after = stored.get(row_id), self.rows.get(row_id)
            if after is None and before is not None and _says_nothing(before):
                continue
            change = Change(row_id, before, after)
            if change.kind != "changed" or fields_changed(self.table, change):
                changes.append(change)
        return changes

    def _inside(self, rows: pa.Table) -> list[Row]:
        return [r for r in rows.to_pylist() if self.from_ms <= r[self.table.time] < self.to_ms]


def stored_rows(clickhouse: ClickHouse, table: Table, from_ms: int, to_ms: int) -> dict[str, Row]:
    """The newest version of each stored row by its id."""
    found = {}
    for batch in clickhouse.batches(*Selection(table, from_ms, to_ms).sql()):
        for row in conform(batch, table.insert_schema).to_pylist():
            found[_id(table, row)] = row
    return found


def fields_changed(table: Table, change: Change) -> dict[str, tuple[Any, Any]]:
    """Name → (before, after) of what a changed row says differently."""
    if change.before is None or change.after is None:
        return {}
    names = [n for n in table.schema.names if n not in _MAKING and n != table.version]
    return {n: (change.before[n], change.after[n]) for n in names if change.before[n] != change.after[n]}


def _says_nothing(row: Row) -> bool:
    """Whether an earlier replay has already taken back what the row said."""
    return WITHDRAWN in row.get("obstacles", ()) or row.get("value") == 0


def _id(table: Table, row: Row) -> str:
    return str(row[table.order[-1]])
