"""`waysight fines list|notice`: fines, and the letter that goes to the owner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import latest_by_key
from waysight.authority.laws import laws_of
from waysight.authority.notices import Issuer, notice_pdf
from waysight.authority.reviewing import load_frames, pictures_of
from waysight.authority.rulepacks import load_pack
from waysight.cameras.files import camera_of
from waysight.codec import Codec
from waysight.commands.governed import Desk, look_up
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json, print_table, when
from waysight.domain.fines.issue import reasons_against
from waysight.domain.plates import canonical
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
    app.add_typer(group, name="fines")


def list_fines(
    purpose: Purpose = "",
    case: Case = "",
    plate: str = "",
    status: Annotated[str, typer.Option(help="issued, paid or cancelled.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    json_: Json = False,
) -> None:
    """Show fines, newest first."""
    equal = {k: v for k, v in {"plate": canonical(plate), "status": status}.items() if v}

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
    specimen: Annotated[
        bool, typer.Option("--specimen", help="Mark the page as having no legal effect.")
    ] = False,
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
    pack, zone = load_pack(fine.country), _timezone(settings, codec, violation)
    page = notice_pdf(
        fine, violation, pictures, pack, zone or pack.timezone, Issuer(authority, address, payment, specimen)
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(page)
    if json_:
        print_json({"number": fine.number, "path": str(out), "bytes": len(page)})
    else:
        typer.echo(f"{fine.number}: {out}")


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
    vehicle = latest_by_key(settings, codec, "vehicles").get(violation.plate)
    law = laws_of(settings).get(violation.country)
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
