"""The bench's sightings as messages: each is encoded once, and the same bytes are packed in four ways.

Single events and envelopes of 50 (by camera, for the peers), and `sightings` and `passes` with watermarks as `track`
makes them (for us); with the truth of the bench's job.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyruhvro

from bench.sighting_columns import (
    HIT_AT,
    HIT_EVERY,
    SPEEDING_AT,
    SPEEDING_EVERY,
    WINDOW_MS,
    Plan,
    chunk,
    sentinels,
    sighting_id,
)
from waysight.codec import Codec
from waysight.messages import PassBatch, SightingBatch
from waysight.storage.columns import arrow_schema
from waysight.topics import avro_schema, partition_for

ENVELOPE = 50
LIMIT_KMH, TOLERANCE_KMH, ALERT_GATE = 60.0, 10.0, 0.8
_CHUNK = 50_000
_ONE, _NONE = b"\x02", b"\0"  # an Avro array of one item begins so; an empty one

Sent = tuple[str, int, bytes, bytes, int]  # topic, partition, key, value, timestamp (UTC epoch ms)


@dataclass
class Truth:
    """What the job must put out: ids of sightings that alert or speed, counts per (camera, class, window start)."""

    alerts: set[str] = field(default_factory=set)
    violations: set[str] = field(default_factory=set)
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    rows: int = 0


class Feed:
    """Messages of a plan; `truth` is complete when `messages` has been read to its end.

    `single_id` is the registry's id of a lone Sighting, for the topic of single events.
    """

    def __init__(self, plan: Plan, codec: Codec, single_id: int = 0) -> None:
        self.plan, self.truth = plan, Truth()
        light = {
            **avro_schema("Pass"),
            "fields": [f for f in avro_schema("Pass")["fields"] if f["name"] != "whole"],
        }
        self._schemas = {
            "Sighting": avro_schema("Sighting"),
            "Pass": light,
            "Watermark": avro_schema("Watermark"),
        }
        self._homes = [partition_for(f"camera:cam-{c}", plan.partitions) for c in range(plan.cameras)]
        self.head = codec.encode("sightings", SightingBatch(records=(), watermarks=()))[:5]
        self.pass_head = codec.encode("passes", PassBatch(records=(), watermarks=()))[:5]
        self.single_head = b"\0" + single_id.to_bytes(4, "big")

    def messages(self, ours: bool = False, single: str = "", envelopes: str = "") -> Iterator[Sent]:
        """All messages in the order of event time: `sightings` and `passes` for us, and the named topics of the peers.

        The peers' topics end with one sighting per camera and class an hour later, which closes every window.
        """
        plan, packer = self.plan, _Packer(self, ours, single, envelopes)
        for first in range(plan.first, plan.first + plan.records, _CHUNK):
            batch = chunk(plan, first, min(_CHUNK, plan.first + plan.records - first))
            self._know(batch, first)
            yield from packer.add(batch)
        yield from packer.end()
        if single or envelopes:
            later = _Packer(self, False, single, envelopes)
            yield from later.add(sentinels(plan))
            yield from later.end()

    def bodies(self, record: str, batch: pa.RecordBatch) -> list[bytes]:
        """The Avro bodies of some records."""
        encoded = pyruhvro.serialize_record_batch(batch, json.dumps(self._schemas[record]), 1)
        return [value for array in encoded for value in array.to_pylist()]

    def passes(self, batch: pa.RecordBatch, sightings: Sequence[bytes]) -> list[bytes]:
        """The Avro bodies of the passes under the cameras' keys."""
        keys = [f"camera:{c}" for c in batch.column("camera_id").to_pylist()]
        columns = [
            pa.array(keys) if f["name"] == "key" else batch.column(f["name"])
            for f in self._schemas["Pass"]["fields"]
        ]
        light = pa.RecordBatch.from_arrays(
            columns, names=[f["name"] for f in self._schemas["Pass"]["fields"]]
        )
        wholes = [self.head + _ONE + body + _NONE + _NONE for body in sightings]
        return [p + zigzag(len(w)) + w for p, w in zip(self.bodies("Pass", light), wholes, strict=True)]

    def watermarks(self, at_ms: int, offset: int) -> list[bytes]:
        """One watermark of every camera, encoded."""
        cameras = self.plan.cameras
        columns = {
            "camera_id": [f"cam-{c}" for c in range(cameras)],
            "captured_ms": [at_ms] * cameras,
            "end": [False] * cameras,
            "origin_partition": self._homes,
            "origin_offset": [offset] * cameras,
            "ordinal": list(range(cameras)),
        }
        return self.bodies("Watermark", pa.RecordBatch.from_pydict(columns, schema=arrow_schema("Watermark")))

    def _know(self, batch: pa.RecordBatch, first: int) -> None:
        number = range(first, first + batch.num_rows)
        self.truth.alerts.update(sighting_id(n) for n in number if n % HIT_EVERY == HIT_AT)
        self.truth.violations.update(sighting_id(n) for n in number if n % SPEEDING_EVERY == SPEEDING_AT)
        starts = (batch.column("last_ms").to_numpy() // WINDOW_MS * WINDOW_MS).tolist()
        cameras, labels = batch.column("camera_id").to_pylist(), batch.column("label").to_pylist()
        self.truth.counts.update(zip(cameras, labels, starts, strict=True))
        self.truth.rows += batch.num_rows


class _Packer:
    """Gathers records per topic and partition until an envelope is full."""

    def __init__(self, feed: Feed, ours: bool, single: str, envelopes: str) -> None:
        self._feed, self._ours, self._single, self._envelopes = feed, ours, single, envelopes
        self._partitions = range(feed.plan.partitions)
        self._records: dict[tuple[str, int], list[bytes]] = {}
        self._marks: dict[tuple[str, int], list[bytes]] = {}
        self._second = feed.plan.at_ms(feed.plan.first) // 1000
        self._heads, self._newest_ms = {"passes": feed.pass_head}, 0

    def add(self, batch: pa.RecordBatch) -> Iterator[Sent]:
        """What is full after some more sightings."""
        bodies = self._feed.bodies("Sighting", batch)
        passes = self._feed.passes(batch, bodies) if self._ours else []
        names = ("origin_partition", "last_ms", "origin_offset", "camera_id", "plate")
        rows = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
        for n, (home, at, offset, camera, plate) in enumerate(rows):
            self._newest_ms = at
            if self._single:
                yield self._single, home, camera.encode(), self._feed.single_head + bodies[n], at
            if self._envelopes:
                yield from self._put(self._envelopes, home, bodies[n], at)
            if self._ours:
                if at // 1000 > self._second:
                    self._tick(at // 1000, offset - 1)
                yield from self._put("sightings", partition_for(plate, len(self._partitions)), bodies[n], at)
                yield from self._put("passes", home, passes[n], at)

    def end(self) -> Iterator[Sent]:
        """What is left; our topics end with watermarks that close every window."""
        if self._ours:
            self._tick(self._feed.plan.end_ms // 1000, 2 * (self._feed.plan.first + self._feed.plan.records))
        for topic, partition in sorted({*self._records, *self._marks}):
            yield self._full(topic, partition, self._newest_ms)

    def _tick(self, second: int, offset: int) -> None:
        self._second = second
        marks = self._feed.watermarks(1000 * second, offset)
        for at in ((t, p) for t in ("sightings", "passes") for p in self._partitions):
            self._marks.setdefault(at, []).extend(marks)

    def _put(self, topic: str, partition: int, body: bytes, at: int) -> Iterator[Sent]:
        records = self._records.setdefault((topic, partition), [])
        records.append(body)
        if len(records) == ENVELOPE:
            yield self._full(topic, partition, at)

    def _full(self, topic: str, partition: int, at: int) -> Sent:
        records = block(self._records.pop((topic, partition), []))
        marks = block(self._marks.pop((topic, partition), []))
        value = self._heads.get(topic, self._feed.head) + records + marks
        return topic, partition, f"partition-{partition}".encode(), value, at


def block(items: Sequence[bytes]) -> bytes:
    """An Avro array of encoded items."""
    return zigzag(len(items)) + b"".join(items) + _NONE if items else _NONE


def zigzag(number: int) -> bytes:
    """An Avro long that is not negative."""
    number, out = 2 * number, bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))
