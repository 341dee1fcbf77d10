"""Rows of ClickHouse back as records, and the look-ups by id that officers' commands need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import msgspec

from waysight.adapters.clickhouse import ClickHouse
from waysight.domain.fines.numbers import is_number
from waysight.errors import BadConfiguration
from waysight.messages import Alert, Fine, Review, Violation

T = TypeVar("T")
# An address of more than 4 KiB goes as a form, which the local server does not read.
IDS_AT_ONCE = 50


def record_of(row: Mapping[str, Any], kind: type[T]) -> T:
    """A row as a record; columns that the record does not have are left out."""
    plain = {f.name: row[f.name] for f in fields(kind) if f.name in row}  # type: ignore[arg-type]
    try:
        return msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadConfiguration(f"a row is no {kind.__name__}: {error}; run `waysight migrate`") from error


def find_violation(clickhouse: ClickHouse, violation_id: str) -> Violation:
    """One violation by its id or a unique beginning of it; raises BadConfiguration."""
    return _one(clickhouse, Violation, "violations", "violation_id", violation_id)


def find_fine(clickhouse: ClickHouse, name: str) -> Fine:
    """One fine by its whole number, or by its id or a unique beginning of it; raises BadConfiguration."""
    name = name.strip()
    if "-" not in name:
        return _one(clickhouse, Fine, "fines", "fine_id", name)
    number = name.upper()
    found = newest(clickhouse, "fines", Fine, "version", 1, number=number)
    if not found:
        wrong = "" if is_number(number) else ": a character is wrong or missing, by its check character"
        raise BadConfiguration(f"no fine has the number {name!r}{wrong}; `waysight fines list` shows them")
    return found[0]


def find_alert(clickhouse: ClickHouse, alert_id: str) -> Alert:
    """One alert by its id or a unique beginning of it; raises BadConfiguration."""
    return _one(clickhouse, Alert, "alerts", "alert_id", alert_id)


def reviews_of(clickhouse: ClickHouse, *violation_ids: str) -> list[Review]:
    """All decisions on one or several violations, oldest first."""
    found = [
        record_of(row, Review)
        for row in rows_by_id(clickhouse, "reviews", violation_ids, "reviewed_ms, review_id")
    ]
    return sorted(found, key=lambda r: (r.reviewed_ms, r.review_id))


def rows_by_id(
    clickhouse: ClickHouse, table: str, violation_ids: Sequence[str], order: str
) -> Iterator[dict[str, Any]]:
    """Current rows of a table with these violation ids, by so many at a time as a query's parameters take."""
    sql = f"SELECT * FROM {table}_current WHERE violation_id IN {{ids:Array(String)}} ORDER BY {order}, violation_id"
    for start in range(0, len(violation_ids), IDS_AT_ONCE):
        yield from clickhouse.rows(sql, {"ids": list(violation_ids[start : start + IDS_AT_ONCE])})


def newest(
    clickhouse: ClickHouse, table: str, kind: type[T], order: str, limit: int, **equal: str
) -> list[T]:
    """Current rows of a table, newest first, where each given column has the given value."""
    where = " AND ".join(f"{column} = {{{column}:String}}" for column in equal) or "1"
    sql = f"SELECT * FROM {table}_current WHERE {where} ORDER BY {order} DESC LIMIT {{limit:UInt32}}"
    return [record_of(row, kind) for row in clickhouse.rows(sql, {**equal, "limit": limit})]


def _one(clickhouse: ClickHouse, kind: type[T], table: str, column: str, start: str) -> T:
    sql = f"SELECT * FROM {table}_current WHERE startsWith({column}, {{start:String}}) LIMIT 2"
    rows = clickhouse.rows(sql, {"start": start}) if start else []
    if len(rows) != 1:
        known = "more than one is" if rows else "none is"
        raise BadConfiguration(
            f"{known} called {start!r} among the {table}; `waysight {_LISTS[table]}` shows the ids"
        )
    return record_of(rows[0], kind)


_LISTS: Mapping[str, str] = {"violations": "review list", "fines": "fines list", "alerts": "alerts list"}
