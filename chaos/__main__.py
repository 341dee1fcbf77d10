"""python -m chaos --seed N [--minutes 10]: a seeded campaign against the whole pipeline; the ledger is printed last.

On a stack of its own (Kafka, registry, ClickHouse, two workers of each kind) the town's traffic flows while workers,
broker, registry and store are killed, paused, restarted and sent away at random. Then everything is worked off and
compared with the truth. Writes out/chaos/SEED/ledger.json and timeline.png; exits 1 unless the ledger balances.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from dataclasses import asdict
from typing import Any

from chaos.harm import Hand, plan, until_calm
from chaos.ledger import balances, open_ledger, table
from chaos.load import PAID_EVERY, Officer, Sender
from chaos.picture import draw
from chaos.stage import IDLE, NAMES, stage
from waysight.adapters.clickhouse import connect
from waysight.adapters.lag import drained
from waysight.errors import EngineDown, WaysightError
from waysight.settings import Settings, get_settings
from waysight.simulate.sightings import Pace, Traffic
from waysight.simulate.town import Town

DRAIN_S = 600.0
ENTRIES = 20_000


def main(words: list[str]) -> int:
    """Run the campaign; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description="A seeded campaign of harm.")
    parser.add_argument("--seed", type=int, default=1, help="of the traffic and of the harm")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long harm is done under load")
    parser.add_argument("--per-second", type=float, default=40.0, help="sightings a second of real time")
    parser.add_argument("--speed", type=float, default=4.0, help="how many times as fast as it happens")
    given = parser.parse_args(words)
    seconds = 60.0 * given.minutes
    pace = Pace(per_s=given.per_second / given.speed, late_every=50)
    traffic = Traffic(Town(given.seed), int(given.per_second * seconds), pace)
    with stage(traffic.town, traffic.offenders, ENTRIES) as (settings, codec, file):
        sender, officer = Sender(settings, codec, file, traffic, given.speed), Officer(settings, codec)
        hand, watch = Hand(settings, plan(given.seed, seconds)), Watch(settings, officer)
        print(f"seed {given.seed}: {len(hand.acts)} acts of harm in {seconds:.0f} s of load", flush=True)
        began = time.monotonic()
        for thread in (watch, officer, sender):
            thread.start()
        while sender.is_alive():
            told = len(hand.done)
            hand.tend(time.monotonic() - began)
            for at_s, act, remark in hand.done[told:]:
                words_ = f"{at_s:7.1f} s  {act.what} {act.target} {act.lasts_s or ''} {remark}"
                print(words_.rstrip(), flush=True)
            time.sleep(0.1)
        hand.end()
        sender.check()
        print(f"{time.monotonic() - began:7.1f} s  all sent; waiting until it is worked off", flush=True)
        until_calm(settings)
        left = drain(settings, officer)
        worked_off_s = time.monotonic() - began
        watch.stop.set()
        officer.finish()
        watch.join(60.0)
        letters = sender.letters(tuple(name for name in NAMES if name not in IDLE))
        lines = open_ledger(settings, codec, traffic.truth, letters, PAID_EVERY)
    result: dict[str, Any] = {
        "seed": given.seed,
        "minutes": given.minutes,
        "sightings": traffic.truth.sightings,
        "messages": sender.sent,
        "sent_twice": sender.twice,
        "garbage": len(sender.garbage),
        "left": left,
        "worked_off_s": round(worked_off_s, 1),
        "balances": balances(lines) and not any(left.values()),
        "ledger": [asdict(one) for one in lines],
        "harm": [{"at_s": at_s, **asdict(act), "remark": remark} for at_s, act, remark in hand.done],
        "samples": watch.samples,
    }
    folder = get_settings().out_dir / "chaos" / str(given.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ledger.json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, folder / "timeline.png")
    print(
        f"{len(hand.done)} acts of harm, {sender.sent} messages ({sender.twice} sent twice), "
        f"{len(sender.garbage)} pieces of garbage, all worked off after {worked_off_s:.0f} s\n{table(lines)}"
    )
    print("the ledger balances" if result["balances"] else "THE LEDGER DOES NOT BALANCE", flush=True)
    return 0 if result["balances"] else 1


class Watch(threading.Thread):
    """Every few seconds what still is to do, and what has come out."""

    def __init__(self, settings: Settings, officer: Officer) -> None:
        super().__init__(name="watch", daemon=True)
        self._settings, self._officer = settings, officer
        self.stop, self.samples = threading.Event(), list[dict[str, Any]]()

    def run(self) -> None:
        """Until `stop` is set."""
        began = time.monotonic()
        while not self.stop.wait(6.0):
            sample: dict[str, Any] = {"at_s": round(time.monotonic() - began, 1)}
            try:
                sample["lag"] = drained(self._settings, NAMES)
            except WaysightError:
                sample["lag"] = None
            sample["violations"], sample["paid"] = len(self._officer.reviewed), len(self._officer.paid)
            self.samples.append(sample)


def drain(settings: Settings, officer: Officer) -> dict[str, int]:
    """Wait until nothing is left anywhere, three times running; what is left when patience ends."""
    deadline, calm = time.monotonic() + DRAIN_S, 0
    left: dict[str, int] = {"unknown": 1}
    while calm < 3 and time.monotonic() < deadline:
        time.sleep(2.0)
        try:
            left = drained(settings, NAMES)
            connect(settings).rows("SELECT 1")
        except EngineDown:
            calm = 0
            continue
        officer.check()
        calm = 0 if any(left.values()) else calm + 1
    return left


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
