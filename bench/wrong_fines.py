"""How often a fine is wrong: cities made to mislead, filmed, and taken through everything up to the notice.

python -m bench.wrong_fines [--seeds 1..12] [--seconds 60] [--json]: on a stack of its own, for each seed
1. render the busy city (`waysight simulate render --busy`; kept in the cache), each on a day of its own;
2. register its cameras and vehicles, send its clips and signals as fast as Kafka takes them, wait until all is stored.
Then the demo's officer reviews; all fines are held against the truth of all cities.

Writes out/bench/wrong-fines/: truth.json (pooled), accuracy.html (`waysight report accuracy --truth truth.json`),
wrong.png (each wrong fine: its frames, read and truth), exports/; and out/bench/wrong_fines.json.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console

from bench.stack import save
from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.pictures import Picture
from waysight.commands import migrate
from waysight.commands.output import open_codec
from waysight.demo import results, stage
from waysight.demo.inputs import Inputs
from waysight.demo.live import patiently, wait_until_drained
from waysight.demo.officer import review_all
from waysight.demo.run import register
from waysight.local.catalogue import ORDER
from waysight.local.temporary import temporary_stack
from waysight.messages import FrameRef
from waysight.reporting.sheets import cell, sheet
from waysight.settings import Settings, get_settings, using
from waysight.simulate.fleet import differ
from waysight.simulate.render import DEMO_START_MS, Order, render
from waysight.storage.records import find_violation

WORKERS = {"detect": ("detect",), "streams": ("track", "enforce", "fine"), "store": ("store", "ledger")}
PROCESSORS = [name for names in WORKERS.values() for name in names]
DAY_MS = 86_400_000
LIMIT_S = 1800.0
QUIET = Console(quiet=True)


def main(seeds: list[int], seconds: float = 60.0) -> dict[str, Any]:
    """Measure and return the figures over all seeds; each seed's city is filmed on a day of its own."""
    settings = get_settings()
    out, truth = settings.out_dir / "bench" / "wrong-fines", Truth()
    out.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    with temporary_stack(settings, ORDER) as own, using(own):
        apply_topics(own)
        results.quiet(migrate.run)
        stage.start_workers(own, WORKERS)
        clickhouse = connect(own)
        for days_ago, seed in sorted(
            enumerate(seeds, 1), reverse=True
        ):  # the oldest first: time goes forward
            order = Order(seed, seconds, DEMO_START_MS - days_ago * DAY_MS, busy=True)
            city = own.cache_dir.expanduser() / "busy" / f"seed-{seed}-{seconds:g}s"
            render(order, city, lambda _done, _all: None)
            send(own, city)
            # The next city films another day: a camera a day ahead of its neighbour would leave no section to match.
            wait_until_drained(own, clickhouse, lambda: True, QUIET, LIMIT_S, PROCESSORS)
            truth.add(seed, city)
            say(f"seed {seed}: stored after {time.monotonic() - began_s:.0f} s")
        patiently(lambda: review_all(own, clickhouse, open_codec(own), lambda _line: None))
        wait_until_drained(own, clickhouse, lambda: True, QUIET, LIMIT_S, PROCESSORS)
        results.exports(out)
        figure = figures(clickhouse, truth, out)
        wall_s = round(time.monotonic() - began_s)
        save(
            "wrong_fines",
            {"unit": "share of fines", "seeds": seeds, "seconds": seconds, **figure, "wall_s": wall_s},
        )
        show_wrong(clickhouse, EvidenceStore(own.evidence), figure["wrong_fines"], truth, out / "wrong.png")
    return figure


class Truth:
    """The truths of all cities so far, pooled; a plate that drives in two cities would mix them up and is told."""

    def __init__(self) -> None:
        self.passes: list[dict[str, Any]] = []
        self.violations: list[dict[str, Any]] = []
        self.fines: list[dict[str, Any]] = []
        self.other_entries: set[str] = set()

    def add(self, seed: int, city: Path) -> None:
        """One more city."""
        known, more = {p["plate"] for p in self.passes}, json.loads((city / "truth.json").read_text())
        if twice := known & {p["plate"] for p in more["passes"]}:
            say(f"seed {seed}: {', '.join(sorted(twice))} drove in an earlier city too")
        self.passes += more["passes"]
        self.violations += more["violations"]
        self.fines += more["fines"]
        self.other_entries |= {*more["other_entries"]}

    def write(self, path: Path) -> None:
        """As `waysight report accuracy --truth` reads it."""
        path.write_text(json.dumps({"violations": self.violations, "fines": self.fines}, indent=1) + "\n")

    def nearest(self, camera_id: str, at_ms: int, plate: str) -> dict[str, Any] | None:
        """The pass before this camera at this time whose plate is most like the one that was read."""
        here = [p for p in self.passes if p["camera_id"] == camera_id and p["first_ms"] - 1000 <= at_ms <= p["last_ms"] + 1000]  # fmt: skip
        return min(here, key=lambda p: differ(p["plate"], plate), default=None)


def send(settings: Settings, city: Path) -> None:
    """Register a city's cameras and vehicles, and send its clips and signals as fast as Kafka takes them."""
    register(Inputs(city / "cameras.yaml", vehicles=city / "vehicles.csv"))
    command = [sys.executable, "-m", "waysight.cli", "produce", "--cameras", str(city / "cameras.yaml"),
               "--signals", str(city / "signals.jsonl"), "--once", "--json"]  # fmt: skip
    subprocess.run(command, env=settings.child_environment(), stdout=subprocess.DEVNULL, check=True)


def figures(clickhouse: ClickHouse, truth: Truth, out: Path) -> dict[str, Any]:
    """What `report accuracy` says of all fines so far, and what became of what was meant to mislead."""
    truth.write(out / "truth.json")
    data = results.accuracy_page(clickhouse, out / "truth.json", out / "accuracy.html")
    judged, wrong = data["truth"], data["wrong_fines"]
    fined = {
        row["plate"] for row in clickhouse.rows("SELECT plate FROM fines_current WHERE status != 'cancelled'")
    }
    hard = Counter(fine["hard"] for fine in truth.fines if fine["hard"])
    got = Counter(fine["hard"] for fine in truth.fines if fine["hard"] and fine["plate"] in fined)
    return {
        "passes": len(truth.passes),
        "violations": len(truth.violations),
        "due": judged["due"],
        "fines": judged["fines"],
        "wrong": wrong["count"],
        "upper_95": wrong["upper_95"],
        "lenient": judged["lenient"],
        "wrong_fines": [_told(clickhouse, truth, fine) for fine in judged["wrong"]],
        "missed": judged["missed"],
        "missed_because": judged["missed_because"],
        "rejected_because": data["reasons"],
        "hard": {name: {"due": count, "fined": got[name]} for name, count in sorted(hard.items())},
        "anothers_plate": {"vehicles": len(truth.other_entries), "fined": len(truth.other_entries & fined)},
    }


def _told(clickhouse: ClickHouse, truth: Truth, fine: dict[str, Any]) -> dict[str, Any]:
    """A wrong fine beside the pass that it was taken from."""
    (row,) = clickhouse.rows(
        "SELECT plate, violation_id, occurred_ms, measured_kmh, enforced_kmh, limit_kmh FROM fines_current "
        "WHERE number = {n:String}", {"n": fine["number"]}
    )  # fmt: skip
    true = truth.nearest(fine["camera_id"], row["occurred_ms"], row["plate"])
    return {**fine, "amount": str(fine["amount"]), **row, "truly": true}


def show_wrong(
    clickhouse: ClickHouse, store: EvidenceStore, wrong: list[dict[str, Any]], truth: Truth, path: Path
) -> None:
    """A picture of every wrong fine: each evidence frame with what was read there and what truly passed."""
    cells: list[Picture] = []
    for fine in wrong:
        violation = find_violation(clickhouse, fine["violation_id"])
        for frame in violation.evidence:
            camera = frame.evidence_ref.split("/")[1]
            cells.append(
                _wrong_cell(store, frame, fine, truth.nearest(camera, frame.captured_ms, frame.plate_text))
            )
    cv2.imwrite(str(path), sheet(cells))


def _wrong_cell(
    store: EvidenceStore, frame: FrameRef, fine: dict[str, Any], true: dict[str, Any] | None
) -> Picture:
    truly = f"truly {true['plate']} {true['colour']} {true['speed_kmh']:.1f} km/h" if true else "truly nobody"
    words = f"{fine['offence']} read {frame.plate_text or '-'}: {fine['why']}", truly
    return cell(store, frame.evidence_ref, (frame.x1, frame.y1, frame.x2, frame.y2), words)


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def seeds_of(text: str) -> list[int]:
    """`1..12` or `3,5,8` as numbers; raises ValueError."""
    first, dots, last = text.partition("..")
    return list(range(int(first), int(last) + 1)) if dots else [int(part) for part in text.split(",")]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack ends with it
    parser = argparse.ArgumentParser(
        prog="python -m bench.wrong_fines", description="Wrong fines on rendered video."
    )
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("1..12"), help="1..12 or 3,5,8")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each city's clips")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figure = main(given.seeds, given.seconds)
    print(json.dumps(figure, indent=1) if given.json else f"{figure['wrong']} of {figure['fines']} fines wrong, at most {figure['upper_95']:.2%}")  # fmt: skip
