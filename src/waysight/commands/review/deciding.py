"""`waysight review take|give-back|accept|accept-all|reject|correct`: an officer's acts, each under a lock."""

from __future__ import annotations

from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.authority.review import acts as review_acts
from waysight.authority.review.desk import Desk
from waysight.authority.review.examination import REASONS
from waysight.authority.review.work import free_for, queue, with_violations
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json, print_table, when
from waysight.commands.review.looking import Id, narrowed_to
from waysight.errors import NotAllowed
from waysight.messages import Review, Violation
from waysight.settings import get_settings
from waysight.storage.records import find_violation

Officer = Annotated[str, typer.Option(help="Who decides; named on the fine.")]
Minutes = Annotated[int, typer.Option(min=1, max=480, help="For how long nobody else may decide.")]
Note = Annotated[str, typer.Option(help="In your words; kept with the decision.")]


def open_desk(officer: str) -> Desk:
    """The officer's desk; raises NotAllowed without a name."""
    settings = get_settings()
    return Desk(settings, open_codec(settings), officer)


def take(
    violation_id: Annotated[str, typer.Argument(help="Violation id; without it the next of the queue.")] = "",
    officer: Officer = "",
    minutes: Minutes = 15,
    purpose: Purpose = "",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Take a violation, so that nobody else decides on it meanwhile; taking it again extends it."""
    require_purpose(purpose, case)
    desk = open_desk(officer)
    for violation in _wanted(desk, violation_id):
        held = desk.hold([violation.violation_id], minutes)
        detail = {"violation_id": violation.violation_id, "minutes": minutes, "mine": bool(held.mine)}
        AuditLog(desk.settings, desk.codec).record("review.take", purpose, case, detail, 1, desk.officer)
        if held.mine:
            _print_taken(desk, violation, json_)
            return
        if violation_id:
            lock = held.others[violation.violation_id]
            raise NotAllowed(
                f"violation {violation.violation_id} is held by {lock.officer} until {when(lock.until_ms)}"
            )
    raise NotAllowed("nothing waits that you could take; `waysight review list` shows who holds what")


def give_back(violation_id: Id, officer: Officer = "", json_: Json = False) -> None:
    """Give a violation back before its time is over."""
    desk = open_desk(officer)
    violation = find_violation(desk.clickhouse, violation_id)
    detail = {"violation_id": violation.violation_id}
    log = AuditLog(desk.settings, desk.codec)
    log.record("review.give-back", "review", violation.violation_id, detail, actor=desk.officer)
    desk.give_back([violation.violation_id])
    _say(json_, {"violation_id": violation.violation_id}, f"given back {violation.violation_id}")


def accept(
    violation_id: Id,
    officer: Officer = "",
    plate: Annotated[
        str, typer.Option(help="The plate as you read it from the pictures; counts as a read.")
    ] = "",
    despite: Annotated[list[str] | None, typer.Option(help="A conflict you know of; once for each.")] = None,
    note: Note = "",
    json_: Json = False,
) -> None:
    """Accept a violation: a fine follows where the law and the register allow it, and a second officer where asked."""
    desk = open_desk(officer)
    violation = find_violation(desk.clickhouse, violation_id)
    _print_decision(review_acts.accept(desk, violation, plate, despite or (), note), violation, json_)


def accept_all(
    officer: Officer = "",
    offence: Annotated[str, typer.Option(help="Only this offence.")] = "",
    camera: Annotated[str, typer.Option(help="Only this camera.")] = "",
    country: Annotated[str, typer.Option(help="Only this country.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    note: Note = "",
    purpose: Purpose = "",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Accept at once what nothing speaks against, of one offence or camera; what has any conflict is left."""
    require_purpose(purpose, case)
    if not (offence or camera):
        raise NotAllowed("accepting many needs --offence or --camera: nobody accepts everything at once")
    narrowed = narrowed_to(offence, camera, country)
    desk = open_desk(officer)
    waiting = queue(
        desk.settings, desk.codec, desk.clickhouse, desk.now_ms(), desk.officer, narrowed=narrowed
    )
    asked = {k: v for k, v in narrowed.items() if v} | {"limit": limit}
    chosen = [w.violation for w in with_violations(desk.clickhouse, free_for(waiting, desk.officer)[:limit])]
    AuditLog(desk.settings, desk.codec).record(
        "review.accept-all", purpose, case, asked, len(chosen), desk.officer
    )
    bulk = review_acts.accept_all(desk, chosen, note)
    if json_:
        print_json({"accepted": bulk.accepted, "left": bulk.left})
        return
    typer.echo(f"accepted {len(bulk.accepted)} of {len(chosen)}")
    if bulk.left:
        print_table(("violation", "left because"), ((k[:12], v) for k, v in bulk.left.items()))


def reject(
    violation_id: Id,
    officer: Officer = "",
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")] = "",
    note: Note = "",
    json_: Json = False,
) -> None:
    """Reject a violation with a reason code; a fine that was issued is cancelled."""
    desk = open_desk(officer)
    violation = find_violation(desk.clickhouse, violation_id)
    _print_decision(review_acts.reject(desk, violation, reason, note), violation, json_)


def correct(
    violation_id: Id,
    plate: Annotated[str, typer.Option(help="The plate as you read it from the pictures, in any spelling.")],
    officer: Officer = "",
    note: Note = "",
    json_: Json = False,
) -> None:
    """Return a violation with another plate: a new one takes its place, keeps the first read, and waits for another officer."""
    desk = open_desk(officer)
    violation = find_violation(desk.clickhouse, violation_id)
    review, instead = review_acts.correct(desk, violation, plate, note)
    text = f"returned {violation.violation_id}: {violation.plate or 'no plate'} is {instead.plate}; another officer decides on {instead.violation_id}"
    _say(json_, {"review": review, "violation": instead}, text)


def _wanted(desk: Desk, violation_id: str) -> list[Violation]:
    if violation_id:
        return [find_violation(desk.clickhouse, violation_id)]
    waiting = queue(desk.settings, desk.codec, desk.clickhouse, desk.now_ms(), desk.officer)
    free = free_for(waiting, desk.officer)[:20]
    return [w.violation for w in with_violations(desk.clickhouse, free)]


def _print_taken(desk: Desk, violation: Violation, json_: bool) -> None:
    until_ms = desk.until_ms(violation.violation_id)
    found = {"violation_id": violation.violation_id, "officer": desk.officer, "until_ms": until_ms}
    _say(json_, found, f"{violation.violation_id} ({violation.offence}) is yours until {when(until_ms)}")


def _print_decision(review: Review, violation: Violation, json_: bool) -> None:
    told = (
        f"{review.decision} {violation.violation_id} ({violation.offence}, {violation.plate or 'no plate'})"
    )
    _say(json_, review, f"{told}, {review.stage} officer" if review.stage != "first" else told)


def _say(json_: bool, found: object, text: str) -> None:
    if json_:
        print_json(found)
    else:
        typer.echo(text)
