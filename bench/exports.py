"""Exports and reports over ten million violations: our Parquet against ClickHouse's own INTO OUTFILE, and each report.

    python -m bench.exports [--rows 10000000] [--runs 3]

Fills a fresh embedded ClickHouse with violations of two years (and reviews, fines and counts in proportion), then
writes them to Parquet in turns: our exporter in a process of its own (rate, CPU, highest memory), and the engine's own
INTO OUTFILE of the same columns, current rows and compression, where it lies: in the order of the key, as an export must be to
be reproducible, and in any order. Makes every report. Writes out/bench/exports.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.stack import save
from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.local import control
from waysight.local.temporary import temporary_stack
from waysight.reporting.kinds import accuracy, adt, deterrence, revenue, transparency, violations
from waysight.reporting.pages import html
from waysight.reporting.reports import Period
from waysight.reporting.selection import Selection
from waysight.settings import Settings, get_settings
from waysight.storage.migrations import migrate
from waysight.storage.tables import table

KINDS = ("waysight", "outfile", "unordered")
ROWS, RUNS, CHUNK = 10_000_000, 3, 1_000_000
SPAN_MS = 2 * 365 * 86_400_000
START_MS = 1_717_200_000_000
RATE_AIM, OWN_AIM_MIB, SERVER_AIM_MIB, REPORT_AIM_S = 0.7, 300, 2048, 10.0

_ID = "lower(hex(sipHash128(number)))"
_AT = f"toInt64({START_MS} + intDiv(number * {SPAN_MS}, {{rows}}))"
_FRAME = (
    "({at} + {n}, concat('frames/cam-', toString(number % 2000), '/e-', toString(number), '-{n}.h264'), "
    "lower(hex(SHA256(concat('{n}', toString(number))))), 100.5, 200.5, 400.25, 380.25, 210.5, 330.5, 290.5, 350.5, "
    "concat(leftPad(toString(number % 1000), 3, '0'), 'ABC', leftPad(toString(number % 20), 2, '0')), 0.97)"
)
VIOLATIONS = {
    "violation_id": _ID,
    "offence": "['spot_speed', 'red_light', 'average_speed', 'bus_lane', 'illegal_parking'][number % 5 + 1]",
    "camera_id": "concat('cam-', toString(cityHash64(number) % 2000))", "country": "'kz'",
    "location": "concat('Road ', toString(cityHash64(number) % 2000 % 500))", "occurred_ms": "{at}",
    "plate": "concat(leftPad(toString(cityHash64(number, 1) % 1000), 3, '0'), 'ABC', leftPad(toString(number % 20), 2, '0'))",
    "plate_country": "'kz'", "plate_confidence": "toFloat32(0.9 + (number % 100) / 1000)", "label": "'car'",
    "colour": "['white', 'black', 'grey', 'red'][number % 4 + 1]", "measured_kmh": "80 + number % 397 / 10",
    "uncertainty_kmh": "2.5", "enforced_kmh": "77.5 + number % 397 / 10", "limit_kmh": "60", "enforceable": "number % 10 != 0",
    "obstacles": "if(number % 10 = 0, ['low_confidence'], [])", "certificate": "'KZ.02.03, AA-17'",
    "sighting_ids": "[lower(hex(sipHash128(number, 1)))]",
    "evidence": f"[{_FRAME.format(at='{at}', n=1)}, {_FRAME.format(at='{at}', n=2)}]",
    "rule_pack": "'kz@2026.12'", "models": "concat('vehicle_detector@', toString(1 + intDiv(number * 3, {rows})))",
    "origin_partition": "toInt32(number % 12)", "origin_offset": "intDiv(number, 12)", "ordinal": "0",
}  # fmt: skip
REVIEWS = {
    "review_id": "lower(hex(sipHash128(number, 2)))", "violation_id": _ID, "plate": "''",
    "decision": "if(number % 19 = 0, 'rejected', 'accepted')", "reason": "if(number % 19 = 0, 'unreadable', '')",
    "officer": "concat('Officer ', toString(number % 50))", "reviewed_ms": "{at} + 86400000", "evidence_sha256": "''",
    "stage": "if(number % 50 = 0, 'quality', 'first')",
}  # fmt: skip
FINES = {
    "fine_id": "lower(hex(sipHash128(number, 3)))", "number": "concat('KZ-2026-01-', leftPad(toString(number), 9, '0'))",
    "violation_id": _ID, "offence": VIOLATIONS["offence"], "country": "'kz'", "plate": VIOLATIONS["plate"],
    "amount": "toDecimal64(43250.01, 2)", "currency": "'KZT'", "discount_amount": "toDecimal64(21625.01, 2)",
    "occurred_ms": "{at}", "issued_ms": "{at} + 86400000", "paid": "toDecimal64(if(number % 3 = 0, 0, 21625.01), 2)",
    "status": "if(number % 3 = 0, 'issued', if(number % 97 = 0, 'cancelled', 'paid'))",
}  # fmt: skip
COUNTS = {
    "count_id": "lower(hex(sipHash128(number, 4)))", "measure": "['passes', 'violations'][number % 2 + 1]",
    "camera_id": "concat('cam-', toString(intDiv(number, 2) % 2000))", "category": "['car', 'spot_speed'][number % 2 + 1]",
    "window_start_ms": f"toInt64({START_MS} + intDiv(intDiv(number * {SPAN_MS}, {{rows}}), 3600000) * 3600000)",
    "window_ms": "60000", "value": "1 + number % 50", "closed": "1",
}  # fmt: skip
FILL = {"violations": (VIOLATIONS, ""), "reviews": (REVIEWS, "WHERE number % 2 = 0"), "fines": (FINES, "WHERE number % 2 = 0 AND number % 19 != 0"),
        "counts": (COUNTS, "")}  # fmt: skip


@dataclass
class Peak:
    """Highest resident memory of a process while something ran, MiB."""

    mib: float = 0.0


def main(rows: int = ROWS, runs: int = RUNS) -> dict[str, Any]:
    """Measure and save; times in s, memory in MiB."""
    with (
        temporary_stack(get_settings(), ("clickhouse",)) as settings,
        tempfile.TemporaryDirectory() as folder,
    ):
        migrate(settings)
        server = psutil.Process(control.status(settings)["children"]["clickhouse"]["pid"])
        clickhouse = connect(settings)
        filled_s = _fill(clickhouse, rows)
        parquet = [_once(settings, clickhouse, server, Path(folder), rows, turn) for turn in range(runs)]
        reports = _reports(clickhouse, server)
    rates = {kind: round(statistics.median(run[kind]["rows_per_s"] for run in parquet)) for kind in KINDS}
    return save("exports", {
        "rows": rows, "filled_s": filled_s, "runs": parquet, "reports": reports,
        "rows_per_s": rates,
        "ratio": _ratio(parquet, "outfile"), "ratio_unordered": _ratio(parquet, "unordered"),
        "own_mib": max(r["waysight"]["own_mib"] for r in parquet),
        "server_mib": max(r["waysight"]["server_mib"] for r in parquet),
        "server_mib_outfile": max(r[k]["server_mib"] for r in parquet for k in KINDS[1:]),
        "server_mib_reports": max(r["server_mib"] for r in reports.values()),
        "slowest_report_s": max(r["seconds"] for r in reports.values()),
        "aims": {"ratio": RATE_AIM, "own_mib": OWN_AIM_MIB, "server_mib": SERVER_AIM_MIB, "report_s": REPORT_AIM_S},
    })  # fmt: skip


def _ratio(runs: Sequence[Mapping[str, Any]], kind: str) -> float:
    return round(statistics.median(r["waysight"]["rows_per_s"] / r[kind]["rows_per_s"] for r in runs), 3)


def _fill(clickhouse: ClickHouse, rows: int) -> float:
    begin = time.monotonic()
    for name, (columns, condition) in FILL.items():
        values = ", ".join(v.replace("{at}", _AT).replace("{rows}", str(rows)) for v in columns.values())
        for first in range(0, rows, CHUNK):
            numbers = f"numbers({first}, {min(CHUNK, rows - first)})"
            clickhouse.run(f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM {numbers} {condition} "
                           "SETTINGS max_insert_threads = 1, max_insert_block_size = 131072, min_insert_block_size_rows = 131072")  # fmt: skip
    return round(time.monotonic() - begin, 1)


def _once(
    settings: Settings, clickhouse: ClickHouse, server: psutil.Process, folder: Path, rows: int, turn: int
) -> dict[str, Any]:
    """One export of each kind; who goes first changes from turn to turn."""
    found: dict[str, Any] = {}
    for kind in KINDS if turn % 2 == 0 else KINDS[::-1]:
        busy = sum(server.cpu_times()[:2])
        with _watched(server) as peak:
            path = folder / f"{kind}.parquet"
            found[kind] = (
                _ours(settings, path) if kind == "waysight" else _theirs(clickhouse, path, kind == "outfile")
            )
        path.unlink()
        found[kind] |= {
            "rows_per_s": round(rows / found[kind]["seconds"]), "server_mib": round(peak.mib),
            "server_cpu_s": round(sum(server.cpu_times()[:2]) - busy, 2),
        }  # fmt: skip
    return found


def _ours(settings: Settings, out: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "bench.exporting", str(out)], check=True, capture_output=True,
                          text=True, env=settings.child_environment())  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _theirs(clickhouse: ClickHouse, out: Path, ordered: bool) -> dict[str, Any]:
    sql, _ = Selection(table("violations")).sql()
    begin = time.monotonic()
    clickhouse.run(
        f"{sql if ordered else sql.partition(' ORDER BY ')[0]} INTO OUTFILE '{out}' TRUNCATE FORMAT Parquet "
        "SETTINGS output_format_parquet_compression_method = 'zstd', do_not_merge_across_partitions_select_final = 1"
    )
    return {"seconds": round(time.monotonic() - begin, 2), "bytes": out.stat().st_size}


def _reports(clickhouse: ClickHouse, server: psutil.Process) -> dict[str, dict[str, Any]]:
    asked, zone = Period(START_MS, START_MS + SPAN_MS + 86_400_000), "Asia/Almaty"
    question = deterrence.Question(
        ("camera:cam-1",), ("camera:cam-2", "camera:cam-3"), START_MS + SPAN_MS // 2
    )
    makers = {
        "violations": lambda: violations.report(clickhouse, asked, zone),
        "revenue": lambda: revenue.report(clickhouse, asked, zone),
        "adt": lambda: adt.report(clickhouse, asked, zone),
        "accuracy": lambda: accuracy.report(clickhouse, asked),
        "transparency": lambda: transparency.report(clickhouse, asked),
        "deterrence": lambda: deterrence.report(clickhouse, asked, zone, question),
    }
    found = {}
    for name, make in makers.items():
        begin, busy = time.monotonic(), sum(server.cpu_times()[:2])
        with _watched(server) as peak:
            page = html(make())
        found[name] = {"seconds": round(time.monotonic() - begin, 2), "html_bytes": len(page), "server_mib": round(peak.mib),
                       "server_cpu_s": round(sum(server.cpu_times()[:2]) - busy, 2)}  # fmt: skip
        print(f"report {name}: {found[name]}", file=sys.stderr, flush=True)
    return found


@contextlib.contextmanager
def _watched(process: psutil.Process) -> Iterator[Peak]:
    """Looks at a process's memory ten times a second."""
    peak, done = Peak(), threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            peak.mib = max(peak.mib, process.memory_info().rss / 2**20)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bench.exports", description="Exports and reports over many violations."
    )
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args()
    print(json.dumps(main(given.rows, given.runs), indent=1))
