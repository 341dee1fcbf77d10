"""`waysight payments import|report`: what the bank reports, and which payments need a person's eye."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.authority.fine_acts import country_of
from waysight.authority.imports import amount_of, convert_all, read_rows
from waysight.authority.local_days import local_ms
from waysight.commands.governed import Desk, look_up
from waysight.commands.importing import publish_file
from waysight.commands.narrowing import in_order
from waysight.commands.output import Case, Json, Purpose, print_json, print_table, when
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration
from waysight.messages import Payment

COLUMNS = ("payment_id", "fine_number", "plate", "amount", "currency", "paid_at")
OPTIONAL = ("channel", "payer", "reference")
# A payment that the fine processor has not told of belongs to no fine that is known.
_REPORT = """
    WITH
        told AS (SELECT * FROM fine_events_current WHERE action_id IN (SELECT payment_id FROM payments_current)),
        settled AS (SELECT fine_id FROM fines_current WHERE status != 'issued'),
        again AS (
            SELECT fine_number, amount FROM payments_current GROUP BY fine_number, plate, amount HAVING count() > 1)
    SELECT multiIf(
            p.paid_ms > {now_ms:Int64}, 'dated_ahead', told.event_id = '', 'unknown_number', told.transition = 'refused', 'wrong_currency',
            startsWith(told.transition, 'paid_after_'), toString(told.transition),
            told.transition = 'overpaid' AND (p.fine_number, p.amount) IN (SELECT * FROM again), 'paid_twice',
            told.transition = 'overpaid', 'paid_too_much',
            told.transition = 'part_paid' AND told.fine_id NOT IN (SELECT * FROM settled), 'partial', '') AS finding,
        p.payment_id AS payment_id, p.fine_number AS fine_number, p.plate AS plate, p.amount AS amount,
        p.currency AS currency, p.paid_ms AS paid_ms, p.channel AS channel, told.refund_due AS refund_due
    FROM payments_current AS p LEFT JOIN told ON told.action_id = p.payment_id
    WHERE finding != '' AND p.paid_ms >= {from_ms:Int64} AND p.paid_ms < {to_ms:Int64}
    ORDER BY p.paid_ms, p.payment_id
"""
Row = tuple[int, dict[str, str]]
Wrong = tuple[int, str, dict[str, str]]
File = Annotated[
    Path, typer.Argument(help=f"CSV with {', '.join(COLUMNS)} and perhaps {', '.join(OPTIONAL)}.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Payments of fines.", no_args_is_help=True)
    group.command("import")(import_file)
    group.command("report")(report)
    app.add_typer(group, name="payments")


def import_file(
    file: File,
    quarantine: Annotated[
        Path | None,
        typer.Option(
            help="CSV file for lines that are wrong, with line and reason; the others are imported."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Import payments from a CSV file: all of them, or none when a line is wrong; repeating it changes nothing.

    With --quarantine wrong lines are set aside, to be corrected and imported as a file of their own.
    """
    rows = list(read_rows(file, COLUMNS, OPTIONAL))
    if quarantine is not None:
        rows, wrong = _sifted(rows)
        set_aside(quarantine, wrong)
        typer.echo(f"{len(wrong)} lines set aside in {quarantine}", err=True)
    payments = convert_all(file, iter(rows), payment_of, lambda p: p.payment_id)
    publish_file("payments", file, payments, lambda p: p.plate, json_)


def _sifted(rows: Sequence[Row]) -> tuple[list[Row], list[Wrong]]:
    """The lines that are payments, and the others with the reason; of two that contradict each other, neither."""
    good, wrong, said = list[Row](), list[Wrong](), dict[str, set[Payment]]()
    for line, row in rows:
        try:
            said.setdefault(row["payment_id"], set()).add(payment_of(row))
            good.append((line, row))
        except BadConfiguration as error:
            wrong.append((line, str(error), row))
    twice = {name for name, records in said.items() if len(records) > 1}
    wrong += [
        (n, "another line says something else of this payment", r)
        for n, r in good
        if r["payment_id"] in twice
    ]
    return [(n, r) for n, r in good if r["payment_id"] not in twice], sorted(wrong, key=lambda w: w[0])


def set_aside(path: Path, wrong: Sequence[Wrong]) -> None:
    """Write the wrong lines as a file that can be imported once `line` and `fault` are taken out.

    Raises BadConfiguration where another file is there: lines that were set aside before, or the bank's own.
    """
    held = io.StringIO(newline="")
    writer = csv.DictWriter(held, ("line", "fault", *COLUMNS, *OPTIONAL))
    writer.writeheader()
    writer.writerows({"line": line, "fault": fault, **row} for line, fault, row in wrong)
    found = held.getvalue().encode()
    try:
        if path.exists() and path.read_bytes() != found:
            raise BadConfiguration(f"{path} is there with other content; name another --quarantine")
        path.write_bytes(found)
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be written: {error.strerror}") from error


def report(
    from_: Annotated[str, typer.Option("--from", help="Payments from this date or time on.")] = "1970-01-01",
    to: Annotated[str, typer.Option(help="Payments before this date or time.")] = "9999-01-01",
    purpose: Purpose = "",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Payments that need a person: dated ahead, unknown number, wrong currency, partial, twice, too much, after the end."""
    given = {"from_ms": local_ms(from_, "--from"), "to_ms": local_ms(to, "--to")}
    given["now_ms"] = time.time_ns() // 1_000_000
    in_order(given["from_ms"], given["to_ms"])

    def find(desk: Desk) -> tuple[list[dict[str, Any]], dict[str, str]]:
        return desk.clickhouse.rows(_REPORT, given), {"from": from_, "to": to}

    found = look_up("payments.report", purpose, case, find)
    if json_:
        print_json(found)
        return
    print_table(
        ("finding", "payment", "fine", "plate", "amount", "paid", "due back"),
        ((r["finding"], r["payment_id"], r["fine_number"], r["plate"], f"{r['amount']} {r['currency']}",
          when(r["paid_ms"]), r["refund_due"]) for r in found),
    )  # fmt: skip


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
        paid_ms=local_ms(row["paid_at"], "paid_at", country_of(row["fine_number"])),
        **{name: row[name] for name in OPTIONAL if row.get(name)},
    )
