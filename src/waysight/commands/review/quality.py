"""`waysight review sample|check|stats`: another officer's second look at accepted ones, and where rejections come from."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.authority.imports import moment_ms
from waysight.authority.review import acts as review_acts
from waysight.authority.review.examination import REASONS
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json, print_table, when
from waysight.commands.review.deciding import Note, Officer, open_desk
from waysight.commands.review.looking import Id
from waysight.domain.reviews.people import corrector, same_person
from waysight.domain.reviews.sampling import drawn
from waysight.errors import BadConfiguration
from waysight.evaluation.statistics import rate
from waysight.messages import Violation
from waysight.settings import get_settings
from waysight.storage.records import find_violation, reviews_of
from waysight.storage.review_queue import accepted_ids, violations_of
from waysight.storage.review_statistics import BY, By, Rejections, rejections

From = Annotated[str, typer.Option("--from", help="Reviewed from this time on, ISO 8601.")]
Until = Annotated[str, typer.Option("--until", help="Reviewed before this time, ISO 8601.")]
Share = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the accepted ones.")]
_MS_DAY = 86_400_000


def sample(
    officer: Officer = "",
    share: Share = 0.02,
    seed: Annotated[int, typer.Option(help="The same seed and share draw the same violations.")] = 1,
    from_: From = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, max=5_000)] = 500,
    purpose: Purpose = "",
    case: Case = "",
    json_: Json = False,
) -> None:
    """Show a sample of accepted violations (of the last 30 days unless told) that another officer should check."""
    require_purpose(purpose, case)
    settings = get_settings()
    clickhouse, (from_ms, until_ms) = connect(settings), _window(from_, until, 30)
    ids = accepted_ids(clickhouse, from_ms, until_ms)
    sampled = [i for i in ids if drawn(i, share, seed)]
    found = _for(clickhouse, sampled[:limit], officer)
    asked = {"share": share, "seed": seed, "from_ms": from_ms, "until_ms": until_ms}
    AuditLog(settings, open_codec(settings)).record(
        "review.sample", purpose, case, asked, len(found), officer
    )
    if json_:
        print_json(
            {"accepted": len(ids), "drawn": len(sampled), "share": share, "seed": seed, "violations": found}
        )
        return
    print_table(
        ("violation", "when", "offence", "camera", "plate"),
        ((v.violation_id[:12], when(v.occurred_ms), v.offence, v.camera_id, v.plate) for v in found),
        f"{len(found)} to check of {len(sampled)} drawn from {len(ids)} accepted ones",
    )


def check(
    violation_id: Id,
    officer: Officer = "",
    disagree: Annotated[
        str, typer.Option(metavar="REASON", help=f"Reject it: one of {', '.join(REASONS)}.")
    ] = "",
    note: Note = "",
    json_: Json = False,
) -> None:
    """Look at an accepted violation again: agree, or disagree with a reason code, which cancels its fine."""
    desk = open_desk(officer)
    violation = find_violation(desk.clickhouse, violation_id)
    review = review_acts.check(desk, violation, disagree, note)
    if json_:
        print_json(review)
    else:
        typer.echo(f"{'disagreed' if disagree else 'agreed'} {violation.violation_id} ({violation.offence})")


def stats(
    by: Annotated[str, typer.Option(help=f"One of {', '.join(BY)}.")] = "camera_id",
    from_: From = "",
    until: Until = "",
    json_: Json = False,
) -> None:
    """Show how violations were decided, by camera, model version, offence, officer or reason; without personal data."""
    if by not in BY:
        raise BadConfiguration(f"--by {by!r} is none of {', '.join(BY)}")
    settings = get_settings()
    from_ms, until_ms = _window(from_, until, 365)
    chosen: By = by  # type: ignore[assignment]
    found = rejections(connect(settings), chosen, from_ms, until_ms)
    AuditLog(settings, open_codec(settings)).record("review.stats", "statistics", "", {"by": by}, len(found))
    if json_:
        print_json([_rates(r) for r in found])
        return
    print_table(
        (by, "decided", "accepted", "rejected", "returned", "rejected share (95 %)", "checked", "disagreed"),
        (
            (r.name, r.decided, r.accepted, r.rejected, r.returned, _share(r), r.checked, r.disagreed)
            for r in found
        ),
    )


def _for(clickhouse: ClickHouse, violation_ids: list[str], officer: str) -> list[Violation]:
    """The violations that `officer` may check: those they neither decided on nor corrected."""
    if not violation_ids:
        return []
    own = {r.violation_id for r in reviews_of(clickhouse, *violation_ids) if same_person(r.officer, officer)}
    found = violations_of(clickhouse, violation_ids)
    return [v for v in found if v.violation_id not in own and not corrector(v.corrected_by, officer)]


def _window(from_: str, until: str, days: int) -> tuple[int, int]:
    until_ms = moment_ms(until, "--until") if until else time.time_ns() // 1_000_000 + 1
    return (moment_ms(from_, "--from") if from_ else until_ms - days * _MS_DAY), until_ms


def _rates(row: Rejections) -> dict[str, object]:
    plain = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return plain | {
        "rejected_rate": rate(row.rejected, row.decided),
        "disagreed_rate": rate(row.disagreed, row.checked),
    }


def _share(row: Rejections) -> str:
    found = rate(row.rejected, row.decided)
    low, high = found["interval"]
    return f"{found['rate']:.1%} ({low:.1%} .. {high:.1%})"
