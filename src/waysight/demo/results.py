"""What a demo leaves in its folder: exports, one notice, one evidence package, pictures, the summary."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.commands import evidence, export, fines, report
from waysight.errors import EngineDown
from waysight.reporting.kinds import accuracy
from waysight.reporting.pages import write_html
from waysight.reporting.reports import period

DATASETS = ("violations", "alerts", "fines", "sightings", "counts")
PURPOSE, CASE = "demonstration", "DEMO-1"
SCORE = Path(__file__).with_name("score.py")


def exports(out: Path) -> None:
    """Every data set as CSV, and violations also as Parquet and JSON."""
    folder = out / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(name, "csv") for name in DATASETS] + [("violations", "parquet"), ("violations", "json")]
    for name, form in wanted:
        quiet(partial(export.run, name, folder / f"{name}.{form}", form, PURPOSE, CASE))


def papers(clickhouse: ClickHouse, out: Path) -> list[str]:
    """A notice and an evidence package of the first fine, and the dashboard as a picture; returns file names."""
    made = []
    first = clickhouse.rows(
        "SELECT number, violation_id FROM fines_current ORDER BY occurred_ms, fine_id LIMIT 1"
    )
    if first:
        notice, package = out / "notice.pdf", out / "evidence"
        quiet(lambda: fines.notice(first[0]["number"], notice, specimen=True, purpose=PURPOSE, case=CASE))
        shutil.rmtree(package, ignore_errors=True)
        quiet(lambda: evidence.export(first[0]["violation_id"], package, PURPOSE, CASE))
        made += [notice.name, package.name]
    quiet(lambda: report.dashboard_report(out / "dashboard.png"))
    return [*made, "dashboard.png"]


def score(out: Path, truth: Path) -> dict[str, Any]:
    """The figures against truth, computed from the exports by a script that shares no code with the pipeline."""
    command = [sys.executable, str(SCORE), "--exports", str(out / "exports"), "--truth", str(truth)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineDown(f"the demo cannot be scored: {done.stderr.strip() or done.stdout.strip()}")
    scored: dict[str, Any] = json.loads(done.stdout)
    return scored


def accuracy_page(clickhouse: ClickHouse, truth: Path, page: Path) -> Mapping[str, Any]:
    """What `waysight report accuracy --truth` says of all fines, also written as an HTML page."""
    made = accuracy.report(clickhouse, period(clickhouse, None, None, decided=True), truth)
    write_html(made, page)
    return made.data


def quiet(act: Callable[[], None]) -> None:
    """Run a command's function without its own lines; errors come through."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        act()
