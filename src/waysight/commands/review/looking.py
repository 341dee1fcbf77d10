"""`waysight review list|show`: what waits for an officer, and what one violation's evidence shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.pictures import encode_jpeg
from waysight.authority.evidence.pictures import annotated
from waysight.authority.review.desk import registered
from waysight.authority.review.examination import inspect, load_frames, pictures_of
from waysight.authority.review.work import MOST, Waiting, free_for, queue, with_violations
from waysight.authority.rulepacks import all_packs
from waysight.commands import narrowing
from waysight.commands.output import Case, Json, Purpose, open_codec, print_json, print_table, when
from waysight.errors import BadMessage, NotAllowed
from waysight.messages import Violation
from waysight.settings import get_settings
from waysight.storage.records import find_violation, reviews_of

Id = Annotated[str, typer.Argument(help="Violation id, or a unique beginning of it.")]
Officer = Annotated[str, typer.Option(help="Who looks; recorded in the audit log.")]


def list_waiting(
    officer: Officer = "",
    purpose: Purpose = "",
    case: Case = "",
    offence: Annotated[str, typer.Option(help="Only this offence.")] = "",
    camera: Annotated[str, typer.Option(help="Only this camera.")] = "",
    country: Annotated[str, typer.Option(help="Only this country.")] = "",
    next_: Annotated[bool, typer.Option("--next", help="Only the first that nobody else holds.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    all_: Annotated[bool, typer.Option("--all", help="Also those that may not be enforced.")] = False,
    json_: Json = False,
) -> None:
    """Show what waits for a decision, first to look at first: what lapses within a week, then the gravest, then the oldest."""
    require_purpose(purpose, case)
    narrowed = narrowed_to(offence, camera, country)
    settings = get_settings()
    codec = open_codec(settings)
    clickhouse = connect(settings)
    found = queue(settings, codec, clickhouse, time.time_ns() // 1_000_000, officer, all_, narrowed)
    shown = with_violations(clickhouse, free_for(found, officer)[:1] if next_ else found[:limit])
    asked = {"limit": 1 if next_ else limit} | {k: v for k, v in narrowed.items() if v}
    AuditLog(settings, codec).record("review.list", purpose, case, asked, len(shown), officer)
    if json_:
        print_json([_plain(w) for w in shown])
        return
    print_table(
        ("violation", "when", "offence", "camera", "plate", "confidence", "enforced", "limit", "stage", "severity", "lapses", "held by"),
        ((w.violation.violation_id[:12], when(w.violation.occurred_ms), w.violation.offence, w.violation.camera_id,
          w.violation.plate, f"{w.violation.plate_confidence:.3f}", _speed(w.violation.enforced_kmh),
          _speed(w.violation.limit_kmh), w.place.stage, w.place.severity, when(w.place.deadline_ms), w.place.holder) for w in shown),
        "" if len(shown) == len(found) else f"{len(shown)} of {len(found)}{' and more' if len(found) == MOST else ''}",
    )  # fmt: skip


def narrowed_to(offence: str, camera: str, country: str) -> dict[str, str]:
    """What a queue is narrowed by, by column, "" for all; raises BadConfiguration for what there is not."""
    narrowing.one_of(country, tuple(all_packs()), "--country")
    return {"offence": narrowing.offence(offence), "camera_id": camera, "country": country}


def show(
    violation_id: Id,
    officer: Officer = "",
    purpose: Purpose = "",
    case: Case = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the annotated pictures.")] = None,
    json_: Json = False,
) -> None:
    """Show one violation: its figures, what the evidence and the register say, earlier decisions, and the pictures."""
    require_purpose(purpose, case)
    settings = get_settings()
    clickhouse, codec = connect(settings), open_codec(settings)
    violation = find_violation(clickhouse, violation_id)
    log = AuditLog(settings, codec)
    log.record("review.show", purpose, case, {"violation_id": violation.violation_id}, 1, officer)
    frames = load_frames(violation, EvidenceStore(settings.evidence))
    vehicle = registered(settings, codec, [violation.plate]).get(violation.plate)
    findings, decisions = inspect(violation, frames, vehicle), reviews_of(clickhouse, violation.violation_id)
    written = _write_pictures(violation, frames, out) if out is not None else []
    if json_:
        print_json({"violation": violation, "findings": findings, "reviews": decisions, "pictures": written})
        return
    print_table(("", ""), [(k, v) for k, v in _facts(violation)], f"violation {violation.violation_id}")
    print_table(("", "looked at", "seen"), [("ok" if f.ok else "NO", f.code, f.text) for f in findings])
    for decision in decisions:
        told = f"{decision.decision} {decision.reason or decision.corrected_plate}".strip()
        typer.echo(f"{when(decision.reviewed_ms)} {decision.officer} ({decision.stage}): {told}")
    for path in written:
        typer.echo(path)


def _plain(waiting: Waiting) -> dict[str, object]:
    found = {name: getattr(waiting.violation, name) for name in waiting.violation.__dataclass_fields__}
    return found | {
        name: getattr(waiting.place, name) for name in ("stage", "severity", "deadline_ms", "holder")
    }


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
        "corrected": f"from {v.read_plate or 'nothing'} by {v.corrected_by}" if v.corrected_by else "", "measured by": v.source,
        "enforceable": "yes" if v.enforceable else f"no: {', '.join(v.obstacles)}", "rule pack": v.rule_pack,
    }  # fmt: skip
    return [(k, text) for k, text in facts.items() if text]


def _speed(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} km/h"
