"""`waysight watchlist import|add|revoke|list`: what authorities look for, each entry with its legal ground."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import latest_by_key
from waysight.authority.entries import ENTRY_OPTIONAL, ENTRY_REQUIRED, entry_of
from waysight.authority.imports import convert_all, read_rows
from waysight.commands import narrowing
from waysight.commands.governed import Desk, look_up
from waysight.commands.importing import publish_all, publish_changes, revoke_all
from waysight.commands.known_cameras import countries_served
from waysight.commands.output import Case, Json, Purpose, acting, open_codec, print_json, print_table, when
from waysight.domain.plates import canonical
from waysight.domain.watchlist import MODES, merged
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import WatchlistEntry
from waysight.settings import get_settings

File = Annotated[
    Path, typer.Argument(help=f"CSV with {', '.join(ENTRY_REQUIRED)}; also {', '.join(ENTRY_OPTIONAL)}.")
]
Area = Annotated[
    list[str] | None,
    typer.Option(
        help="Camera id, road:<name>, district:<name> or group:<name>; repeatable. Everywhere without."
    ),
]
Hours = Annotated[
    str, typer.Option(help="Local time of the camera, e.g. 'mon-fri 22:00-06:00'; always without.")
]


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
    """Import entries from a CSV file: all of them, or none when a line is wrong. Several areas are separated by ";"."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    countries = countries_served(settings, open_codec(settings))
    rows = read_rows(file, ENTRY_REQUIRED, ENTRY_OPTIONAL)
    entries = convert_all(file, rows, lambda row: entry_of(row, now_ms, countries), lambda e: e.entry_id)
    publish_changes("watchlist", file, entries, lambda e: e.entry_id, json_)


def add(
    kind: Annotated[str, typer.Option(help="stolen, wanted_owner …")],
    plate: Annotated[str, typer.Option(help="Plate; with --mode pattern ? and * are wildcards.")] = "",
    expires: Annotated[str, typer.Option(help="Date or time; it stops matching then.")] = "",
    legal_basis: Annotated[str, typer.Option(help="Law and article.")] = "",
    authority: Annotated[str, typer.Option(help="Who ordered it.")] = "",
    case: Annotated[str, typer.Option("--case", help="Case number.")] = "",
    source: str = "command line",
    priority: Annotated[int, typer.Option(min=0, max=9, help="0 is the highest.")] = 5,
    note_: Annotated[str, typer.Option("--note")] = "",
    audience: Annotated[str, typer.Option(help="Who may see its alerts.")] = "",
    valid_from: Annotated[str, typer.Option(help="Date or time; at once without.")] = "",
    mode: Annotated[str, typer.Option(help=f"One of {', '.join(MODES)}.")] = "plate",
    list_: Annotated[
        str, typer.Option("--list", help="List it belongs to; of permits the permit list.")
    ] = "",
    approximate: Annotated[
        bool, typer.Option(help="Also reads that differ where the reader was unsure.")
    ] = False,
    label: Annotated[str, typer.Option(help="car, truck, bus or motorcycle.")] = "",
    colour: Annotated[str, typer.Option(help="Colour name.")] = "",
    make: str = "",
    model: str = "",
    direction: Annotated[
        str, typer.Option(help="Compass octant of travel: n, ne, e, se, s, sw, w or nw.")
    ] = "",
    area: Area = None,
    hours: Hours = "",
    suppress_s: Annotated[int, typer.Option(help="Length of an episode: one alert for each, s.")] = 600,
    json_: Json = False,
) -> None:
    """Add one entry."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    row = {
        "plate": plate, "kind": kind, "expires": expires, "legal_basis": legal_basis, "authority": authority,
        "case_number": case, "source": source, "priority": str(priority), "note": note_, "audience": audience,
        "valid_from": valid_from, "mode": mode, "list": list_, "approximate": "yes" if approximate else "no",
        "label": label, "colour": colour, "make": make, "model": model, "direction": direction,
        "area": ";".join(area or ()), "hours": hours, "suppress_s": str(suppress_s),
    }  # fmt: skip
    codec = open_codec(settings)
    fresh = entry_of(row, now_ms, countries_served(settings, codec))
    entry = merged(latest_by_key(settings, codec, "watchlist").get(fresh.entry_id), fresh)
    if entry.revoked_ms is not None:
        raise NotAllowed(
            f"entry {entry.entry_id} of this case was revoked; a new order needs a new case number"
        )
    AuditLog(settings, codec).record("watchlist.add", kind, case, asdict(entry))
    publish_all(settings, codec, "watchlist", [entry], lambda e: e.entry_id)
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
    settings = get_settings()
    known: dict[str, WatchlistEntry] = latest_by_key(settings, open_codec(settings), "watchlist")
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
    revoke_all(
        "watchlist", [known[i] for i in wanted], lambda e: e.entry_id, acting(settings, officer), json_
    )


def list_entries(purpose: Purpose = "", case: Case = "", plate: str = "", json_: Json = False) -> None:
    """Show entries; looking needs a purpose and a case number, too."""

    wanted = narrowing.plate(plate)

    def find(desk: Desk) -> tuple[list[WatchlistEntry], Mapping[str, Any]]:
        held: dict[str, WatchlistEntry] = latest_by_key(desk.settings, desk.codec, "watchlist")
        found = [e for e in held.values() if wanted in ("", e.plate)]
        return sorted(found, key=lambda e: (e.priority, e.plate, e.entry_id)), {"plate": plate}

    found = look_up("watchlist.list", purpose, case, find)
    if json_:
        print_json(found)
        return
    print_table(
        ("entry", "mode", "plate", "look", "list", "kind", "priority", "where", "hours", "authority", "case", "legal basis",
         "from", "expires", "revoked"),
        ((e.entry_id, e.mode, e.plate, " ".join(filter(None, (e.colour, e.label, e.make, e.model, e.direction))), e.list,
          e.kind, e.priority, " ".join(e.area), e.hours, e.authority, e.case_number, e.legal_basis,
          when(e.valid_from_ms or None), when(e.expires_ms), when(e.revoked_ms)) for e in found),
    )  # fmt: skip
