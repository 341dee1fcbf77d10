"""`waysight payments import`: what the bank reports; a payment counts once, by its id."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from waysight.authority.imports import amount_of, convert_all, moment_ms, read_rows
from waysight.commands.importing import publish_file
from waysight.commands.output import Json
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration
from waysight.messages import Payment

COLUMNS = ("payment_id", "fine_number", "plate", "amount", "currency", "paid_at")
File = Annotated[Path, typer.Argument(help=f"CSV with {', '.join(COLUMNS)}.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Payments of fines.", no_args_is_help=True)
    group.callback()(lambda: None)
    group.command("import")(import_file)
    app.add_typer(group, name="payments")


def import_file(file: File, json_: Json = False) -> None:
    """Import payments from a CSV file: all of them, or none when a line is wrong; repeating it changes nothing."""
    payments = convert_all(file, read_rows(file, COLUMNS), payment_of)
    publish_file("payments", file, payments, lambda p: p.plate, json_)


def payment_of(row: dict[str, str]) -> Payment:
    """A payment from text fields; raises BadConfiguration for a wrong one."""
    empty = [c for c in COLUMNS if not row[c]]
    if empty:
        raise BadConfiguration(f"{', '.join(empty)} empty")
    return Payment(
        payment_id=row["payment_id"],
        fine_number=row["fine_number"].upper(),
        plate=canonical(row["plate"]),
        amount=amount_of(row["amount"], "amount"),
        currency=row["currency"].upper(),
        paid_ms=moment_ms(row["paid_at"], "paid_at"),
    )
