"""`waysight persons import|revoke|list`: wanted persons, met through the vehicles they own, under an authorisation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.kafka import latest_by_key
from waysight.authority.entries import PERSON_OPTIONAL, PERSON_REQUIRED, person_of
from waysight.authority.imports import convert_all, read_rows
from waysight.commands.governed import Desk, look_up
from waysight.commands.importing import publish_changes, revoke_all
from waysight.commands.known_cameras import countries_served
from waysight.commands.output import Case, Json, Purpose, acting, open_codec, print_json, print_table, when
from waysight.errors import BadConfiguration
from waysight.messages import Person
from waysight.settings import get_settings

File = Annotated[
    Path, typer.Argument(help=f"CSV with {', '.join(PERSON_REQUIRED)}; also {', '.join(PERSON_OPTIONAL)}.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Wanted persons; their vehicles are told only under an authorisation (owner_warrant).",
        no_args_is_help=True,
    )
    group.command("import")(import_file)
    group.command("revoke")(revoke)
    group.command("list")(list_persons)
    app.add_typer(group, name="persons")


def import_file(file: File, json_: Json = False) -> None:
    """Import wanted persons from a CSV file: all of them, or none when a line is wrong."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    countries = countries_served(settings, open_codec(settings))
    rows = read_rows(file, PERSON_REQUIRED, PERSON_OPTIONAL)
    persons = convert_all(file, rows, lambda row: person_of(row, now_ms, countries), lambda p: p.person_id)
    publish_changes("persons", file, persons, lambda p: p.person_id, json_)


def revoke(
    persons: Annotated[list[str], typer.Argument(help="Numbers in the register.")],
    officer: Annotated[str, typer.Option(help="Who revokes; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Revoke warrants: they stop matching within seconds, for good."""
    settings = get_settings()
    known: dict[str, Person] = latest_by_key(settings, open_codec(settings), "persons")
    unknown = [p for p in persons if p not in known]
    if unknown:
        raise BadConfiguration(f"no such persons: {unknown}; `waysight persons list` shows the numbers")
    revoke_all(
        "persons", [known[p] for p in persons], lambda p: p.person_id, acting(settings, officer), json_
    )


def list_persons(purpose: Purpose = "", case: Case = "", json_: Json = False) -> None:
    """Show wanted persons; looking needs a purpose and a case number."""

    def find(desk: Desk) -> tuple[list[Person], Mapping[str, Any]]:
        held: dict[str, Person] = latest_by_key(desk.settings, desk.codec, "persons")
        return sorted(held.values(), key=lambda p: (p.priority, p.person_id)), {}

    found = look_up("persons.list", purpose, case, find)
    if json_:
        print_json(found)
        return
    print_table(
        ("person", "name", "kind", "priority", "authority", "case", "legal basis", "from", "expires", "revoked"),
        ((p.person_id, p.name, p.kind, p.priority, p.authority, p.case_number, p.legal_basis,
          when(p.valid_from_ms or None), when(p.expires_ms), when(p.revoked_ms)) for p in found),
    )  # fmt: skip
