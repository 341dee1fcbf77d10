"""`waysight watchlist import|add|revoke|list`: what authorities look for, each entry with its legal ground."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.kafka import Publisher, latest_by_key
from waysight.authority.imports import convert_all, moment_ms, read_rows
from waysight.codec import Codec
from waysight.commands.output import (
    Case,
    Json,
    Purpose,
    acting,
    note,
    open_codec,
    print_json,
    print_table,
    when,
)
from waysight.digests import sha256_of
from waysight.domain.plates import canonical
from waysight.domain.watchlist import entry_id, faults, merged, missing_grounds, revoked
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import WatchlistEntry
from waysight.settings import Settings, get_settings

REQUIRED = ("plate", "kind", "legal_basis", "authority", "case_number", "expires")
OPTIONAL = ("entry_id", "source", "valid_from", "priority", "note", "audience")
File = Annotated[Path, typer.Argument(help=f"CSV with {', '.join(REQUIRED)}; also {', '.join(OPTIONAL)}.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="What authorities look for; every entry has a legal ground and an end.", no_args_is_help=True
    )
    group.command("import")(import_file)
    group.command("add")(add)
    group.command("revoke")(revoke)
    group.command("list")(list_entries)
    app.add_typer(group, name="watchlist")


def import_file(file: File, json_: Json = False) -> None:
    """Import entries from a CSV file: all of them, or none when a line is wrong."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    rows = read_rows(file, REQUIRED, OPTIONAL)
    entries = convert_all(file, rows, lambda row: entry_of(row, now_ms), lambda e: e.entry_id)
    codec = open_codec(settings)
    known = latest_by_key(settings, codec, "watchlist")
    fresh = [merged(known.get(e.entry_id), e) for e in entries]
    changed = [e for e in fresh if known.get(e.entry_id) != e]
    detail = {"file": file.name, "sha256": sha256_of(file), "entries": len(entries), "changed": len(changed)}
    AuditLog(settings, codec).record("watchlist.import", "import", "", detail, len(entries))
    publish(settings, codec, changed)
    report = {
        "entries": len(entries),
        "changed": len(changed),
        "still_revoked": sum(e.revoked_ms is not None for e in fresh),
    }
    if json_:
        print_json(report)
    else:
        typer.echo(
            f"{len(entries)} entries, {len(changed)} of them new or changed, {report['still_revoked']} stay revoked"
        )


def add(
    plate: Annotated[str, typer.Option()],
    kind: Annotated[str, typer.Option(help="stolen, wanted_owner …")],
    expires: Annotated[str, typer.Option(help="Date or time; it stops matching then.")] = "",
    legal_basis: Annotated[str, typer.Option(help="Law and article.")] = "",
    authority: Annotated[str, typer.Option(help="Who ordered it.")] = "",
    case: Annotated[str, typer.Option("--case", help="Case number.")] = "",
    source: str = "command line",
    priority: Annotated[int, typer.Option(min=0, max=9, help="0 is the highest.")] = 5,
    note_: Annotated[str, typer.Option("--note")] = "",
    json_: Json = False,
) -> None:
    """Add one entry."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    row = {
        "plate": plate, "kind": kind, "expires": expires, "legal_basis": legal_basis, "authority": authority,
        "case_number": case, "source": source, "priority": str(priority), "note": note_,
    }  # fmt: skip
    fresh = entry_of(row, now_ms)
    codec = open_codec(settings)
    entry = merged(latest_by_key(settings, codec, "watchlist").get(fresh.entry_id), fresh)
    if entry.revoked_ms is not None:
        raise NotAllowed(
            f"entry {entry.entry_id} of this case was revoked; a new order needs a new case number"
        )
    AuditLog(settings, codec).record("watchlist.add", kind, case, asdict(entry))
    publish(settings, codec, [entry])
    if json_:
        print_json(entry)
    else:
        typer.echo(f"added {entry.entry_id}")


def revoke(
    entries: Annotated[list[str] | None, typer.Argument(help="Entry ids.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="CSV with plate and case_number instead of ids.")
    ] = None,
    officer: Annotated[str, typer.Option(help="Who revokes; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Revoke entries: they stop matching within seconds, for good."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    codec = open_codec(settings)
    known: dict[str, WatchlistEntry] = latest_by_key(settings, codec, "watchlist")
    wanted = list(entries or ())
    if file is not None:
        by_case = {(e.plate, e.case_number): e.entry_id for e in known.values()}
        for line, row in read_rows(file, ("plate", "case_number")):
            found = by_case.get((canonical(row["plate"]), row["case_number"]))
            if found is None:
                raise BadConfiguration(
                    f"{file}:{line}: no entry for {row['plate']} in case {row['case_number']}"
                )
            wanted.append(found)
    unknown = [i for i in wanted if i not in known]
    if unknown or not wanted:
        raise BadConfiguration(
            f"no such entries: {unknown}; `waysight watchlist list` shows the ids"
            if unknown
            else "name entries or --file"
        )
    actor = acting(settings, officer)
    gone = [revoked(known[i], now_ms, actor) for i in wanted]
    log = AuditLog(settings, codec)
    for entry in gone:
        log.record(
            "watchlist.revoke", "revocation", entry.case_number, {"entry_id": entry.entry_id}, actor=actor
        )
    publish(settings, codec, gone)
    if json_:
        print_json(gone)
    else:
        typer.echo(f"revoked {len(gone)} entries")


def list_entries(purpose: Purpose = "", case: Case = "", plate: str = "", json_: Json = False) -> None:
    """Show entries; looking needs a purpose and a case number, too."""
    require_purpose(purpose, case)
    settings = get_settings()
    codec = open_codec(settings)
    found = [
        e for e in latest_by_key(settings, codec, "watchlist").values() if canonical(plate) in ("", e.plate)
    ]
    found.sort(key=lambda e: (e.priority, e.plate, e.entry_id))
    AuditLog(settings, codec).record("watchlist.list", purpose, case, {"plate": plate}, len(found))
    if json_:
        print_json(found)
        return
    print_table(
        ("entry", "plate", "kind", "priority", "authority", "case", "legal basis", "from", "expires", "revoked"),
        ((e.entry_id, e.plate, e.kind, e.priority, e.authority, e.case_number, e.legal_basis, when(e.valid_from_ms or None),
          when(e.expires_ms), when(e.revoked_ms)) for e in found),
    )  # fmt: skip


def entry_of(row: dict[str, str], now_ms: int) -> WatchlistEntry:
    """An entry from text fields; raises NotAllowed without a legal ground, BadConfiguration for a wrong field."""
    missing = missing_grounds(row["legal_basis"], row["authority"], row["case_number"], row["expires"])
    if missing:
        raise NotAllowed(f"{', '.join(missing)} missing: nobody is looked for without")
    priority = row.get("priority") or "5"
    if not priority.isdecimal():
        raise BadConfiguration(f"priority {priority!r} is no number")
    plate, valid_from = canonical(row["plate"]), row.get("valid_from", "")
    entry = WatchlistEntry(
        entry_id=row.get("entry_id") or entry_id(row["authority"], row["case_number"], row["kind"], plate),
        plate=plate,
        kind=row["kind"],
        priority=int(priority),
        legal_basis=row["legal_basis"],
        authority=row["authority"],
        case_number=row["case_number"],
        source=row.get("source", ""),
        audience=row.get("audience", ""),
        valid_from_ms=moment_ms(valid_from, "valid_from") if valid_from else 0,
        expires_ms=moment_ms(row["expires"], "expires", end_of_day=True),
        note=row.get("note", ""),
    )
    found = faults(entry, now_ms)
    if found:
        raise BadConfiguration("; ".join(found))
    return entry


def publish(settings: Settings, codec: Codec, entries: Iterable[WatchlistEntry]) -> None:
    """Send entries to the compacted topic, with progress on stderr when there are many."""
    publisher, all_entries = Publisher(settings, codec), list(entries)
    shown = track(
        all_entries,
        "watchlist",
        console=Console(stderr=True),
        disable=len(all_entries) < 5000,
        transient=True,
    )
    for entry in shown:
        publisher.publish("watchlist", entry.entry_id, entry)
    publisher.flush()
    if len(all_entries) >= 5000:
        note(f"{len(all_entries)} entries sent")
