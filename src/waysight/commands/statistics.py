"""`waysight statistics import`: crashes, crimes and the like as an authority publishes them, beside our own counts."""

from __future__ import annotations

import math
import re
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from waysight.authority.imports import convert_all, moment_ms, read_rows
from waysight.commands.importing import publish_file
from waysight.commands.narrowing import a_place
from waysight.commands.output import Json
from waysight.domain.ids import derive_id
from waysight.errors import BadConfiguration
from waysight.messages import Statistic

COLUMNS = ("source", "place", "category", "from", "until", "value")
File = Annotated[Path, typer.Argument(help=f"CSV with {', '.join(COLUMNS)}; until is the first day after.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Published figures for `report deterrence`.", no_args_is_help=True)
    group.callback()(lambda: None)
    group.command("import")(import_file)
    app.add_typer(group, name="statistics")


def import_file(file: File, json_: Json = False) -> None:
    """Import figures of places and periods: all of them, or none when a line is wrong; a repeat replaces.

    place is camera:<id>, road:<name> or district:<name>; dates without a zone are UTC.
    """
    convert = partial(statistic_of, imported_ms=time.time_ns() // 1_000_000)
    rows = convert_all(file, read_rows(file, COLUMNS), convert, key=lambda s: s.statistic_id)
    publish_file("statistics", file, rows, lambda s: s.place, json_)


def statistic_of(row: dict[str, str], imported_ms: int) -> Statistic:
    """A figure from text fields; raises BadConfiguration for a wrong one."""
    if empty := [c for c in COLUMNS if not row[c]]:
        raise BadConfiguration(f"{', '.join(empty)} empty")
    a_place(row["place"], "place")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", row["category"]) or row["category"] == "violations":
        raise BadConfiguration(
            f"category {row['category']!r}: small letters, digits and _; `violations` are our own"
        )
    try:
        value = float(row["value"])
    except ValueError as error:
        raise BadConfiguration(f"value {row['value']!r} is no number") from error
    if not math.isfinite(value) or value < 0:
        raise BadConfiguration(f"value {row['value']!r} is not 0 or above")
    from_ms, until_ms = moment_ms(row["from"], "from"), moment_ms(row["until"], "until")
    if until_ms <= from_ms:
        raise BadConfiguration(f"until {row['until']} is not after from {row['from']}")
    name = derive_id("statistic", row["source"], row["place"], row["category"], from_ms, until_ms)
    return Statistic(
        statistic_id=name,
        source=row["source"],
        place=row["place"],
        category=row["category"],
        from_ms=from_ms,
        until_ms=until_ms,
        value=value,
        imported_ms=imported_ms,
    )
