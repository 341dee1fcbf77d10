"""`waysight up`, `down`, `status`: the local stack."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from waysight.local import control
from waysight.local.catalogue import ORDER
from waysight.settings import get_settings

Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Only = Annotated[str, typer.Option(help=f"Comma-separated parts to start; all: {','.join(ORDER)}.")]
With = Annotated[str, typer.Option("--with", help="Comma-separated optional parts: prometheus.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)


def up(only: Only = "", with_: With = "", json_: Json = False) -> None:
    """Start the local stack and wait until it is healthy; harmless to repeat."""
    names = _names(only) or ORDER
    report = control.up(get_settings(), (*names, *_names(with_)), say=_say)
    _print(report, json_)


def down(json_: Json = False) -> None:
    """End the local stack, and whatever a killed one left behind."""
    orphans = control.down(get_settings(), say=_say)
    typer.echo(json.dumps({"left_over_processes_ended": orphans}) if json_ else "the stack is down")


def status(json_: Json = False) -> None:
    """Show every child: state, pid, restarts, and the last log lines of one in trouble."""
    report = control.status(get_settings())
    _print(report, json_)
    children = report["children"].values()
    if not children or any(child["state"] not in ("healthy", "finished") for child in children):
        raise typer.Exit(1)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=1))
        return
    supervisor = report["supervisor"]
    typer.echo(f"supervisor  {supervisor['state']:<10} pid {supervisor['pid']}")
    for name, child in report["children"].items():
        facts = f"pid {child['pid']}" if child["pid"] else ""
        restarts = f"  restarts {child['restarts']}" if child.get("restarts") else ""
        typer.echo(f"{name:<11} {child['state']:<10} {facts}{restarts}  {child['message']}".rstrip())
        for line in child.get("log_tail", []):
            typer.echo(f"    | {line}")
