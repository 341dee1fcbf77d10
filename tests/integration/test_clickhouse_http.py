"""The local ClickHouse answers clickhouse-connect's ordinary HTTP client as a real server does."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection

import psutil
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from workers import eventually

from waysight.local import clickhouse, control, processes
from waysight.settings import Settings

pytestmark = pytest.mark.integration
Connect = Callable[..., Client]
HARD_TEXT = "it's \\ a \n hard\tcase; -- '{x}' 日本"


def test_query_types_and_zone(database: Client) -> None:
    rows = database.query(
        "SELECT toUInt8(1), 'a', NULL, [1,2], map('k', 2), toDateTime64('2026-11-20 06:00:00', 3, 'UTC')"
    ).result_rows
    assert rows[0][:5] == (1, "a", None, [1, 2], {"k": 2})
    assert rows[0][5].replace(tzinfo=UTC) == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert str(database.server_tz) == "UTC"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", HARD_TEXT),
        ("UInt64", 2**63),
        ("Array(String)", ["p", "q'\\", "\t"]),
        ("Nullable(String)", None),
    ],
)
def test_server_side_parameters(database: Client, kind: str, value: object) -> None:
    assert database.query(f"SELECT {{v:{kind}}}", parameters={"v": value}).result_rows == [(value,)]


def test_parameter_is_never_sql(database: Client) -> None:
    attack = "'; DROP DATABASE default; --"
    assert database.query("SELECT {v:String}", parameters={"v": attack}).result_rows == [(attack,)]


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_column_inserts_with_each_compression(
    database: Client, clickhouse_client: Connect, compress: object
) -> None:
    client = clickhouse_client(database=database.database, compress=compress)
    client.command(
        "CREATE TABLE c (n UInt64, s LowCardinality(String), o Nullable(Float64)) ENGINE=MergeTree ORDER BY n"
    )
    rows = [
        [number, HARD_TEXT if number % 2 else "x", None if number % 3 else 0.5] for number in range(50_000)
    ]
    assert client.insert("c", rows, column_names=["n", "s", "o"]).written_rows == 50_000
    assert client.query("SELECT * FROM c ORDER BY n").result_rows == [tuple(row) for row in rows]


def test_arrow_both_ways(database: Client) -> None:
    database.command("CREATE TABLE a (n UInt64, s String) ENGINE=MergeTree ORDER BY n")
    table = pa.table({"n": pa.array(range(200_000), pa.uint64()), "s": [str(n) for n in range(200_000)]})
    database.insert_arrow("a", table)
    assert (
        database.query_arrow("SELECT n, s FROM a ORDER BY n", use_strings=True).to_pydict()
        == table.to_pydict()
    )
    with database.query_arrow_stream("SELECT n FROM a") as stream:
        assert sum(batch.num_rows for batch in stream) == 200_000


@pytest.mark.parametrize(
    ("form", "header_lines"), [("CSV", 0), ("CSVWithNames", 1), ("TSVWithNamesAndTypes", 2)]
)
def test_raw_streams_have_one_header(database: Client, form: str, header_lines: int) -> None:
    with database.raw_stream("SELECT number AS n FROM numbers(300000)", fmt=form) as stream:
        text = stream.read()
    assert text.count(b"\n") == 300_000 + header_lines
    assert len(set(text.splitlines()[header_lines:])) == 300_000


def test_raw_and_select_inserts(database: Client) -> None:
    database.command("CREATE TABLE r (n UInt64, `values` String) ENGINE=MergeTree ORDER BY n")
    database.raw_insert("r", ["n", "values"], b"1,FORMAT CSV\n2,b\n", fmt="CSV")
    database.command("INSERT INTO r VALUES (3, 'select FORMAT x'), (4, 'd')")
    database.command("INSERT INTO r SELECT number + 5, 'e' FROM numbers(3)")
    assert database.command("SELECT count() FROM r") == 7
    assert database.query("SELECT values FROM r WHERE n IN (1, 3) ORDER BY n").result_columns == [
        ["FORMAT CSV", "select FORMAT x"]
    ]


def test_bad_data_inserts_nothing(database: Client) -> None:
    database.command("CREATE TABLE b (n UInt64) ENGINE=MergeTree ORDER BY n")
    with pytest.raises(DatabaseError, match="INCORRECT_DATA"):
        database.raw_insert("b", ["n"], b"1\nnonsense\n", fmt="CSV")
    assert database.command("SELECT count() FROM b") == 0


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELEC 1", 62, 400),
        ("SELECT * FROM nowhere", 60, 404),
        ("SELECT nothing_like_it", 47, 404),
        ("CREATE TABLE k (n UInt8) ENGINE = Kafka SETTINGS kafka_topic_list='t'", 48, 501),
        ("SYSTEM START LISTEN HTTP", 48, 501),
    ],
)
def test_errors_as_the_real_server(
    database: Client, stack: Settings, sql: str, code: int, status: int
) -> None:
    with pytest.raises(DatabaseError) as caught:
        database.command(sql)
    assert caught.value.code == code
    assert f"Code: {code}. DB::Exception" in str(caught.value)
    assert _post(stack, sql)[0] == status
    assert database.command("SELECT 1") == 1  # the refused statement left the folder usable


def test_error_in_the_middle_of_a_stream(database: Client) -> None:
    sql = "SELECT throwIf(number = 3000000) FROM numbers(5000000)"
    with pytest.raises(ClickHouseError, match="395"), database.query_row_block_stream(sql) as stream:
        for _ in stream:
            pass


def test_settings_and_database_end_with_the_request(database: Client) -> None:
    # No number of threads: by default that is the machine's number of processors.
    asked = database.query(
        "SELECT getSetting('max_block_size'), currentDatabase()", settings={"max_block_size": 777}
    )
    assert asked.result_rows == [(777, database.database)]
    assert database.query("SELECT getSetting('max_block_size') = 777").result_rows == [(False,)]
    with pytest.raises(DatabaseError, match="READONLY"):
        database.command("CREATE TABLE z (n UInt8) ENGINE=Memory", settings={"readonly": 1})


def test_unknown_database_and_wrong_password(clickhouse_client: Connect) -> None:
    with pytest.raises(DatabaseError, match="81"):
        clickhouse_client(database="nowhere")
    for wrong in ({"password": "wrong"}, {"username": "default"}):
        with pytest.raises(DatabaseError, match="516"):
            clickhouse_client(**wrong)


def test_get_is_read_only_and_ping_is_open(stack: Settings) -> None:
    connection = HTTPConnection("127.0.0.1", stack.clickhouse_port, timeout=120)
    connection.request("GET", "/ping")
    assert connection.getresponse().read() == b"Ok.\n"
    connection.request("GET", "/?query=CREATE+TABLE+x(n+UInt8)ENGINE=Memory", headers=_auth(stack))
    answer = connection.getresponse()
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "164")
    answer.read()
    connection.request("GET", "/?query=SELECT+1", headers=_auth(stack))
    assert connection.getresponse().read() == b"1\n"
    connection.close()


def test_readers_that_leave_early_harm_nobody(database: Client) -> None:
    database.command(
        "CREATE TABLE left_early (k String, s String) ENGINE=ReplacingMergeTree PARTITION BY length(s) ORDER BY k"
    )
    database.command(
        "INSERT INTO left_early SELECT hex(sipHash128(number)), repeat('x', 90 + number % 12) FROM numbers(60000)"
    )
    sql = "SELECT * FROM left_early FINAL ORDER BY k SETTINGS max_block_size = 1000"
    for pieces in (1, 2, 1, 2):
        with database.query_arrow_stream(sql) as stream:
            for _, _ in zip(range(pieces), stream, strict=False):
                pass
        assert database.command("SELECT count() FROM left_early") == 60_000


def test_big_results_take_constant_memory(database: Client, stack: Settings) -> None:
    server = processes.of_stack(stack.state_dir, "clickhouse")[0]
    before = _resident(server)
    total = 0
    sql = "SELECT number, repeat('x', 100) AS s FROM numbers(6000000)"  # about 650 MB
    with database.query_arrow_stream(sql) as stream:
        for batch in stream:
            total += batch.num_rows
            assert _resident(server) - before < 300e6
    assert total == 6_000_000


def test_a_long_report_does_not_block_inserts(database: Client, clickhouse_client: Connect) -> None:
    database.command("CREATE TABLE l (n UInt64) ENGINE=MergeTree ORDER BY n")
    report = clickhouse_client()
    slow = "SELECT sum(sleepEachRow(0.5)) FROM numbers(16) SETTINGS max_block_size = 1"
    worker = threading.Thread(target=report.query, args=(slow,))
    worker.start()
    time.sleep(0.3)
    for _ in range(5):
        database.insert("l", [[n] for n in range(1000)], column_names=["n"])
    assert worker.is_alive(), "the inserts waited for the report"
    worker.join()
    assert database.command("SELECT count() FROM l") == 5000


def test_sigkill_loses_no_acknowledged_row(database: Client, stack: Settings) -> None:
    database.command("CREATE TABLE s (n UInt64) ENGINE=MergeTree ORDER BY n")
    database.insert("s", [[n] for n in range(1000)], column_names=["n"])
    killed = control.status(stack)["children"]["clickhouse"]["pid"]
    psutil.Process(killed).kill()
    again = eventually(
        lambda: control.status(stack)["children"]["clickhouse"]["pid"], lambda p: p not in (killed, None)
    )
    assert again not in (killed, None)
    control.wait_healthy(stack, ["clickhouse"])
    assert database.command("SELECT count() FROM s") == 1000


def _resident(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def _auth(stack: Settings) -> dict[str, str]:
    pair = f"{stack.clickhouse_user}:{clickhouse.password(stack)}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode()}"}


def _post(stack: Settings, sql: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", stack.clickhouse_port, timeout=120)
    headers = {"X-ClickHouse-User": stack.clickhouse_user, "X-ClickHouse-Key": clickhouse.password(stack)}
    connection.request("POST", "/", body=sql.encode(), headers=headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()
