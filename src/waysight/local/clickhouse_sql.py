"""What the ClickHouse HTTP interface must know of a statement, and how it words errors; no engine, no sockets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["select", "insert", "command"]

NOT_SETTINGS = frozenset(
    [
        "query",
        "database",
        "default_format",
        "session_id",
        "session_timeout",
        "session_check",
        "query_id",
        "user",
        "password",
        "quota_key",
        "compress",
        "decompress",
        "wait_end_of_query",
        "buffer_size",
        "role",
        "stacktrace",
        "client_protocol_version",
        "http_headers_progress_interval_ms",
        "send_progress_in_http_headers",
        "enable_http_compression",
    ]
)
_COMMENTS = rb"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
_START = re.compile(_COMMENTS, re.S)
_WORD = re.compile(rb"\(|\w+")
_INSERT = re.compile(rb"(?is)(?P<sql>INSERT\s+INTO\s.+?)\sFORMAT\s+(?P<format>\w+)[ \t]*;?(?:\r?\n)?")
_QUOTED = re.compile(rb"`[^`]*`|\"[^\"]*\"|'(?:[^'\\]|\\.)*'|\([^()]*\)", re.S)
_OWN_DATA = re.compile(rb"(?i)\b(SELECT|VALUES|WITH|FROM\s+INFILE)\b")
_TRAILING_FORMAT = re.compile(rb"(?is)\bFORMAT\s+(\w+)\s*(?:SETTINGS\s[^;]*)?;?\s*$")
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_REFUSED = (
    (re.compile(rb"(?i)\bENGINE\s*=?\s*(Kafka|RabbitMQ|NATS|S3Queue|AzureQueue|Replicated\w*|Distributed)\b"), "table engine"),
    (re.compile(rb"(?i)^\s*SYSTEM\s+(?:START|STOP)\s+(LISTEN)\b"), "SYSTEM statement"),
    (re.compile(rb"(?i)^\s*SYSTEM\s+(SHUTDOWN|KILL)\b"), "SYSTEM statement"),
)  # fmt: skip
_BAD_REQUEST = frozenset(
    (6, 25, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 117, 130, 131, 386, 456, 457, 636)
)
_NOT_FOUND = frozenset((16, 46, 47, 50, 56, 60, 63, 81, 115))
_FORBIDDEN = frozenset((164, 192, 193, 291, 497, 516))


class QueryFailed(Exception):
    """An error as ClickHouse words it: `code`, the `status` its HTTP interface answers with, `text`."""

    def __init__(self, message: str, code: int | None = None) -> None:
        found = re.search(r"Code: (\d+)\.", message)
        self.code = code if code is not None else int(found[1]) if found else 1002
        self.text = (
            message[found.start() :].strip() if found else f"Code: {self.code}. DB::Exception: {message}"
        )
        super().__init__(self.text)

    @property
    def status(self) -> int:
        """HTTP status as the real server chooses it."""
        if self.code in _FORBIDDEN:
            return 403
        if self.code in _BAD_REQUEST:
            return 400
        return 404 if self.code in _NOT_FOUND else 501 if self.code == 48 else 500


@dataclass(frozen=True)
class Statement:
    """One statement; `sql` without data (and, for an insert, without FORMAT); `data_start` is where data begins."""

    kind: Kind
    sql: str
    format: str
    data_start: int = 0


def parse(text: bytes, default_format: str, *, data_follows: bool = False) -> Statement:
    """Read a statement; raises QueryFailed for an empty, refused or undecodable one.

    `text`: the statement, for an insert with the first of its data; `data_follows`: the data comes apart from
    the statement, so an INSERT without FORMAT takes Values.
    """
    skipped = _START.match(text)
    start = skipped.end() if skipped else 0
    word = _WORD.match(text, start)
    if word is None:
        raise QueryFailed("Empty query. (SYNTAX_ERROR)", 62)
    first = word[0].upper()
    if first == b"INSERT":
        insert = _INSERT.match(text, start)
        if insert and not _OWN_DATA.search(_QUOTED.sub(b"", insert["sql"])):
            return Statement("insert", _decode(insert["sql"]), insert["format"].decode(), insert.end())
        if data_follows and not _OWN_DATA.search(_QUOTED.sub(b"", text)):
            return Statement("insert", _decode(text), "Values", len(text))
        return Statement("command", _decode(text), default_format)
    tail = _TRAILING_FORMAT.search(text[-400:])
    format_name = tail[1].decode() if tail else default_format
    kind: Kind = "select" if first in (b"SELECT", b"WITH", b"(") else "command"
    if kind == "command":
        for pattern, what in _REFUSED:
            found = pattern.search(text[start:])
            if found:
                name = found[1].decode()
                raise QueryFailed(
                    f"{what} {name} is refused here: it needs a full server. (NOT_IMPLEMENTED)", 48
                )
    return Statement(kind, _decode(text).rstrip().rstrip(";"), format_name)


def session_statement(parameters: Mapping[str, str], *, read_only: bool) -> str:
    """The SET statement for a request's settings and query parameters; empty when there are none."""
    pairs = []
    for name, value in parameters.items():
        if name in NOT_SETTINGS:
            continue
        if not _SETTING_NAME.fullmatch(name):
            raise QueryFailed(f"Setting name {name!r} is not an identifier. (UNKNOWN_SETTING)", 115)
        pairs.append(f"{name} = {quote(value)}")
    if read_only and "readonly" not in parameters:
        pairs.append("readonly = '2'")
    return f"SET {', '.join(pairs)}" if pairs else ""


def quote(text: str) -> str:
    """A string literal of ClickHouse's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise QueryFailed(f"Statement is not UTF-8: {error}. (SYNTAX_ERROR)", 62) from error
