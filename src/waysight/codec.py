"""Records to bytes and back: Avro in the Confluent wire format (0x00, schema id big-endian, Avro body)."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import fastavro
import msgspec
import pyarrow as pa
import pyruhvro

from waysight import messages
from waysight.adapters.registry import Registry
from waysight.errors import BadMessage
from waysight.topics import avro_schema, topic

_HEAD = struct.Struct(">BI")
_FAILURES = (
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    AttributeError,
    struct.error,
    MemoryError,
)


class Codec:
    """Encodes and decodes the records of every topic against one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._own: dict[str, tuple[int, Any, str, type[Any]]] = {}
        self._foreign: dict[int, Any] = {}

    def encode(self, topic_name: str, record: Any) -> bytes:
        """One record (a dataclass of `waysight.messages`) as bytes; raises BadMessage when it breaks its schema."""
        schema_id, parsed, _, _ = self._schema(topic_name)
        out = io.BytesIO(_HEAD.pack(0, schema_id))
        out.seek(_HEAD.size)
        try:
            fastavro.schemaless_writer(out, parsed, _builtins(record), strict=True)
        except _FAILURES as error:
            raise BadMessage(
                f"{type(record).__name__} does not fit its schema: {error!r}", topic_name
            ) from error
        return out.getvalue()

    def decode(self, topic_name: str, value: bytes | None) -> Any:
        """The record as its dataclass; older and newer writers are resolved; raises BadMessage with the reason."""
        own_id, parsed, _, kind = self._schema(topic_name)
        schema_id = self._id(topic_name, value)
        writer = parsed if schema_id == own_id else self._writer(schema_id)
        body = io.BytesIO(memoryview(value or b"")[_HEAD.size :])
        try:
            record = fastavro.schemaless_reader(body, writer, None if writer is parsed else parsed)
            if body.read(1):
                raise BadMessage("bytes left over after the record", topic_name)
            return msgspec.convert(record, kind)
        except (*_FAILURES, msgspec.ValidationError, fastavro.read.SchemaResolutionError) as error:
            raise BadMessage(f"not a {kind.__name__}: {type(error).__name__}: {error}", topic_name) from error

    def decode_columns(self, topic_name: str, values: Sequence[bytes]) -> pa.RecordBatch:
        """Many messages of this version's schema as Arrow columns, one row a message; raises BadMessage if any is bad.

        On BadMessage decode them one by one to find the culprit.
        """
        own_id, parsed, text, _ = self._schema(topic_name)
        head = _HEAD.pack(0, own_id)
        if '"decimal"' in text:  # pyruhvro 0.4 panics on decimals
            return pa.RecordBatch.from_pylist([_builtins(self.decode(topic_name, v)) for v in values])
        if all(v[: _HEAD.size] == head for v in values):
            try:
                return _decoded([v[_HEAD.size :] for v in values], text)
            except (ValueError, pa.ArrowException) as error:
                raise BadMessage(f"cannot decode a batch of {len(values)}: {error}", topic_name) from error
        records = [_builtins(self.decode(topic_name, v)) for v in values]
        same = [_HEAD.pack(0, own_id) + _body(parsed, r) for r in records]
        return self.decode_columns(topic_name, same)

    def _schema(self, topic_name: str) -> tuple[int, Any, str, type[Any]]:
        if topic_name not in self._own:
            spec = topic(topic_name)
            schema = avro_schema(spec.schema_name)
            number = self._registry.id_of(spec.subject, schema)
            kind = getattr(messages, spec.schema_name)
            self._own[topic_name] = (number, fastavro.parse_schema(schema), json.dumps(schema), kind)
        return self._own[topic_name]

    def _writer(self, schema_id: int) -> Any:
        if schema_id not in self._foreign:
            self._foreign[schema_id] = fastavro.parse_schema(self._registry.schema(schema_id))
        return self._foreign[schema_id]

    @staticmethod
    def _id(topic_name: str, value: bytes | None) -> int:
        if value is None or len(value) < _HEAD.size:
            raise BadMessage(f"{len(value or b'')} bytes are too short for the wire format", topic_name)
        magic, schema_id = _HEAD.unpack_from(value)
        if magic != 0:
            raise BadMessage(f"first byte is {magic:#x}, not 0x0: not the Confluent wire format", topic_name)
        return int(schema_id)


def _decoded(bodies: list[bytes], text: str) -> pa.RecordBatch:
    """Avro bodies as columns. pyruhvro 0.4 panics on bytes: they are read as strings, which Avro writes alike."""
    found = pyruhvro.deserialize_array(bodies, text.replace('"bytes"', '"string"'))
    return found.cast(_arrow_schema(text)) if '"bytes"' in text else found


@lru_cache(maxsize=64)
def _arrow_schema(text: str) -> pa.Schema:
    return pyruhvro.avro_to_arrow_schema(text)


def _builtins(record: Any) -> Any:
    return msgspec.to_builtins(record, builtin_types=(bytes, Decimal))


def _body(parsed: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed, record)
    return out.getvalue()
