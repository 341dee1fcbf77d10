"""Sightings of the production schema by the million, made column by column from a plan.

Plates, paths (3 to 20 points), candidates and confidences vary; every `HIT_EVERY`-th plate is wanted and every
`SPEEDING_EVERY`-th vehicle speeds, so that the truth needs no second implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from waysight.storage.columns import arrow_schema
from waysight.topics import avro_schema, partition_for

WINDOW_MS = 60_000
HIT_EVERY, HIT_AT, SPEEDING_EVERY, SPEEDING_AT = 100, 37, 50, 11
EVENTS_PER_CAMERA_S = 8.0
LABELS = np.array(["car", "truck", "bus", "motorcycle"])
_LETTERS = "ABCEHKMOPTXY"
_TRIPLES = [a + b + c for a in _LETTERS for b in _LETTERS for c in _LETTERS]
_PLATES = 999 * len(_TRIPLES)
_MIX, _MASK = 0x9E3779B97F4A7C15F39CC0605CEDC835, (1 << 128) - 1


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
