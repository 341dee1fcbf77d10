"""Sightings of the production schema by the million, made column by column, with the truth of the bench's job.

`chunk` makes a run of sightings as Arrow columns; `Feed` encodes each once and packs the same bytes in four ways:
single events and envelopes of 50 (by camera, for the peers), and `sightings` and `passes` with watermarks as `track`
makes them (for us). Plates, paths (3 to 20 points), candidates and confidences vary; every `HIT_EVERY`-th plate is
wanted and every `SPEEDING_EVERY`-th vehicle speeds, so that the truth needs no second implementation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro
from numpy.typing import NDArray

from waysight.codec import Codec
from waysight.messages import PassBatch, SightingBatch
from waysight.storage.columns import arrow_schema
from waysight.topics import avro_schema, partition_for

WINDOW_MS = 60_000
HIT_EVERY, HIT_AT, SPEEDING_EVERY, SPEEDING_AT, ENVELOPE = 100, 37, 50, 11, 50
EVENTS_PER_CAMERA_S = 8.0
LIMIT_KMH, TOLERANCE_KMH, ALERT_GATE = 60.0, 10.0, 0.8
LABELS = np.array(["car", "truck", "bus", "motorcycle"])
_LETTERS = "ABCEHKMOPTXY"
_TRIPLES = [a + b + c for a in _LETTERS for b in _LETTERS for c in _LETTERS]
_PLATES = 999 * len(_TRIPLES)
_MIX, _MASK = 0x9E3779B97F4A7C15F39CC0605CEDC835, (1 << 128) - 1
_CHUNK = 50_000
_ONE, _NONE = b"\x02", b"\0"  # an Avro array of one item begins so; an empty one

Sent = tuple[str, int, bytes, bytes, int]  # topic, partition, key, value, timestamp (UTC epoch ms)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many sightings of how many cameras, from which place in the endless stream; `wanted` plates are sought.

    `start_ms` (UTC epoch ms, a full minute) is when the stream begins: lately, or ClickHouse would forget it at once.
    """

    records: int
    start_ms: int
    first: int = 0
    cameras: int = 64
    partitions: int = 4
    wanted: int = 100_000

    def at_ms(self, number: int) -> int:
        """When the n-th sighting ends, UTC epoch ms."""
        return self.start_ms + int(number * 1000 / (EVENTS_PER_CAMERA_S * self.cameras))

    def next(self, records: int) -> Plan:
        """A plan that begins after this one has ended, on a full minute."""
        first = round((self.end_ms - self.start_ms) / 1000 * EVENTS_PER_CAMERA_S * self.cameras)
        return replace(self, first=first, records=records)

    @property
    def end_ms(self) -> int:
        """After the last sighting; a full minute."""
        after = self.at_ms(self.first + self.records)
        return after + WINDOW_MS - after % WINDOW_MS


@dataclass
class Truth:
    """What the job must put out: ids of sightings that alert or speed, counts per (camera, class, window start)."""

    alerts: set[str] = field(default_factory=set)
    violations: set[str] = field(default_factory=set)
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    rows: int = 0


def wanted_plate(number: int) -> str:
    """The n-th plate of the watchlist; regions 11 to 20, which no other vehicle of the feed has."""
    return _plate((number * 7919) % _PLATES, 11 + number // _PLATES % 10)


def sighting_id(number: int) -> str:
    """The id of the n-th sighting."""
    return f"{(number + 1) * _MIX & _MASK:032x}"


def chunk(plan: Plan, first: int, count: int) -> pa.RecordBatch:
    """Sightings `first` to `first + count` of the stream, the same for every way of splitting it by chunks of 50,000."""
    chance = np.random.default_rng([7, first])
    number = np.arange(first, first + count)
    at = np.array([plan.at_ms(int(n)) for n in number])
    hit, speeding = number % HIT_EVERY == HIT_AT, number % SPEEDING_EVERY == SPEEDING_AT
    unsure = (chance.random(count) < 0.05) & ~hit
    camera = chance.integers(plan.cameras, size=count)
    points = chance.integers(3, 21, count)
    speed = np.where(speeding, chance.uniform(75, 130, count), chance.uniform(20, 66, count))
    drawn, region = chance.integers(_PLATES, size=count), chance.integers(1, 11, count)
    plates = [
        wanted_plate(n // HIT_EVERY % plan.wanted) if h else _plate(p, r)
        for n, h, p, r in zip(number.tolist(), hit, drawn.tolist(), region.tolist(), strict=True)
    ]
    confidence = np.where(unsure, chance.uniform(0.5, 0.79, count), chance.uniform(0.88, 0.999, count))
    lengths = np.array([len(p) for p in plates])
    ends = np.concatenate(([0], np.cumsum(lengths)))
    characters = chance.uniform(0.97, 0.9999, ends[-1]).astype(np.float32)
    doubtful = ends[:-1][unsure] + chance.integers(3, 6, int(unsure.sum()))
    characters[doubtful] = chance.uniform(0.4, 0.7, doubtful.size)
    cameras = [f"cam-{c}" for c in camera.tolist()]
    homes = np.array([partition_for(f"camera:cam-{c}", plan.partitions) for c in range(plan.cameras)])
    values: dict[str, Any] = {
        "sighting_id": [sighting_id(n) for n in number.tolist()],
        "revision": 0,
        "final": True,
        "camera_id": cameras,
        "epoch": "e1",
        "label": chance.choice(LABELS, size=count, p=[0.8, 0.1, 0.05, 0.05]),
        "label_confidence": chance.uniform(0.6, 0.99, count),
        "first_ms": at - 200 * points,
        "last_ms": at,
        "clock_error_ms": 40,
        "frames": points,
        "plate": plates,
        "plate_country": "kz",
        "plate_confidence": confidence,
        "plate_confidences": pa.ListArray.from_arrays(ends.astype(np.int32), characters),
        "plate_candidates": _candidates(chance, plates, confidence),
        "plate_votes": np.maximum(2, points - 1),
        "colour": chance.choice(["white", "black", "grey", "blue", "red"], size=count),
        "colour_confidence": chance.uniform(0.5, 0.99, count),
        "looks": "",
        "speed_kmh": speed,
        "speed_error_kmh": chance.uniform(0.5, 3, count),
        "path": _paths(chance, at, points, speed),
        "zones": pa.ListArray.from_arrays(np.zeros(count + 1, np.int32), pa.array([], pa.string())),
        "dwell_ms": 200 * points,
        "best_frame": _frames(chance, number, cameras, at, plates, confidence),
        "second_frame": _frames(chance, number, cameras, at - 200, plates, confidence),
        "models": "vehicle_detector@1 plate_reader@1",
        "captured_ms": at,
        "received_ms": at,
        "emitted_ms": at,
        "origin_partition": homes[camera],
        "origin_offset": 2 * number + 1,
        "ordinal": 0,
    }
    schema = arrow_schema("Sighting")
    defaults = {f["name"]: f.get("default") for f in avro_schema("Sighting")["fields"]}
    columns = [_column(values.get(f.name, defaults[f.name]), f.type, count) for f in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


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


def sentinels(plan: Plan) -> pa.RecordBatch:
    """One sighting per camera and class an hour after the plan's end: without plate and speed, in no truth."""
    cells = [(f"cam-{c}", str(label)) for c in range(plan.cameras) for label in LABELS]
    homes = [partition_for(f"camera:{camera}", plan.partitions) for camera, _ in cells]
    at = plan.end_ms + 3_600_000
    changed = {
        "sighting_id": [f"sentinel-{camera}-{label}" for camera, label in cells],
        "camera_id": [camera for camera, _ in cells],
        "label": [label for _, label in cells],
        "plate": "",
        "plate_confidence": 0.0,
        "speed_kmh": None,
        "first_ms": at,
        "last_ms": at,
        "captured_ms": at,
        "origin_partition": homes,
    }
    batch = chunk(plan, 0, len(cells))
    columns = [
        _column(changed[f.name], f.type, len(cells)) if f.name in changed else batch.column(f.name)
        for f in batch.schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


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


def _plate(number: int, region: int) -> str:
    return f"{number // len(_TRIPLES) + 1:03d}{_TRIPLES[number % len(_TRIPLES)]}{region:02d}"


def _column(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    if isinstance(value, pa.Array):
        return value.cast(kind)
    if isinstance(value, list | np.ndarray):
        return pa.array(value if isinstance(value, list) else value.tolist(), kind)
    return pa.array([value] * count, kind)


def _candidates(chance: np.random.Generator, plates: Sequence[str], confidence: NDArray[Any]) -> pa.Array:
    more = chance.integers(0, 3, len(plates)).tolist()
    made = []
    for plate, sure, others in zip(plates, confidence.tolist(), more, strict=True):
        second = [(plate[:3] + "O" + plate[4:], 0.02), (plate[:-1] + "7", 0.01)][:others]
        made.append([{"text": t, "confidence": c} for t, c in ((plate, sure), *second)])
    return pa.array(made, arrow_schema("Sighting").field("plate_candidates").type)


def _paths(
    chance: np.random.Generator, at: NDArray[Any], points: NDArray[Any], speed: NDArray[Any]
) -> pa.Array:
    ends = np.concatenate(([0], np.cumsum(points))).astype(np.int32)
    place = np.arange(ends[-1]) - np.repeat(ends[:-1], points)
    left = np.repeat(points, points) - 1 - place
    columns = {
        "captured_ms": np.repeat(at, points) - 200 * left,
        "x_m": chance.normal(1.5, 0.2, ends[-1]).astype(np.float32),
        "y_m": (60 - np.repeat(speed, points) / 3.6 * 0.2 * place).astype(np.float32),
        "x_px": chance.uniform(300, 1600, ends[-1]).astype(np.float32),
        "y_px": chance.uniform(200, 1000, ends[-1]).astype(np.float32),
    }
    kind = arrow_schema("Sighting").field("path").type
    fields = [kind.value_type.field(i) for i in range(kind.value_type.num_fields)]
    inner = pa.StructArray.from_arrays([pa.array(columns[f.name], f.type) for f in fields], fields=fields)
    return pa.ListArray.from_arrays(ends, inner)


def _frames(
    chance: np.random.Generator,
    number: NDArray[Any],
    cameras: Sequence[str],
    at: NDArray[Any],
    plates: Sequence[str],
    confidence: NDArray[Any],
) -> pa.Array:
    digests = chance.bytes(32 * len(plates)).hex()
    values: dict[str, Any] = {
        "captured_ms": at,
        "evidence_ref": [
            f"frames/{c}/20260601/e1-{n:09d}.h264" for c, n in zip(cameras, number.tolist(), strict=True)
        ],
        "sha256": [digests[64 * n : 64 * n + 64] for n in range(len(plates))],
        "plate_text": list(plates),
        "plate_confidence": confidence,
    }
    kind = arrow_schema("Sighting").field("best_frame").type
    fields = [kind.field(i) for i in range(kind.num_fields)]
    places = {
        f.name: chance.uniform(0, 1900, len(plates)).astype(np.float32)
        for f in fields
        if f.name not in values
    }
    arrays = [_column((values | places)[f.name], f.type, len(plates)) for f in fields]
    return pa.StructArray.from_arrays(arrays, fields=fields)
