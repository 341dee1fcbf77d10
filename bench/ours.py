"""Our worker on the same sightings: `waysight process match` and, beside it, `waysight process enforce count store`.

Exactly once, from `sightings` and `passes`. `match` has a process of its own, so that alerts do not wait for what the
others are doing; the CPU of both is counted. The worker is up, its tables loaded, when the feed comes in one transaction: it meets a backlog, as the peers do, and
none of its start is counted.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from confluent_kafka import Producer

from bench.feed import LIMIT_KMH, Feed, Truth
from bench.peers import Run, compared, tree_cpu_s
from bench.sighting_columns import WINDOW_MS, Plan
from bench.stack import publish_cameras
from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher, client_config, read_all
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import EngineDown
from waysight.settings import Settings

PROCESSES = (("match",), ("enforce", "count", "store"))
NAMES = tuple(name for names in PROCESSES for name in names)
LIMIT_S = 1500.0
_CAMERA = """  - id: cam-{n}
    source: none-{n}.mp4
    sampling: {{fps: 5}}
    purposes: [hotlist, count, spot_speed]
    speed_limit_kmh: {limit}
    timezone: Asia/Almaty
    certificate: {{type_approval: bench, type_approved_until: 2099-01-01, verification: bench, verified_from: 2020-01-01, verified_until: 2098-01-01}}
    calibration:
      image_size: [1920, 1080]
      points:
        - {{image: [812, 1020], ground: [-3.5, 22.0]}}
        - {{image: [1105, 1020], ground: [3.5, 22.0]}}
        - {{image: [905, 610], ground: [-3.5, 70.0]}}
        - {{image: [1012, 610], ground: [3.5, 70.0]}}
"""


def publish_cameras_of(settings: Settings, publisher: Publisher, cameras: int) -> None:
    """Register the feed's cameras: they read plates, count, and measure speeds under one limit."""
    file = settings.state_dir / "cameras.yaml"
    each = "".join(_CAMERA.format(n=n, limit=LIMIT_KMH) for n in range(cameras))
    file.write_text(f"version: 1\ncameras:\n{each}")
    publish_cameras(publisher, file)


@dataclass
class Workers:
    """Running workers of ours; `cpu_s` is of all of them with their children."""

    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def cpu_s(self) -> float:
        """CPU-seconds so far."""
        return sum(tree_cpu_s(p.pid) for p in self.processes)

    def rss_mib(self) -> float:
        """Resident memory now, MiB."""
        return sum(psutil.Process(p.pid).memory_info().rss for p in self.processes) / 2**20

    def check(self) -> None:
        """Raise EngineDown when one has ended."""
        for process in self.processes:
            if process.poll() is not None:
                raise EngineDown(f"a worker ended with {process.returncode}")


@contextmanager
def workers(
    settings: Settings, count: int = 1, processes: Sequence[Sequence[str]] = PROCESSES
) -> Iterator[Workers]:
    """`count` workers of several processes each that are up and idle, ended with the body."""
    running = Workers()
    environment = {**settings.child_environment(), "OMP_NUM_THREADS": "1"}
    try:
        for number, names in itertools.product(range(count), processes):
            command = [
                sys.executable,
                "-m",
                "waysight.cli",
                "process",
                *names,
                "--instance",
                f"bench{number}",
            ]
            running.processes.append(subprocess.Popen(command, env=environment))
        yield running
    finally:
        for process in running.processes:
            process.terminate()
        for process in running.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def settle(settings: Settings, running: Workers, codec: Codec, plan: Plan) -> None:
    """Let the workers work off a few envelopes, so that everything is loaded and assigned; the plan's start is theirs."""
    send(settings, Feed(plan, codec))
    drain(settings, running)
    idle_s = 0.0
    while idle_s < 3.0:  # tables are loaded when they stop working
        before = running.cpu_s()
        time.sleep(1.0)
        idle_s = idle_s + 1.0 if running.cpu_s() - before < 0.2 * len(running.processes) else 0.0


def send(
    settings: Settings, feed: Feed, single: str = "", envelopes: str = "", ours: bool = True
) -> Counter[str]:
    """Send a feed in one transaction; returns messages per topic."""
    producer = Producer(
        {
            **client_config(settings),
            "transactional.id": "waysight-bench-feed",
            "transaction.timeout.ms": 890_000,
            "compression.type": "lz4",
            "linger.ms": 50,
            "message.max.bytes": 16 * 1024 * 1024,
            "queue.buffering.max.kbytes": 262_144,
        }
    )
    producer.init_transactions(60)
    producer.begin_transaction()
    sent: Counter[str] = Counter()
    for topic, partition, key, value, at_ms in feed.messages(ours, single, envelopes):
        sent[topic] += 1
        while True:
            try:
                producer.produce(topic, value, key, partition, timestamp=at_ms)
                break
            except BufferError:
                producer.poll(0.1)
        if not sent[topic] % 100:
            producer.poll(0)
    producer.commit_transaction(300)
    return sent


def drain(settings: Settings, running: Workers, names: Sequence[str] = NAMES) -> None:
    """Wait until the workers have committed all there is."""
    until = time.monotonic() + LIMIT_S
    while any(drained(settings, names).values()):
        running.check()
        if time.monotonic() > until:
            raise EngineDown(f"the workers still have to do after {LIMIT_S:g} s: {drained(settings, names)}")
        time.sleep(0.25)


def run(
    settings: Settings, running: Workers, feed: Feed, single: str = "", envelopes: str = ""
) -> tuple[Run, Counter[str]]:
    """One run of the workers over a feed (that fills the peers' topics, too); with messages per topic."""
    sent = send(settings, feed, single, envelopes)
    before, began = running.cpu_s(), time.monotonic()
    drain(settings, running)
    cpu_s, wall_s = running.cpu_s() - before, time.monotonic() - began
    return Run(cpu_s, wall_s, _checked(settings, feed.truth, feed.plan)), sent


def _checked(settings: Settings, truth: Truth, plan: Plan) -> str:
    codec, begin_ms, end_ms = Codec(ConfluentRegistry(settings.registry)), plan.at_ms(plan.first), plan.end_ms
    alerts = {
        a.alert_id: a for _, a in read_all(settings, codec, "alerts") if begin_ms <= a.occurred_ms < end_ms
    }
    exact = [a.sighting_id for a in alerts.values() if a.exact]
    violations = {v.violation_id: v for _, v in read_all(settings, codec, "violations")}
    speeding = [v.sighting_ids[0] for v in violations.values() if begin_ms <= v.occurred_ms < end_ms]
    newest = {}
    for _, count in read_all(settings, codec, "counts"):
        known = newest.get(count.count_id)
        if known is None or known.version < count.version:
            newest[count.count_id] = count
    counts: Counter[tuple[str, str, int]] = Counter()
    for count in newest.values():
        if count.measure == "passes" and count.window_ms == WINDOW_MS and count.window_start_ms >= begin_ms:
            counts[count.camera_id, count.category, count.window_start_ms] += count.value
    found = connect(settings).rows(
        "SELECT count() AS n, uniqExact(sighting_id) AS ids FROM sightings FINAL "
        f"WHERE captured_ms >= {begin_ms} AND captured_ms < {end_ms}"
    )[0]
    return compared(truth, exact, speeding, counts, (int(found["n"]), int(found["ids"])), end_ms)
