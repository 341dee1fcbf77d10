"""`waysight fines act|import|cancel|refund|remind|write-off`: what people do about fines, each with a name and a reason.

A command over many fines lists them first and acts with --yes; its acts share one campaign.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher
from waysight.authority.fine_acts import (
    COLUMNS,
    action_of,
    action_of_row,
    behind_sql,
    by_camera_sql,
    lapsed_sql,
    not_in_future,
    owed_back_sql,
    require_open,
    unpaid_sql,
)
from waysight.authority.fine_acts import OPTIONAL as MORE
from waysight.authority.imports import amount_of, convert_all, read_rows
from waysight.authority.local_days import local_ms
from waysight.commands.importing import publish_file
from waysight.commands.narrowing import in_order
from waysight.commands.output import Json, note, open_codec, print_json, print_table, when
from waysight.domain.fines.actions import ACTS
from waysight.domain.fines.pricing import fine_id_of
from waysight.domain.ids import derive_id
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Fine, FineAction
from waysight.settings import get_settings
from waysight.storage.records import find_fine, record_of

_DAY_MS = 86_400_000
_SEEN = """
    SELECT violation_id FROM violations_current WHERE camera_id = {camera:String}
        OR arrayExists(e -> startsWith(e.evidence_ref, concat('frames/', {camera:String}, '/')), evidence) LIMIT 1
"""
Number = Annotated[str, typer.Argument(help="Number of the fine, or its id.")]
By = Annotated[str, typer.Option(help="Named person who does it; recorded.")]
Reason = Annotated[str, typer.Option(help="Why, as a code or in words.")]
Yes = Annotated[bool, typer.Option("--yes", help="Act; without it the fines are only listed.")]
At = Annotated[
    str,
    typer.Option(help="When it happened, as a date or time, local to the fine's country; now by default."),
]


def add(group: typer.Typer) -> None:
    """Add the commands to `waysight fines`."""
    group.command("act")(act)
    group.command("import")(import_file)
    group.command("cancel")(cancel)
    group.command("refund")(refund)
    group.command("remind")(remind)
    group.command("write-off")(write_off)


def act(
    kind: Annotated[str, typer.Argument(help="served, nominated, appealed, suspended … (FineAction).")],
    number: Number,
    by: By = "",
    at: At = "",
    reason: Reason = "",
    channel: Annotated[str, typer.Option(help="How it was served: post, e-mail, portal, in_person.")] = "",
    proof: Annotated[str, typer.Option(help="Reference of the proof or decision.")] = "",
    person_id: Annotated[str, typer.Option(help="Number of the nominated driver or owner.")] = "",
    person_name: Annotated[str, typer.Option(help="Their name.")] = "",
    person_address: Annotated[str, typer.Option(help="Their address.")] = "",
    amount: Annotated[str, typer.Option(help="Amount that was paid back.")] = "",
    json_: Json = False,
) -> None:
    """Record one act about one fine; whether it is allowed is decided when it is applied (`fines show`)."""
    fine = find_fine(connect(get_settings()), number)
    require_open(kind, fine)
    said: dict[str, Any] = {
        "reason": reason, "channel": channel, "proof": proof, "person_id": person_id, "person_name": person_name,
        "person_address": person_address,
        "amount": amount_of(amount, "--amount") if amount else None,
    }  # fmt: skip
    if kind in ACTS and kind != "cancelled" and fine.status not in ACTS[kind].statuses:
        note(
            f"fine {fine.number} is {fine.status} as far as is stored: unless that changed, {kind} will be refused"
        )
    now_ms = _now_ms()
    at_ms = not_in_future(local_ms(at, "--at", fine.country), "--at", now_ms) if at else now_ms
    _send([action_of(kind, fine.number, fine.plate, at_ms, by, **said)], f"fines.{kind}", json_)


def import_file(
    file: Annotated[
        Path, typer.Argument(help=f"CSV with {', '.join(COLUMNS)} and perhaps {', '.join(MORE)}.")
    ],
    json_: Json = False,
) -> None:
    """Import acts from a CSV file (a post office's proofs of service …); repeating it changes nothing."""
    actions = convert_all(file, read_rows(file, COLUMNS, MORE), partial(action_of_row, now_ms=_now_ms()))
    publish_file("fine-actions", file, actions, lambda a: a.plate, json_)


def cancel(
    number: Annotated[str, typer.Argument(help="Number of one fine; or give --camera.")] = "",
    camera: Annotated[str, typer.Option(help="Camera that proved faulty.")] = "",
    from_: Annotated[str, typer.Option("--from", help="Offences from this date or time on.")] = "",
    to: Annotated[str, typer.Option(help="Offences before this date or time.")] = "",
    reason: Reason = "",
    by: By = "",
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Cancel a fine, or every fine that rests on a camera in a time; what was paid is then due back."""
    if bool(number) == bool(camera) or (camera and not (from_ and to)):
        raise BadConfiguration("name one fine, or --camera with --from and --to")
    if not reason.strip():
        raise NotAllowed("a cancellation needs a reason (--reason)")
    clickhouse, behind = connect(get_settings()), list[tuple[str, str]]()
    if number:
        fines = [find_fine(clickhouse, number)]
        if fines[0].status == "cancelled":
            note(
                f"fine {fines[0].number} is cancelled already: this only keeps it from replacing another of the same act"
            )
    else:
        from_ms, to_ms = local_ms(from_, "--from"), local_ms(to, "--to")
        in_order(from_ms, to_ms)
        sql, given = by_camera_sql(camera, from_ms, to_ms)
        fines = [record_of(row, Fine) for row in clickhouse.rows(sql, given)]
        if not fines and not clickhouse.rows(_SEEN, {"camera": camera}):
            raise BadConfiguration(
                f"no violation rests on a camera {camera!r}; is it spelt as in `cameras list`?"
            )
        sql, given = behind_sql(camera, from_ms, to_ms)
        behind = [(fine_id_of(r["violation_id"]), r["plate"]) for r in clickhouse.rows(sql, given)]
    campaign = derive_id("campaign", camera or number, from_, to, reason)
    _campaign("cancelled", fines, by, campaign, yes, json_, behind=behind, reason=reason)


def refund(
    number: Annotated[
        str, typer.Argument(help="Number of the fine; all that are owed something without.")
    ] = "",
    amount: Annotated[str, typer.Option(help="Amount paid back; all that is due by default.")] = "",
    proof: Annotated[str, typer.Option(help="Reference of the transfer.")] = "",
    by: By = "",
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Record that money was paid back, at most what is due."""
    clickhouse = connect(get_settings())
    if amount and not number:
        raise BadConfiguration("--amount goes with one fine")
    rows = [] if number else clickhouse.rows(owed_back_sql())
    fines = [find_fine(clickhouse, number)] if number else [record_of(row, Fine) for row in rows]
    due = [f for f in fines if f.refund_due]
    if number and not due:
        raise NotAllowed(f"nothing is due back on fine {fines[0].number}")
    amounts = {f.fine_id: amount_of(amount, "--amount") if amount else f.refund_due for f in due}
    _campaign("refunded", due, by, "", yes, json_, amounts=amounts, proof=proof)


def remind(
    after_days: Annotated[int, typer.Option(min=1, help="Fines issued this many days ago or earlier.")] = 30,
    every_days: Annotated[int, typer.Option(min=1, help="At most one reminder in so many days.")] = 30,
    by: By = "",
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Record reminders to those who have not paid."""
    now_ms = _now_ms()
    sql, given = unpaid_sql(now_ms - after_days * _DAY_MS, now_ms - every_days * _DAY_MS)
    fines = [record_of(row, Fine) for row in connect(get_settings()).rows(sql, given)]
    day = datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()
    _campaign("reminded", fines, by, derive_id("campaign", "reminded", day, by), yes, json_)


def write_off(
    reason: Reason = "limitation",
    by: By = "",
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Write off the fines whose period of limitation is surely over; none while the rule pack is unsure of it."""
    yesterday = (datetime.fromtimestamp(_now_ms() / 1000, UTC) - timedelta(days=1)).date()
    sql, given = lapsed_sql(yesterday)
    fines = [record_of(row, Fine) for row in connect(get_settings()).rows(sql, given)]
    _campaign(
        "written_off",
        fines,
        by,
        derive_id("campaign", "written_off", str(yesterday)),
        yes,
        json_,
        reason=reason,
    )


def _campaign(
    kind: str,
    fines: Sequence[Fine],
    by: str,
    campaign: str,
    yes: bool,
    json_: bool,
    amounts: dict[str, Decimal | None] | None = None,
    behind: Sequence[tuple[str, str]] = (),
    **said: Any,
) -> None:
    """List the fines, or with `yes` send one act for each; `behind` are fines (id, plate) that would come in their place."""
    if not by.strip():
        raise NotAllowed(f"{kind}: no act without a named person (--by)")
    if yes:
        at_ms = _now_ms()
        actions = [
            action_of(kind, f.number, f.plate, at_ms, by, campaign=campaign,
                      **said, **({"amount": amounts[f.fine_id]} if amounts else {}))
            for f in fines
        ] + [action_of(kind, name, plate, at_ms, by, campaign=campaign, **said) for name, plate in behind]  # fmt: skip
        _send(actions, f"fines.{kind}", json_)
        return
    if json_:
        print_json(
            {"kind": kind, "campaign": campaign, "acted": False, "fines": fines, "behind": len(behind)}
        )
        return
    print_table(
        ("number", "occurred", "plate", "status", "amount", "paid", "due back"),
        ((f.number, when(f.occurred_ms), f.plate, f.status, f"{f.amount} {f.currency}", f.paid, f.refund_due or "")
         for f in fines),
        title=f"{len(fines)} fines would be {kind.replace('_', ' ')}; --yes acts",
    )  # fmt: skip


def _send(actions: Sequence[FineAction], action: str, json_: bool) -> None:
    settings = get_settings()
    codec = open_codec(settings)
    if actions:
        first = actions[0]
        detail = {
            "numbers": [a.fine_number for a in actions],
            "reason": first.reason,
            "campaign": first.campaign,
        }
        AuditLog(settings, codec).record(
            action, first.reason or first.kind, first.campaign, detail, len(actions), first.by
        )
    publisher = Publisher(settings, codec)
    for each in actions:
        publisher.publish("fine-actions", each.plate, each)
    publisher.flush()
    if json_:
        print_json({"acted": True, "actions": actions})
    else:
        typer.echo(f"{len(actions)} fines: {actions[0].kind if actions else 'nothing to do'}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
