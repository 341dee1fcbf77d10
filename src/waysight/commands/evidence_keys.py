"""`waysight evidence keys list|rotate|revoke|export`: the keys that sign evidence, and from when until when each did."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.key_folder import KeyFolder
from waysight.authority.evidence.keyring import REASONS, KeyRing
from waysight.authority.imports import moment_ms
from waysight.commands.output import Json, acting, open_codec, print_json, print_table, when
from waysight.errors import BadConfiguration, NotAllowed
from waysight.settings import Settings, get_settings

keys_app = typer.Typer(help="Keys that sign evidence.", no_args_is_help=True)
By = Annotated[str, typer.Option(help="Who does it; the login name by default.")]


@keys_app.command("list")
def list_keys(json_: Json = False) -> None:
    """Show the keys, oldest first, with their time in force; begins the ring on first use."""
    _show(KeyFolder(get_settings()).ring(), json_)


@keys_app.command("rotate")
def rotate(
    reason: Annotated[str, typer.Option(help="Why; it is recorded in the audit log.")] = "",
    lost: Annotated[
        bool, typer.Option("--lost", help="The old private key is gone: nobody vouches for the new one.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option(help="Private key (PEM, mode 600) to go on with; one is made without it.")
    ] = None,
    by: By = "",
    json_: Json = False,
) -> None:
    """Sign with a new key from now on; the old one signs that it follows, and is destroyed."""
    settings = get_settings()
    if not reason.strip():
        raise NotAllowed("--reason is missing: say why the key is changed")
    folder, actor = KeyFolder(settings), acting(settings, by)
    before = folder.ring().active
    detail = {"old": before.key if before else "", "lost": lost, "reason": reason}
    _record(settings, "evidence.key-rotate", detail, actor)
    _show(folder.rotate(actor, lost, to), json_)
    if settings.evidence_key.get_secret_value():
        typer.echo(
            "set WAYSIGHT_EVIDENCE_KEY to the new private key now; nothing is signed until then", err=True
        )


@keys_app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="Id of a former key, or a unique beginning of it.")],
    reason: Annotated[
        str, typer.Option(help=f"{' or '.join(REASONS)}. A compromised key's own dates count for nothing.")
    ],
    from_: Annotated[
        str, typer.Option("--from", help="Date or time from which on it is not relied on; now without.")
    ] = "",
    by: By = "",
    json_: Json = False,
) -> None:
    """Say that a former key was lost or compromised; the key in force signs that (rotate first)."""
    settings = get_settings()
    now_ms = time.time_ns() // 1_000_000
    from_ms = moment_ms(from_, "--from") if from_ else now_ms
    if from_ms > now_ms:
        raise BadConfiguration(f"--from {from_} is in the future; a key is revoked from a date that has been")
    folder, actor = KeyFolder(settings), acting(settings, by)
    found = [k for k in folder.ring().keys if key and k.startswith(key)]
    if len(found) != 1:
        raise BadConfiguration(
            f"{len(found)} keys begin with {key!r}; `waysight evidence keys list` shows them"
        )
    _record(settings, "evidence.key-revoke", {"key": found[0], "from_ms": from_ms, "reason": reason}, actor)
    _show(folder.revoke(found[0], from_ms, reason, actor), json_)


@keys_app.command("export")
def export(
    out: Annotated[Path, typer.Option(help="New folder for the public ring.")], json_: Json = False
) -> None:
    """Write the ring for others to check packages with: public keys and signed statements, nothing secret."""
    folder = KeyFolder(get_settings())
    ring, files = folder.ring(), folder.files()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadConfiguration(f"{out} is already there; name another place")
    for path, data in files.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(data)
    if json_:
        print_json({"path": str(out), "files": sorted(files), "head": ring.head})
    else:
        typer.echo(f"{out}: {len(ring.keys)} keys, {ring.number} statements, head {ring.head}")


def _record(settings: Settings, action: str, detail: dict[str, Any], actor: str) -> None:
    AuditLog(settings, open_codec(settings)).record(action, "key management", "", detail, actor=actor)


def _show(ring: KeyRing, json_: bool) -> None:
    if json_:
        print_json([
            {"key": k.key, "line": k.line, "from_ms": k.from_ms, "end_ms": k.end_ms, "revoked_ms": k.revoked_ms,
             "revoked_as": k.revoked_as, "pem": k.pem.decode()}
            for k in ring.keys.values()
        ])  # fmt: skip
        return
    print_table(
        ("key", "from", "until", "revoked from", "as"),
        ((k.key, when(k.from_ms), when(k.end_ms) or "in force", when(k.revoked_ms), k.revoked_as) for k in ring.keys.values()),
    )  # fmt: skip
