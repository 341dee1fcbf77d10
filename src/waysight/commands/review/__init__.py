"""`waysight review …`: no violation becomes a fine before a named officer has looked, or two where the law asks."""

from __future__ import annotations

import typer

from waysight.commands.review import deciding, looking, quality


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Officers' review of violations.", no_args_is_help=True)
    group.command("list")(looking.list_waiting)
    group.command("show")(looking.show)
    group.command("take")(deciding.take)
    group.command("give-back")(deciding.give_back)
    group.command("accept")(deciding.accept)
    group.command("accept-all")(deciding.accept_all)
    group.command("reject")(deciding.reject)
    group.command("correct")(deciding.correct)
    group.command("sample")(quality.sample)
    group.command("check")(quality.check)
    group.command("stats")(quality.stats)
    app.add_typer(group, name="review")
