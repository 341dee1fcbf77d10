"""The job in Quix Streams: its Avro deserializer, filters, tumbling windows on RocksDB with changelog, batching sink.

Windows are kept per message key (the camera) and hold a count per class, which saves the repartition topic that a
`group_by` of camera and class would cost. At least once; rows are inserted at each checkpoint, before its commit.
"""

from __future__ import annotations

from typing import Any

from quixstreams import Application
from quixstreams.models import Deserializer
from quixstreams.models.serializers.avro import AvroDeserializer
from quixstreams.sinks import BatchingSink, SinkBatch

from bench.engines.arrow_job import ArrowJob
from bench.engines.job import HEAD, ROWS_PER_INSERT, WINDOW_MS, Job, Marks, Record, Rows, Spec
from waysight.settings import get_settings
from waysight.topics import avro_schema

GRACE_MS = 10_000
ENVELOPES_PER_STEP = 100


class Avro(Deserializer):  # type: ignore[misc]
    """Quix's Avro deserializer behind the five bytes that its registry-less form does not know."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._inner = AvroDeserializer(schema=avro_schema(name))

    def __call__(self, value: bytes, ctx: Any) -> Any:
        """One message as a dict."""
        return self._inner(value[HEAD.size :], ctx)


class Sightings(BatchingSink):  # type: ignore[misc]
    """Rows into ClickHouse at each checkpoint."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self._rows = Rows(spec)

    def write(self, batch: SinkBatch) -> None:
        """One partition's records since the last checkpoint."""
        self._rows.add([item.value for item in batch])
        self._rows.flush()


def main() -> None:
    """Run until every event was seen, commit, report."""
    spec, settings = Spec.read(), get_settings()
    marks = Marks(spec)
    per_message = spec.events / spec.messages
    app = Application(
        broker_address=settings.bootstrap,
        consumer_group=spec.group,
        auto_offset_reset="earliest",
        commit_interval=600.0,
        commit_every=int(4 * ROWS_PER_INSERT / per_message),
        loglevel="WARNING",
        auto_create_topics=True,
        state_dir=f"{spec.folder}/state",
        consumer_extra_config={"fetch.message.max.bytes": 16 * 1024 * 1024},
        producer_extra_config={"compression.type": "lz4", "linger.ms": 20},
    )
    (_columns if spec.arrow else _records)(app, spec, marks)
    app.run()
    marks.done()


def _counting(app: Application, spec: Spec, marks: Marks) -> Any:
    left = [spec.messages]

    def seen(_value: Any) -> None:
        marks.first()
        left[0] -= 1
        if not left[0]:
            app.stop()

    return seen


def _records(app: Application, spec: Spec, marks: Marks) -> None:
    job = Job(spec)
    decoder = Avro("SightingBatch" if spec.envelopes else "Sighting")
    sdf = app.dataframe(app.topic(spec.topic, value_deserializer=decoder, key_deserializer="bytes"))
    sdf = sdf.update(_counting(app, spec, marks))
    if spec.envelopes:
        sdf = sdf.apply(lambda batch: batch["records"], expand=True)
        sdf = sdf.set_timestamp(lambda value, _key, _timestamp, _headers: value["last_ms"])
    alerts = sdf.filter(job.is_wanted).apply(lambda r: job.encode("Alert", job.alert(r)))
    alerts.to_topic(_bytes(app, spec.alerts))
    violations = sdf.filter(job.is_speeding).apply(lambda r: job.encode("Violation", job.violation(r)))
    violations.to_topic(_bytes(app, spec.violations))
    _told(app, spec, job, sdf.apply(lambda r: {f"{r['camera_id']}|{r['label']}": 1}))
    sdf.sink(Sightings(spec))


def _columns(app: Application, spec: Spec, marks: Marks) -> None:
    job, waiting = ArrowJob(spec), dict[bytes, list[bytes]]()
    sdf = app.dataframe(app.topic(spec.topic, value_deserializer="bytes", key_deserializer="bytes"))

    def step(value: bytes, key: bytes, timestamp: int, _headers: Any) -> list[tuple[str, Any]]:
        values = waiting.setdefault(key, [])
        values.append(value)
        if len(values) < ENVELOPES_PER_STEP and timestamp < spec.end_ms:
            return []
        done = job.step(values)
        waiting[key] = []
        if timestamp >= spec.end_ms:
            job.flush()
        windows: dict[int, dict[str, int]] = {}
        for (camera_id, label, start_ms), n in done.counts:
            windows.setdefault(start_ms, {})[f"{camera_id}|{label}"] = n
        return [(topic, value) for topic, _, value in done.outputs] + [
            ("", w) for w in sorted(windows.items())
        ]

    made = sdf.apply(step, expand=True, metadata=True)
    for topic in (spec.alerts, spec.violations):
        made.filter(lambda m, topic=topic: m[0] == topic).apply(lambda m: m[1]).to_topic(_bytes(app, topic))
    counts = made.filter(lambda m: not m[0])
    counts = counts.set_timestamp(lambda m, _key, _timestamp, _headers: m[1][0])
    _told(app, spec, Job(spec), counts.apply(lambda m: m[1][1]))
    sdf.update(_counting(app, spec, marks))


def _told(app: Application, spec: Spec, job: Job, cells: Any) -> None:
    windows = cells.tumbling_window(WINDOW_MS, grace_ms=GRACE_MS).reduce(_add, dict).final()
    counts = windows.apply(lambda window: _counts(job, window), expand=True)
    counts.to_topic(_bytes(app, spec.counts))


def _add(sums: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    for cell, n in more.items():
        sums[cell] = sums.get(cell, 0) + n
    return sums


def _counts(job: Job, window: Record) -> list[bytes]:
    return [
        job.encode("Count", job.count(*cell.split("|"), window["start"], n))
        for cell, n in window["value"].items()
    ]


def _bytes(app: Application, name: str) -> Any:
    return app.topic(name, value_serializer="bytes", key_serializer="bytes")


if __name__ == "__main__":
    main()
