"""The job in PyFlink: SQL with the Confluent Avro format and TUMBLE windows in the JVM, vectorised Python functions beside it.

The JVM decodes, filters speeds, windows and writes to Kafka; the watchlist is a vectorised Python function over the
plates. ClickHouse has no SQL connector, so that a vectorised function over the raw messages of a second scan of the
topic inserts the rows. Checkpoints every 10 s; parallelism 1, one process for Python, one for the JVM.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pandas as pd
from pyflink.common import Configuration, Row
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.udf import ScalarFunction, udf

from bench.engines import flink_columns
from bench.engines.job import Job, Marks, Rows, Spec
from waysight.settings import get_settings
from waysight.topics import avro_schema

PLAIN = {"string": "STRING", "int": "INT", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
         "boolean": "BOOLEAN", "bytes": "BYTES"}  # fmt: skip
ALERT = ("plate", "camera_id", "sighting_id", "captured_ms", "received_ms", "plate_confidence", "label", "colour",
         "last_ms", "best_frame")  # fmt: skip
VIOLATION = ("camera_id", "plate", "plate_country", "plate_confidence", "label", "colour", "models", "speed_kmh",
             "speed_error_kmh", "sighting_id", "last_ms", "best_frame")  # fmt: skip
COUNT = ("camera_id", "label", "start_ms", "n")


class Wanted(ScalarFunction):  # type: ignore[misc]
    """Which plates of a batch are on the watchlist."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def open(self, _context: Any) -> None:
        """Load the watchlist."""
        self._wanted = Job(self._spec).wanted

    def eval(self, plates: pd.Series) -> pd.Series:
        """One truth per plate."""
        wanted = self._wanted
        return pd.Series([plate in wanted for plate in plates], dtype=bool)


class Store(ScalarFunction):  # type: ignore[misc]
    """Raw messages into ClickHouse; returns how many records each held."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def open(self, _context: Any) -> None:
        """Prepare decoder and client."""
        self._job, self._rows, self._marks = Job(self._spec), Rows(self._spec), Marks(self._spec)
        self._left = self._spec.events

    def eval(self, values: pd.Series) -> pd.Series:
        """Store a batch."""
        self._marks.first()
        decoded = [self._job.decode(value) for value in values]
        self._rows.add([record for records in decoded for record in records])
        self._left -= sum(map(len, decoded))
        if not self._left:
            self._rows.flush()  # a busy JVM may end this process before it is closed
        return pd.Series([len(records) for records in decoded])

    def close(self) -> None:
        """Insert the rest."""
        self._rows.flush()


class Encoded(ScalarFunction):  # type: ignore[misc]
    """Columns as one of our records in the wire format."""

    def __init__(self, spec: Spec, name: str, columns: tuple[str, ...]) -> None:
        self._spec, self._name, self._columns = spec, name, columns

    def open(self, _context: Any) -> None:
        """Prepare the encoder."""
        self._job = Job(self._spec)

    def eval(self, *values: Any) -> bytes:
        """One record."""
        plain = [v.as_dict() if isinstance(v, Row) else v for v in values]
        record = dict(zip(self._columns, plain, strict=True))
        if self._name == "Count":
            return self._job.encode("Count", self._job.count(*plain))
        made = self._job.alert(record) if self._name == "Alert" else self._job.violation(record)
        return self._job.encode(self._name, made)


def main() -> None:
    """Submit the job, wait for its end."""
    spec = Spec.read()
    wanted = Configuration()
    for key, value in _configuration(spec).items():
        wanted.set_string(key, value)
    env = StreamExecutionEnvironment.get_execution_environment(wanted)
    env.add_jars(*wanted.get_string("pipeline.jars", "").split(";"))
    t_env = StreamTableEnvironment.create(env)
    _tables(t_env, spec)
    if spec.arrow:
        flink_columns.run(env, t_env, spec)
    else:
        _functions(t_env, spec)
        statements = t_env.create_statement_set()
        for statement in _statements(spec):
            statements.add_insert_sql(statement)
        statements.execute().wait()
    Marks(spec).done()


def _configuration(spec: Spec) -> dict[str, str]:
    folder = os.environ["FLINK_JARS"]
    jars = ";".join(f"file://{folder}/{name}" for name in sorted(os.listdir(folder)) if name.endswith(".jar"))
    return {
        "pipeline.jars": jars,
        "parallelism.default": "1",
        "table.local-time-zone": "UTC",
        "pipeline.object-reuse": "true",
        "restart-strategy.type": "none",
        "python.executable": os.environ["PYFLINK_PYTHON"],
        "python.client.executable": os.environ["PYFLINK_PYTHON"],
        "execution.checkpointing.interval": "10 s",
        "execution.checkpointing.dir": f"file://{spec.folder}/checkpoints",
        "python.fn-execution.arrow.batch.size": "10000",
        "python.fn-execution.bundle.size": "20000",
        "taskmanager.memory.managed.size": "512m",
    }


def _functions(t_env: StreamTableEnvironment, spec: Spec) -> None:
    wanted = udf(Wanted(spec), result_type=DataTypes.BOOLEAN(), func_type="pandas")
    t_env.create_temporary_function("is_wanted", wanted)
    stored = udf(Store(spec), result_type=DataTypes.BIGINT(), func_type="pandas")
    t_env.create_temporary_function("store_rows", stored)
    for name, columns in (("Alert", ALERT), ("Violation", VIOLATION), ("Count", COUNT)):
        encoded = udf(Encoded(spec, name, columns), result_type=DataTypes.BYTES())
        t_env.create_temporary_function(f"encode_{name.lower()}", encoded)


def _tables(t_env: StreamTableEnvironment, spec: Spec) -> None:
    settings, schema = get_settings(), avro_schema("Sighting")
    named: dict[str, Any] = {}
    columns = ", ".join(f"`{f['name']}` {sql_type(f['type'], named)}" for f in schema["fields"])
    source = {
        "connector": "kafka",
        "topic": spec.topic,
        "properties.bootstrap.servers": settings.bootstrap,
        "properties.group.id": spec.group,
        "scan.startup.mode": "earliest-offset",
        "scan.bounded.mode": "latest-offset",
    }
    avro = {"format": "avro-confluent", "avro-confluent.url": settings.registry,
            "avro-confluent.schema": json.dumps(schema)}  # fmt: skip
    t_env.execute_sql(
        f"CREATE TABLE events ({columns}, ts AS TO_TIMESTAMP_LTZ(last_ms, 3), "
        f"WATERMARK FOR ts AS ts - INTERVAL '10' SECOND) WITH ({_options(source | avro)})"
    )
    t_env.execute_sql(f"CREATE TABLE messages (`value` BYTES) WITH ({_options(source | {'format': 'raw'})})")
    t_env.execute_sql("CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole')")
    for name, topic in (("alerts", spec.alerts), ("violations", spec.violations), ("counts", spec.counts)):
        sink = {
            "connector": "kafka",
            "topic": topic,
            "properties.bootstrap.servers": settings.bootstrap,
            "properties.compression.type": "lz4",
            "properties.linger.ms": "20",
            "format": "raw",
        }
        t_env.execute_sql(f"CREATE TABLE {name} (`value` BYTES) WITH ({_options(sink)})")


def _statements(spec: Spec) -> list[str]:
    alert, violation = (", ".join(f"`{c}`" for c in columns) for columns in (ALERT, VIOLATION))
    limit = spec.limit_kmh + spec.tolerance_kmh
    windows = (
        "SELECT camera_id, label, window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), "
        "INTERVAL '1' MINUTE)) GROUP BY camera_id, label, window_start, window_end"
    )
    start_ms = "UNIX_TIMESTAMP(DATE_FORMAT(window_start, 'yyyy-MM-dd HH:mm:ss')) * 1000"
    return [
        f"INSERT INTO alerts SELECT encode_alert({alert}) FROM events "
        f"WHERE plate_confidence >= {spec.alert_gate} AND is_wanted(plate)",
        f"INSERT INTO violations SELECT encode_violation({violation}) FROM events "
        f"WHERE CAST(speed_kmh AS DOUBLE) - CAST(speed_error_kmh AS DOUBLE) >= {limit}",
        f"INSERT INTO counts SELECT encode_count(camera_id, label, {start_ms}, n) FROM ({windows})",
        "INSERT INTO nowhere SELECT store_rows(`value`) FROM messages",
    ]


def sql_type(kind: Any, named: dict[str, Any]) -> str:
    """The SQL type of an Avro type, NOT NULL unless it is a union with null; `named` remembers records by name."""
    if isinstance(kind, list):
        return sql_type(next(k for k in kind if k != "null"), named).removesuffix(" NOT NULL")
    kind = named.get(kind, kind) if isinstance(kind, str) else kind
    if isinstance(kind, str):
        return f"{PLAIN[kind]} NOT NULL"
    named[kind.get("name", "")] = kind
    if kind["type"] == "enum":
        return "STRING NOT NULL"
    if kind["type"] == "array":
        return f"ARRAY<{sql_type(kind['items'], named)}> NOT NULL"
    inner = ", ".join(f"`{f['name']}` {sql_type(f['type'], named)}" for f in kind["fields"])
    return f"ROW<{inner}> NOT NULL"


def _options(options: dict[str, str]) -> str:
    return ", ".join(f"'{key}' = '{value.replace(chr(39), chr(39) * 2)}'" for key, value in options.items())


if __name__ == "__main__":
    main()
