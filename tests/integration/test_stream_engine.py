"""Two chained processors on real Kafka stay exact while their workers are killed and paused."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from waysight.adapters.kafka import client_config, read_messages
from waysight.adapters.lag import remaining
from waysight.processing import group_id, state_topic
from waysight.settings import Settings

pytestmark = pytest.mark.integration
WORKER = Path(__file__).with_name("stream_worker.py")
ROUNDS, A_ROUND, KEYS = 12, 200, 37


class Workers:
    """Worker processes that are started again when they end, as the supervisor does."""

    def __init__(self, settings: Settings, prefix: str, count: int, log: Path) -> None:
        self._settings, self._prefix, self._log = settings, prefix, log.open("ab")
        self._running = {n: self._spawn(n) for n in range(count)}
        self._paused: list[tuple[float, subprocess.Popen[bytes]]] = []
        self.ended = 0

    def _spawn(self, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(WORKER), self._prefix, f"w{number}"]
        return subprocess.Popen(
            command, env=self._settings.child_environment(), stdout=self._log, stderr=self._log
        )

    def tend(self) -> None:
        """Wake those whose pause is over, start again those that have ended."""
        for until, worker in [p for p in self._paused if time.monotonic() > p[0]]:
            worker.send_signal(signal.SIGCONT)
            self._paused.remove((until, worker))
        for number, worker in self._running.items():
            if worker.poll() is not None:
                self.ended += 1
                self._running[number] = self._spawn(number)

    def harm(self, number: int, pause_s: float) -> None:
        """SIGKILL, or SIGSTOP for a while when `pause_s` is not 0."""
        worker = self._running[number]
        worker.send_signal(signal.SIGSTOP if pause_s else signal.SIGKILL)
        if pause_s:
            self._paused.append((time.monotonic() + pause_s, worker))

    def stop(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        for worker in self._running.values():
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        try:
            return [worker.wait(30) for worker in self._running.values()]
        finally:
            for worker in self._running.values():
                worker.kill()
                worker.wait()
            self._log.close()


@pytest.fixture
def prefix(stack: Settings, unique: str) -> str:
    names = [f"{unique}-{topic}" for topic in ("in", "mid", "mid2", "out")]
    names += [state_topic(f"{unique}-{name}") for name in ("relay", "tally")]
    admin = AdminClient(client_config(stack))
    for future in admin.create_topics([NewTopic(name, 4, 1) for name in names]).values():
        future.result()
    return unique


@pytest.mark.parametrize("seed", [1, 2])
def test_exact_under_kills_and_pauses(stack: Settings, prefix: str, seed: int, tmp_path: Path) -> None:
    chance, truth = random.Random(seed), Counter[str]()
    producer = Producer({**client_config(stack), "partitioner": "murmur2_random"})
    workers = Workers(stack, prefix, 2, tmp_path / "workers.log")
    harms = {chance.randint(3, 6): 0.0, chance.randint(7, 9): chance.uniform(1.0, 9.0), 10: 0.0}
    try:
        for number in range(ROUNDS):
            for n in range(number * A_ROUND, (number + 1) * A_ROUND):
                key = f"k{n % KEYS}"
                truth[key] += 2
                producer.produce(f"{prefix}-in", f"a{n}", key)
                producer.produce(f"{prefix}-mid2", f"b{n}", key)
            producer.flush()
            if number in harms:
                workers.harm(chance.randrange(2), harms[number])
            until = time.monotonic() + chance.uniform(1.0, 3.5)
            while time.monotonic() < until:
                workers.tend()
                time.sleep(0.05)
        deadline = time.monotonic() + 150
        while len(found := list(read_messages(stack, f"{prefix}-out"))) < sum(truth.values()):
            assert time.monotonic() < deadline, (tmp_path / "workers.log").read_text()[-4000:]
            workers.tend()
            time.sleep(0.5)
        left = [remaining(stack, group_id(f"{prefix}-relay"), [f"{prefix}-in"])]
        left.append(remaining(stack, group_id(f"{prefix}-tally"), [f"{prefix}-mid", f"{prefix}-mid2"]))
    finally:
        codes = workers.stop()
    assert codes == [0, 0]
    assert left == [0, 0]
    assert workers.ended >= 2, "no worker was killed"
    ids = Counter((m.value or b"").split()[0] for m in found)
    assert set(ids.values()) == {1}, f"sent more than once: {[i for i, n in ids.items() if n > 1][:5]}"
    totals: dict[str, list[int]] = {}
    for message in found:
        totals.setdefault((message.key or b"").decode(), []).append(int((message.value or b"").split()[1]))
    assert {key: sorted(counts) for key, counts in totals.items()} == {
        key: list(range(1, total + 1)) for key, total in truth.items()
    }
