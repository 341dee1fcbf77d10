"""python -m bench [sampling|stream|latency|models …] [--json]: measurements against named references, as ratios.

Runs them one after the other, prints one table, and writes out/bench/NAME.json, out/bench/bench.json (the table's
lines) and out/bench/bench.png. A missed aim is a result, not an error; a measurement that failed exits 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from bench import exports, latency, models, sampling, stream, tracking, watchlist
from bench.stack import save
from bench.table import draw, lines_of, show
from waysight.errors import WaysightError
from waysight.settings import get_settings

# In this order: sampling counts its own process's CPU, before the others leave threads behind.
MEASUREMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "sampling": sampling.main,
    "stream": stream.short,
    "latency": latency.main,
    "models": models.main,
    "tracking": tracking.main,
    "watchlist": watchlist.main,
    "exports": exports.main,
}
# Long; the first two also on photographs that are not part of the project.
NAMED_ONLY = frozenset(("models", "tracking", "watchlist", "exports"))


def main(words: Sequence[str]) -> int:
    """Measure what is named (everything by default); returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measurements against named references."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"any of {', '.join(MEASUREMENTS)}; by default all but {', '.join(NAMED_ONLY)}",
    )
    parser.add_argument(
        "--json", action="store_true", help="print lines and results as JSON instead of a table"
    )
    given = parser.parse_args(words)
    if wrong := [name for name in given.names if name not in MEASUREMENTS]:
        parser.error(f"no measurement {', '.join(wrong)}; there are {', '.join(MEASUREMENTS)}")
    results: dict[str, dict[str, Any]] = {}
    failed = False
    for name, measure in MEASUREMENTS.items():
        if name not in (given.names or MEASUREMENTS.keys() - NAMED_ONLY):
            continue
        busy = round(os.getloadavg()[0], 2)
        print(f"measuring {name} … (load average before: {busy})", file=sys.stderr, flush=True)
        try:
            results[name] = {**measure(), "load_average_before": busy}
        except WaysightError as error:
            print(f"{name} failed: {error}", file=sys.stderr)
            failed = True
    lines = lines_of(results)
    table = {"lines": [{**asdict(line), "met": line.met} for line in lines], "results": results}
    if lines:
        save("bench", table)
        draw(lines, get_settings().out_dir / "bench" / "bench.png")
    if given.json:
        print(json.dumps(table, indent=1))
    else:
        show(lines, Console(width=None if sys.stdout.isatty() else 160))
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that stacks and programs end with it
    raise SystemExit(main(sys.argv[1:]))
