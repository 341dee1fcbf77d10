"""`waysight vehicles import`: the register of vehicles and owners, as far as fines need it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from waysight.authority.imports import convert_all, read_rows
from waysight.authority.local_days import local_ms
from waysight.authority.rulepacks import all_packs
from waysight.commands.importing import publish_file
from waysight.commands.output import Json
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration
from waysight.messages import Vehicle

REQUIRED = ("plate", "country", "owner_name", "owner_id")
OPTIONAL = (
    "make", "model", "type", "colour", "owner_address", "owner_kind", "owner_since", "insured_until", "inspected_until",
    "emission_class", "mass_kg",
)  # fmt: skip
File = Annotated[Path, typer.Argument(help=f"CSV with {', '.join(REQUIRED)}; also {', '.join(OPTIONAL)}.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The register of vehicles and owners.", no_args_is_help=True)
    group.callback()(lambda: None)
    group.command("import")(import_file)
    app.add_typer(group, name="vehicles")


def import_file(file: File, json_: Json = False) -> None:
    """Import vehicles from a CSV file: all of them, or none when a line is wrong.

    Dates are days of the vehicle's country, the last one included.
    """
    vehicles = convert_all(file, read_rows(file, REQUIRED, OPTIONAL), vehicle_of, lambda v: v.plate)
    publish_file("vehicles", file, vehicles, lambda v: v.plate, json_)


def vehicle_of(row: dict[str, str]) -> Vehicle:
    """A vehicle from text fields; raises BadConfiguration for a wrong one."""
    plate, country = canonical(row["plate"]), row["country"].lower()
    if len(plate) < 2:
        raise BadConfiguration(f"plate {row['plate']!r} is too short")
    if len(country) != 2 or not country.isalpha():
        raise BadConfiguration(
            f"country {row['country']!r} is no two-letter code; rule packs: {', '.join(all_packs())}"
        )
    kind = row.get("owner_kind") or "person"
    if kind not in ("person", "company"):
        raise BadConfiguration(f"owner_kind {kind!r} is neither person nor company")
    return Vehicle(
        plate=plate,
        country=country,
        make=row.get("make", ""),
        model=row.get("model", ""),
        type=row.get("type", ""),
        colour=row.get("colour", ""),
        owner_id=row["owner_id"],
        owner_name=row["owner_name"],
        owner_address=row.get("owner_address", ""),
        owner_kind=kind,
        owner_since_ms=_moment(row, country, "owner_since", end_of_day=False) or 0,
        insured_until_ms=_moment(row, country, "insured_until", end_of_day=True),
        inspected_until_ms=_moment(row, country, "inspected_until", end_of_day=True),
        emission_class=row.get("emission_class", "").lower(),
        mass_kg=_mass_kg(row.get("mass_kg", "")),
    )


def _moment(row: dict[str, str], country: str, column: str, end_of_day: bool) -> int | None:
    """UTC epoch ms of a column, None where it is empty; a date alone is its start, or its end, in the country."""
    text = row.get(column, "")
    return local_ms(text, column, country, end_of_day) if text else None


def _mass_kg(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and 0 < int(text) < 1_000_000):
        raise BadConfiguration(f"mass_kg {text!r} is no mass in whole kilograms")
    return int(text) if text else None
