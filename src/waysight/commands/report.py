"""`waysight report`: aggregates that name no one, as a table, JSON or a picture."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.commands.output import Json, note, print_json, print_table, when
from waysight.errors import BadConfiguration
from waysight.reporting.charts import Chart, draw
from waysight.reporting.reconciliation import reconcile
from waysight.reporting.reports import Period, counts, panels, period, violations
from waysight.reporting.selection import parse_time
from waysight.settings import get_settings

From = Annotated[str, typer.Option("--from", help="Event time from, ISO 8601; default: the oldest event.")]
To = Annotated[str, typer.Option("--to", help="Event time before, ISO 8601; default: the newest event.")]
Camera = Annotated[str, typer.Option(help="Only this camera.")]
Out = Annotated[Path | None, typer.Option("--out", help="Also draw it: a PNG.")]
Picture = Annotated[Path, typer.Option("--out", help="PNG to write.")]
Check = Annotated[
    bool, typer.Option("--check", help="Compare with the facts; exit code 1 when they disagree.")
]
Measure = Annotated[str, typer.Option(help="passes or violations.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Aggregates that name no one.", no_args_is_help=True)
    group.command("counts")(counts_report)
    group.command("violations")(violations_report)
    group.command("dashboard")(dashboard_report)
    app.add_typer(group, name="report")


def counts_report(
    from_: From = "",
    to: To = "",
    camera: Camera = "",
    measure: Measure = "passes",
    check: Check = False,
    out: Out = None,
    json_: Json = False,
) -> None:
    """Passes (or violations) per hour, camera and category; with --check both against sightings and violations."""
    if measure not in ("passes", "violations"):
        raise BadConfiguration(f"--measure {measure!r}: it is passes or violations")
    clickhouse, asked = _open(from_, to)
    if check:
        _check(clickhouse, asked, camera, json_)
        return
    rows = counts(clickhouse, asked, camera, measure)
    series = [
        {"time": r["time"], "series": f"{r['camera_id']} {r['category']}", "value": r["value"]} for r in rows
    ]
    _show(asked, rows, [Chart(f"{measure} per hour", "timeseries", series)], out, json_)


def violations_report(
    from_: From = "", to: To = "", camera: Camera = "", out: Out = None, json_: Json = False
) -> None:
    """Violations and fines per camera and offence."""
    clickhouse, asked = _open(from_, to)
    rows = violations(clickhouse, asked, camera)
    bars = [{"label": f"{r['camera_id']}\n{r['offence']}", "value": r["violations"]} for r in rows]
    _show(asked, rows, [Chart("Violations", "bars", bars)], out, json_)


def dashboard_report(out: Picture, from_: From = "", to: To = "", json_: Json = False) -> None:
    """Draw the Grafana dashboard's panels, from the same queries, as one picture."""
    clickhouse, asked = _open(from_, to)
    charts = panels(clickhouse, asked)
    draw(charts, out, f"Waysight, {when(asked.from_ms)} to {when(asked.to_ms)}")
    if json_:
        print_json({"file": str(out), "panels": {c.title: len(c.rows) for c in charts}})
    else:
        note(f"{len(charts)} panels in {out}")


def _check(clickhouse: ClickHouse, asked: Period, camera: str, as_json: bool) -> None:
    """Say whether the stream's windows agree with the facts; raises typer.Exit(1) when they do not."""
    found = reconcile(clickhouse, asked, camera)
    if as_json:
        print_json({"from_ms": asked.from_ms, "to_ms": asked.to_ms, "agree": found.holds, **asdict(found)})
    else:
        for rows in (found.minutes_differing, found.sums_differing):
            if rows:
                print_table(tuple(rows[0]), (tuple(r.values()) for r in rows))
        differing = len(found.minutes_differing) + len(found.sums_differing)
        note(
            f"{found.minutes} minutes and {found.sums} sums compared, {differing} differ; "
            f"{found.open_minutes} minutes are still open"
        )
    if not found.holds:
        raise typer.Exit(1)


def _open(from_: str, to: str) -> tuple[ClickHouse, Period]:
    clickhouse = connect(get_settings())
    return clickhouse, period(clickhouse, parse_time(from_, "--from"), parse_time(to, "--to"))


def _show(
    asked: Period, rows: list[dict[str, Any]], charts: list[Chart], out: Path | None, as_json: bool
) -> None:
    if out is not None:
        draw(charts, out, f"{when(asked.from_ms)} to {when(asked.to_ms)}", columns=1)
        note(f"drawn in {out}")
    if as_json:
        print_json({"from_ms": asked.from_ms, "to_ms": asked.to_ms, "rows": rows})
    elif rows:
        print_table(tuple(rows[0]), (tuple(r.values()) for r in rows))
    else:
        note("nothing in this period")
