"""Statements and errors of the local ClickHouse interface, without an engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.local.clickhouse_sql import QueryFailed, parse, quote, session_statement


@pytest.mark.parametrize(
    ("text", "kind", "form"),
    [
        (b"SELECT 1", "select", "TSV"),
        (b" -- why\n/* and\nwhat */ select 1 format JSONEachRow ;", "select", "JSONEachRow"),
        (b"WITH 1 AS x SELECT x FORMAT Native SETTINGS max_threads = 1", "select", "Native"),
        (b"(SELECT 1) UNION ALL (SELECT 2)", "select", "TSV"),
        (b"CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n", "command", "TSV"),
        (b"INSERT INTO t VALUES (1, 'FORMAT CSV')", "command", "TSV"),
        (b"INSERT INTO t (a) SELECT 1 FORMAT CSV", "command", "TSV"),
        (b"SELECT 'ENGINE = Kafka'", "select", "TSV"),
    ],
)
def test_kind_and_format(text: bytes, kind: str, form: str) -> None:
    statement = parse(text, "TSV")
    assert (statement.kind, statement.format) == (kind, form)


@pytest.mark.parametrize(
    ("head", "sql", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t", b"1,2\n"),
        (b"INSERT INTO d.t (a, `values`) FORMAT Native\n\n\x01", "INSERT INTO d.t (a, `values`)", b"\n\x01"),
        (b'INSERT INTO t FORMAT JSONEachRow {"a": 1}', "INSERT INTO t", b'{"a": 1}'),
        (
            b"insert into t settings async_insert=1 format TSV\r\n1",
            "insert into t settings async_insert=1",
            b"1",
        ),
    ],
)
def test_where_an_inserts_data_begins(head: bytes, sql: str, data: bytes) -> None:
    statement = parse(head, "TSV")
    assert (statement.kind, statement.sql, head[statement.data_start :]) == ("insert", sql, data)


def test_an_insert_apart_from_its_data_takes_values() -> None:
    statement = parse(b"INSERT INTO t (a)", "TSV", data_follows=True)
    assert (statement.kind, statement.format, statement.data_start) == ("insert", "Values", 17)


@pytest.mark.parametrize(
    "sql",
    [
        b"CREATE TABLE k (n UInt8) ENGINE=Kafka('h', 't', 'g', 'CSV')",
        b"create table k (n UInt8) engine = ReplicatedMergeTree order by n",
        b"/* so */ SYSTEM START LISTEN HTTP",
        b"system shutdown",
    ],
)
def test_what_would_hurt_the_folder_is_refused(sql: bytes) -> None:
    with pytest.raises(QueryFailed, match="needs a full server") as caught:
        parse(sql, "TSV")
    assert (caught.value.code, caught.value.status) == (48, 501)


@pytest.mark.parametrize("text", [b"", b"  -- nothing\n", b"SELECT '\xff'"])
def test_no_statement_is_a_syntax_error(text: bytes) -> None:
    with pytest.raises(QueryFailed) as caught:
        parse(text, "TSV")
    assert (caught.value.code, caught.value.status) == (62, 400)


def test_errors_keep_their_code_and_lose_the_engines_prefix() -> None:
    failure = QueryFailed("Streaming query failed: Code: 60. DB::Exception: no table. (UNKNOWN_TABLE)")
    assert (failure.code, failure.status) == (60, 404)
    assert failure.text == "Code: 60. DB::Exception: no table. (UNKNOWN_TABLE)"
    assert QueryFailed("odd").status == 500


def test_settings_become_one_statement() -> None:
    given_parameters = {
        "query": "x",
        "database": "d",
        "max_threads": "3",
        "param_p": "a'b\\t",
        "query_id": "q",
    }
    assert (
        session_statement(given_parameters, read_only=False)
        == "SET max_threads = '3', param_p = 'a\\'b\\\\t'"
    )
    assert session_statement({}, read_only=False) == ""
    assert session_statement({}, read_only=True) == "SET readonly = '2'"
    with pytest.raises(QueryFailed, match="identifier"):
        session_statement({"a = 1, b": "2"}, read_only=False)


@given(st.text())
def test_a_quoted_value_cannot_end_its_literal(text: str) -> None:
    inside = quote(text)[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inside
    assert "\\" not in inside
