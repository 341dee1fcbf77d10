"""`waysight evidence export|verify`: signed packages of what a violation rests on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import latest_by_key
from waysight.adapters.signing import key_path, open_signer
from waysight.authority.evidence_package import (
    build_package,
    cameras_of,
    read_package,
    verify_package,
    write_package,
)
from waysight.authority.reviewing import load_frames
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json
from waysight.errors import BadConfiguration
from waysight.messages import Fine
from waysight.settings import get_settings
from waysight.storage.records import find_violation, newest, reviews_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Signed evidence packages.", no_args_is_help=True)
    group.command("export")(export)
    group.command("verify")(verify)
    app.add_typer(group, name="evidence")


def export(
    violation_id: Annotated[str, typer.Argument(help="Violation id, or a unique beginning of it.")],
    out: Annotated[Path, typer.Option(help="New folder, or a file that ends in .zip.")],
    purpose: Purpose = "",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Write the evidence package of a violation: frames, annotated pictures, manifest, signature."""
    require_purpose(purpose, case)
    settings = get_settings()
    clickhouse, codec = connect(settings), open_codec(settings)
    violation = find_violation(clickhouse, violation_id)
    detail = {"violation_id": violation.violation_id, "out": out.name}
    AuditLog(settings, codec).record("evidence.export", purpose, case, detail, 1)
    known = latest_by_key(settings, codec, "cameras")
    fines = newest(clickhouse, "fines", Fine, "version", 1, violation_id=violation.violation_id)
    package = build_package(
        violation,
        load_frames(violation, EvidenceStore(settings.evidence)),
        [known[name] for name in cameras_of(violation) if name in known],
        reviews_of(clickhouse, violation.violation_id),
        fines[0] if fines else None,
        open_signer(settings),
    )
    path = write_package(package, out)
    if json_:
        print_json({"path": str(path), "files": sorted(package)})
    else:
        typer.echo(f"{path}: {len(package)} files, signed")


def verify(
    path: Annotated[Path, typer.Argument(help="Folder or ZIP file.")],
    key: Annotated[
        Path | None, typer.Option(help="Public key (PEM) that must have signed; default: this machine's.")
    ] = None,
    json_: Json = False,
) -> None:
    """Check a package: signature, every hash, nothing missing, nothing added; names each file at fault."""
    trusted: bytes | None = None
    if key is not None:
        if not key.is_file():
            raise BadConfiguration(f"{key} is no file")
        trusted = key.read_bytes()
    else:
        settings = get_settings()
        if settings.evidence_key.get_secret_value() or key_path(settings).exists():
            trusted = open_signer(settings).public_pem
    read = read_package(path)
    verdict = verify_package(read.files, trusted)
    verdict = replace(verdict, faults=(*read.faults, *verdict.faults))
    if json_:
        print_json({"ok": verdict.ok, "faults": verdict.faults, "violation_id": verdict.violation_id,
                    "key": verdict.key, "trusted": verdict.trusted})  # fmt: skip
    else:
        for fault in verdict.faults:
            typer.echo(f"FAULT {fault}")
        whose = {
            True: "the expected key",
            False: "ANOTHER KEY than the expected one",
            None: "a key to compare yourself",
        }
        typer.echo(f"violation {verdict.violation_id}: {'intact' if not verdict.faults else 'NOT intact'}, "
                   f"signed by {whose[verdict.trusted]} ({verdict.key})")  # fmt: skip
    if not verdict.ok:
        raise typer.Exit(1)
