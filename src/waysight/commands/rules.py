"""`waysight rules check|list|confirm|revoke`: the law as data, and who confirmed what of it was unsure."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import latest_by_key
from waysight.authority.notice_words import words_in
from waysight.authority.rulepacks import all_packs, load_pack, read_pack
from waysight.commands.importing import publish_all
from waysight.commands.output import Json, open_codec, print_json, print_table, when
from waysight.domain.confirming import all_values, confirmation_of, confirmed, unsure_values
from waysight.domain.enforcement.case import OffenceName
from waysight.domain.pack_changes import changed_past
from waysight.domain.pack_gaps import gaps
from waysight.domain.rulepack import RulePack
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Confirmation
from waysight.settings import Settings, get_settings

TOPIC = "confirmations"


def _lower(value: str) -> str:
    return value.lower()


Pack = Annotated[str, typer.Argument(help="Country of the rule pack, e.g. kz.", callback=_lower)]
Paths = Annotated[
    list[str], typer.Argument(metavar="VALUE...", help="Paths as `waysight rules list --unsure` shows them.")
]
By = Annotated[str, typer.Option(help="Full name of the person who answers for it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Rule packs: tariffs, tolerances and periods by date, with their certainty.",
        no_args_is_help=True,
    )
    group.command("check")(check)
    group.command("list")(list_values)
    group.command("confirm")(confirm)
    group.command("revoke")(revoke)
    app.add_typer(group, name="rules")


def check(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of a pack, or of several; the shipped ones without.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Folder of the packs in use: days that are over must be priced as they are there."),
    ] = None,
    json_: Json = False,
) -> None:
    """Check rule packs: a gap or overlap in time or tiers, or anything else wrong, is named with file and line.

    What has no tariff is told with the reason, what ends within 90 days as a warning.
    """
    packs = list(all_packs().values()) if folder is None else _packs_in(folder)
    if against is not None:
        _keeps_the_past(packs, _packs_in(against))
    today, offences = datetime.now(UTC).date(), get_args(OffenceName)
    rows: list[dict[str, Any]] = [
        {
            "pack": p.reference,
            "offences": len(p.offences),
            "values": len(all_values(p)),
            "unsure": len(unsure_values(p)),
            "calendar": _known_until(p),
            "without_tariff": dict(p.without_tariff),
            "warnings": list(gaps(p, offences, today)),
        }
        for p in packs
    ]
    if json_:
        print_json(rows)
        return
    columns = ("pack", "offences", "values", "unsure", "calendar")
    print_table(columns, ([r[c] for c in columns] for r in rows))
    for pack, row in zip(packs, rows, strict=True):
        for offence, why in pack.without_tariff.items():
            typer.echo(f"{pack.id}: no tariff for {offence}: {why}")
        for warning in row["warnings"]:
            typer.echo(f"warning: {row['pack']}: {warning}")


def _known_until(pack: RulePack) -> str:
    calendar = pack.calendar
    if calendar is None:
        return "none"
    return f"to {calendar.until_day - timedelta(days=1)}, {calendar.confidence}"


def _keeps_the_past(packs: list[RulePack], used: list[RulePack]) -> None:
    known, today = {p.id: p for p in used}, datetime.now(UTC).date()
    wrong = [
        f"{p.id}: {line}" for p in packs if p.id in known for line in changed_past(known[p.id], p, today)
    ]
    if wrong:
        raise BadConfiguration(
            "days that are over would be priced otherwise; add a row with a later `from` instead:\n"
            + "\n".join(wrong)
        )


def _packs_in(folder: Path) -> list[RulePack]:
    folders = (
        [folder] if (folder / "pack.yaml").is_file() else sorted(p.parent for p in folder.glob("*/pack.yaml"))
    )
    if not folders:
        raise BadConfiguration(f"{folder}: no pack.yaml in it or one folder below")
    packs = [read_pack(f) for f in folders]
    for known, pack in enumerate(packs):
        if any(pack.id == p.id or pack.country == p.country for p in packs[:known]):
            raise BadConfiguration(f"{folders[known]}: the id or country of {pack.reference} is there twice")
    for pack, found in zip(packs, folders, strict=True):
        if (found / "notice.yaml").is_file():
            words_in(found / "notice.yaml", set(pack.code))
    return packs


def list_values(
    country: Pack,
    unsure: Annotated[bool, typer.Option("--unsure", help="Only what nobody confirmed.")] = False,
    confirmed_: Annotated[
        bool, typer.Option("--confirmed", help="Take in the confirmations, and say by whom; needs the stack.")
    ] = False,
    json_: Json = False,
) -> None:
    """Show the values of a rule pack with their certainty and sources."""
    pack, known = load_pack(country), list[Confirmation]()
    if confirmed_:
        known = _confirmations(get_settings(), pack)
        pack = confirmed(pack, known)
    by = {c.path: f"{c.by}, {c.role}, {when(c.confirmed_ms)}" for c in known if not c.revoked}
    found = unsure_values(pack) if unsure else all_values(pack)
    rows = [
        {"path": v.path, "value": v.said or "not read", "confidence": v.confidence, "sources": ", ".join(v.sources),
         "confirmed_by": by.get(v.path, "") if v.confidence == "confirmed" else ""}
        for v in found
    ]  # fmt: skip
    if json_:
        print_json(rows)
    else:
        print_table(
            ("path", "value", "confidence", "sources", "confirmed by"), (tuple(r.values()) for r in rows)
        )


def confirm(
    country: Pack,
    paths: Paths,
    by: By = "",
    role: Annotated[str, typer.Option(help="Their office.")] = "",
    source: Annotated[str, typer.Option(help="The official text that was read: title, number, date.")] = "",
    value: Annotated[
        str, typer.Option(help="Length of a period that the pack does not know, e.g. '2 months'.")
    ] = "",
    json_: Json = False,
) -> None:
    """Confirm unsure values against the official text; fines that waited for them are issued."""
    for name, given in (("--by", by), ("--role", role), ("--source", source)):
        if not given.strip():
            raise NotAllowed(
                f"{name} is missing: a value is confirmed by a named person who read the official text"
            )
    settings, pack = get_settings(), load_pack(country)
    if value and len(paths) > 1:
        raise BadConfiguration("--value is for one path at a time")
    known = _confirmations(settings, pack)
    now_ms, records = time.time_ns() // 1_000_000, list[Confirmation]()
    for path in paths:
        record = confirmation_of(pack, path, value, by, role, source, now_ms)
        standing = [c for c in known if c.path == path and not c.revoked and c.value != record.value]
        if standing:
            raise NotAllowed(
                f"{path} was confirmed as {standing[0].value!r} by {standing[0].by}; revoke that first"
            )
        records.append(record)
    _publish(settings, "rules.confirm", records, by, source, json_)


def revoke(
    country: Pack,
    paths: Paths,
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "",
    json_: Json = False,
) -> None:
    """Take confirmations back: the values are unsure again and block new fines; issued ones stay."""
    for name, given in (("--by", by), ("--reason", reason)):
        if not given.strip():
            raise NotAllowed(f"{name} is missing: say who takes the confirmation back, and why")
    settings, pack = get_settings(), load_pack(country)
    known = {c.path: c for c in _confirmations(settings, pack) if not c.revoked}
    if missing := [p for p in paths if p not in known]:
        raise BadConfiguration(f"nobody confirmed {', '.join(missing)} of {country}")
    now_ms = time.time_ns() // 1_000_000
    gone = [replace(known[p], revoked=True, by=by.strip(), confirmed_ms=now_ms) for p in paths]
    _publish(settings, "rules.revoke", gone, by, reason, json_)


def _confirmations(settings: Settings, pack: RulePack) -> list[Confirmation]:
    held: dict[str, Confirmation] = latest_by_key(settings, open_codec(settings), TOPIC)
    return [c for c in held.values() if c.pack == pack.id]


def _publish(
    settings: Settings, action: str, records: list[Confirmation], by: str, reason: str, json_: bool
) -> None:
    codec = open_codec(settings)
    log = AuditLog(settings, codec)
    for record in records:
        log.record(action, reason.strip(), "", asdict(record), actor=by.strip())
    publish_all(settings, codec, TOPIC, records, lambda c: c.confirmation_id)
    if json_:
        print_json(records)
        return
    for record in records:
        typer.echo(f"{action.removeprefix('rules.')}: {record.pack} {record.path} = {record.value}")
