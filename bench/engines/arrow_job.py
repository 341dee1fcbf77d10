"""The bench's job on Arrow columns: our batch code, put inside each peer for the second column of the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.engines.job import ROWS_PER_INSERT, WINDOW_MS, Job, Rows, Spec
from waysight.codec import Codec
from waysight.errors import BadMessage
from waysight.storage.columns import records_of

Cell = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Done:
    """What one batch gave: messages (topic, key, value), and passes per camera, class and window start."""

    outputs: list[tuple[str, str, bytes]]
    counts: list[tuple[Cell, int]]


class ArrowJob:
    """Batches of raw messages in, outputs and partial counts out; rows go to ClickHouse on the way."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._job, self._rows = spec, Job(spec), Rows(spec)
        self._codec = Codec(_Known(spec.ids["SightingBatch"]))
        self._waiting: list[pa.Table] = []

    def step(self, values: Sequence[bytes]) -> Done:
        """Match, enforce, count and store one batch of envelopes."""
        rows = records_of(self._codec.decode_columns("sightings", values))
        wanted = self._job.wanted
        found = np.fromiter((p in wanted for p in rows.column("plate").to_pylist()), bool, rows.num_rows)
        found &= rows.column("plate_confidence").to_numpy() >= self._spec.alert_gate
        slowest = pc.subtract(
            rows.column("speed_kmh").cast("double"), rows.column("speed_error_kmh").cast("double")
        )
        limit = self._spec.limit_kmh + self._spec.tolerance_kmh
        speeding = pc.fill_null(pc.greater_equal(slowest, limit), False).to_numpy()
        outputs = [
            (self._spec.alerts, r["plate"], self._job.encode("Alert", self._job.alert(r)))
            for r in rows.filter(pa.array(found)).to_pylist()
        ]
        outputs += [
            (self._spec.violations, r["plate"], self._job.encode("Violation", self._job.violation(r)))
            for r in rows.filter(pa.array(speeding)).to_pylist()
        ]
        self._waiting.append(rows)
        if sum(r.num_rows for r in self._waiting) >= ROWS_PER_INSERT:
            self.flush()
        return Done(outputs, _counts(rows))

    def flush(self) -> None:
        """Insert what waits."""
        if self._waiting:
            self._rows.insert(pa.concat_tables(self._waiting))
            self._waiting = []


@dataclass(frozen=True, slots=True)
class _Known:
    """A registry of the one schema that is read, by the id that the bench has looked up."""

    number: int

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        """The id."""
        del subject, schema
        return self.number

    id_of = register

    def schema(self, schema_id: int) -> dict[str, Any]:
        """Only our own writers are read."""
        raise BadMessage(f"schema id {schema_id} is not the bench's {self.number}")


def _counts(rows: pa.Table) -> list[tuple[Cell, int]]:
    last = rows.column("last_ms")
    start = pc.subtract(last, pa.array(last.to_numpy() % WINDOW_MS))
    cells = pa.table({"camera": rows.column("camera_id"), "label": rows.column("label"), "start": start})
    found = cells.group_by(["camera", "label", "start"]).aggregate([([], "count_all")])
    columns = [found.column(name).to_pylist() for name in ("camera", "label", "start", "count_all")]
    return [((camera, label, at), n) for camera, label, at, n in zip(*columns, strict=True)]
