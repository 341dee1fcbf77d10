"""Packed tables on the topic `shards`: a worker loads them instead of reading millions of records one by one.

A shard says from which offsets on the records themselves must still be read, so an old one costs time, never truth. One
that is older than half a day is left out: what was removed meanwhile may be gone from the compacted topic, tombstone and
all. Each table has its own partition, so that nobody reads the shards of a table that he does not need.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy.typing as npt
import pyarrow as pa

from waysight.adapters.kafka import Publisher, read_messages
from waysight.adapters.text_columns import from_bytes, to_bytes
from waysight.codec import Codec
from waysight.errors import BadMessage
from waysight.messages import Shard
from waysight.settings import Settings

TOPIC = "shards"
PARTITIONS = {"watchlist": 0, "vehicles": 1}
ROWS_A_SHARD = 50_000
MOST_AGE_MS = 12 * 3_600_000
_AHEAD_MS = 60_000  # a builder's clock may be that much ahead of ours

_log = logging.getLogger(__name__)


class Sharded(Protocol):
    """A table whose rows belong to shards."""

    name: str

    def shard_of(self, table: pa.Table, of: int) -> npt.NDArray:  # type: ignore[type-arg]
        """In which of `of` shards each row belongs."""


@dataclass(frozen=True, slots=True)
class Found:
    """The shards of a table, and per partition the offset from which on its topic must be read."""

    parts: tuple[pa.Table, ...] = ()
    covers: tuple[int, ...] = ()
    rows: int = 0
    built_ms: int = 0
    bytes: int = 0


def read_shards(settings: Settings, codec: Codec, name: str, now_ms: int) -> Found:
    """The newest whole set of a table's shards; an empty one when there is none. Raises BadConfiguration, EngineDown."""
    newest: dict[bytes, bytes] = {}
    for message in read_messages(settings, TOPIC, PARTITIONS[name]):
        if message.value is not None:
            newest[message.key or b""] = message.value
    sets: dict[int, dict[int, Shard]] = {}
    for value in newest.values():
        try:
            shard: Shard = codec.decode(TOPIC, value)
        except BadMessage as error:
            _log.warning("left out a shard of %s: %s", name, error.reason)
            continue
        if -_AHEAD_MS <= now_ms - shard.built_ms <= MOST_AGE_MS:
            sets.setdefault(shard.of, {})[shard.number] = shard
    whole = [tuple(found.values()) for of, found in sets.items() if len(found) == of]
    if not whole:
        return Found()
    shards = max(whole, key=lambda found: min(s.built_ms for s in found))
    if len({len(s.covers) for s in shards}) != 1:
        return Found()
    try:
        parts = tuple(from_bytes(s.columns) for s in shards)
    except pa.ArrowInvalid as error:
        _log.warning("left out the shards of %s: %s", name, error)
        return Found()
    covers = tuple(map(min, zip(*(s.covers for s in shards), strict=True)))
    told = sum(s.rows for s in shards), min(s.built_ms for s in shards), sum(len(s.columns) for s in shards)
    return Found(parts, covers, *told)


def write_shards(
    publisher: Publisher, table: Sharded, rows: pa.Table, ends: Mapping[int, int], now_ms: int
) -> Sequence[Shard]:
    """Publish a table's rows, read up to `ends`, as shards; returns what was sent (without waiting). Raises EngineDown."""
    of = 1 << max(0, (len(rows) - 1) // ROWS_A_SHARD).bit_length()
    where = table.shard_of(rows, of)
    covers = tuple(ends[p] for p in sorted(ends))
    sent = []
    for number in range(of):
        chosen = rows.filter(pa.array(where == number))
        shard = Shard(table=table.name, number=number, of=of, rows=len(chosen), built_ms=now_ms, covers=covers,
                      columns=to_bytes(chosen))  # fmt: skip
        publisher.publish(TOPIC, f"{table.name}/{number}", shard, partition=PARTITIONS[table.name])
        sent.append(shard)
    return sent
