"""Runs one engine on prepared topics: CPU of its whole process tree between its first event and its last commit, and its output."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka.admin import AdminClient, NewTopic

from bench.engines.job import Spec
from bench.feed import ALERT_GATE, LIMIT_KMH, TOLERANCE_KMH, Truth
from bench.flink_parts import flink_environment
from bench.sighting_columns import Plan
from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import client_config, read_messages
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import BadMessage, EngineDown
from waysight.local import triton_venv
from waysight.settings import Settings, get_settings
from waysight.topics import avro_schema, topic

ROOT = Path(__file__).resolve().parent.parent
SINGLE, ENVELOPES = "bench-single", "bench-envelopes"
LIMIT_S = 1500.0
RECORDS = ("Sighting", "SightingBatch", "Alert", "Violation", "Count")


@dataclass(frozen=True, slots=True)
class Engine:
    """One peer: its module, its environment ("" = ours), and the input form that suits its own operators."""

    name: str
    environment: str
    envelopes: bool

    @property
    def module(self) -> str:
        """The program."""
        return f"bench.engines.{self.environment or self.name}"


ENGINES = {
    e.name: e
    for e in (
        Engine("reference", "", envelopes=True),
        Engine("quixstreams", "quix", envelopes=False),
        Engine("bytewax", "bytewax", envelopes=True),
        Engine("pyflink", "flink", envelopes=False),
    )
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave: CPU-s, wall s, and in words how its output differs from the truth ("" = not at all)."""

    cpu_s: float
    wall_s: float
    wrong: str


def python_of(engine: Engine) -> str:
    """The engine's interpreter; makes its environment on first use and lets it see ours behind its own packages."""
    if not engine.environment:
        return sys.executable
    home = (get_settings().state_dir / f"bench-{engine.environment}").resolve()
    requirements = ROOT / "bench" / f"requirements-{engine.environment}.txt"
    triton_venv.make(
        home, requirements, lambda line: print(line, file=sys.stderr), f"{engine.name}'s environment"
    )
    ours = Path(psutil.__file__).parents[1]
    link = triton_venv.packages(home) / "waysight_bench.pth"
    link.write_text(f"import site; site.addsitedir({str(ours)!r})\n")
    return str(home / "bin" / "python")


def schema_ids(settings: Settings) -> dict[str, int]:
    """The registry's ids of the records that the peers read and write."""
    registry = ConfluentRegistry(settings.registry)
    topics = {"SightingBatch": "sightings", "Alert": "alerts", "Violation": "violations", "Count": "counts"}
    subjects = {
        name: topic(topics[name]).subject if name in topics else f"{SINGLE}-value" for name in RECORDS
    }
    return {name: registry.register(subject, avro_schema(name)) for name, subject in subjects.items()}


def run(
    settings: Settings, engine: Engine, plan: Plan, truth: Truth, sizes: dict[str, int], label: str,
    arrow: bool = False, envelopes: bool | None = None,
) -> Run:  # fmt: skip
    """Let an engine read the topics once; raises EngineDown when it fails."""
    packed = arrow or (engine.envelopes if envelopes is None else envelopes)
    source = next(name for name in sizes if name.startswith(ENVELOPES if packed else SINGLE))
    name = f"{label}-{engine.name}{'-arrow' if arrow else ''}"
    table = name.replace("-", "_")
    with tempfile.TemporaryDirectory(prefix="waysight-bench-") as folder:
        outputs = {kind: f"bench-{kind}-{name}" for kind in ("alerts", "violations", "counts")}
        spec = Spec(
            folder=folder, topic=source, events=truth.rows + 4 * plan.cameras, messages=sizes[source],
            partitions=plan.partitions, envelopes=packed, arrow=arrow, table=table, group=f"bench-{name}",
            limit_kmh=LIMIT_KMH, tolerance_kmh=TOLERANCE_KMH, alert_gate=ALERT_GATE, end_ms=plan.end_ms,
            ids=schema_ids(settings), **outputs,
        )  # fmt: skip
        (Path(folder) / "spec.json").write_text(json.dumps(asdict(spec)))
        shutil.copyfile(settings.state_dir / "wanted.txt", Path(folder) / "wanted.txt")
        make_topics(settings, outputs.values(), plan.partitions)
        client = connect(settings)
        client.run(f"CREATE TABLE {table} AS sightings")
        try:
            cpu_s, wall_s = _measured(settings, engine, Path(folder))
            wrong = _checked(settings, spec, truth)
        finally:
            client.run(f"DROP TABLE {table}")
            drop_topics(settings, outputs.values())
    return Run(cpu_s, wall_s, wrong)


def tree_cpu_s(pid: int) -> float:
    """CPU-seconds, user and system, of a process, its living descendants, and the dead ones that they waited for."""
    root = psutil.Process(pid)
    spent = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


def make_topics(settings: Settings, names: Any, partitions: int) -> None:
    """Create plain topics."""
    admin = AdminClient(client_config(settings))
    config = {"max.message.bytes": str(16 * 1024 * 1024), "retention.ms": "-1"}
    made = admin.create_topics([NewTopic(n, partitions, 1, config=config) for n in names])
    for future in made.values():
        future.result(30)


def drop_topics(settings: Settings, names: Any) -> None:
    """Delete topics; the broker takes its time."""
    admin = AdminClient(client_config(settings))
    for future in admin.delete_topics(list(names)).values():
        future.result(30)


def _measured(settings: Settings, engine: Engine, folder: Path) -> tuple[float, float]:
    command = [python_of(engine), "-m", engine.module, str(folder / "spec.json")]
    environment = {**settings.child_environment(), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    if engine.environment == "flink":
        environment |= flink_environment(settings, Path(command[0]).parents[1])
    log = folder / "log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=output, stderr=output
        )
    try:
        begun = _wait(child, folder / "first", log)
        began = time.monotonic()
        done = _wait(child, folder / "done", log)
        return done - begun, time.monotonic() - began
    finally:
        alive = psutil.Process(child.pid).children(recursive=True) if child.poll() is None else []
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for process in alive:
            if process.is_running():
                process.kill()


def _wait(child: subprocess.Popen[bytes], mark: Path, log: Path) -> float:
    until = time.monotonic() + LIMIT_S
    while not mark.exists():
        if child.poll() is not None or time.monotonic() > until:
            said = log.read_text(errors="replace")[-2000:]
            raise EngineDown(f"{' '.join(map(str, child.args[1:3]))} did not get to `{mark.name}`: {said}")  # type: ignore[index]
        time.sleep(0.02)
    return tree_cpu_s(child.pid)


def _checked(settings: Settings, spec: Spec, truth: Truth) -> str:
    codec = Codec(ConfluentRegistry(settings.registry))
    alerts = [a.sighting_id for a in _told(settings, codec, spec.alerts, "alerts")]
    violations = [v.sighting_ids[0] for v in _told(settings, codec, spec.violations, "violations")]
    counts: Counter[tuple[str, str, int]] = Counter()
    for c in _told(settings, codec, spec.counts, "counts"):
        counts[c.camera_id, c.category, c.window_start_ms] += c.value
    found = connect(settings).rows(
        f"SELECT count() AS n, uniqExact(sighting_id) AS ids FROM {spec.table} WHERE sighting_id NOT LIKE 'sentinel%'"
    )[0]
    return compared(truth, alerts, violations, counts, (int(found["n"]), int(found["ids"])), spec.end_ms)


def compared(
    truth: Truth,
    alerts: Sequence[str],
    violations: Sequence[str],
    counts: Counter[tuple[str, str, int]],
    rows: tuple[int, int],
    end_ms: int,
) -> str:
    """How outputs differ from the truth, in words; `rows` are (rows, different ids), windows after `end_ms` do not count."""
    faults = []
    for name, found, wanted in (
        ("alerts", alerts, truth.alerts),
        ("violations", violations, truth.violations),
    ):
        if len(found) != len(wanted) or set(found) != wanted:
            faults.append(f"{len(found)} {name} ({len(set(found) & wanted)} right) for {len(wanted)}")
    within = {cell: n for cell, n in counts.items() if cell[2] < end_ms}
    if within != dict(truth.counts):
        right = sum(within.get(cell) == n for cell, n in truth.counts.items())
        faults.append(
            f"{len(within)} windows ({right} right, sum {sum(within.values())}) for {len(truth.counts)}"
        )
    if rows != (truth.rows, truth.rows):
        faults.append(f"{rows[0]} rows of {rows[1]} ids for {truth.rows}")
    return "; ".join(faults)


def _told(settings: Settings, codec: Codec, name: str, like: str) -> list[Any]:
    try:
        return [codec.decode(like, m.value) for m in read_messages(settings, name)]
    except BadMessage as error:
        raise EngineDown(f"{name} holds what is no record: {error}") from error
