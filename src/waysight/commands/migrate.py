"""`waysight migrate`: bring ClickHouse's tables to what this version needs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from waysight.settings import get_settings
from waysight.storage.migrations import migrate, migrations

Json = Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(run)


def run(json_: Json = False) -> None:
    """Create the database and its tables; harmless to repeat, refuses files that changed after they were applied."""
    settings = get_settings()
    applied = [f"{m.number:04}_{m.name}" for m in migrate(settings)]
    if json_:
        typer.echo(
            json.dumps(
                {"database": settings.clickhouse_database, "applied": applied, "known": len(migrations())}
            )
        )
        return
    for name in applied:
        typer.echo(f"applied {name}")
    typer.echo(f"{settings.clickhouse_database}: {len(migrations())} migrations, {len(applied)} of them new")
