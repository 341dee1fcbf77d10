"""`waysight exemptions import|list|revoke`: vehicles that some rules do not apply to, each with its legal ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import latest_by_key
from waysight.authority.exempting import OPTIONAL, REQUIRED, exemption_of, gathered
from waysight.authority.imports import convert_all, read_rows
from waysight.commands import narrowing
from waysight.commands.governed import Desk, look_up
from waysight.commands.importing import publish_all
from waysight.commands.output import Case, Json, Purpose, acting, open_codec, print_json, print_table, when
from waysight.digests import sha256_of
from waysight.errors import BadConfiguration
from waysight.messages import Exemption
from waysight.settings import get_settings

File = Annotated[Path, typer.Argument(help=f"CSV with {', '.join(REQUIRED)}; also {', '.join(OPTIONAL)}.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Vehicles that some rules do not apply to; every exemption has a legal ground and an end.",
        no_args_is_help=True,
    )
    group.command("import")(import_file)
    group.command("list")(list_exemptions)
    group.command("revoke")(revoke)
    app.add_typer(group, name="exemptions")


def import_file(
    file: File,
    officer: Annotated[str, typer.Option(help="Who imports; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Import exemptions from a CSV file: all of them, or none when a line is wrong. One line for each duty period.

    valid_from and valid_until are days of every country with a rule pack, the last one included; times of duty
    periods without a zone are UTC.
    """
    settings = get_settings()
    wanted = gathered(convert_all(file, read_rows(file, REQUIRED, OPTIONAL), exemption_of))
    codec = open_codec(settings)
    known: dict[str, Exemption] = latest_by_key(settings, codec, "exemptions")
    # What was revoked stays so, whatever a file says again.
    fresh = [replace(r, revoked=r.exemption_id in known and known[r.exemption_id].revoked) for r in wanted]
    changed = [r for r in fresh if known.get(r.exemption_id) != r]
    counts = {
        "exemptions": len(fresh),
        "changed": len(changed),
        "still_revoked": sum(r.revoked for r in fresh),
    }
    detail = {"file": file.name, "sha256": sha256_of(file), **counts}
    AuditLog(settings, codec).record(
        "exemptions.import", "import", "", detail, len(fresh), actor=acting(settings, officer)
    )
    publish_all(settings, codec, "exemptions", changed, lambda r: r.exemption_id)
    if json_:
        print_json(counts)
    else:
        typer.echo(", ".join(f"{number} {word.replace('_', ' ')}" for word, number in counts.items()))


def revoke(
    exemptions: Annotated[list[str], typer.Argument(help="Exemption ids.")],
    officer: Annotated[str, typer.Option(help="Who revokes; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Revoke exemptions: what is found from then on is no longer covered, within seconds, for good."""
    settings = get_settings()
    codec = open_codec(settings)
    known: dict[str, Exemption] = latest_by_key(settings, codec, "exemptions")
    unknown = [i for i in exemptions if i not in known]
    if unknown:
        raise BadConfiguration(f"no such exemptions: {unknown}; `waysight exemptions list` shows the ids")
    gone = [replace(known[i], revoked=True) for i in dict.fromkeys(exemptions)]
    log, actor = AuditLog(settings, codec), acting(settings, officer)
    for record in gone:
        detail = {"exemption_id": record.exemption_id, "plate": record.plate}
        log.record("exemptions.revoke", "revocation", record.case_number, detail, actor=actor)
    publish_all(settings, codec, "exemptions", gone, lambda r: r.exemption_id)
    if json_:
        print_json(gone)
    else:
        typer.echo(f"revoked {len(gone)} {'exemption' if len(gone) == 1 else 'exemptions'}")


def list_exemptions(purpose: Purpose = "", case: Case = "", plate: str = "", json_: Json = False) -> None:
    """Show exemptions; looking needs a purpose and a case number, too."""

    wanted = narrowing.plate(plate)

    def find(desk: Desk) -> tuple[list[Exemption], Mapping[str, Any]]:
        held: dict[str, Exemption] = latest_by_key(desk.settings, desk.codec, "exemptions")
        found = [e for e in held.values() if wanted in ("", e.plate)]
        return sorted(found, key=lambda e: (e.plate, e.exemption_id)), {"plate": plate}

    found = look_up("exemptions.list", purpose, case, find)
    if json_:
        print_json(found)
        return
    print_table(
        ("exemption", "plate", "kind", "offences", "zones", "on duty", "authority", "case", "legal basis", "from", "until", "revoked"),
        ((e.exemption_id, e.plate, e.kind, " ".join(e.offences) or "all", " ".join(e.zones) or "all",
          f"{len(e.duty)} periods" if e.on_duty_only else "", e.authority, e.case_number, e.legal_basis, when(e.valid_from_ms),
          when(e.valid_until_ms), "yes" if e.revoked else "") for e in found),
    )  # fmt: skip
