"""Migrations are frozen, and what they make is what the schemas say."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pyarrow as pa
import pytest

from waysight.adapters.clickhouse import ClickHouse
from waysight.errors import BadConfiguration
from waysight.storage.migrations import Migration, apply, migrations
from waysight.storage.tables import TABLES, Table
from waysight.topics import all_topics

PLAIN = {
    pa.string(): {"String", "LowCardinality(String)"}, pa.binary(): {"String"}, pa.bool_(): {"Bool"},
    pa.int64(): {"Int64"}, pa.int32(): {"Int32"}, pa.float32(): {"Float32"}, pa.float64(): {"Float64"},
    pa.decimal128(14, 2): {"Decimal(14, 2)"},
}  # fmt: skip


def test_a_second_run_does_nothing(empty: ClickHouse) -> None:
    assert apply(empty, migrations()) == migrations()
    assert apply(empty, migrations()) == []


def test_a_changed_file_is_refused(clickhouse: ClickHouse) -> None:
    first, *rest = migrations()
    changed = dataclasses.replace(first, sql=first.sql + "\n-- a word more\n")
    with pytest.raises(BadConfiguration, match=r"0001_sightings.sql differs"):
        apply(clickhouse, [changed, *rest])


def test_a_newer_database_is_refused(clickhouse: ClickHouse) -> None:
    with pytest.raises(BadConfiguration, match="update waysight"):
        apply(clickhouse, migrations()[:-1])


def test_a_run_that_was_cut_short_is_mended(empty: ClickHouse) -> None:
    first = migrations()[1]
    for statement in first.statements[:2]:
        empty.run(statement)
    assert apply(empty, migrations()) == migrations()


def test_reads_of_two_devices_are_two(empty: ClickHouse) -> None:
    """What a table held before its key had the device stays, once; from then on no device's read takes another's place."""
    apply(empty, [m for m in migrations() if m.number < 14])
    insert = "INSERT INTO external_reads (camera_id, captured_ms, read_id, device_id, received_ms, stored_at) VALUES "
    read = "('gate', 1794805200000, '7', 'anpr-1', 5, '2026-11-20 01:02:03.004')"
    empty.run(f"{insert} {read}, {read}")
    for _ in range(2):
        apply(empty, migrations())
        # As if it had been cut short before its record.
        empty.run("DELETE FROM schema_migrations WHERE number = 14")
    empty.run(insert + "('gate', 1794805200000, '7', 'radar-1', 6, now())")
    empty.run("OPTIMIZE TABLE external_reads FINAL")
    sql = "SELECT device_id, received_ms, toString(stored_at) AS stored FROM external_reads_current ORDER BY device_id"
    old, new = empty.rows(sql)
    assert (old["device_id"], old["received_ms"], old["stored"]) == ("anpr-1", 5, "2026-11-20 01:02:03.004")
    assert (new["device_id"], new["received_ms"]) == ("radar-1", 6)


def test_comments_are_no_statements() -> None:
    sql = "-- one; two\nCREATE TABLE a (b String DEFAULT ';x');\n-- three\nSELECT 1;\n"
    assert Migration(1, "x", sql).statements == ["CREATE TABLE a (b String DEFAULT ';x')", "SELECT 1"]


def test_every_stored_topic_has_a_table() -> None:
    stored = {name for name, spec in all_topics().items() if "store" in spec.consumers}
    assert {table.topic for table in TABLES.values()} >= stored


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_those_of_the_schema(clickhouse: ClickHouse, name: str) -> None:
    table = TABLES[name]
    rows = clickhouse.rows(
        "SELECT name, type, default_kind FROM system.columns WHERE database = currentDatabase() AND table = {t:String}",
        {"t": name},
    )
    stored = {r["name"]: r["type"] for r in rows if r["default_kind"] == ""}
    assert list(stored) == table.schema.names
    for field in table.schema:
        expected = {"UInt32"} if field.name == table.version else _types(field.type, field.nullable)
        assert stored[field.name] in expected, field.name


@pytest.mark.parametrize("name", TABLES)
def test_keys_versions_and_retention_are_those_of_the_catalogue(clickhouse: ClickHouse, name: str) -> None:
    table = TABLES[name]
    sql = "SELECT engine_full, sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {t:String}"
    (row,) = clickhouse.rows(sql, {"t": name})
    assert row["sorting_key"].strip("()") == ", ".join(table.order)
    assert row["engine_full"].startswith(
        f"ReplacingMergeTree({table.version})" if table.version else "ReplacingMergeTree "
    )
    assert f"toIntervalDay({table.keep_days})" in row["engine_full"]
    assert clickhouse.rows(f"SELECT * FROM {name}_current") == []


def test_server_only_statements_are_sql(empty: ClickHouse, root: Path) -> None:
    files = sorted((root / "infra/clickhouse/server_only").glob("*.sql"))
    assert files
    for path in files:
        for statement in Migration(1, "x", path.read_text()).statements:
            assert empty.run(f"EXPLAIN AST {statement}")


def _types(kind: pa.DataType, nullable: bool) -> set[str]:
    if pa.types.is_list(kind):
        return {f"Array({inner})" for inner in _types(kind.value_type, False)}
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return {f"Tuple({', '.join(f'{f.name} {_one(f.type)}' for f in fields)})"}
    return {f"Nullable({t})" for t in PLAIN[kind]} if nullable else PLAIN[kind]


def _one(kind: pa.DataType) -> str:
    (found,) = PLAIN[kind] - {"LowCardinality(String)"}
    return found


def test_the_catalogue_has_sound_keys() -> None:
    for table in TABLES.values():
        assert isinstance(table, Table)
        assert {table.time, *table.order, *table.filters} <= set(table.schema.names)
        assert re.fullmatch(r"[a-z_]+", table.name)
        assert not set(table.order) & {"revision", "version", "last_ms", "plate", "status"}


def test_the_documented_retention_is_the_real_one(root: Path) -> None:
    text = (root / "docs/data.md").read_text()
    section = text[text.index("## Retention") : text.index("## Getting data out")]
    rows = re.findall(r"^\| ([a-z_, ]+) \| (\d+) \|", section, re.M)
    documented = {name: int(days) for names, days in rows for name in names.split(", ")}
    assert documented == {table.name: table.keep_days for table in TABLES.values()}
