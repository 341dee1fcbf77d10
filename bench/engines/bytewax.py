"""The job in Bytewax: Kafka source by batches, flat maps, fold windows on an event clock, Kafka sinks, a batch sink.

Without recovery (no guarantee): snapshots cost it next to nothing, and its stateless sink could not flush with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import cluster_main

from bench.engines.arrow_job import ArrowJob
from bench.engines.job import WINDOW_MS, Job, Marks, Record, Rows, Spec
from waysight.settings import get_settings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATE = timedelta(
    hours=1
)  # its clock also runs on while the machine is busy elsewhere; earlier, backlogs would be late
SOURCE_BATCH, ENVELOPE_BATCH = 2000, 100
OUTPUT = {"compression.type": "lz4", "linger.ms": "20"}


class Sightings(DynamicSink[Record], StatelessSinkPartition[Record]):  # type: ignore[misc]
    """Rows into ClickHouse, 20,000 at a time; its own only partition."""

    def __init__(self, spec: Spec) -> None:
        self._rows = Rows(spec)

    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> Sightings:
        """The one partition."""
        return self

    def write_batch(self, items: list[Record]) -> None:
        """Take a batch."""
        self._rows.add(items)

    def close(self) -> None:
        """Insert the rest."""
        self._rows.flush()


def main() -> None:
    """Run to the end of the topic."""
    spec, settings = Spec.read(), get_settings()
    marks = Marks(spec)
    flow = Dataflow("bench")
    source = KafkaSource(
        [settings.bootstrap],
        [spec.topic],
        tail=False,
        batch_size=ENVELOPE_BATCH if spec.envelopes else SOURCE_BATCH,
        add_config={"fetch.message.max.bytes": str(16 * 1024 * 1024), "queued.max.messages.kbytes": "65536"},
    )
    messages = op.input("in", flow, source)
    (_columns if spec.arrow else _records)(spec, settings.bootstrap, messages, marks)
    cluster_main(flow, [], 0, epoch_interval=timedelta(seconds=10))
    marks.done()


def _records(spec: Spec, broker: str, messages: Any, marks: Marks) -> None:
    job = Job(spec)

    def decode(batch: list[Any]) -> Iterable[Record]:
        marks.first()
        return [record for message in batch for record in job.decode(message.value)]

    records = op.flat_map_batch("decode", messages, decode)
    alerts = op.filter_map(
        "match", records, lambda r: _sent(job, "Alert", job.alert(r)) if job.is_wanted(r) else None
    )
    op.output("alerts", alerts, KafkaSink([broker], spec.alerts, OUTPUT))
    violations = op.filter_map(
        "enforce",
        records,
        lambda r: _sent(job, "Violation", job.violation(r)) if job.is_speeding(r) else None,
    )
    op.output("violations", violations, KafkaSink([broker], spec.violations, OUTPUT))
    cells = op.map("cell", records, lambda r: (f"{r['camera_id']}|{r['label']}", (r["last_ms"], 1)))
    _told(spec, broker, cells)
    op.output("store", records, Sightings(spec))


def _columns(spec: Spec, broker: str, messages: Any, marks: Marks) -> None:
    job = ArrowJob(spec)

    def step(batch: list[Any]) -> Iterable[tuple[str, Any, Any]]:
        marks.first()
        done = job.step([message.value for message in batch])
        yield from done.outputs
        for (camera_id, label, start_ms), n in done.counts:
            yield "", f"{camera_id}|{label}", (start_ms, n)

    class Rest(Sightings):
        def __init__(self) -> None:
            """The rows are inserted by the job; only what is left waits for the end."""

        def write_batch(self, items: list[Any]) -> None:
            """Nothing to take."""

        def close(self) -> None:
            """Insert the rest."""
            job.flush()

    made = op.flat_map_batch("step", messages, step)
    for topic in (spec.alerts, spec.violations):
        sent = op.filter_map(
            f"to {topic}",
            made,
            lambda m, topic=topic: KafkaSinkMessage(m[1].encode(), m[2]) if m[0] == topic else None,
        )
        op.output(topic, sent, KafkaSink([broker], topic, OUTPUT))
    _told(spec, broker, op.filter_map("cell", made, lambda m: None if m[0] else (m[1], m[2])))
    op.output("store", op.filter("none", made, lambda _m: False), Rest())


def _told(spec: Spec, broker: str, cells: Any) -> None:
    job = Job(spec)
    clock = win.EventClock(lambda v: EPOCH + timedelta(milliseconds=v[0]), LATE)
    windower = win.TumblingWindower(timedelta(milliseconds=WINDOW_MS), EPOCH)
    windows = win.fold_window(
        "count",
        cells,
        clock,
        windower,
        lambda: (0, 0),
        lambda s, v: (v[0], s[1] + v[1]),
        lambda s, t: (t[0], s[1] + t[1]),
    )

    def told(item: tuple[str, tuple[int, tuple[int, int]]]) -> Any:
        cell, (_, (at, n)) = item
        camera_id, label = cell.split("|")
        return _sent(job, "Count", job.count(camera_id, label, at - at % WINDOW_MS, n))

    op.output("counts", op.map("told", windows.down, told), KafkaSink([broker], spec.counts, OUTPUT))


def _sent(job: Job, name: str, record: Record) -> Any:
    key = record["camera_id"] if name == "Count" else record["plate"]
    return KafkaSinkMessage(key.encode(), job.encode(name, record))


if __name__ == "__main__":
    main()
