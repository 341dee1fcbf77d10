"""`waysight evidence export|verify|keys`: signed packages of what a violation rests on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.inference import TritonAnalyser
from waysight.adapters.kafka import latest_by_key
from waysight.adapters.key_folder import KeyFolder, read_folder
from waysight.authority.evidence.archive import read_package, write_package
from waysight.authority.evidence.blur import Blur, Hidden, find_bystanders
from waysight.authority.evidence.check import MANIFEST, Verdict, verify_package
from waysight.authority.evidence.keyring import KeyRing, read_ring
from waysight.authority.evidence.package import build_package, cameras_of
from waysight.authority.evidence.records import Facts
from waysight.authority.review.desk import registered
from waysight.authority.review.examination import load_frames
from waysight.codec import Codec
from waysight.commands.evidence_keys import keys_app
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json, when
from waysight.errors import BadConfiguration, BadMessage, NotAllowed
from waysight.messages import Confirmation, Fine, Violation
from waysight.settings import Settings, get_settings
from waysight.storage.evidence_records import (
    clock_checks_around,
    corrected_from,
    device_reads,
    sightings_by_id,
)
from waysight.storage.records import find_violation, newest, reviews_of

_SHOWN = 5  # faults of a key ring; a folder that is none has one for each of its files


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Signed evidence packages.", no_args_is_help=True)
    group.command("export")(export)
    group.command("verify")(verify)
    group.add_typer(keys_app, name="keys")
    app.add_typer(group, name="evidence")


def export(
    violation_id: Annotated[str, typer.Argument(help="Violation id, or a unique beginning of it.")],
    out: Annotated[Path, typer.Option(help="New folder, or a file that ends in .zip.")],
    purpose: Purpose = "",
    case: Case = "",
    blur_bystanders: Annotated[
        bool,
        typer.Option(
            "--blur-bystanders", help="Hide people, other vehicles and their plates (needs Triton)."
        ),
    ] = False,
    blur_outside: Annotated[
        bool,
        typer.Option(
            "--blur-outside", help="Hide all outside the boxes of vehicle and plate; needs no detector."
        ),
    ] = False,
    originals: Annotated[
        bool,
        typer.Option("--originals", help="With a --blur option: put the pictures as they were sent in too."),
    ] = False,
    json_: Json = False,
) -> None:
    """Write the evidence package of a violation: pictures, report (PDF), records, manifest, signature."""
    require_purpose(purpose, case)
    if blur_bystanders and blur_outside:
        raise BadConfiguration("give --blur-bystanders or --blur-outside, not both")
    settings = get_settings()
    clickhouse, codec = connect(settings), open_codec(settings)
    violation = find_violation(clickhouse, violation_id)
    facts = gather(settings, clickhouse, codec, violation)
    blur = Blur(originals=originals or not (blur_bystanders or blur_outside))
    if blur_outside:
        blur = replace(blur, mode="outside")
    elif blur_bystanders:
        hidden, by = asyncio.run(_find_bystanders(settings, facts))
        blur = replace(blur, mode="bystanders", hidden=hidden, by=by)
    signer = KeyFolder(settings).signer()
    package = build_package(facts, signer, time.time_ns() // 1_000_000, blur)
    # The audit chain is the witness of when this was signed: by it a package outlives a compromised key.
    digest = hashlib.sha256(package[MANIFEST]).hexdigest()
    detail = {"violation_id": violation.violation_id, "out": out.name, "manifest_sha256": digest,
              "key": signer.key, "hidden": blur.mode, "originals": blur.originals}  # fmt: skip
    AuditLog(settings, codec).record("evidence.export", purpose, case, detail, 1)
    path = write_package(package, out)
    if json_:
        print_json(
            {"path": str(path), "files": sorted(package), "key": signer.key, "manifest_sha256": digest}
        )
    else:
        typer.echo(f"{path}: {len(package)} files, signed by key {signer.key}")


def gather(settings: Settings, clickhouse: ClickHouse, codec: Codec, violation: Violation) -> Facts:
    """Everything that a violation's package is made of, from where it is kept."""
    known = latest_by_key(settings, codec, "cameras")
    fines = newest(clickhouse, "fines", Fine, "version", 1, violation_id=violation.violation_id)
    confirmed: dict[str, Confirmation] = latest_by_key(settings, codec, "confirmations")
    corrected = corrected_from(clickhouse, violation)
    facts = Facts(
        violation=violation,
        frames=load_frames(violation, EvidenceStore(settings.evidence)),
        cameras=[known[name] for name in cameras_of(violation) if name in known],
        reviews=reviews_of(clickhouse, *(v.violation_id for v in (violation, *corrected))),
        fine=fines[0] if fines else None,
        device_reads=device_reads(clickhouse, violation),
        sightings=sightings_by_id(clickhouse, violation.sighting_ids),
        corrected=corrected,
        vehicle=registered(settings, codec, [violation.plate]).get(violation.plate),
        confirmations=[c for c in confirmed.values() if c.pack.partition("@")[0] == violation.country],
    )
    checks = [
        c for name in facts.camera_ids for c in clock_checks_around(clickhouse, name, facts.first_ms(name))
    ]
    return replace(facts, clock_checks=checks)


def verify(
    path: Annotated[Path, typer.Argument(help="Folder or ZIP file.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="Public key (PEM) that must have signed, or with --ring must lead to the one that did."
        ),
    ] = None,
    ring: Annotated[
        Path | None,
        typer.Option(help="Folder of the authority's key ring; default: this machine's, where it has one."),
    ] = None,
    witness: Annotated[
        bool,
        typer.Option(
            "--witness", help="Look in the audit chain for when it was signed; counts for a compromised key."
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Check a package: signature, every hash, nothing missing, nothing added, its key in force when it signed."""
    settings = get_settings()
    read = read_package(path)
    verdict = verify_package(
        read.files,
        _pem(key) if key is not None else None,
        _ring(settings, ring, key is not None),
        _witnessed_ms(settings, read.files.get(MANIFEST, b"")) if witness else None,
    )
    verdict = replace(verdict, faults=(*read.faults, *verdict.faults))
    if json_:
        print_json({"ok": verdict.ok, "faults": verdict.faults, "violation_id": verdict.violation_id,
                    "key": verdict.key, "trusted": verdict.trusted, "against": verdict.against,
                    "signed_ms": verdict.signed_ms})  # fmt: skip
    else:
        _print(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


def _print(verdict: Verdict) -> None:
    for fault in verdict.faults:
        typer.echo(f"FAULT {fault}")
    if verdict.against:
        typer.echo(f"KEY   {verdict.against}")
    if not verdict.violation_id:
        typer.echo("NOT an evidence package, or one whose manifest says nothing any more")
        return
    whose = {
        True: "a key in force",
        False: "a key that is NOT to be relied on",
        None: "a key to compare yourself",
    }
    typer.echo(f"violation {verdict.violation_id}: {'intact' if not verdict.faults else 'NOT intact'}, signed "
               f"{when(verdict.signed_ms)} by {whose[verdict.trusted]} ({verdict.key})")  # fmt: skip


def _pem(path: Path) -> bytes:
    if not path.is_file():
        raise BadConfiguration(f"{path} is no file")
    found = path.read_bytes()
    if b"-----BEGIN PUBLIC KEY-----" not in found:
        raise BadConfiguration(f"{path} is no public key in PEM; `waysight evidence keys export` writes them")
    return found


def _ring(settings: Settings, folder: Path | None, pinned: bool) -> KeyRing | None:
    """The ring that was named; without one this machine's, unless a key alone decides."""
    if folder is None:
        own = KeyFolder(settings)
        return own.ring() if own.exists and not pinned else None
    found = read_ring(read_folder(folder))
    if found.faults:
        more = f"; and {len(found.faults) - _SHOWN} more" if len(found.faults) > _SHOWN else ""
        raise BadMessage(f"{folder} is no whole key ring: {'; '.join(found.faults[:_SHOWN])}{more}")
    return found


def _witnessed_ms(settings: Settings, manifest: bytes) -> int | None:
    """When the audit chain first noted this manifest; raises NotAllowed when the chain does not hold."""
    log, digest = AuditLog(settings, open_codec(settings)), hashlib.sha256(manifest).hexdigest()
    if (broken := log.verify()) is not None:
        raise NotAllowed(f"the audit chain does not hold, so it is no witness: {broken}")
    noted = (e for _, e in log.events() if e.action == "evidence.export")
    return next((e.at_ms for e in noted if json.loads(e.detail).get("manifest_sha256") == digest), None)


async def _find_bystanders(settings: Settings, facts: Facts) -> tuple[dict[str, Hidden], str]:
    analyser = TritonAnalyser(settings)
    try:
        return await find_bystanders(analyser, facts.refs, facts.frames)
    finally:
        await analyser.close()
