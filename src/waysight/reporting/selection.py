"""Which rows of a table someone wants, as SQL with typed parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from waysight.errors import BadConfiguration
from waysight.storage.tables import Table


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of one table, newest version each; times are UTC epoch ms, `to_ms` is exclusive.

    `columns` (empty: all) are given in that order. `since` and `until` are cursors: rows whose newest version was
    stored after the one and not after the other.
    """

    table: Table
    from_ms: int | None = None
    to_ms: int | None = None
    equals: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    @property
    def schema(self) -> pa.Schema:
        """The chosen columns; raises BadConfiguration for one that is not there, or twice."""
        whole = self.table.schema
        if twice := {c for c in self.columns if self.columns.count(c) > 1}:
            raise BadConfiguration(f"--columns names {min(twice)} twice")
        if unknown := [c for c in self.columns if c not in whole.names]:
            raise BadConfiguration(
                f"--columns: {self.table.name} has no column {', '.join(unknown)}; it has {', '.join(whole.names)}"
            )
        return pa.schema([whole.field(c) for c in self.columns]) if self.columns else whole

    def where(self) -> tuple[str, dict[str, Any]]:
        """The condition and its parameters; raises BadConfiguration for a column that cannot be filtered by, or cursors
        the wrong way round."""
        if self.since is not None and self.until is not None and self.since > self.until:
            raise BadConfiguration(
                f"--since-cursor {cursor_of(self.since)} is later than --until-cursor {cursor_of(self.until)}; "
                "the end of an export is now where it is not given"
            )
        parts, parameters = ["1"], dict[str, Any]()
        for name, sign, value in (("from_ms", ">=", self.from_ms), ("to_ms", "<", self.to_ms)):
            if value is not None:
                parts.append(f"{self.table.time} {sign} {{{name}:Int64}}")
                parameters[name] = value
        for name, sign, cursor in (("since", ">", self.since), ("until", "<=", self.until)):
            if cursor is not None:
                parts.append(f"toUnixTimestamp64Milli(stored_at) {sign} {{{name}:Int64}}")
                parameters[name] = cursor
        for column, wanted in self.equals.items():
            if column not in self.table.filters:
                raise BadConfiguration(f"{self.table.name} cannot be narrowed by {column}; it can by "
                                       f"{', '.join(self.table.filters) or 'time only'}")  # fmt: skip
            parts.append(f"{column} = {{{column}:String}}")
            parameters[column] = wanted
        return " AND ".join(parts), parameters

    def sql(self, partition: str = "") -> tuple[str, dict[str, Any]]:
        """The columns of the rows in the order of the table's key, so that the same rows make the same file.

        With `partition` only those of this partition of the table: what one answer's merge holds in memory.
        """
        condition, parameters = self.where()
        columns = ", ".join(f"`{name}`" for name in self.schema.names)
        order = ", ".join(f"`{name}`" for name in self.table.order)
        if partition:
            condition, parameters = (
                f"_partition_id = {{partition:String}} AND {condition}",
                {**parameters, "partition": partition},
            )
        return f"SELECT {columns} FROM {self.table.name} FINAL WHERE {condition} ORDER BY {order}", parameters

    def described(self) -> dict[str, Any]:
        """What was asked, for the audit log."""
        times = {"from_ms": self.from_ms, "to_ms": self.to_ms, "since": self.since, "until": self.until}
        columns = {"columns_chosen": list(self.columns)} if self.columns else {}
        return {
            "table": self.table.name,
            **{k: v for k, v in times.items() if v is not None},
            **self.equals,
            **columns,
        }


CURSOR = "c1-"


def cursor_of(stored_ms: int) -> str:
    """The cursor that stands for everything stored up to a time (UTC epoch ms)."""
    return f"{CURSOR}{stored_ms}"


def parse_cursor(text: str, option: str) -> int | None:
    """A cursor as stored-at time, None for "" and 0 for "start"; raises BadConfiguration naming the option."""
    if not text:
        return None
    if text == "start":
        return 0
    number = text.removeprefix(CURSOR)
    if not text.startswith(CURSOR) or not number.isdigit():
        raise BadConfiguration(
            f"{option} {text!r} is no cursor; take `cursor` of the last manifest, or `start`"
        )
    return int(number)
