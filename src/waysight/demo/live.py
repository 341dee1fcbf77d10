"""The live table of a running demo, and the wait until everything that was sent has been worked off."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from rich.console import Console
from rich.live import Live
from rich.table import Table

from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.kafka import end_offsets, plain_consumer
from waysight.adapters.lag import drained
from waysight.demo.stage import WORKERS
from waysight.errors import EngineDown
from waysight.local import control
from waysight.settings import Settings

T = TypeVar("T")
REFRESH_S = 2.0
STORED = ("sightings", "alerts", "violations", "fines")
PROCESSORS = tuple(name for names in WORKERS.values() for name in names)
LATENCY = """
SELECT count() AS n, quantile(0.5)(raised_ms - received_ms) AS p50, quantile(0.99)(raised_ms - received_ms) AS p99
FROM alerts_current WHERE received_ms > 0"""


def wait_until_drained(
    settings: Settings,
    clickhouse: ClickHouse,
    sent: Callable[[], bool],
    console: Console,
    limit_s: float,
    processors: Sequence[str] = PROCESSORS,
) -> None:
    """Show the table until `sent()` and nothing remains anywhere, twice running; raises EngineDown past `limit_s`."""
    deadline, calm = time.monotonic() + limit_s, 0
    left: dict[str, int] = {}
    view: AbstractContextManager[Any] = (
        Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else nullcontext()
    )
    with view as live:
        while calm < 2:
            trouble = ""
            try:
                over = sent()
                left = drained(settings, processors)
                calm = calm + 1 if over and not any(left.values()) else 0
                if live is not None:
                    live.update(table(settings, clickhouse, left))
            except EngineDown as error:  # a part that died is being restarted
                calm, trouble = 0, str(error)
            if time.monotonic() > deadline:
                stuck = ", ".join(f"{name}: {n}" for name, n in left.items() if n)
                raise EngineDown(
                    f"not finished after {limit_s:.0f} s; still to do: {stuck or trouble or 'producers'}; "
                    "see `waysight status` and the logs beside it"
                )
            if calm < 2:
                time.sleep(REFRESH_S if not calm else 0.5)


def patiently(act: Callable[[], T], patience_s: float = 120.0) -> T:
    """Do it, and again while a part that died is being restarted; raises EngineDown past `patience_s`."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except EngineDown:
            if time.monotonic() > deadline:
                raise
            time.sleep(REFRESH_S)


def table(settings: Settings, clickhouse: ClickHouse, left: dict[str, int]) -> Table:
    """Cameras, stored rows, lag and latency as they are now."""
    view = Table(title="waysight", title_justify="left", show_header=False, box=None, pad_edge=False)
    children = control.status(settings)["children"]
    view.add_row("programs", "  ".join(f"{n} {_mark(c['state'])}" for n, c in sorted(children.items())))
    view.add_row("in Kafka", "  ".join(f"{t} {n}" for t, n in _messages(settings).items()))
    cameras = clickhouse.rows(
        "SELECT camera_id, count() AS n, countIf(plate != '') AS plates FROM sightings_current "
        "WHERE final GROUP BY camera_id ORDER BY camera_id"
    )
    for row in cameras:
        view.add_row(row["camera_id"], f"{row['n']} sightings, {row['plates']} plates read")
    counts = {n: clickhouse.rows(f"SELECT count() AS n FROM {n}_current")[0]["n"] for n in STORED}
    view.add_row("stored", "  ".join(f"{n} [bold]{c}[/]" for n, c in counts.items()))
    view.add_row("still to do", "  ".join(f"{n} {c}" for n, c in left.items() if c) or "nothing")
    latency = clickhouse.rows(LATENCY)[0]
    if latency["n"]:
        view.add_row("frame → alert", f"p50 {latency['p50']:.0f} ms, p99 {latency['p99']:.0f} ms")
    return view


def _messages(settings: Settings) -> dict[str, int]:
    """Messages so far, watermarks included, of the topics that a frame goes through."""
    consumer = plain_consumer(settings)
    try:
        return {t: sum(end_offsets(consumer, t, settings).values()) for t in ("frames", "detections")}
    finally:
        consumer.close()


def _mark(state: str) -> str:
    return {"healthy": "[green]●[/]", "finished": "[green]✓[/]"}.get(state, f"[red]{state}[/]")
