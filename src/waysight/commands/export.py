"""`waysight export`: rows of a table as a file with its manifest, for a stated purpose and case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.commands import narrowing
from waysight.commands.output import Case, Json, Purpose, note, open_codec, print_json
from waysight.errors import BadConfiguration
from waysight.reporting.exports import Export
from waysight.reporting.formats import FORMATS
from waysight.reporting.reading import batches, months
from waysight.reporting.selection import Selection, cursor_of, parse_cursor
from waysight.settings import get_settings
from waysight.storage.tables import table

DATASETS = ("violations", "fines", "alerts", "sightings", "counts", "reviews", "payments", "referrals")
# A row counts as stored once no insert that began before can still become visible.
SETTLING_MS = 5_000

DATEX = "datex"

Dataset = Annotated[str, typer.Argument(help=f"One of {', '.join(DATASETS)}, {DATEX}.")]
Format = Annotated[
    str,
    typer.Option("--format", help=f"One of {', '.join(FORMATS)}; default: by the file's ending, else csv."),
]
Out = Annotated[Path, typer.Option("--out", help="File to write; an existing one is replaced.")]
From = Annotated[str, typer.Option("--from", help="Event time from, ISO 8601 (UTC without a zone).")]
To = Annotated[str, typer.Option("--to", help="Event time before, ISO 8601.")]
Camera = Annotated[str, typer.Option(help="Only this camera.")]
Plate = Annotated[str, typer.Option(help="Only this plate.")]
Offence = Annotated[str, typer.Option(help="Only this offence.")]
Status = Annotated[str, typer.Option(help="Only this status.")]
Columns = Annotated[str, typer.Option(help="Only these columns, in this order, separated by commas.")]
Since = Annotated[
    str, typer.Option(help="Only what was stored after a cursor: `cursor` of the last manifest, or `start`.")
]
Until = Annotated[str, typer.Option(help="Only what was stored up to a cursor, to make an old export again.")]
Step = Annotated[str, typer.Option(help="For datex: minute or hour.")]
Country = Annotated[
    str, typer.Option(help="For datex: who publishes, two letters; default: the cameras' country.")
]
Creator = Annotated[str, typer.Option(help="For datex: name of who publishes.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(run)


def run(
    dataset: Dataset, out: Out, format_: Format = "", purpose: Purpose = "", case: Case = "", from_: From = "",
    to: To = "", camera: Camera = "", plate: Plate = "", offence: Offence = "", status: Status = "", columns: Columns = "",
    since_cursor: Since = "", until_cursor: Until = "", step: Step = "hour", country: Country = "",
    creator: Creator = "waysight", json_: Json = False,
) -> None:  # fmt: skip
    """Write rows to a file, newest version of each, in the order of their key; recorded in the audit log.

    Beside it lies FILE.manifest.json: what was asked, the columns, the number of rows, the SHA-256 of the file and of
    the rows (the same for every format), and the cursor from which the next incremental export goes on.
    `datex` writes counts and mean speeds per camera as DATEX II for everyone, without purpose and case.
    """
    if dataset == DATEX:
        # Here, because the mathematics of cameras takes 60 MB that other exports spare.
        from waysight.commands.export_datex import export_datex

        export_datex(out, *narrowing.span(from_, to), camera, step, country, creator, json_)
        return
    require_purpose(purpose, case)
    if dataset not in DATASETS:
        raise BadConfiguration(f"there is no export of {dataset!r}; there are {', '.join(DATASETS)}")
    times = narrowing.span(from_, to)
    narrowing.one_of(status, narrowing.STATUSES.get(dataset, (status,)), "--status")
    given = {
        "camera_id": camera,
        "plate": narrowing.plate(plate),
        "offence": narrowing.offence(offence),
        "status": status,
    }
    until, since = parse_cursor(until_cursor, "--until-cursor"), parse_cursor(since_cursor, "--since-cursor")
    pa.set_memory_pool(pa.system_memory_pool())  # the others keep what was freed
    settings = get_settings()
    clickhouse = connect(settings)
    if until is None and since is not None:
        until = _settled_ms(clickhouse)
    wanted = Selection(
        table(dataset),
        *times,
        {name: value for name, value in given.items() if value},
        tuple(c.strip() for c in columns.split(",") if c.strip()),
        since,
        until,
    )
    found = months(clickhouse, wanted)
    with Export(out, format_, wanted.schema) as export, _progress() as bar:
        task = bar.add_task(f"{dataset} to {out.name}", total=sum(found.values()))
        export.write_all(batches(clickhouse, wanted, found), lambda rows: bar.update(task, completed=rows))
        manifest = export.manifest({"dataset": dataset, "asked": wanted.described(), **_cursors(wanted)})
        detail = {
            **wanted.described(),
            **{k: manifest[k] for k in ("format", "file", "sha256", "rows_sha256")},
        }
        AuditLog(settings, open_codec(settings)).record(
            f"export.{dataset}", purpose, case, detail, export.rows
        )
        export.publish(manifest)
    if json_:
        told = ("rows", "format", "sha256", "rows_sha256", "cursor")
        print_json({"file": str(out), **{k: manifest[k] for k in told if k in manifest}})
    else:
        note(f"{export.rows} rows of {dataset} in {out}")


def _settled_ms(clickhouse: ClickHouse) -> int:
    return int(clickhouse.run("SELECT toUnixTimestamp64Milli(now64(3))")) - SETTLING_MS


def _cursors(wanted: Selection) -> dict[str, Any]:
    return {} if wanted.until is None else {"cursor": cursor_of(wanted.until)}


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
