"""`waysight search plate|vehicle`: where a plate or a vehicle was seen, for a stated purpose and case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.evidence import EvidenceStore
from waysight.commands.governed import Desk, look_up
from waysight.commands.known_cameras import registered_cameras
from waysight.commands.narrowing import span
from waysight.commands.output import Case, Json, Purpose, note, print_json, print_table, when
from waysight.domain.plates import displayed
from waysight.errors import BadConfiguration
from waysight.reporting.searches import PlateSearch
from waysight.reporting.vehicle_searches import VehicleSearch, look_of_picture, look_of_sighting
from waysight.reporting.vehicle_sheet import write_sheet
from waysight.settings import get_settings

Pattern = Annotated[str, typer.Argument(help="Plate; * stands for any text, ? for one character.")]
From = Annotated[str, typer.Option("--from", help="Seen from, ISO 8601 (UTC without a zone).")]
To = Annotated[str, typer.Option("--to", help="Seen before, ISO 8601.")]
Candidates = Annotated[bool, typer.Option("--candidates", help="Also what the reader held possible.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Newest sightings shown.")]
Rows = Sequence[dict[str, Any]]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Find sightings; every search is recorded in the audit log.", no_args_is_help=True
    )
    group.command("plate")(plate)
    group.command("vehicle")(vehicle)
    app.add_typer(group, name="search")


def plate(
    pattern: Pattern, purpose: Purpose = "", case: Case = "", from_: From = "", to: To = "",
    candidates: Candidates = False, limit: Limit = 1000, json_: Json = False,
) -> None:  # fmt: skip
    """Show the sightings of a plate, newest first: time, camera, plate, confidence, evidence."""

    def find(desk: Desk) -> tuple[Rows, Mapping[str, Any]]:
        wanted = PlateSearch(pattern, *span(from_, to), candidates, limit)
        asked = {
            "pattern": pattern,
            "from_ms": wanted.from_ms,
            "to_ms": wanted.to_ms,
            "candidates": candidates,
        }
        return wanted.rows(desk.clickhouse), asked

    rows = look_up("search.plate", purpose, case, find)
    if json_:
        print_json(rows)
        return
    columns = ("seen", "camera", "by", "plate", "country", "confidence", "class", "evidence")
    print_table(columns, ((when(r["first_ms"]), r["camera_id"], " ".join(r["sources"]),
                           displayed(r["plate"], r["plate_country"]), r["plate_country"],
                           f"{r['plate_confidence']:.2f}", r["label"], r["evidence_ref"]) for r in rows))  # fmt: skip
    _count(rows, limit)


def vehicle(
    like: Annotated[str, typer.Option(help="Sighting whose vehicle others should look like: its id.")] = "",
    picture: Annotated[Path | None, typer.Option(help="A picture (JPEG) of the vehicle, instead of --like.")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="car, bus, truck or motorcycle; repeatable.")] = None,
    colour: Annotated[list[str] | None, typer.Option(help="Colour name; repeatable.")] = None,
    camera: Annotated[list[str] | None, typer.Option(help="Camera id; repeatable.")] = None,
    district: Annotated[str, typer.Option(help="Only cameras of this district.")] = "",
    hidden: Annotated[bool, typer.Option("--no-plate", help="Only where no plate was read.")] = False,
    purpose: Purpose = "", case: Case = "", from_: From = "", to: To = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Sightings shown.")] = 50,
    sheet: Annotated[Path | None, typer.Option(help="PNG to draw the found vehicles on, from kept evidence.")] = None,
    json_: Json = False,
) -> None:  # fmt: skip
    """Show vehicles by their looks, most alike first (or newest first without --like or --picture).

    Looks need no class and no plate. People are not searched by looks.
    """

    def find(desk: Desk) -> tuple[Rows, Mapping[str, Any]]:
        cameras = [*(camera or ()), *(_cameras_of(desk, district) if district else ())]
        if like and picture:
            raise BadConfiguration("give either --like or --picture")
        looks = look_of_sighting(desk.clickhouse, like) if like else ""
        if picture is not None:
            looks = look_of_picture(desk.settings, picture)
        from_ms, to_ms = span(from_, to)
        wanted = VehicleSearch(
            looks=looks, types=tuple(type_ or ()), colours=tuple(colour or ()), cameras=tuple(cameras),
            from_ms=from_ms, to_ms=to_ms, hidden=hidden, limit=limit,
        )  # fmt: skip
        return wanted.rows(desk.clickhouse), {
            **wanted.asked(),
            "like": like,
            "picture": picture.name if picture else "",
        }

    rows = look_up("search.vehicle", purpose, case, find)
    if sheet is not None:
        write_sheet(rows, EvidenceStore(get_settings().evidence), sheet)
    if json_:
        print_json(rows)
        return
    columns = ("likeness", "seen", "camera", "by", "class", "colour", "plate", "sighting", "evidence")
    print_table(columns, (("" if r["likeness"] is None else f"{r['likeness']:.3f}", when(r["first_ms"]), r["camera_id"],
                           " ".join(r["sources"]), r["label"], r["colour"], r["plate"], r["sighting_id"][:12], r["evidence_ref"])
                          for r in rows))  # fmt: skip
    _count(rows, limit)


def _cameras_of(desk: Desk, district: str) -> list[str]:
    cameras = registered_cameras(desk.settings, desk.codec, removed_too=True).values()
    found = [c.id for c in cameras if c.location.district.casefold() == district.strip().casefold()]
    if not found:
        known = sorted({c.location.district for c in cameras if c.location.district})
        raise BadConfiguration(
            f"no camera is in district {district!r}; there are {', '.join(known) or 'none'}"
        )
    return found


def _count(rows: Rows, limit: int) -> None:
    sightings = sum(1 + len(row["device_rows"]) for row in rows)
    vehicles = f" of {len(rows)} passes" if len(rows) < sightings else ""
    note(f"{sightings} sightings{vehicles}" + (f" (--limit {limit} reached)" if sightings == limit else ""))
