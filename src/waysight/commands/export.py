"""`waysight export`: rows of a table as a file, for a stated purpose and case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import connect
from waysight.commands.output import Case, Json, Purpose, note, open_codec, print_json
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration
from waysight.reporting.exports import FORMATS, Export
from waysight.reporting.selection import Selection, parse_time
from waysight.settings import get_settings
from waysight.storage.tables import table

DATASETS = ("violations", "fines", "alerts", "sightings", "counts")

Dataset = Annotated[str, typer.Argument(help=f"One of {', '.join(DATASETS)}.")]
Format = Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")]
Out = Annotated[Path, typer.Option("--out", help="File to write; an existing one is replaced.")]
From = Annotated[str, typer.Option("--from", help="Event time from, ISO 8601 (UTC without a zone).")]
To = Annotated[str, typer.Option("--to", help="Event time before, ISO 8601.")]
Camera = Annotated[str, typer.Option(help="Only this camera.")]
Plate = Annotated[str, typer.Option(help="Only this plate.")]
Offence = Annotated[str, typer.Option(help="Only this offence.")]
Status = Annotated[str, typer.Option(help="Only this status.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(run)


def run(
    dataset: Dataset, out: Out, format_: Format = "csv", purpose: Purpose = "", case: Case = "", from_: From = "",
    to: To = "", camera: Camera = "", plate: Plate = "", offence: Offence = "", status: Status = "", json_: Json = False,
) -> None:  # fmt: skip
    """Write rows to a file, newest version of each, in the order of their key; recorded in the audit log."""
    require_purpose(purpose, case)
    if dataset not in DATASETS:
        raise BadConfiguration(f"there is no export of {dataset!r}; there are {', '.join(DATASETS)}")
    given = {"camera_id": camera, "plate": canonical(plate), "offence": offence, "status": status}
    wanted = Selection(table(dataset), parse_time(from_, "--from"), parse_time(to, "--to"),
                       {name: value for name, value in given.items() if value})  # fmt: skip
    settings = get_settings()
    clickhouse = connect(settings)
    condition, parameters = wanted.where()
    total = int(clickhouse.run(f"SELECT count() FROM {dataset} FINAL WHERE {condition}", parameters))
    with Export(out, format_, wanted.table.schema) as export, _progress() as bar:
        task = bar.add_task(f"{dataset} to {out.name}", total=total)
        export.write_all(clickhouse.batches(*wanted.sql()), lambda rows: bar.update(task, completed=rows))
        detail = {**wanted.described(), "format": format_, "file": out.name, "sha256": export.sha256()}
        AuditLog(settings, open_codec(settings)).record(
            f"export.{dataset}", purpose, case, detail, export.rows
        )
        export.publish()
    if json_:
        print_json({"file": str(out), "rows": export.rows, "format": format_, "sha256": detail["sha256"]})
    else:
        note(f"{export.rows} rows of {dataset} in {out}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
