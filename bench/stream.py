"""The same job in Quix Streams, PyFlink, Bytewax, a plain fastavro loop and ours: events per CPU-second, in one run.

`make bench-stream`, or python -m bench.stream [--records N] [--runs N] [--engines a,b]: starts its own Kafka, registry
and ClickHouse; in every round all engines work off the same sightings of the production schema (a million each
round), ours first. out/bench/stream.json is written anew after every run, so that an interrupted measurement keeps
what it has. An event is one sighting that was matched, enforced, counted and stored.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from bench import ours, peers
from bench.feed import Feed
from bench.sighting_columns import WINDOW_MS, Plan, wanted_plate
from bench.stack import publish_hotlist, save
from bench.stream_picture import draw
from bench.table import STREAM_AIMS
from waysight.adapters.kafka import Publisher
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import EngineDown
from waysight.local.temporary import temporary_stack
from waysight.settings import Settings, get_settings

RECORDS, RUNS, WARM_UP = 1_000_000, 3, 3_000
OURS = "waysight"
DAY_MS = 86_400_000


@dataclass
class Results:
    """Every run of every engine in both columns, as it comes in; `peer_records` may be fewer than ours."""

    records: int
    peer_records: int
    runs: dict[str, dict[str, list[peers.Run]]] = field(default_factory=lambda: {"own": {}, "arrow": {}})
    inputs: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)
    rss_mib: list[int] = field(default_factory=list)

    def add(self, column: str, engine: str, run: peers.Run) -> None:
        """Take one run, say it, and write everything so far."""
        self.runs[column].setdefault(engine, []).append(run)
        self.loads.append(round(os.getloadavg()[0], 1))
        rate = self._rate(engine, run)
        print(f"{engine:12} {column:5} {rate:10,.0f} events/CPU-s  {run.wrong}", file=sys.stderr, flush=True)

    def _rate(self, engine: str, run: peers.Run) -> float:
        return (self.records if engine == OURS else self.peer_records) / run.cpu_s

    def summary(self) -> dict[str, Any]:
        """What out/bench/stream.json holds."""
        rates = {
            column: {
                engine: [round(self._rate(engine, run)) for run in runs] for engine, runs in engines.items()
            }
            for column, engines in self.runs.items()
        }
        return {
            "unit": "events (sightings) per CPU-second of the worker's process tree, median",
            **ratios(rates["own"], rates["arrow"]),
            "runs": rates["own"],
            "arrow_runs": rates["arrow"],
            "wrong": {
                f"{engine} {column}": [run.wrong for run in runs]
                for column, engines in self.runs.items()
                for engine, runs in engines.items()
                if any(run.wrong for run in runs)
            },
            "failed": self.failed,
            "inputs": self.inputs,
            "records_per_run": self.records,
            "peer_records_per_run": self.peer_records,
            "load_average": self.loads,
            "waysight_rss_mib_after_each_run": self.rss_mib,
        }


def ratios(own: Mapping[str, Sequence[int]], arrow: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Medians of both columns; ours over each peer's in the first, and over the best one's in the second."""
    medians = {engine: round(median(runs)) for engine, runs in own.items()}
    inside = {engine: round(median(runs)) for engine, runs in arrow.items()}
    mine = medians.get(OURS)
    others = [rate for engine, rate in inside.items() if engine != OURS]
    return {
        "events_per_cpu_s": medians,
        "arrow_events_per_cpu_s": inside,
        "ratios": {e: round(mine / rate, 2) for e, rate in medians.items() if mine and e != OURS},
        "ratio_to_best_arrow": round(mine / max(others), 2) if mine and others else None,
    }


def main(
    records: int = RECORDS, runs: int = RUNS, engines: Sequence[str] = tuple(peers.ENGINES), name: str = "stream",
    peer_records: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Measure, write out/bench/NAME.json and NAME.png, and return what was written."""
    for engine in engines:
        peers.python_of(peers.ENGINES[engine])
    found: dict[str, Any] = {}
    try:
        with stack() as settings:
            for results in rounds(settings, records, runs, engines, peer_records or records):
                found = save(name, results.summary())
    finally:
        if found:
            draw(found, get_settings().out_dir / "bench" / f"{name}.png", STREAM_AIMS)
    return found


def short() -> dict[str, Any]:
    """Ours against the plain loop only, with fewer sightings: the part of `make bench`."""
    return main(100_000, 3, ("reference",), "stream-short")


def rounds(
    settings: Settings, records: int, runs: int, engines: Sequence[str], peer_records: int
) -> Iterator[Results]:
    """All engines in turn, `runs` times; yields after every single run. The peers may read the first part only."""
    codec, results = Codec(ConfluentRegistry(settings.registry)), Results(records, peer_records)
    plan = first_plan()
    load_tables(settings, codec, plan)
    ids = peers.schema_ids(settings)
    with ours.workers(settings) as running:
        ours.settle(settings, running, codec, plan)
        for number in range(runs):
            plan = plan.next(records)
            feed = Feed(plan, codec, ids["Sighting"])
            topics = (f"{peers.SINGLE}-{number}", f"{peers.ENVELOPES}-{number}")
            peers.make_topics(settings, topics, plan.partitions)
            shared = topics if peer_records == records else ()
            run, sent = ours.run(settings, running, feed, *shared)
            results.inputs[OURS] = "envelopes of 50 on `sightings` and `passes`, with watermarks"
            results.rss_mib.append(round(running.rss_mib()))
            results.add("own", OURS, run)
            results.add("arrow", OURS, run)
            yield results
            part = replace(plan, records=peer_records)
            if not shared:
                feed = Feed(part, codec, ids["Sighting"])
                sent = ours.send(settings, feed, *topics, ours=False)
            for column in ("own", "arrow"):
                for engine in (peers.ENGINES[e] for e in engines):
                    try:
                        run = peers.run(
                            settings, engine, part, feed.truth, sent, f"r{number}", column == "arrow"
                        )
                    except EngineDown as error:
                        results.failed[f"{engine.name} {column} {number}"] = str(error)[-500:]
                        print(f"{engine.name} {column} failed: {error}", file=sys.stderr, flush=True)
                    else:
                        results.inputs[engine.name] = (
                            "envelopes of 50" if engine.envelopes else "single events"
                        )
                        results.add(column, engine.name, run)
                    yield results
            peers.drop_topics(settings, topics)


def first_plan(cameras: int = 64, partitions: int = 4, wanted: int = 100_000) -> Plan:
    """A few sightings of yesterday to warm up with."""
    yesterday = (time.time_ns() // 1_000_000 // DAY_MS - 1) * DAY_MS
    return Plan(WARM_UP, yesterday + WINDOW_MS, cameras=cameras, partitions=partitions, wanted=wanted)


def load_tables(settings: Settings, codec: Codec, plan: Plan) -> None:
    """Cameras and the watchlist, for us in Kafka and for the peers in a file."""
    publisher = Publisher(settings, codec, linger_ms=20)
    ours.publish_cameras_of(settings, publisher, plan.cameras)
    plates = [wanted_plate(n) for n in range(plan.wanted)]
    publish_hotlist(publisher, plates)
    (settings.state_dir / "wanted.txt").write_text("\n".join(plates))


@contextmanager
def stack(**changes: Any) -> Iterator[Settings]:
    """A private stack with topics and tables; `changes` are settings such as partitions."""
    with temporary_stack(
        get_settings().model_copy(update=changes), ("kafka", "registry", "clickhouse")
    ) as settings:
        apply_topics(settings)
        command = [sys.executable, "-m", "waysight.cli", "migrate"]
        subprocess.run(command, env=settings.child_environment(), check=True, stdout=subprocess.DEVNULL)
        yield settings


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.stream", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--records", type=int, default=RECORDS, help="sightings a run (1,000,000)")
    parser.add_argument("--runs", type=int, default=RUNS, help="rounds, of which the median is taken (3)")
    parser.add_argument(
        "--engines", default=",".join(peers.ENGINES), help="peers to run, by commas; all by default"
    )
    parser.add_argument(
        "--peer-records", type=int, default=0, help="sightings a run of the peers (as many as ours)"
    )
    parser.add_argument("--name", default="stream", help="of the files in out/bench/")
    return parser.parse_args()


if __name__ == "__main__":
    given = _options()
    chosen = [e for e in given.engines.split(",") if e]
    print(json.dumps(main(given.records, given.runs, chosen, given.name, given.peer_records), indent=1))
