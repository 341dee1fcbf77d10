"""Trials of the stream engine: two chained processors stay exact while seeded harm is done to their workers.

    python -m chaos.trials [--seeds 1-24] [--kinds kill,stop,…] [--lanes 2] [--out FILE]

Each trial sends 4,800 messages in rounds and compares ids and running totals per key with the truth; outputs are
read `read_committed` and not deduplicated. One JSON line a trial, a table at the end; exits 1 unless all are exact.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from chaos.workers import Workers
from waysight.adapters.kafka import client_config, read_messages
from waysight.adapters.lag import remaining
from waysight.errors import EngineDown
from waysight.local import control
from waysight.local.temporary import temporary_stack
from waysight.processing import group_id, state_topic
from waysight.settings import Settings, get_settings

ROUNDS, A_ROUND, KEYS = 12, 200, 37
PATIENCE_S, LONGEST_S = 180.0, 900.0  # without any progress, and in all
# kill/stop: SIGKILL, SIGSTOP and later SIGCONT of workers; rebalance: they come and go; compaction: the changelog is
# compacted under them, then all are killed; slow: steps of up to 16 s; fail: steps that fail half done; stuck: a
# consumer that stops without a word; broker: SIGKILL of Kafka, alone on its stack.
KINDS = ("kill", "stop", "mixed", "rebalance", "compaction", "slow", "fail", "stuck", "broker")
MOODS = ("slow", "fail", "stuck")
COMPACT_HARD = {
    "cleanup.policy": "compact",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "100",
    "max.compaction.lag.ms": "1000",
}
Act = tuple[str, int, float]  # what (kill, stop, join, leave, broker), which worker, how long (s)


@dataclass(frozen=True)
class Outcome:
    """One trial: what was done, how often workers ended by themselves, and what was found against the truth."""

    seed: int
    kind: str
    named: bool
    acts: str
    ends: int
    own_ends: int
    truth: int
    found: int
    missing: int
    twice: int
    wrong_totals: int
    drained: bool
    left: str
    compacted_away: int
    seconds: float

    @property
    def exact(self) -> bool:
        """Nothing missing, nothing twice, every total right."""
        return self.drained and not (self.missing or self.twice or self.wrong_totals)


def plan(kind: str, chance: random.Random) -> dict[int, list[Act]]:
    """What is done after which round."""
    early, middle, late = chance.randint(2, 4), chance.randint(5, 7), chance.randint(8, 10)

    def kill() -> Act:
        return ("kill", chance.randrange(3), 0.0)

    def stop() -> Act:
        return ("stop", chance.randrange(3), chance.uniform(1.0, 14.0))

    acts: dict[str, tuple[list[Act], list[Act], list[Act]]] = {
        "none": ([], [], []),
        "kill": ([kill()], [kill()], [kill()]),
        "stop": ([stop()], [stop()], [stop()]),
        "mixed": ([kill()], [stop()], [kill()]),
        "rebalance": ([("join", 0, 0.0)], [("leave", 0, 0.0), kill()], [("join", 0, 0.0), stop()]),
        "compaction": ([("kill", 0, 0.0), ("kill", 1, 0.0)], [stop()], [("kill", 0, 0.0), ("kill", 1, 0.0)]),
        "slow": ([kill()], [stop()], [("join", 0, 0.0)]),
        "fail": ([kill()], [stop()], []),
        "stuck": ([], [("kill", 1, 0.0)], []),
        "broker": ([("broker", 0, 0.0)], [kill()], [("broker", 0, 0.0)]),
    }
    return dict(zip((early, middle, late), acts[kind], strict=True))


def trial(settings: Settings, folder: Path, kind: str, seed: int, rounds: int = ROUNDS) -> Outcome:
    """Run one; its topics and log carry the seed and kind in their names. Raises EngineDown when Kafka stays away."""
    began, chance, truth = time.monotonic(), random.Random(f"{kind}{seed}"), Counter[str]()
    prefix = f"{kind}{seed}-{os.getpid()}"
    named = chance.random() < 0.5
    topics = _make_topics(settings, prefix, hard=kind == "compaction")
    acts = plan(kind, chance)
    producer = Producer(
        {**client_config(settings), "partitioner": "murmur2_random", "enable.idempotence": True}
    )
    log = folder / f"{prefix}.log"
    workers = Workers(settings, prefix, chance.choice((2, 2, 3)), log, named, kind if kind in MOODS else "-")
    drained = False
    try:
        for number in range(rounds):
            for n in range(number * A_ROUND, (number + 1) * A_ROUND):
                key = f"k{n % KEYS}"
                truth[key] += 2
                producer.produce(topics["in"], f"a{n}", key)
                producer.produce(topics["mid2"], f"b{n}", key)
            producer.flush(60.0)
            for what, who, how_long in acts.get(number, ()):
                _do(settings, workers, what, who, how_long)
            _tend(workers, chance.uniform(1.0, 3.5))
        drained = _drain(settings, workers, prefix, sum(truth.values()))
        left = "" if drained else ", ".join(f"{k} {v}" for k, v in _left(settings, prefix).items())
        messages = list(read_messages(settings, topics["out"]))
        away = _compacted_away(settings, f"{prefix}-tally") if kind == "compaction" else 0
    finally:
        codes = workers.stop()
    ids, totals = Counter[bytes](), dict[str, list[int]]()
    wrong = 0
    for message in messages:
        name, total, odd = (message.value or b"").split()
        ids[name] += 1
        wrong += int(odd) != int(total) % 2
        totals.setdefault((message.key or b"").decode(), []).append(int(total))
    wrong += sum(sorted(found) != list(range(1, len(found) + 1)) for found in totals.values())
    return Outcome(
        seed=seed,
        kind=kind,
        named=named,
        acts=" ".join(_words(a) for number in sorted(acts) for a in acts[number]),
        ends=workers.ended,
        own_ends=workers.ended - workers.killed + codes.count(3),
        truth=sum(truth.values()),
        found=sum(ids.values()),
        missing=sum(truth.values()) - len(ids),
        twice=sum(n - 1 for n in ids.values()),
        wrong_totals=wrong,
        drained=drained,
        left=left,
        compacted_away=away,
        seconds=round(time.monotonic() - began, 1),
    )


def _make_topics(settings: Settings, prefix: str, *, hard: bool) -> dict[str, str]:
    names = {topic: f"{prefix}-{topic}" for topic in ("in", "mid", "mid2", "out")}
    states = [state_topic(f"{prefix}-{name}") for name in ("relay", "tally")]
    config = COMPACT_HARD if hard else {"cleanup.policy": "compact"}
    new = [NewTopic(name, 4, 1) for name in names.values()]
    new += [NewTopic(name, 4, 1, config=config) for name in states]
    admin = AdminClient(client_config(settings))
    for future in admin.create_topics(new).values():
        future.result()
    return names


def _do(settings: Settings, workers: Workers, what: str, who: int, how_long: float) -> None:
    if what == "broker":
        os.kill(control.status(settings)["children"]["kafka"]["pid"], signal.SIGKILL)
    elif what == "join":
        workers.join()
    elif what == "leave":
        workers.leave()
    else:
        workers.harm(who, how_long)


def _tend(workers: Workers, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        workers.tend()
        time.sleep(0.05)


def _drain(settings: Settings, workers: Workers, prefix: str, wanted: int) -> bool:
    began = moved = time.monotonic()
    most = 0
    while time.monotonic() < min(moved + PATIENCE_S, began + LONGEST_S):
        _tend(workers, 1.5)
        try:
            found = len({m.value for m in read_messages(settings, f"{prefix}-out")})
            if found > most:
                most, moved = found, time.monotonic()
            if found >= wanted and not any(_left(settings, prefix).values()):
                return True
        except EngineDown:  # a broker that comes back
            continue
    return False


def _left(settings: Settings, prefix: str) -> dict[str, int]:
    """What each of the two has still to do."""
    reads = {"relay": [f"{prefix}-in"], "tally": [f"{prefix}-mid", f"{prefix}-mid2"]}
    return {name: remaining(settings, group_id(f"{prefix}-{name}"), topics) for name, topics in reads.items()}


def _compacted_away(settings: Settings, name: str) -> int:
    """How many records of the changelog the broker has removed: what is left against the last offset."""
    left = Counter[int]()
    last: dict[int, int] = {}
    for message in read_messages(settings, state_topic(name)):
        left[message.partition] += 1
        last[message.partition] = message.offset
    return sum(last[p] + 1 - left[p] for p in last)


def _words(act: Act) -> str:
    what, who, how_long = act
    return f"{what} {who} {how_long:.1f} s" if how_long else f"{what} {who}" if what == "kill" else what


def chosen(seeds: str, kinds: str) -> list[tuple[str, int]]:
    """Kind and seed of each trial: seeds as 1-24 or 3,5; without kinds each seed gets the next one of all."""
    first, _, last = seeds.partition("-")
    numbers = list(range(int(first), int(last) + 1)) if last else [int(s) for s in seeds.split(",")]
    names = kinds.split(",") if kinds else KINDS
    return [(names[n % len(names)], n) for n in numbers]


def _run(wanted: list[tuple[str, int]], lanes: int, folder: Path) -> Iterator[Outcome]:
    gentle = [w for w in wanted if w[0] != "broker"]
    with temporary_stack(get_settings(), ("kafka",)) as settings:
        _clean_often(settings)
        with ThreadPoolExecutor(lanes) as pool:
            yield from pool.map(lambda w: trial(settings, folder, *w), gentle)
        for kind, seed in [w for w in wanted if w[0] == "broker"]:
            yield trial(settings, folder, kind, seed)


def _clean_often(settings: Settings) -> None:
    """The broker looks for segments to compact each second instead of each 15."""
    entry = ConfigEntry("log.cleaner.backoff.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
    admin = AdminClient(client_config(settings))
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()


def main(words: list[str]) -> int:
    """Run the trials; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m chaos.trials", description="Exactness trials of the engine."
    )
    parser.add_argument("--seeds", default="1-24", help="1-24, or 3,5,9")
    parser.add_argument(
        "--kinds", default="", help=f"any of {', '.join(('none', *KINDS))}; by default all in turn"
    )
    parser.add_argument("--lanes", type=int, default=2, help="trials at the same time")
    parser.add_argument("--out", type=Path, default=get_settings().out_dir / "chaos" / "trials.jsonl")
    given = parser.parse_args(words)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for outcome in _run(chosen(given.seeds, given.kinds), given.lanes, given.out.parent.resolve()):
        line = json.dumps({**asdict(outcome), "exact": outcome.exact})
        print(line, flush=True)
        with given.out.open("a") as file:
            file.write(line + "\n")
        outcomes.append(outcome)
    print("kind        trials  exact  missing  twice  wrong totals  own ends")
    for kind in dict.fromkeys(o.kind for o in outcomes):
        mine = [o for o in outcomes if o.kind == kind]
        sums = [
            sum(getattr(o, name) for o in mine)
            for name in ("exact", "missing", "twice", "wrong_totals", "own_ends")
        ]
        print(f"{kind:11} {len(mine):6} {sums[0]:6} {sums[1]:8} {sums[2]:6} {sums[3]:13} {sums[4]:9}")
    return 0 if outcomes and all(o.exact for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
