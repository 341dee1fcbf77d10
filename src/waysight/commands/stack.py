"""`waysight up`, `down`, `status`, `setup`, `doctor`: the local stack."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from waysight.commands.output import Json, note, print_json
from waysight.local import control, doctor
from waysight.local.catalogue import ORDER
from waysight.settings import get_settings

Only = Annotated[str, typer.Option(help=f"Comma-separated parts to start; all: {','.join(ORDER)}.")]
With = Annotated[str, typer.Option("--with", help="Comma-separated optional parts: prometheus.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)
    app.command("setup")(setup)
    app.command("doctor")(doctor_)


def up(only: Only = "", with_: With = "", json_: Json = False) -> None:
    """Start the local stack and wait until it is healthy; harmless to repeat."""
    names = _names(only) or ORDER
    report = control.up(get_settings(), (*names, *_names(with_)), say=note)
    _print(report, json_)


def down(json_: Json = False) -> None:
    """End the local stack, and whatever a killed one left behind."""
    orphans = control.down(get_settings(), say=note)
    if json_:
        print_json({"left_over_processes_ended": orphans})
    else:
        typer.echo("the stack is down")


def status(json_: Json = False) -> None:
    """Show every child: state, pid, restarts, and the last log lines of one in trouble."""
    report = control.status(get_settings())
    _print(report, json_)
    children = report["children"].values()
    if not children or any(child["state"] not in ("healthy", "finished") for child in children):
        raise typer.Exit(1)


def setup() -> None:
    """Download and install, once, what the local stack needs: Kafka, the registry, Triton's environment."""
    control.prepare(get_settings(), say=note)
    typer.echo("everything for `waysight up` is in place")


def doctor_(json_: Json = False) -> None:
    """Check this machine, and print the command that mends each thing that is missing."""
    findings = doctor.examine(get_settings())
    if json_:
        print_json(findings)
    for finding in () if json_ else findings:
        mark = "ok" if finding.ok else "MISSING" if finding.needed else "optional"
        typer.echo(f"{mark:<9}{finding.name:<26}{finding.seen}")
        if not finding.ok:
            typer.echo(f"{'':<9}{'':<26}mend: {finding.mend}")
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    supervisor = report["supervisor"]
    typer.echo(f"supervisor  {supervisor['state']:<10} pid {supervisor['pid']}")
    for name, child in report["children"].items():
        facts = f"pid {child['pid']}" if child["pid"] else ""
        restarts = f"  restarts {child['restarts']}" if child.get("restarts") else ""
        typer.echo(f"{name:<11} {child['state']:<10} {facts}{restarts}  {child['message']}".rstrip())
        for line in child.get("log_tail", []):
            typer.echo(f"    | {line}")
