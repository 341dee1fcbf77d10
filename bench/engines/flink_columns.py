"""The second column of PyFlink: its Kafka source, our Arrow batch code in a flat map, its event-time windows and sinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyflink.common import Duration, Row, Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import FlatMapFunction, StreamExecutionEnvironment
from pyflink.datastream.window import TumblingEventTimeWindows
from pyflink.table import StreamTableEnvironment

from bench.engines.arrow_job import ArrowJob
from bench.engines.job import WINDOW_MS, Job, Marks, Spec

MESSAGES_PER_STEP = 100
ALERT, VIOLATION, COUNT = range(3)
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
MADE = Types.ROW_NAMED(["kind", "value", "cell", "at_ms", "n"],
                       [Types.INT(), BYTES, Types.STRING(), Types.LONG(), Types.INT()])  # fmt: skip


class Step(FlatMapFunction):  # type: ignore[misc]
    """A hundred envelopes at a time through `ArrowJob`."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._waiting, self._left = spec, list[bytes](), spec.messages

    def open(self, _context: Any) -> None:
        """Load the watchlist."""
        self._job, self._marks = ArrowJob(self._spec), Marks(self._spec)

    def flat_map(self, value: Row) -> Iterator[Row]:
        """What a full batch gives."""
        self._marks.first()
        self._waiting.append(bytes(value[0]))
        self._left -= 1
        if len(self._waiting) < MESSAGES_PER_STEP and self._left:
            return
        done, self._waiting = self._job.step(self._waiting), []
        if not self._left:
            self._job.flush()
        for topic, _, made in done.outputs:
            yield Row(ALERT if topic == self._spec.alerts else VIOLATION, made, "", 0, 0)
        for (camera_id, label, start_ms), n in done.counts:
            yield Row(COUNT, b"", f"{camera_id}|{label}", start_ms, n)


class At(TimestampAssigner):  # type: ignore[misc]
    """A partial count's window."""

    def extract_timestamp(self, value: Row, _record_timestamp: int) -> int:
        """UTC epoch ms."""
        at_ms: int = value[3]
        return at_ms


def run(env: StreamExecutionEnvironment, t_env: StreamTableEnvironment, spec: Spec) -> None:
    """Build the job on the tables `messages`, `alerts`, `violations` and `counts`, and wait for its end."""
    job = Job(spec)
    messages = t_env.to_data_stream(t_env.from_path("messages"))
    made = messages.flat_map(Step(spec), output_type=MADE)
    late = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_hours(1)).with_timestamp_assigner(At())
    counts = (
        made.filter(lambda row: row[0] == COUNT)
        .assign_timestamps_and_watermarks(late)
        .key_by(lambda row: row[2], key_type=Types.STRING())
        .window(TumblingEventTimeWindows.of(Time.milliseconds(WINDOW_MS)))
        .reduce(lambda a, b: Row(a[0], a[1], a[2], a[3], a[4] + b[4]))
        .map(lambda row: Row(_count(job, row)), output_type=Types.ROW_NAMED(["value"], [BYTES]))
    )
    statements = t_env.create_statement_set()
    for kind, name in ((ALERT, "alerts"), (VIOLATION, "violations")):
        told = made.filter(lambda row, kind=kind: row[0] == kind).map(
            lambda row: Row(row[1]), output_type=Types.ROW_NAMED(["value"], [BYTES])
        )
        statements.add_insert(name, t_env.from_data_stream(told))
    statements.add_insert("counts", t_env.from_data_stream(counts))
    statements.attach_as_datastream()
    env.execute("bench")


def _count(job: Job, row: Row) -> bytes:
    return job.encode("Count", job.count(*row[2].split("|"), row[3], row[4]))
