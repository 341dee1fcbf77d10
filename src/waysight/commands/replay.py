"""`waysight replay`: retained input through the processors again after a change, compared with what is stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import Publisher, require_answer
from waysight.commands.governed import Desk, look_up
from waysight.commands.narrowing import parse_time
from waysight.commands.output import Case, Json, Purpose, note, open_codec, print_json, print_table, when
from waysight.errors import BadConfiguration
from waysight.processing import PROCESSORS
from waysight.replaying.publication import new_version, publish
from waysight.replaying.report import KEPT_OUT, Replayed, Wanted, replay
from waysight.settings import get_settings
from waysight.storage.tables import table

_CAN = ", ".join(name for name in PROCESSORS if name not in KEPT_OUT)
From = Annotated[str, typer.Option("--from", help="Event time from, ISO 8601 (UTC without a zone).")]
To = Annotated[str, typer.Option("--to", help="Event time before, ISO 8601.")]
Processor = Annotated[
    list[str] | None,
    typer.Option("--processor", help=f"Once for each, of {_CAN}; default: enforce and match."),
]
Apply = Annotated[bool, typer.Option("--apply", help="Publish new versions under the same ids.")]
WarmUp = Annotated[
    int | None,
    typer.Option("--warm-up-minutes", min=0, help="Input before --from that is read for the state; default: 60, match 1440."),
]  # fmt: skip
Since = Annotated[str, typer.Option("--arrived-from", help="Input that reached Kafka from; default: --from less the warm-up.")]  # fmt: skip
Until = Annotated[
    str, typer.Option("--arrived-before", help="Input that reached Kafka before; default: all.")
]
Limit = Annotated[int, typer.Option(min=0, max=1_000_000, help="Differences listed per table.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(run)


def run(
    from_: From = "", to: To = "", processor: Processor = None, apply: Apply = False, purpose: Purpose = "",
    case: Case = "", warm_up_minutes: WarmUp = None, arrived_from: Since = "", arrived_before: Until = "",
    limit: Limit = 200, json_: Json = False,
) -> None:  # fmt: skip
    """Process retained input again under today's rules, models, cameras and lists, and show what differs.

    Nothing is written without --apply, and never over what a person decided; an alert once raised stays.
    """
    from_ms, to_ms = parse_time(from_, "--from"), parse_time(to, "--to")
    if from_ms is None or to_ms is None:
        raise BadConfiguration("give the range of event times with --from and --to")
    names = tuple(dict.fromkeys(processor or ("enforce", "match")))
    wanted = Wanted(
        names, from_ms, to_ms, warm_up_minutes, parse_time(arrived_from, "--arrived-from"),
        parse_time(arrived_before, "--arrived-before"), keep_evidence=apply,
    )  # fmt: skip
    asked = {"processors": names, "from_ms": from_ms, "to_ms": to_ms, "apply": apply}

    def find(desk: Desk) -> tuple[list[Replayed], Mapping[str, Any]]:
        require_answer(desk.settings)
        return [replay(desk.settings, desk.codec, desk.clickhouse, wanted)], asked

    (found,) = look_up("replay", purpose, case, find)
    sent = _apply(found, purpose, case, asked) if apply else {}
    summary = [{**row, "published": sent.get(row["table"], 0)} for row in found.summary()]
    if json_:
        print_json({"messages_read": found.messages_read, "dead_letters": found.dead_letters, "tables": summary,
                    "differences": found.listed(limit)})  # fmt: skip
        return
    print_table(("table", "same", "added", "changed", "gone", "held", "published"),
                (tuple(row.values()) for row in summary))  # fmt: skip
    print_table(("table", "at", "id", "change", "held", "fields"),
                ((d["table"], when(d["at_ms"]), d["id"][:16], d["change"], d["held"], _said(d["fields"]))
                 for d in found.listed(limit)))  # fmt: skip
    note(f"{found.messages_read} messages read, {found.dead_letters} dead letters; "
         + ("published" if apply else "nothing was written: --apply publishes"))  # fmt: skip


def _apply(found: Replayed, purpose: str, case: str, asked: Mapping[str, Any]) -> dict[str, int]:
    """Publish what may be; recorded before it is sent."""
    settings = get_settings()
    codec, now_ms = open_codec(settings), time.time_ns() // 1_000_000
    free = {
        name: [c for c in changes if c.row_id not in found.held[name]]
        for name, changes in found.changes.items()
    }
    sent = {name: len(changes) for name, changes in free.items()}
    AuditLog(settings, codec).record("replay.apply", purpose, case, {**asked, **sent}, sum(sent.values()))
    publisher = Publisher(settings, codec)
    for name, changes in free.items():
        for change in changes:
            publish(publisher, table(name), new_version(table(name), change, now_ms))
    publisher.flush()
    return sent


def _said(fields: Mapping[str, list[Any]]) -> str:
    return "; ".join(f"{name}: {before} → {after}" for name, (before, after) in fields.items())[:160]
