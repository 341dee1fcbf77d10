"""`waysight report`: aggregates that name no one, as a table, JSON, a picture, HTML or PDF."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.commands.known_cameras import registered_cameras
from waysight.commands.narrowing import a_place, one_of, parse_time, span
from waysight.commands.output import Json, note, open_codec, print_json, print_table, when
from waysight.errors import BadConfiguration
from waysight.reporting.asked import cameras_seen, local_zone
from waysight.reporting.charts import Chart, draw
from waysight.reporting.document import Report, Section, cell
from waysight.reporting.kinds import accuracy, adt, deterrence, revenue, transparency, violations
from waysight.reporting.pages import write_html
from waysight.reporting.paper import write_pdf
from waysight.reporting.reconciliation import reconcile
from waysight.reporting.reports import Period, counts, panels, period
from waysight.settings import get_settings

From = Annotated[str, typer.Option("--from", help="Event time from, ISO 8601; default: the oldest event.")]
To = Annotated[str, typer.Option("--to", help="Event time before, ISO 8601; default: the newest event.")]
Camera = Annotated[str, typer.Option(help="Only this camera.")]
Out = Annotated[Path | None, typer.Option("--out", help="Also draw it: a PNG.")]
Html = Annotated[Path | None, typer.Option("--html", help="Also write it as one HTML file.")]
Pdf = Annotated[Path | None, typer.Option("--pdf", help="Also write it as PDF.")]
Zone = Annotated[str, typer.Option("--timezone", help="For hours and months; default: the country's.")]
Picture = Annotated[Path, typer.Option("--out", help="PNG to write.")]
Check = Annotated[
    bool, typer.Option("--check", help="Compare with the facts; exit code 1 when they disagree.")
]
Measure = Annotated[str, typer.Option(help="passes or violations.")]
Truth = Annotated[Path | None, typer.Option("--truth", help="truth.json of `demo` or `simulate`.")]
Places = Annotated[
    list[str] | None, typer.Option("--place", help="Got a camera: camera:<id>, road:<name>, district:<name>.")
]
Controls = Annotated[
    list[str] | None, typer.Option("--control", help="A like place that got none; repeatable.")
]
Since = Annotated[str, typer.Option("--since", help="When the cameras of --place began to work, ISO 8601.")]
_SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Aggregates that name no one.", no_args_is_help=True)
    for name, command in (
        ("counts", counts_report),
        ("violations", violations_report),
        ("revenue", revenue_report),
        ("adt", adt_report),
        ("accuracy", accuracy_report),
        ("transparency", transparency_report),
        ("deterrence", deterrence_report),
        ("dashboard", dashboard_report),
    ):
        group.command(name)(command)
    app.add_typer(group, name="report")


def counts_report(
    from_: From = "", to: To = "", camera: Camera = "", measure: Measure = "passes", check: Check = False,
    out: Out = None, html: Html = None, pdf: Pdf = None, json_: Json = False,
) -> None:  # fmt: skip
    """Passes (or violations) per hour, camera and category; with --check both against sightings and violations."""
    if measure not in ("passes", "violations"):
        raise BadConfiguration(f"--measure {measure!r}: it is passes or violations")
    clickhouse, asked = _open(from_, to, camera=camera)
    if check:
        _check(clickhouse, asked, camera, json_)
        return
    rows = counts(clickhouse, asked, camera, measure)
    series = [
        {"time": r["time"], "series": f"{r['camera_id']} {r['category']}", "value": r["value"]} for r in rows
    ]
    chart = Chart(f"{measure} per hour", "timeseries", series)
    section = Section(f"{measure} per hour".capitalize(), "", rows, chart)
    _show(Report("Counts", asked.from_ms, asked.to_ms, {"rows": rows}, [section]), out, html, pdf, json_)


def violations_report(
    from_: From = "", to: To = "", camera: Camera = "", timezone: Zone = "", out: Out = None, html: Html = None,
    pdf: Pdf = None, json_: Json = False,
) -> None:  # fmt: skip
    """Violations by place, hour and offence, and the fines that stand."""
    clickhouse, asked = _open(from_, to, camera=camera)
    made = violations.report(clickhouse, asked, local_zone(clickhouse, asked, timezone), camera)
    _show(made, out, html, pdf, json_)


def revenue_report(
    from_: From = "", to: To = "", timezone: Zone = "", out: Out = None, html: Html = None, pdf: Pdf = None, json_: Json = False
) -> None:  # fmt: skip
    """Issued, discounted, paid, outstanding, refunded, written off: per month and currency, exact."""
    clickhouse, asked = _open(from_, to, decided=True)
    made = revenue.report(clickhouse, asked, local_zone(clickhouse, asked, timezone))
    _show(made, out, html, pdf, json_)


def adt_report(
    from_: From = "", to: To = "", camera: Camera = "", timezone: Zone = "", out: Out = None, html: Html = None,
    pdf: Pdf = None, json_: Json = False,
) -> None:  # fmt: skip
    """Counts and average daily traffic per camera, and how many hours are missing."""
    clickhouse, asked = _open(from_, to, camera=camera)
    made = adt.report(clickhouse, asked, local_zone(clickhouse, asked, timezone), camera)
    _show(made, out, html, pdf, json_)


def accuracy_report(
    from_: From = "", to: To = "", truth: Truth = None, out: Out = None, html: Html = None, pdf: Pdf = None, json_: Json = False
) -> None:  # fmt: skip
    """The wrong-fine rate with its upper 95 % bound; rejections by camera and model version."""
    clickhouse, asked = _open(from_, to, decided=True)
    _show(accuracy.report(clickhouse, asked, truth), out, html, pdf, json_)


def transparency_report(
    from_: From = "", to: To = "", out: Out = None, html: Html = None, pdf: Pdf = None, json_: Json = False
) -> None:
    """What was watched, matched, confirmed, rejected, deleted and looked at: counts only."""
    clickhouse, asked = _open(from_, to, decided=True)
    _show(transparency.report(clickhouse, asked), out, html, pdf, json_)


def deterrence_report(
    place: Places = None, control: Controls = None, since: Since = "", from_: From = "", to: To = "",
    timezone: Zone = "", out: Out = None, html: Html = None, pdf: Pdf = None, json_: Json = False,
) -> None:  # fmt: skip
    """Imported statistics and our own counts: before and after a camera, against control sites, and year on year."""
    if bool(place) != bool(since):
        raise BadConfiguration(
            "--place and --since go together: where a camera came, and when it began to work"
        )
    for name, given in (("--place", place), ("--control", control)):
        for each in given or ():
            a_place(each, name)
    if both := set(place or ()) & set(control or ()):
        raise BadConfiguration(
            f"{min(both)} is --place and --control; a control is a place that got no camera"
        )
    times = span(from_, to)
    clickhouse = connect(get_settings())
    asked = deterrence.span(clickhouse, *times)
    question = deterrence.Question(tuple(place or ()), tuple(control or ()), parse_time(since, "--since"))
    made = deterrence.report(clickhouse, asked, local_zone(clickhouse, asked, timezone), question)
    _show(made, out, html, pdf, json_)


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


def _open(from_: str, to: str, decided: bool = False, camera: str = "") -> tuple[ClickHouse, Period]:
    """What a report is made from; raises BadConfiguration for a camera that is neither registered nor in the data."""
    times = span(from_, to)
    settings = get_settings()
    clickhouse = connect(settings)
    asked = period(clickhouse, *times, decided)
    if camera and not cameras_seen(clickhouse, asked, camera):
        registered = registered_cameras(settings, open_codec(settings), removed_too=True)
        one_of(camera, sorted({*registered, *cameras_seen(clickhouse, asked)}), "--camera")
    return clickhouse, asked


def _show(report: Report, out: Path | None, html: Path | None, pdf: Path | None, as_json: bool) -> None:
    charts = [s.chart for s in report.sections if s.chart is not None]
    if out is not None and charts:
        draw(charts, out, f"{report.title}, {report.span}", columns=1)
        note(f"drawn in {out}")
    for path, write in ((html, write_html), (pdf, write_pdf)):
        if path is not None:
            write(report, path)
            note(f"written to {path}")
    if as_json:
        print_json({"from_ms": report.from_ms, "to_ms": report.to_ms, **report.data})
        return
    for section in report.sections:
        if section.rows:
            rows = section.rows[:_SHOWN]
            print_table(tuple(rows[0]), ([cell(v) for v in r.values()] for r in rows), section.title)
        if len(section.rows) > _SHOWN:
            note(f"{len(section.rows) - _SHOWN:,} more rows: --json, --html or --pdf")
    if not any(section.rows for section in report.sections):
        note("nothing in this period")
