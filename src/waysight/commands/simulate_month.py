"""`waysight simulate --country kz --days 30 --passes 200000 --seed 1 --check`: a month, told and judged."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from waysight.commands.export import run as export
from waysight.commands.output import Json, note, print_json, print_table
from waysight.errors import BadConfiguration
from waysight.evaluation.engine import ended_by_sigterm
from waysight.evaluation.month.real import run_real_month
from waysight.evaluation.month.run import Order, run_month
from waysight.evaluation.month.score import Score, Tally
from waysight.evaluation.month.store import clickhouse_shelf
from waysight.settings import Settings, get_settings, using
from waysight.simulate.month.tariffs import NATIONS

DEFAULT_START = "2025-12-10"  # over a New Year, at which units of account change

FIRST_START, LAST_START = date(2023, 3, 1), date(2026, 11, 30)  # the first offences lie 13 months before


class Level(StrEnum):
    """What is made: `sightings` as trackers tell them (for pictures: `waysight simulate render`)."""

    sightings = "sightings"


def month_of(
    context: typer.Context,
    country: Annotated[str, typer.Option(help="Whose law: kz, pe or ma.")] = "kz",
    days: Annotated[int, typer.Option(min=1, max=400, help="Length, days.")] = 30,
    passes: Annotated[int, typer.Option(min=100, max=5_000_000, help="About so many passes.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same month.")] = 7,
    start: Annotated[str, typer.Option(help="First day, local, ISO 8601.")] = DEFAULT_START,
    level: Annotated[Level, typer.Option(help="What is made.")] = Level.sightings,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 unless all is found exactly.")] = False,
    real: Annotated[
        bool,
        typer.Option("--real", help="Through Kafka and workers of its own, not in this process; minutes."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for truth.json and the exports of what was found.")
    ] = None,
    json_: Json = False,
) -> None:
    """Simulate a month of a city through the real processors and compare what they found with the truth.

    Officers accept what may be accepted, payments come at various days. What the processors put out is stored in a
    ClickHouse of this command's own, exported from there, and found is what the exported files say. With --real the
    same goes through Kafka and worker processes too.
    """
    if context.invoked_subcommand is not None:
        return
    del level  # there is one
    if country not in NATIONS:
        raise BadConfiguration(f"no simulated city in {country!r}; choose one of {', '.join(NATIONS)}")
    order = Order(country, _day(start), days, passes, seed)
    columns = (
        TextColumn("simulating"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} passes"),
        TimeRemainingColumn(),
    )
    with ExitStack() as stack:
        stack.enter_context(ended_by_sigterm())
        folder = (
            _made(out) if out else Path(stack.enter_context(TemporaryDirectory(prefix="waysight-month-")))
        )
        bar = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        task = bar.add_task("simulating", total=passes)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=min(done, of))

        if real:
            score = run_real_month(order, get_settings(), progress, folder, _export)
        else:
            shelf = stack.enter_context(clickhouse_shelf(get_settings()))
            score = run_month(order, get_settings(), progress, shelf, folder)
    if out is not None:
        _write(out / "truth.json", score)
    if json_:
        print_json(_document(order, score))
    else:
        _table(order, score)
    for line in score.differences:
        note(line)
    if check and not score.right:
        raise typer.Exit(1)


def _export(settings: Settings, dataset: str, path: Path) -> None:
    with using(settings):
        export(dataset, path, purpose="simulated month", case="simulation")


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadConfiguration(f"--start {text!r} is no day; write e.g. {DEFAULT_START}") from None
    if not FIRST_START <= day <= LAST_START:
        raise BadConfiguration(
            f"--start {day}: prices are known for starts from {FIRST_START} to {LAST_START}"
        )
    return day


def _document(order: Order, score: Score) -> dict[str, Any]:
    return {
        **asdict(order),
        "passes": score.passes,
        "currency": score.currency,
        "violations": _counts(score.violations),
        "fines": asdict(score.fines),
        "referrals": _counts(score.referrals),
        "counts": _counts(score.counts),
        "violations_by_offence": {o: _counts(t) for o, t in score.violations_by_offence.items()},
        "fines_by_offence": {o: asdict(t) for o, t in score.fines_by_offence.items()},
        "dead_letters": score.dead_letters,
        "differences": score.differences,
        "right": score.right,
    }


def _counts(tally: Tally) -> dict[str, int]:
    return {"truth": tally.truth, "found": tally.found, "false": tally.false}


def _table(order: Order, score: Score) -> None:
    rows = []
    parts = (
        ("violations", score.violations, score.violations_by_offence),
        ("fines", score.fines, score.fines_by_offence),
        ("referrals", score.referrals, dict[str, Tally]()),
        ("passes counted", score.counts, dict[str, Tally]()),
    )
    for what, total, by_offence in parts:
        for name, tally in (*by_offence.items(), ("all", total)):
            sums = (tally.sum_truth, tally.sum_found, tally.paid_truth, tally.paid_found)
            rows.append(
                (what, name, tally.truth, tally.found, tally.false, *(sums if what == "fines" else ("",) * 4))
            )
    title = f"{order.country}, {order.days} days from {order.start}, {score.passes} passes, seed {order.seed}, {score.currency}"
    columns = (
        "what",
        "offence",
        "truth",
        "found",
        "false",
        "sum truth",
        "sum found",
        "paid truth",
        "paid found",
    )
    print_table(columns, rows, title)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfiguration(f"cannot write to {folder}: {error.strerror}; choose another --out") from error
    return folder


def _write(path: Path, score: Score) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(score.truth_rows), indent=1) + b"\n")
    except OSError as error:
        raise BadConfiguration(f"cannot write {path}: {error}") from error
