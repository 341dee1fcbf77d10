"""`waysight tables shard|list`: watchlist and register in packed parts, from which workers start in seconds."""

from __future__ import annotations

import time
from threading import RLock
from typing import Annotated, Any

import typer

from waysight.adapters.kafka import Publisher, require_answer
from waysight.adapters.packed import Packed, PackedTable
from waysight.adapters.shards import read_shards, write_shards
from waysight.adapters.vehicle_rows import RegisterTable
from waysight.adapters.watch_rows import WatchTable
from waysight.codec import Codec
from waysight.commands.output import Json, open_codec, print_json, print_table, when
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_index import WatchIndex
from waysight.settings import Settings, get_settings

COLUMNS = ("table", "entries", "shards", "bytes", "covered", "built")
Watch = Annotated[
    float,
    typer.Option(min=0, help="Make them again every so many seconds; 0: once. They are used for half a day."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Packed tables that workers start from.", no_args_is_help=True)
    group.command("shard")(shard)
    group.command("list")(list_shards)
    app.add_typer(group, name="tables")


def shard(watch: Watch = 0.0, json_: Json = False) -> None:
    """Pack the watchlist and the register as they are now, and publish them."""
    settings = get_settings()
    require_answer(settings)
    codec = open_codec(settings)
    while True:
        _print([build(settings, codec, table) for table in _tables()], json_)
        if not watch:
            return
        time.sleep(watch)


def list_shards(json_: Json = False) -> None:
    """Show which packed tables there are: how many entries in how many parts, and up to where they reach."""
    settings = get_settings()
    require_answer(settings)
    codec, now_ms = open_codec(settings), time.time_ns() // 1_000_000
    rows = []
    for table in _tables():
        found = read_shards(settings, codec, table.name, now_ms)
        rows.append(_row(table.name, found.rows, len(found.parts), found.bytes, found.covers, found.built_ms))
    _print(rows, json_)


def build(settings: Settings, codec: Codec, table: PackedTable) -> dict[str, Any]:
    """Read one table whole, from its shards on, and publish it as new ones. Raises EngineDown."""
    rows, ends = Packed(settings, codec, table).read()
    publisher, now_ms = Publisher(settings, codec), time.time_ns() // 1_000_000
    sent = write_shards(publisher, table, rows, ends, now_ms)
    publisher.flush()
    return _row(table.name, len(rows), len(sent), sum(len(s.columns) for s in sent), sent[0].covers, now_ms)


def _tables() -> tuple[PackedTable, ...]:
    return WatchTable(WatchIndex()), RegisterTable(VehicleTable(), None, RLock())


def _row(
    name: str, entries: int, shards: int, size: int, covers: tuple[int, ...], at_ms: int
) -> dict[str, Any]:
    return {
        "table": name, "entries": entries, "shards": shards, "bytes": size, "covers": list(covers), "built_ms": at_ms
    }  # fmt: skip


def _print(rows: list[dict[str, Any]], json_: bool) -> None:
    if json_:
        print_json(rows)
        return
    shown = ((r["table"], r["entries"], r["shards"], r["bytes"], " ".join(map(str, r["covers"])),
              when(r["built_ms"] or None)) for r in rows)  # fmt: skip
    print_table(COLUMNS, shown)
