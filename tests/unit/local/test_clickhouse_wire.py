"""Bodies of HTTP requests, both ways."""

from __future__ import annotations

import io
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.local.clickhouse_sql import QueryFailed
from waysight.local.clickhouse_wire import COMPRESSORS, choose_encoding, compressor, read_body

ENCODINGS = ["", *COMPRESSORS]


def headers(**values: str) -> Message:
    message = Message()
    for name, value in values.items():
        message[name.replace("_", "-")] = value
    return message


def packed(encoding: str, *pieces: bytes) -> bytes:
    codec = compressor(encoding)
    return b"".join(codec.compress(piece) for piece in pieces) + codec.flush()


@given(st.sampled_from(ENCODINGS), st.lists(st.binary(), max_size=5), st.integers(1, 3))
def test_what_is_compressed_comes_back(encoding: str, pieces: list[bytes], frames: int) -> None:
    frames = frames if encoding in ("lz4", "zstd", "gzip") else 1
    body = packed(encoding, *pieces) * frames
    given_headers = headers(Content_Length=str(len(body)), Content_Encoding=encoding)
    assert b"".join(read_body(io.BytesIO(body), given_headers)) == b"".join(pieces) * frames


@given(st.lists(st.binary(min_size=1), max_size=5))
def test_chunked_bodies(pieces: list[bytes]) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\nnext request"
    stream = io.BytesIO(body)
    assert b"".join(read_body(stream, headers(Transfer_Encoding="chunked"))) == b"".join(pieces)
    assert stream.read() == b"next request"


@pytest.mark.parametrize("encoding", [*COMPRESSORS, "br"])
def test_broken_or_unknown_compression_is_an_error_after_the_whole_body(encoding: str) -> None:
    stream = io.BytesIO(b"this is not compressed" + b"next")
    with pytest.raises(QueryFailed, match="CANNOT_DECOMPRESS"):
        list(read_body(stream, headers(Content_Length="22", Content_Encoding=encoding)))
    assert stream.read() == b"next"


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip"])
def test_a_frame_cut_short_is_an_error(encoding: str) -> None:
    body = packed(encoding, bytes(range(256)) * 50)[:-5]
    with pytest.raises(QueryFailed, match="CANNOT_DECOMPRESS"):
        list(read_body(io.BytesIO(body), headers(Content_Length=str(len(body)), Content_Encoding=encoding)))


def test_a_client_that_hangs_up_is_a_connection_error() -> None:
    with pytest.raises(ConnectionError):
        list(read_body(io.BytesIO(b"short"), headers(Content_Length="10")))
    with pytest.raises(ConnectionError):
        list(read_body(io.BytesIO(b"zz\r\n"), headers(Transfer_Encoding="chunked")))


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [("br, zstd;q=0.9, lz4", "zstd"), ("lz4,zstd", "lz4"), ("identity", ""), ("", ""), ("GZIP", "gzip")],
)
def test_the_first_known_encoding_is_chosen(accepted: str, chosen: str) -> None:
    assert choose_encoding(accepted) == chosen
