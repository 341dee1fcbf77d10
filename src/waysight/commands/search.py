"""`waysight search plate`: where a plate was seen, for a stated purpose and case."""

from __future__ import annotations

from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import connect
from waysight.commands.output import Case, Json, Purpose, note, open_codec, print_json, print_table, when
from waysight.reporting.searches import PlateSearch
from waysight.reporting.selection import parse_time
from waysight.settings import get_settings

Pattern = Annotated[str, typer.Argument(help="Plate; * stands for any text, ? for one character.")]
From = Annotated[str, typer.Option("--from", help="Seen from, ISO 8601 (UTC without a zone).")]
To = Annotated[str, typer.Option("--to", help="Seen before, ISO 8601.")]
Candidates = Annotated[bool, typer.Option("--candidates", help="Also what the reader held possible.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Newest sightings shown.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Find sightings; every search is recorded in the audit log.", no_args_is_help=True
    )
    group.command("plate")(plate)
    app.add_typer(group, name="search")


def plate(
    pattern: Pattern, purpose: Purpose = "", case: Case = "", from_: From = "", to: To = "",
    candidates: Candidates = False, limit: Limit = 1000, json_: Json = False,
) -> None:  # fmt: skip
    """Show the sightings of a plate, newest first: time, camera, plate, confidence, evidence."""
    require_purpose(purpose, case)
    wanted = PlateSearch(pattern, parse_time(from_, "--from"), parse_time(to, "--to"), candidates, limit)
    settings = get_settings()
    rows = wanted.rows(connect(settings))
    detail = {"pattern": pattern, "from_ms": wanted.from_ms, "to_ms": wanted.to_ms, "candidates": candidates}
    # Recorded before anything is shown: what cannot be recorded is not shown.
    AuditLog(settings, open_codec(settings)).record("search.plate", purpose, case, detail, len(rows))
    if json_:
        print_json(rows)
        return
    columns = ("seen", "camera", "plate", "country", "confidence", "class", "evidence")
    print_table(columns, ((when(r["first_ms"]), r["camera_id"], r["plate"], r["plate_country"],
                           f"{r['plate_confidence']:.2f}", r["label"], r["evidence_ref"]) for r in rows))  # fmt: skip
    note(f"{len(rows)} sightings" + (f" (--limit {limit} reached)" if len(rows) == limit else ""))
