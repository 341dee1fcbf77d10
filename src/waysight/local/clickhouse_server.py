"""ClickHouse's HTTP interface over chdb on loopback (``python -m waysight.local.clickhouse_server``).

Served: queries, `param_` binding, settings and `database` as URL parameters, inserts in any input format,
gzip/deflate/zstd/lz4 bodies both ways, results streamed in chunks, errors in ClickHouse's words with its codes.
Session ids are accepted and ignored: every request is a session of its own.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import itertools
import json
import secrets
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from waysight.errors import WaysightError
from waysight.local import clickhouse
from waysight.local.clickhouse_engine import Engine, Session
from waysight.local.clickhouse_sql import QueryFailed, Statement, parse
from waysight.local.clickhouse_wire import choose_encoding, compressor, read_body
from waysight.local.ports import HOST
from waysight.settings import get_settings

HEAD_BYTES = 1 << 18
LONGEST_STATEMENT_BYTES = 64 << 20
DRAIN_S = 10.0


class Server(ThreadingHTTPServer):
    """One thread per connection; `busy` counts requests under way."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine, user: str, password: str) -> None:
        super().__init__((HOST, port), Handler)
        self.engine, self.user, self.password = engine, user, password
        self.busy = 0
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; anything else is printed to the log."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """One request: authenticate, read the statement, run it in a session of its own, answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Server

    def do_GET(self) -> None:
        """Queries by GET are read-only, as on the real server."""
        self._counted(read_only=True)

    def do_POST(self) -> None:
        """Queries by POST."""
        self._counted(read_only=False)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: statements may hold personal data."""

    def _counted(self, *, read_only: bool) -> None:
        with self.server.lock:
            self.server.busy += 1
        try:
            self._serve(read_only=read_only)
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def _serve(self, *, read_only: bool) -> None:
        self._begun = False
        url = urlsplit(self.path)
        self._parameters = dict(parse_qsl(url.query, keep_blank_values=True))
        self._tag = secrets.token_hex(8)
        body = read_body(self.rfile, self.headers)
        if url.path in ("/ping", "/replicas_status") or (url.path == "/" and self._asks_nothing()):
            self._answer(200, b"Ok.\n")
            return
        try:
            self._authenticate()
            if url.path != "/":
                raise QueryFailed(f"There is no handle {url.path}. (BAD_REQUEST_PARAMETER)", 36)
            self._run(body, read_only=read_only)
        except QueryFailed as failure:
            self._fail(failure, body)

    def _asks_nothing(self) -> bool:
        return self.command == "GET" and "query" not in self._parameters

    def _authenticate(self) -> None:
        user = self.headers.get("X-ClickHouse-User") or self._parameters.get("user", "default")
        key = self.headers.get("X-ClickHouse-Key") or self._parameters.get("password", "")
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, key = base64.b64decode(token).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                user, key = "", ""
        right_user = hmac.compare_digest(user.encode(), self.server.user.encode())
        if not (hmac.compare_digest(key.encode(), self.server.password.encode()) and right_user):
            raise QueryFailed(
                f"{user}: Authentication failed: password is incorrect, or there is no user with such name. "
                "(AUTHENTICATION_FAILED)",
                516,
            )

    def _run(self, body: Iterator[bytes], *, read_only: bool) -> None:
        statement, data = self._statement(body)
        database = self.headers.get("X-ClickHouse-Database") or self._parameters.get("database", "")
        with self.server.engine.session(database, self._parameters, read_only=read_only) as session:
            if statement.kind == "insert":
                session.insert(statement, data)
                self._answer(200, b"", statement.format, session)
            elif statement.kind == "select" and self._parameters.get("wait_end_of_query", "0") in ("0", ""):
                self._stream(session.pieces(statement), statement.format)
            else:
                result = session.whole(statement)
                self._answer(200, bytes(result), statement.format, session)

    def _statement(self, body: Iterator[bytes]) -> tuple[Statement, Iterator[bytes]]:
        given = self._parameters.get("query", "").encode()
        default = (
            self.headers.get("X-ClickHouse-Format")
            or self._parameters.get("default_format")
            or "TabSeparated"
        )
        head = given
        if given:
            statement = parse(given, default, data_follows=True)
            if statement.kind == "insert":
                return statement, itertools.chain((given[statement.data_start :],), body)
            head = given + b"\n"
        for piece in body:
            head += piece
            if len(head) >= HEAD_BYTES:
                statement = parse(head, default)
                if statement.kind == "insert":
                    return statement, itertools.chain((head[statement.data_start :],), body)
            if len(head) > LONGEST_STATEMENT_BYTES:
                raise QueryFailed(
                    f"Query is longer than {LONGEST_STATEMENT_BYTES} bytes. (QUERY_IS_TOO_LARGE)", 229
                )
        statement = parse(head, default)
        return statement, iter((head[statement.data_start :],))

    def _encoding(self) -> str:
        wanted = self._parameters.get("enable_http_compression", "0") not in ("0", "")
        return choose_encoding(self.headers.get("Accept-Encoding") or "") if wanted else ""

    def _stream(self, pieces: Iterator[bytes], format_name: str) -> None:
        first = next(pieces, b"")  # an error that shows at once gets its own status
        encoding = self._encoding()
        self._head(200, format_name, encoding)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._begun = True
        codec = compressor(encoding)
        failure = b""
        try:
            for piece in itertools.chain((first,), pieces):
                self._chunk(codec.compress(piece))
        except QueryFailed as error:
            text = self._worded(error)
            mark = f"__exception__\r\n{self._tag}\r\n".encode()
            end = f"{len(text)} {self._tag}\r\n__exception__\r\n".encode()
            failure = b"\r\n" + mark + text + end
        self._chunk((codec.compress(failure) if failure else b"") + codec.flush())
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _head(self, status: int, format_name: str = "", encoding: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("X-ClickHouse-Server-Display-Name", "waysight-local")
        self.send_header("X-ClickHouse-Query-Id", self._parameters.get("query_id") or str(uuid.uuid4()))
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("X-ClickHouse-Exception-Tag", self._tag)
        if format_name:
            self.send_header("X-ClickHouse-Format", format_name)
        if encoding:
            self.send_header("Content-Encoding", encoding)

    def _answer(
        self, status: int, data: bytes, format_name: str = "", session: Session | None = None
    ) -> None:
        encoding = self._encoding() if data and session else ""
        codec = compressor(encoding)
        data = codec.compress(data) + codec.flush() if encoding else data
        self._head(status, format_name, encoding)
        self.send_header("X-ClickHouse-Summary", json.dumps(session.summary if session else {}))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, failure: QueryFailed, body: Iterator[bytes]) -> None:
        if self._begun:
            raise ConnectionError("failed after the answer had begun") from failure
        try:
            for _ in body:  # the client reads the answer only after it has sent everything
                pass
        except QueryFailed:
            self.close_connection = True
        data = self._worded(failure)
        self._head(failure.status)
        self.send_header("X-ClickHouse-Exception-Code", str(failure.code))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _worded(self, failure: QueryFailed) -> bytes:
        version = f" (version {self.server.engine.version})"
        return f"{failure.text.removesuffix(version)}{version}\n".encode()


def main() -> int:
    """Serve until SIGTERM; then let requests under way end, and close the data folder."""
    settings = get_settings()
    try:
        engine = Engine(settings.state_dir.resolve() / clickhouse.NAME / "data")
        user, password = settings.clickhouse_user, clickhouse.password(settings)
        server = Server(settings.clickhouse_port, engine, user, password)
    except (WaysightError, OSError) as error:
        print(f"error: {error}", flush=True)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, name="accept", daemon=True).start()
    print(f"serving ClickHouse {engine.version} (chdb) on {HOST}:{settings.clickhouse_port}", flush=True)
    stop.wait()
    server.shutdown()
    deadline = time.monotonic() + DRAIN_S
    while server.busy and time.monotonic() < deadline:
        time.sleep(0.05)
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
