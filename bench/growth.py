"""How our cost per event grows: partitions, workers, hotlist entries, cameras; p99 of an alert; memory over ten million events.

python -m bench.growth [growth] [latency] [soak] [--records N] [--runs N]: each measurement starts its own stack and
writes out/bench/NAME.json. Aims: events per CPU-second flat within 20 %, and event→alert p99 under 250 ms at half of
the highest rate in the same configuration.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from confluent_kafka import TopicPartition

from bench import ours, stream
from bench.feed import Feed, Sent
from bench.sighting_columns import Plan
from bench.stack import save
from bench.stream_picture import draw_growth
from waysight.adapters.kafka import Publisher, end_offsets, plain_consumer
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import EngineDown
from waysight.settings import Settings, get_settings

RECORDS, RUNS = 200_000, 3
BASE = {"partitions": 4, "workers": 1, "hotlist": 100_000, "cameras": 64}
SIZES = {
    "partitions": (1, 2, 4, 8),
    "workers": (1, 2),
    "hotlist": (10_000, 100_000, 500_000, 2_000_000),
    "cameras": (16, 64, 256),
}
SOAK_RECORDS, SOAK_STEP = 10_000_000, 500_000
LATENCY_S, WARM_S, LATENCY_AIM_MS = 30.0, 5.0, 250.0


def growth(records: int = RECORDS, runs: int = RUNS) -> dict[str, Any]:
    """Events per CPU-second over each size, the others at their base; writes growth.json and growth.png."""
    known: dict[tuple[tuple[str, int], ...], tuple[float, float, list[str]]] = {}
    found: dict[str, Any] = {
        "unit": "events per CPU-second of all workers, median",
        "base": BASE,
        "records_per_run": records,
        "runs": runs,
        "events_per_cpu_s": {},
        "rss_mib": {},
        "wrong": [],
    }
    for name, sizes in SIZES.items():
        for size in sizes:
            case = BASE | {name: size}
            at = tuple(sorted(case.items()))
            if at not in known:
                known[at] = _rate(case, records, runs)
            rate, rss_mib, wrong = known[at]
            found["wrong"] += [f"{name} {size}: {words}" for words in wrong]
            print(
                f"{name} {size:,}: {rate:,.0f} events/CPU-s, {rss_mib:.0f} MiB", file=sys.stderr, flush=True
            )
            found["events_per_cpu_s"].setdefault(name, {})[str(size)] = round(rate)
            found["rss_mib"].setdefault(name, {})[str(size)] = round(rss_mib)
            found["flat"] = flatness(found["events_per_cpu_s"])
            save("growth", found)
            draw_growth(found, get_settings().out_dir / "bench" / "growth.png")
    return found


def flatness(rates: dict[str, dict[str, float]]) -> dict[str, float]:
    """Per size the worst case over the best, 1 = flat, 0.8 = the aim."""
    return {name: round(min(found.values()) / max(found.values()), 3) for name, found in rates.items()}


def latency(records: int = RECORDS, runs: int = RUNS) -> dict[str, Any]:
    """From the sending of a wanted sighting to its alert in a read-committed reader; writes alert-latency.json.

    The first seconds at the steady rate warm up broker, reader and worker, and are not counted.
    """
    with _working(BASE) as (settings, running, codec, plan):
        walls = []
        for _ in range(runs):
            plan = plan.next(records)
            walls.append(ours.run(settings, running, Feed(plan, codec))[0].wall_s)
        rate = records / median(walls) / 2
        plan = plan.next(round(rate * (WARM_S + LATENCY_S)))
        feed = Feed(plan, codec)
        messages = list(feed.messages(True))
        waits = _paced(settings, codec, messages, rate, feed.truth.alerts, running)
        cuts = quantiles(waits, n=100)
    found = {
        "events_per_s": round(rate),
        "highest_events_per_s": round(2 * rate),
        "alerts": len(waits),
        "p50_ms": round(cuts[49]),
        "p99_ms": round(cuts[98]),
        "aim_p99_ms": LATENCY_AIM_MS,
    }
    return save("alert-latency", found)


def soak(records: int = SOAK_RECORDS, _runs: int = 1) -> dict[str, Any]:
    """Resident memory of one worker over ten million events; writes soak.json."""
    found: dict[str, Any] = {"unit": "MiB after each step", "step": SOAK_STEP, "rss_mib": [], "wrong": []}
    with _working(BASE) as (settings, running, codec, plan):
        for _ in range(0, records, SOAK_STEP):
            plan = plan.next(min(SOAK_STEP, records))
            run, _ = ours.run(settings, running, Feed(plan, codec))
            found["rss_mib"].append(round(running.rss_mib()))
            found["wrong"] += [run.wrong] if run.wrong else []
            print(
                f"{plan.first + plan.records:,}: {found['rss_mib'][-1]} MiB {run.wrong}",
                file=sys.stderr,
                flush=True,
            )
            save("soak", found)
    return found


@contextmanager
def _working(case: dict[str, int]) -> Iterator[tuple[Settings, ours.Workers, Codec, Plan]]:
    with stream.stack(partitions=case["partitions"]) as settings:
        codec = Codec(ConfluentRegistry(settings.registry))
        plan = stream.first_plan(case["cameras"], case["partitions"], case["hotlist"])
        stream.load_tables(settings, codec, plan)
        with ours.workers(settings, case["workers"]) as running:
            ours.settle(settings, running, codec, plan)
            yield settings, running, codec, plan


def _rate(case: dict[str, int], records: int, runs: int) -> tuple[float, float, list[str]]:
    with _working(case) as (settings, running, codec, plan):
        done = []
        for _ in range(runs):
            plan = plan.next(records)
            done.append(ours.run(settings, running, Feed(plan, codec))[0])
        wrong = [run.wrong for run in done if run.wrong]
        return records / median(run.cpu_s for run in done), running.rss_mib(), wrong


def _paced(
    settings: Settings, codec: Codec, messages: list[Sent], rate: float, wanted: set[str], running: ours.Workers
) -> list[float]:  # fmt: skip
    """Send at a steady rate; returns per wanted sighting the ms from its sending to its alert."""
    sent: dict[str, float] = {}
    heard: dict[str, float] = {}
    consumer = plain_consumer(settings, **{"fetch.wait.max.ms": 10})
    consumer.assign(
        [TopicPartition("alerts", p, e) for p, e in end_offsets(consumer, "alerts", settings).items()]
    )
    ended = threading.Event()

    def listen() -> None:
        while not ended.is_set():
            for raw in consumer.consume(100, 0.01):
                if raw.error() is None:
                    at = time.monotonic()
                    heard.setdefault(codec.decode("alerts", raw.value()).sighting_id, at)

    ids = [
        [i for i in _ids(codec, value) if i in wanted] if topic == "sightings" else []
        for topic, _, _, value, _ in messages
    ]
    events = sum(topic == "sightings" for topic, *_ in messages) * 50
    pace_s = events / rate / len(messages)
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    publisher, began = Publisher(settings, codec, linger_ms=1), time.monotonic()
    for n, (topic, partition, key, value, at_ms) in enumerate(messages):
        time.sleep(max(0.0, began + n * pace_s - time.monotonic()))
        sent.update(dict.fromkeys(ids[n], time.monotonic()))
        publisher.publish_bytes(topic, key, value, None, at_ms, partition)
    publisher.flush()
    until = time.monotonic() + 60
    while wanted - heard.keys() and time.monotonic() < until:
        running.check()
        time.sleep(0.1)
    ended.set()
    listener.join(10)
    consumer.close()
    if lost := wanted - heard.keys():
        raise EngineDown(f"{len(lost)} of {len(wanted)} alerts did not come within a minute")
    return [1000 * (heard[i] - at) for i, at in sent.items() if at > began + WARM_S]


def _ids(codec: Codec, value: bytes) -> list[str]:
    found: list[str] = (
        codec.decode_columns("sightings", [value])
        .column("records")
        .flatten()
        .field("sighting_id")
        .to_pylist()
    )
    return found


MEASUREMENTS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "growth": growth,
    "latency": latency,
    "soak": soak,
}


def _main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="any of growth, latency, soak; the first two by default"
    )
    parser.add_argument("--records", type=int, help="sightings a run (200,000; soak: 10,000,000 in all)")
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args()
    for name in given.names or ("growth", "latency"):
        records = given.records or (SOAK_RECORDS if name == "soak" else RECORDS)
        print(json.dumps(MEASUREMENTS[name](records, given.runs), indent=1))


if __name__ == "__main__":
    _main()
