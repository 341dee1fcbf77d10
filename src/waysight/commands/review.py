"""`waysight review list|show|accept|reject`: no violation becomes a fine before a named officer has looked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import Publisher
from waysight.adapters.pictures import encode_jpeg
from waysight.authority.evidence_pictures import annotated
from waysight.authority.reviewing import REASONS, decide, examine, load_frames, pictures_of
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json, print_table, when
from waysight.errors import BadMessage, NotAllowed
from waysight.messages import Violation
from waysight.settings import get_settings
from waysight.storage.records import find_violation, reviews_of, waiting_violations

Id = Annotated[str, typer.Argument(help="Violation id, or a unique beginning of it.")]
Officer = Annotated[str, typer.Option(help="Who decides; named on the fine.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Officers' review of violations.", no_args_is_help=True)
    group.command("list")(list_waiting)
    group.command("show")(show)
    group.command("accept")(accept)
    group.command("reject")(reject)
    app.add_typer(group, name="review")


def list_waiting(
    officer: Officer = "",
    purpose: Purpose = "",
    case: Case = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    all_: Annotated[bool, typer.Option("--all", help="Also those that may not be enforced.")] = False,
    json_: Json = False,
) -> None:
    """Show enforceable violations that nobody has decided on, oldest first."""
    require_purpose(purpose, case)
    settings = get_settings()
    found = waiting_violations(connect(settings), limit, all_)
    log = AuditLog(settings, open_codec(settings))
    log.record("review.list", purpose, case, {"limit": limit}, len(found), officer)
    if json_:
        print_json(found)
        return
    print_table(
        ("violation", "when", "offence", "camera", "plate", "confidence", "enforced", "limit"),
        ((v.violation_id[:12], when(v.occurred_ms), v.offence, v.camera_id, v.plate, f"{v.plate_confidence:.3f}",
          _speed(v.enforced_kmh), _speed(v.limit_kmh)) for v in found),
    )  # fmt: skip


def show(
    violation_id: Id,
    officer: Officer = "",
    purpose: Purpose = "",
    case: Case = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the annotated pictures.")] = None,
    json_: Json = False,
) -> None:
    """Show one violation: its figures, what the evidence shows, earlier decisions, and the pictures."""
    require_purpose(purpose, case)
    settings = get_settings()
    clickhouse = connect(settings)
    violation = find_violation(clickhouse, violation_id)
    log = AuditLog(settings, open_codec(settings))
    log.record("review.show", purpose, case, {"violation_id": violation.violation_id}, 1, officer)
    frames = load_frames(violation, EvidenceStore(settings.evidence))
    findings, decisions = examine(violation, frames), reviews_of(clickhouse, violation.violation_id)
    written = _write_pictures(violation, frames, out) if out is not None else []
    if json_:
        print_json({"violation": violation, "findings": findings, "reviews": decisions, "pictures": written})
        return
    print_table(("", ""), [(k, v) for k, v in _facts(violation)], f"violation {violation.violation_id}")
    print_table(("", "looked at", "seen"), [("ok" if f.ok else "NO", f.code, f.text) for f in findings])
    for decision in decisions:
        typer.echo(f"{when(decision.reviewed_ms)} {decision.officer}: {decision.decision} {decision.reason}")
    for path in written:
        typer.echo(path)


def accept(violation_id: Id, officer: Officer = "", json_: Json = False) -> None:
    """Accept a violation: a fine follows where the law and the register allow it."""
    _decide(violation_id, officer, "", json_)


def reject(
    violation_id: Id,
    officer: Officer = "",
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")] = "",
    json_: Json = False,
) -> None:
    """Reject a violation with a reason code; a fine that was issued is cancelled."""
    if not reason:
        raise NotAllowed(f"a rejection needs a reason (--reason): {', '.join(REASONS)}")
    _decide(violation_id, officer, reason, json_)


def _decide(violation_id: str, officer: str, reason: str, json_: bool) -> None:
    settings = get_settings()
    violation = find_violation(connect(settings), violation_id)
    frames = load_frames(violation, EvidenceStore(settings.evidence))
    against = [f for f in examine(violation, frames) if not f.ok]
    if not reason and any(f.code in ("evidence_missing", "evidence_altered") for f in against):
        raise NotAllowed(f"violation {violation.violation_id} has no intact evidence: {against[0].text}")
    review = decide(violation, officer, reason, frames, time.time_ns() // 1_000_000)
    codec = open_codec(settings)
    detail = {"violation_id": violation.violation_id, "review_id": review.review_id, "reason": reason}
    AuditLog(settings, codec).record(
        f"review.{review.decision}", "review", violation.violation_id, detail, actor=officer
    )
    publisher = Publisher(settings, codec)
    publisher.publish("reviews", review.plate, review)
    publisher.flush()
    if json_:
        print_json(review)
    else:
        typer.echo(
            f"{review.decision} {violation.violation_id} ({violation.offence}, {violation.plate or 'no plate'})"
        )


def _write_pictures(violation: Violation, frames: dict[str, bytes], out: Path) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    written = []
    try:
        for i, (ref, picture) in enumerate(pictures_of(violation, frames), 1):
            path = out / f"{violation.violation_id[:12]}-{i}.jpg"
            path.write_bytes(encode_jpeg(annotated(violation, ref, picture)))
            written.append(str(path))
    except BadMessage as error:
        raise NotAllowed(f"the evidence cannot be shown: {error}") from error
    return written


def _facts(v: Violation) -> list[tuple[str, str]]:
    facts = {
        "offence": v.offence, "when": when(v.occurred_ms), "place": f"{v.location} ({v.camera_id})", "plate": v.plate,
        "confidence": f"{v.plate_confidence:.3f}", "vehicle": f"{v.colour} {v.label}".strip(), "measured": _speed(v.measured_kmh),
        "uncertainty": _speed(v.uncertainty_kmh), "enforced": _speed(v.enforced_kmh), "limit": _speed(v.limit_kmh),
        "red for": "" if v.red_ms is None else f"{v.red_ms / 1000:.2f} s", "certificate": v.certificate,
        "enforceable": "yes" if v.enforceable else f"no: {', '.join(v.obstacles)}", "rule pack": v.rule_pack,
    }  # fmt: skip
    return [(k, text) for k, text in facts.items() if text]


def _speed(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} km/h"
