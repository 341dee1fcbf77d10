"""`waysight fines list|show|why|notice`: fines, their history, and the letter that goes to who must pay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import latest_by_key
from waysight.authority.fine_acts import state_at
from waysight.authority.laws import laws_of
from waysight.authority.local_days import local_ms
from waysight.authority.notices import Issuer, notice_pdf
from waysight.authority.review.desk import registered
from waysight.authority.review.examination import load_frames, pictures_of
from waysight.authority.rulepacks import load_pack, read_pack
from waysight.cameras.files import camera_of
from waysight.codec import Codec
from waysight.commands import narrowing
from waysight.commands.fine_campaigns import add
from waysight.commands.governed import Desk, look_up
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json, print_table, when
from waysight.domain.fines.issue import reasons_against
from waysight.errors import BadConfiguration
from waysight.messages import Fine, Violation
from waysight.settings import Settings, get_settings
from waysight.storage.records import find_fine, find_violation, newest, reviews_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Fines and their notices.", no_args_is_help=True)
    group.command("list")(list_fines)
    group.command("notice")(notice)
    group.command("why")(why)
    group.command("show")(show)
    add(group)
    app.add_typer(group, name="fines")


def list_fines(
    purpose: Purpose = "",
    case: Case = "",
    plate: str = "",
    status: Annotated[str, typer.Option(help="issued, paid, suspended, cancelled or written_off.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    json_: Json = False,
) -> None:
    """Show fines, newest first."""
    narrowing.one_of(status, narrowing.STATUSES["fines"], "--status")
    equal = {k: v for k, v in {"plate": narrowing.plate(plate), "status": status}.items() if v}

    def find(desk: Desk) -> tuple[list[Fine], dict[str, str]]:
        return newest(desk.clickhouse, "fines", Fine, "issued_ms", limit, **equal), equal

    found = look_up("fines.list", purpose, case, find)
    if json_:
        print_json(found)
        return
    print_table(
        ("number", "occurred", "offence", "law", "plate", "owner", "amount", "discounted", "until", "status"),
        ((f.number, when(f.occurred_ms), f.offence, f.law, f.plate, f.owner_name, f"{f.amount} {f.currency}",
          f.discount_amount, f.discount_until, f.status) for f in found),
    )  # fmt: skip


def notice(
    number: Annotated[str, typer.Argument(help="Number of the fine, or its id.")],
    out: Annotated[Path, typer.Option(help="PDF file to write.")],
    authority: Annotated[str, typer.Option(help="Issuing authority, printed at the top.")] = "",
    address: Annotated[str, typer.Option(help="Its address.")] = "",
    payment: Annotated[str, typer.Option(help="How to pay, printed as given.")] = "",
    link: Annotated[
        str,
        typer.Option(help="Address in the QR code, with {number} for the fine's; number and amount without."),
    ] = "",
    specimen: Annotated[
        bool, typer.Option("--specimen", help="Mark the page as having no legal effect.")
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the country's rule pack as it was at the issue; that of this installation without."
        ),
    ] = None,
    purpose: Purpose = "notice to the owner",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Write the notice of a fine as a PDF; the audit case is the fine's number unless given."""
    settings = get_settings()
    clickhouse, codec = connect(settings), open_codec(settings)
    fine = find_fine(clickhouse, number)
    if fine.status == "cancelled":
        raise BadConfiguration(f"fine {fine.number} was cancelled; there is no notice for it")
    violation = find_violation(clickhouse, fine.violation_id)
    AuditLog(settings, codec).record("fines.notice", purpose, case or fine.number, {"number": fine.number}, 1)
    pictures = pictures_of(violation, load_frames(violation, EvidenceStore(settings.evidence)))
    pack = read_pack(rules) if rules else load_pack(fine.country)
    zone = _timezone(settings, codec, violation)
    page = notice_pdf(
        fine,
        violation,
        pictures,
        pack,
        zone or pack.timezone,
        Issuer(authority, address, payment, specimen, link),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(page)
    if json_:
        print_json({"number": fine.number, "path": str(out), "bytes": len(page)})
    else:
        typer.echo(f"{fine.number}: {out}")


def show(
    number: Annotated[str, typer.Argument(help="Number of the fine, or its id.")],
    at: Annotated[
        str,
        typer.Option(
            help="How it stood at the end of this day, or at this time; local to the fine's country."
        ),
    ] = "",
    purpose: Purpose = "",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Show a fine's history, every transition with who and why, and how it stands now or stood at a past date."""
    at_ms = 2**62

    def find(desk: Desk) -> tuple[list[dict[str, Any]], dict[str, str]]:
        nonlocal at_ms
        fine = find_fine(desk.clickhouse, number)
        if at:
            at_ms = local_ms(at, "--at", fine.country, end_of_day=True) - 1
        sql = "SELECT * FROM fine_events_current WHERE fine_id = {id:String} ORDER BY version, at_ms"
        return desk.clickhouse.rows(sql, {"id": fine.fine_id}), {"number": fine.number, "at": at}

    told = look_up("fines.show", purpose, case, find)
    events = [e for e in told if e["at_ms"] <= at_ms]
    state = state_at(events, at_ms)
    if json_:
        print_json({"state": state, "events": events})
        return
    print_table(
        ("when", "what", "by", "reason", "status", "amount", "paid", "due back"),
        ((when(e["at_ms"]), e["transition"], e["by"], e["reason"], e["status"], f"{e['amount']} {e['currency']}",
          e["paid"], e["refund_due"]) for e in events),
    )  # fmt: skip
    typer.echo(f"{state['number']}: {state['status']}" if state else "not issued by then")


def why(
    violation_id: Annotated[str, typer.Argument(help="Violation id, or a unique beginning of it.")],
    purpose: Purpose = "",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Say why a violation has no fine, every reason at once, or which fine it has."""
    require_purpose(purpose, case)
    settings = get_settings()
    clickhouse, codec = connect(settings), open_codec(settings)
    violation = find_violation(clickhouse, violation_id)
    detail = {"violation_id": violation.violation_id}
    AuditLog(settings, codec).record("fines.why", purpose, case, detail, 1)
    decisions = reviews_of(clickhouse, violation.violation_id)
    vehicle = registered(settings, codec, [violation.plate]).get(violation.plate)
    confirmations = latest_by_key(settings, codec, "confirmations").values()
    law = laws_of(settings, confirmations).get(violation.country)
    reasons = reasons_against(law, violation, decisions, vehicle)
    found = newest(clickhouse, "fines", Fine, "version", 1, violation_id=violation.violation_id)
    if json_:
        print_json(
            {"violation_id": violation.violation_id, "fine": found[0] if found else None, "reasons": reasons}
        )
    else:
        typer.echo(f"fine: {found[0].number} ({found[0].status})" if found else "no fine")
        typer.echo(f"against a fine: {', '.join(reasons) or 'nothing'}")


def _timezone(settings: Settings, codec: Codec, violation: Violation) -> str:
    record = latest_by_key(settings, codec, "cameras").get(violation.camera_id)
    return "" if record is None else camera_of(record).timezone
