"""ClickHouse over HTTP through clickhouse-connect; the local stack and a real server or cluster are the same here."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from waysight.errors import BadConfiguration, EngineDown
from waysight.settings import Settings

# Their warnings repeat what our errors say.
for _repeats in ("clickhouse_connect", "urllib3.connectionpool"):
    logging.getLogger(_repeats).setLevel(logging.CRITICAL)

_BATCH_ROWS = 8_192
_NEXT_STEP = {
    "516": "check WAYSIGHT_CLICKHOUSE_USER and WAYSIGHT_CLICKHOUSE_PASSWORD",
    "60": "run `waysight migrate`",
    "81": "run `waysight migrate`",
    "47": "run `waysight migrate`; the tables are older than this program",
    "16": "run `waysight migrate`; the tables are older than this program",
    "62": "this is a mistake in the query",
    "497": "the user has not the rights for this",
}  # fmt: skip


class ClickHouse:
    """One client, usable from several threads; every failure is EngineDown (retry) or BadConfiguration (do not)."""

    def __init__(self, client: Client, where: str) -> None:
        self.client, self._where = client, where

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """A statement without rows (DDL, INSERT … SELECT) or with one value."""
        with _errors(self._where):
            return self.client.command(sql, parameters=parameters)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a small result as dicts; `{name:Type}` in the SQL takes `parameters`."""
        with _errors(self._where):
            return list(self.client.query(sql, parameters=parameters).named_results())

    def batches(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[pa.RecordBatch]:
        """A result of any size as Arrow batches, read as they are asked for."""
        settings = {
            "output_format_arrow_string_as_string": 1,
            "output_format_arrow_low_cardinality_as_dictionary": 0,
            "output_format_arrow_compression_method": "none",  # the connection compresses, where it is worth it
            "max_block_size": _BATCH_ROWS,
        }
        with _errors(self._where):
            try:
                stream = self.client.query_arrow_stream(sql, parameters=parameters, settings=settings)
            except pa.ArrowInvalid as error:
                if "null or length 0" in str(error):  # no rows: some engines send no schema either
                    return
                raise
            with stream as opened:
                yield from opened

    def insert(self, table: str, rows: pa.Table) -> None:
        """Insert Arrow rows; columns go by name, the table's other columns take their defaults."""
        if rows.num_rows:
            with _errors(self._where):
                self.client.insert_arrow(table, rows)

    def close(self) -> None:
        """Give the connections back."""
        self.client.close()


def connect(settings: Settings, database: str | None = None) -> ClickHouse:
    """A connection to `database` (default: the settings'); raises EngineDown or BadConfiguration."""
    where = f"{settings.clickhouse_host}:{settings.clickhouse_port}"
    with _errors(where):
        client = clickhouse_connect.get_client(
            host=settings.clickhouse_host,
            port=settings.clickhouse_port,
            username=settings.clickhouse_user,
            password=_password(settings),
            database=settings.clickhouse_database if database is None else database,
            autogenerate_session_id=False,  # one client serves several threads; a session would serialise them
            client_name="waysight",
            query_retries=0,
        )
    return ClickHouse(client, where)


def _password(settings: Settings) -> str:
    given = settings.clickhouse_password.get_secret_value()
    kept = settings.state_dir / "clickhouse" / "password"
    return given or (kept.read_text().strip() if kept.is_file() else "")


@contextmanager
def _errors(where: str) -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, HTTPError, OSError, pa.ArrowException) as error:
        text = str(error).strip().split("\n", 1)[0][:500]
        found = re.search(r"[Cc]ode: ?(\d+)", str(error))
        if found and found[1] in _NEXT_STEP:
            raise BadConfiguration(
                f"ClickHouse at {where} refused: {text}; {_NEXT_STEP[found[1]]}"
            ) from error
        if "Connection refused" in text:
            text = "connection refused"
        raise EngineDown(f"ClickHouse at {where} failed: {text}; is it up (`waysight status`)?") from error
