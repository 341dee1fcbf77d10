"""`waysight authorise grant|revoke|list`: leave for what the law allows only with leave."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import latest_by_key
from waysight.authority.imports import moment_ms
from waysight.authority.local_days import term_ms
from waysight.commands.governed import Desk, look_up
from waysight.commands.importing import publish_all
from waysight.commands.known_cameras import countries_served
from waysight.commands.output import Case, Json, Purpose, acting, open_codec, print_json, print_table, when
from waysight.domain.authorisations import OWNER_WARRANT, PURPOSES, faults, in_force
from waysight.domain.ids import derive_id
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Authorisation
from waysight.settings import Settings, get_settings

TOPIC = "authorisations"
Ground = Annotated[str, typer.Option(help="Law and article.")]
Grantor = Annotated[str, typer.Option(help="Court or authority that grants it.")]
Area = Annotated[
    list[str] | None,
    typer.Option(
        help="Camera id, road:<name>, district:<name> or group:<name>; repeatable. Everywhere without."
    ),
]
Subjects = Annotated[
    list[str] | None,
    typer.Option(
        "--subject", help="Plate (follow, convoy) or person (owner_warrant: all without); repeatable."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Authorisations: owner-to-warrant, following and convoys stop without one.", no_args_is_help=True
    )
    group.command("grant")(grant)
    group.command("revoke")(revoke)
    group.command("list")(list_authorisations)
    app.add_typer(group, name="authorise")


def grant(
    allowed: Annotated[str, typer.Option("--purpose", help=f"What it allows: {', '.join(PURPOSES)}.")],
    authority: Grantor = "",
    legal_basis: Ground = "",
    case: Annotated[str, typer.Option("--case", help="Case number.")] = "",
    area: Area = None,
    subject: Subjects = None,
    from_: Annotated[str, typer.Option("--from", help="Date or time; now without.")] = "",
    until: Annotated[str, typer.Option(help="Date or time; what it allows stops then.")] = "",
    by: Annotated[str, typer.Option(help="Officer who enters it; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Enter an authorisation; the same grant entered again is the same authorisation."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    if not until.strip():
        raise NotAllowed("--until is missing: an authorisation has an end")
    codec = open_codec(settings)
    countries = countries_served(settings, codec)
    start_ms = term_ms(from_, "--from", countries) if from_ else now_ms
    ends_ms = term_ms(until, "--until", countries, end_of_day=True)
    places = tuple(sorted({part.strip() for part in area or ()}))
    named = {s.strip() if allowed == OWNER_WARRANT else canonical(s) for s in subject or ()}
    subjects = tuple(sorted(named - {""}))
    fresh = Authorisation(
        authorisation_id=derive_id(
            "authorisation",
            allowed,
            authority,
            case,
            from_ or str(start_ms),
            moment_ms(until, "--until", end_of_day=True),  # as written, wherever cameras come to stand
            *places,
            "|",
            *subjects,
        ),
        purpose=allowed,
        authority=authority,
        legal_basis=legal_basis,
        case_number=case,
        area=places,
        subjects=subjects,
        valid_from_ms=start_ms,
        ends_ms=ends_ms,
        granted_by=acting(settings, by),
        granted_ms=now_ms,
    )
    found = faults(fresh)
    if found:
        raise NotAllowed("; ".join(found))
    if ends_ms <= now_ms:
        raise NotAllowed(f"--until {until} is over already; an authorisation cannot be granted for the past")
    held = latest_by_key(settings, codec, TOPIC).get(fresh.authorisation_id)
    if held is not None and held.revoked_ms is not None:
        raise NotAllowed(
            f"authorisation {fresh.authorisation_id} was revoked; a new one needs a new case number or period"
        )
    _publish(settings, "authorise.grant", "grant", held or fresh, json_)


def revoke(
    authorisation: Annotated[str, typer.Argument(help="Its id, or a unique beginning of it.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "",
    by: Annotated[str, typer.Option(help="Who revokes; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Revoke an authorisation: what it allows stops within seconds, for good."""
    if not reason.strip():
        raise NotAllowed("--reason is missing: say why the authorisation ends")
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    held: dict[str, Authorisation] = latest_by_key(settings, open_codec(settings), TOPIC)
    found = [r for i, r in held.items() if authorisation and i.startswith(authorisation)]
    if len(found) != 1:
        raise BadConfiguration(
            f"{len(found)} authorisations begin with {authorisation!r}; `waysight authorise list` shows the ids"
        )
    (known,) = found
    if known.revoked_ms is None:
        known = replace(known, revoked_ms=now_ms, revoked_by=acting(settings, by), reason=reason.strip())
    _publish(settings, "authorise.revoke", "revocation", known, json_)


def list_authorisations(
    purpose: Purpose = "",
    case: Case = "",
    all_: Annotated[bool, typer.Option("--all", help="Also those that ended or were revoked.")] = False,
    json_: Json = False,
) -> None:
    """Show authorisations; looking needs a purpose and a case number."""
    now_ms = time.time_ns() // 1_000_000

    def find(desk: Desk) -> tuple[list[Authorisation], Mapping[str, Any]]:
        held: dict[str, Authorisation] = latest_by_key(desk.settings, desk.codec, TOPIC)
        shown = [r for r in held.values() if all_ or in_force(r, max(now_ms, r.valid_from_ms))]
        return sorted(shown, key=lambda r: (r.purpose, r.ends_ms, r.authorisation_id)), {"all": all_}

    found = look_up("authorise.list", purpose, case, find)
    if json_:
        print_json(found)
        return
    print_table(
        ("authorisation", "allows", "authority", "case", "legal basis", "area", "subjects", "from", "until", "granted by",
         "revoked", "reason"),
        ((r.authorisation_id[:12], r.purpose, r.authority, r.case_number, r.legal_basis, " ".join(r.area) or "everywhere",
          " ".join(r.subjects) or "all", when(r.valid_from_ms), when(r.ends_ms), r.granted_by, when(r.revoked_ms), r.reason)
         for r in found),
    )  # fmt: skip


def _publish(settings: Settings, action: str, purpose: str, record: Authorisation, json_: bool) -> None:
    codec = open_codec(settings)
    actor = record.revoked_by or record.granted_by
    AuditLog(settings, codec).record(action, purpose, record.case_number, asdict(record), actor=actor)
    publish_all(settings, codec, TOPIC, [record], lambda r: r.authorisation_id)
    if json_:
        print_json(record)
    else:
        typer.echo(f"{action.removeprefix('authorise.')}: {record.authorisation_id} ({record.purpose})")
