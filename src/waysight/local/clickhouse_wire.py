"""HTTP bodies of the ClickHouse interface: transfer and content encodings, both ways, in constant memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from email.message import Message
from io import BufferedIOBase
from typing import NoReturn, Protocol

import lz4.frame
import zstandard

from waysight.local.clickhouse_sql import QueryFailed

PIECE_BYTES = 1 << 20


class Compressor(Protocol):
    """Streaming compression of one body."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        head = b"" if self._begun else bytes(self._frame.begin())
        self._begun = True
        return head + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        head = b"" if self._begun else bytes(self._frame.begin())
        return head + bytes(self._frame.flush())


class _Plain:
    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(1, zlib.DEFLATED, 31),
    "deflate": lambda: zlib.compressobj(1),
}
_DECOMPRESSORS: dict[str, Callable[[], object]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": zlib.decompressobj,
}


def choose_encoding(accepted: str) -> str:
    """The first encoding of an Accept-Encoding header that is served here; empty for none."""
    for offer in accepted.split(","):
        name = offer.split(";")[0].strip().lower()
        if name in COMPRESSORS:
            return name
    return ""


def compressor(encoding: str) -> Compressor:
    """A compressor for `encoding`; one that changes nothing for the empty string."""
    return COMPRESSORS[encoding]() if encoding else _Plain()


def read_body(stream: BufferedIOBase, headers: Message) -> Iterator[bytes]:
    """The request's body in pieces of about a MiB, transfer and content encoding removed."""
    chunked = "chunked" in (headers.get("Transfer-Encoding") or "").lower()
    raw = _chunks(stream) if chunked else _counted(stream, int(headers.get("Content-Length") or 0))
    encoding = (headers.get("Content-Encoding") or "").lower()
    if encoding in ("", "identity"):
        yield from raw
        return
    if encoding not in _DECOMPRESSORS:
        _refuse(raw, f"Unknown content encoding {encoding!r}")
    try:
        yield from _decompressed(raw, encoding)
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
        _refuse(raw, f"Cannot decompress the {encoding} body: {error}")


def _decompressed(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    codec = None
    for data in raw:
        while data:
            codec = codec or _DECOMPRESSORS[encoding]()
            plain = codec.decompress(data)  # type: ignore[attr-defined]
            if plain:
                yield plain
            if not codec.eof:  # type: ignore[attr-defined]
                break
            data = codec.unused_data or b""  # type: ignore[attr-defined]
            codec = None
    if codec is not None:
        raise EOFError("it ends within a frame")


def _refuse(raw: Iterator[bytes], why: str) -> NoReturn:
    for _ in raw:  # the client reads the answer only after it has sent everything
        pass
    raise QueryFailed(f"{why}. (CANNOT_DECOMPRESS)", 271)


def _counted(stream: BufferedIOBase, remaining: int) -> Iterator[bytes]:
    while remaining > 0:
        piece = stream.read(min(PIECE_BYTES, remaining))
        if not piece:
            raise ConnectionError("the client hung up in the middle of its request")
        remaining -= len(piece)
        yield piece


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while True:
        line = stream.readline(100).split(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError as error:
            raise ConnectionError(f"bad chunk header {line!r}") from error
        if size == 0:
            while stream.readline(1000).strip():
                pass
            return
        yield from _counted(stream, size)
        stream.readline(10)
