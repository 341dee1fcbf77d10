"""The bench's job record by record: what every peer runs inside its own operators.

A program `python -m bench.engines.NAME SPEC` reads its `Spec` (a JSON file), writes the file `first` beside it when
it sees its first event and `done` when all its output is committed, and waits for its standard input to end, so that
the CPU of its whole process tree can be read at both moments.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa

from waysight.adapters.clickhouse import connect
from waysight.domain.ids import derive_id
from waysight.settings import get_settings
from waysight.storage.columns import conform
from waysight.storage.tables import TABLES
from waysight.topics import avro_schema

ROWS_PER_INSERT = 20_000
WINDOW_MS = 60_000
HEAD = struct.Struct(">BI")
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spec:
    """What one run is given: topics, sizes, the law, registry ids, the table, and the folder that `wanted.txt` is in."""

    folder: str
    topic: str
    events: int
    messages: int
    partitions: int
    envelopes: bool
    arrow: bool
    table: str
    group: str
    alerts: str
    violations: str
    counts: str
    limit_kmh: float
    tolerance_kmh: float
    alert_gate: float
    end_ms: int
    ids: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def read() -> Spec:
        """The spec named on the command line."""
        return Spec(**json.loads(Path(sys.argv[1]).read_text()))


class Job:
    """Decode, match, enforce and encode; pure functions of one record, with the tables they need."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        lines = (Path(spec.folder) / "wanted.txt").read_text().split()
        self.wanted = {plate: f"e{number}" for number, plate in enumerate(lines)}
        self._schemas = {name: fastavro.parse_schema(avro_schema(name)) for name in spec.ids}

    def decode(self, value: bytes) -> list[Record]:
        """The records of one message."""
        name = "SightingBatch" if self.spec.envelopes else "Sighting"
        record: Any = fastavro.schemaless_reader(io.BytesIO(value[HEAD.size :]), self._schemas[name])
        return record["records"] if self.spec.envelopes else [record]

    def is_wanted(self, record: Record) -> bool:
        """Whether a plate read surely enough is on the watchlist."""
        return record["plate"] in self.wanted and record["plate_confidence"] >= self.spec.alert_gate

    def is_speeding(self, record: Record) -> bool:
        """Whether the least speed that the measurement allows is past limit and tolerance."""
        speed, error = record["speed_kmh"], record["speed_error_kmh"]
        return speed is not None and speed - error >= self.spec.limit_kmh + self.spec.tolerance_kmh

    def alert(self, record: Record) -> Record:
        """The Alert of a wanted sighting."""
        entry = self.wanted[record["plate"]]
        kept = {name: record[name] for name in ("plate", "camera_id", "sighting_id", "captured_ms", "received_ms",
                                                "plate_confidence", "label", "colour")}  # fmt: skip
        words = dict.fromkeys(("audience", "location", "status_by", "status_reason"), "")
        words |= dict.fromkeys(("legal_basis", "authority", "case_number"), "bench")
        numbers = dict.fromkeys(
            ("priority", "distance", "version", "origin_partition", "origin_offset", "ordinal"), 0
        )
        return kept | words | numbers | {
            "alert_id": derive_id("alert", entry, record["sighting_id"]), "kind": "stolen", "subject": record["plate"],
            "entry_id": entry, "exact": True, "occurred_ms": record["last_ms"], "raised_ms": record["last_ms"],
            "evidence": record["best_frame"], "status": "new",
        }  # fmt: skip

    def violation(self, record: Record) -> Record:
        """The Violation of a speeding sighting."""
        kept = {name: record[name] for name in ("camera_id", "plate", "plate_country", "plate_confidence", "label",
                                                "colour", "models")}  # fmt: skip
        speed, error = record["speed_kmh"], record["speed_error_kmh"]
        best = record["best_frame"]
        return kept | dict.fromkeys(("origin_partition", "origin_offset", "ordinal"), 0) | {
            "violation_id": derive_id("violation", "spot_speed", record["camera_id"], record["sighting_id"]),
            "offence": "spot_speed", "section_id": "", "zone_id": "", "country": "kz", "location": "",
            "occurred_ms": best["captured_ms"] if best else record["last_ms"], "measured_kmh": speed,
            "uncertainty_kmh": error, "enforced_kmh": speed - error, "limit_kmh": self.spec.limit_kmh, "red_ms": None,
            "distance_m": None, "duration_ms": None, "enforceable": True, "obstacles": [], "certificate": "bench",
            "sighting_ids": [record["sighting_id"]], "evidence": [best] if best else [], "rule_pack": "bench",
        }  # fmt: skip

    def count(self, camera_id: str, label: str, start_ms: int, value: int) -> Record:
        """The Count of one closed window."""
        return dict.fromkeys(("version", "origin_partition", "origin_offset", "ordinal"), 0) | {
            "count_id": derive_id("count", "passes", camera_id, label, start_ms, WINDOW_MS), "measure": "passes",
            "camera_id": camera_id, "category": label, "window_start_ms": start_ms, "window_ms": WINDOW_MS,
            "value": value, "closed": True,
        }  # fmt: skip

    def encode(self, name: str, record: Record) -> bytes:
        """A record in the Confluent wire format."""
        out = io.BytesIO(HEAD.pack(0, self.spec.ids[name]))
        out.seek(HEAD.size)
        fastavro.schemaless_writer(out, self._schemas[name], record)
        return out.getvalue()


class Rows:
    """Sightings on their way into ClickHouse: columns of 20,000 rows, made of dicts or given as Arrow."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._table = spec, TABLES["sightings"]
        self._schema = self._table.insert_schema
        if (
            int(pa.__version__.split(".")[0]) < 20
        ):  # PyFlink's; it does not cast to fields that may not be null
            self._schema = pa.schema([pa.field(f.name, _nullable(f.type)) for f in self._schema])
        self._client = connect(get_settings())
        self._records: list[Record] = []

    def add(self, records: Sequence[Record]) -> None:
        """Take some; inserts when there are enough."""
        self._records += records
        if len(self._records) >= ROWS_PER_INSERT:
            self.flush()

    def flush(self) -> None:
        """Insert what waits."""
        if self._records:
            self.insert(pa.Table.from_pylist(self._records, schema=self._table.schema))
            self._records = []

    def insert(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Insert columns as they are."""
        self._client.insert(self._spec.table, conform(rows, self._schema))


def _nullable(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_nullable(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct(
            [pa.field(kind.field(i).name, _nullable(kind.field(i).type)) for i in range(kind.num_fields)]
        )
    return kind


class Marks:
    """The two moments that the measurement looks at."""

    def __init__(self, spec: Spec) -> None:
        self._folder, self._begun = Path(spec.folder), False

    def first(self) -> None:
        """The first event is here."""
        if not self._begun:
            self._begun = True
            (self._folder / "first").touch()

    def done(self) -> None:
        """Everything is committed; returns when the measurement has been taken."""
        (self._folder / "done").touch()
        sys.stdin.read()
