"""`waysight audit verify|list`: prove the chain, and read it."""

from __future__ import annotations

from typing import Annotated

import typer

from waysight.adapters.audit import CHAIN, AuditLog
from waysight.commands.output import Json, open_codec, print_json, print_table, when
from waysight.settings import get_settings

Action = Annotated[str, typer.Option(help="Only this action, e.g. search, export or watchlist.")]
Limit = Annotated[int, typer.Option(min=1, help="Newest events shown.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The audit log: who looked at what, why, under which case.", no_args_is_help=True
    )
    group.command("verify")(verify)
    group.command("list")(list_events)
    app.add_typer(group, name="audit")


def verify(json_: Json = False) -> None:
    """Recompute the hash chain from the topic; names the first broken event and exits with 1."""
    settings = get_settings()
    log = AuditLog(settings, open_codec(settings))
    fault, count = log.verify(), log.count
    if json_:
        print_json({"ok": fault is None, "chain": CHAIN, "events": count, "break": fault})
    elif fault is None:
        typer.echo(f"the audit chain holds: {count} events")
    else:
        typer.echo(
            f"the audit chain is broken at sequence {fault.sequence}, audit[0]@{fault.offset}: {fault.reason}"
        )
    if fault is not None:
        raise typer.Exit(1)


def list_events(action: Action = "", limit: Limit = 100, json_: Json = False) -> None:
    """Show the newest events, oldest first."""
    settings = get_settings()
    log = AuditLog(settings, open_codec(settings))
    wanted = [
        event
        for _, event in log.events()
        if event.action.split(".")[0] == action or action in ("", event.action)
    ]
    shown = wanted[-limit:]
    if json_:
        print_json(shown)
        return
    print_table(
        ("#", "when", "actor", "action", "purpose", "case", "rows", "detail"),
        (
            (e.sequence, when(e.at_ms), e.actor, e.action, e.purpose, e.case_number, e.rows, e.detail)
            for e in shown
        ),
        f"audit chain {CHAIN}",
    )
