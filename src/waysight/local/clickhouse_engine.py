"""The one owner of a chdb path: a session per request, streamed results and inserts."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chdb
import pyarrow as pa

from waysight.errors import EngineDown
from waysight.local.clickhouse_sql import QueryFailed, Statement, session_statement

LOCKED = "Code: 76"
LOCK_PATIENCE_S = 30.0
# The engine emits every block as a file of its own; these formats' blocks simply follow each other.
_APPENDABLE = frozenset(
    [
        "Native",
        "TabSeparated",
        "TSV",
        "TabSeparatedRaw",
        "TSVRaw",
        "CSV",
        "RowBinary",
        "JSONEachRow",
        "JSONLines",
        "NDJSON",
        "JSONCompactEachRow",
        "JSONStringsEachRow",
        "Values",
        "LineAsString",
        "Vertical",
    ]
)
_HEADER_LINES = {
    "CSVWithNames": 1,
    "CSVWithNamesAndTypes": 2,
    "TabSeparatedWithNames": 1,
    "TSVWithNames": 1,
    "TabSeparatedWithNamesAndTypes": 2,
    "TSVWithNamesAndTypes": 2,
    "JSONCompactEachRowWithNames": 1,
    "JSONCompactEachRowWithNamesAndTypes": 2,
}
_FAILURES = (chdb.ChdbError, RuntimeError)


class Engine:
    """Holds the path for life; several sessions run side by side, so a long report delays no insert."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = str(path)
        self._anchor = _open(self._path)
        self.version = str(self._anchor.query("SELECT version()", "TSVRaw").bytes().decode().strip())

    @contextmanager
    def session(self, database: str, parameters: Mapping[str, str], *, read_only: bool) -> Iterator[Session]:
        """A session of one request: its database, settings and query parameters end with it."""
        connection = chdb.connect(self._path)
        session = Session(connection)
        try:
            with _failures():
                if database:
                    identifier = database.replace("\\", "\\\\").replace("`", "\\`")
                    connection.query(f"USE `{identifier}`")
                statement = session_statement(parameters, read_only=read_only)
                if statement:
                    connection.query(statement)
            yield session
        finally:
            session.cancel()
            connection.close()

    def close(self) -> None:
        """Let the path go."""
        self._anchor.close()


class Session:
    """Runs one statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._running: Any = None
        self.summary: dict[str, str] = {}

    def cancel(self) -> None:
        """End a SELECT whose reader has gone; an engine whose connection closes while one runs takes no more queries."""
        running, self._running = self._running, None
        if running is not None:
            _cancel(running)

    def whole(self, statement: Statement) -> memoryview:
        """Run and return the whole result."""
        with _failures():
            result = self._connection.query(statement.sql, statement.format)
        self.summary = {
            "read_rows": str(result.storage_rows_read()),
            "read_bytes": str(result.storage_bytes_read()),
            "result_rows": str(result.rows_read()),
            "result_bytes": str(result.bytes_read()),
            "written_rows": str(result.rows_written()),
            "written_bytes": str(result.bytes_written()),
            "elapsed_ns": str(int(result.elapsed() * 1e9)),
        }
        return memoryview(result.bytes() or b"")

    def pieces(self, statement: Statement) -> Iterator[bytes]:
        """Run a SELECT and yield its result while it is computed; formats that cannot be cut come whole."""
        name = statement.format
        if name in _APPENDABLE:
            yield from self._blocks(statement)
        elif name in _HEADER_LINES:
            yield from _without_repeated_headers(self._blocks(statement), _HEADER_LINES[name])
        elif name == "ArrowStream":
            yield from _joined_arrow(self._blocks(statement))
        else:
            yield bytes(self.whole(statement))

    def insert(self, statement: Statement, data: Iterator[bytes]) -> None:
        """Insert data that arrives in pieces; all of one INSERT or, when parsing fails, none of the last block."""
        with _failures():
            inserter = self._connection.send_insert(statement.sql, statement.format)
        done = False
        try:
            for piece in data:
                with _failures():
                    inserter.append(piece)
            with _failures():
                result = inserter.finish()
            done = True
        finally:
            if not done:
                _cancel(inserter)
        rows, size = str(result.rows_written), str(result.bytes_written)
        self.summary = {"written_rows": rows, "written_bytes": size, "read_rows": rows, "read_bytes": size}
        self.summary["elapsed_ns"] = str(int(result.elapsed * 1e9))

    def _blocks(self, statement: Statement) -> Iterator[bytes]:
        with _failures():
            stream = self._running = self._connection.send_query(statement.sql, statement.format)
        try:
            while True:
                with _failures():
                    block = next(stream, None)
                if block is None:
                    self._running = None
                    break
                data = block.bytes()
                if data:
                    yield bytes(data)
        finally:
            self.cancel()


def _open(path: str) -> Any:
    """Open the path; a predecessor that is being killed may hold its lock for a moment."""
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            return chdb.connect(path)
        except _FAILURES as error:
            if LOCKED not in str(error) or time.monotonic() > deadline:
                raise EngineDown(
                    f"chdb cannot open {path}: {error}; if another process uses it, end that one"
                ) from error
        time.sleep(0.2)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise QueryFailed(str(error)) from error


def _cancel(stream: Any) -> None:
    try:
        stream.cancel()
    except _FAILURES:
        return


def _without_repeated_headers(blocks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    for number, block in enumerate(blocks):
        yield block if number == 0 else block.split(b"\n", lines)[lines]


def _joined_arrow(blocks: Iterator[bytes]) -> Iterator[bytes]:
    sink = io.BytesIO()
    writer = None
    for block in blocks:
        with pa.ipc.open_stream(block) as reader:
            writer = writer or pa.ipc.new_stream(sink, reader.schema)
            for batch in reader:
                writer.write_batch(batch)
                yield _drained(sink)
    if writer is not None:
        writer.close()
    yield _drained(sink)


def _drained(sink: io.BytesIO) -> bytes:
    data = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return data
