"""An officer's look at a violation: what the evidence itself shows, and the decision as a record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from waysight.adapters.evidence import EvidenceStore, frame_kind
from waysight.adapters.pictures import Picture, decode_frame
from waysight.domain.ids import derive_id
from waysight.domain.plates import canonical
from waysight.domain.reviews.conflicts import Finding, reads, register_findings
from waysight.errors import BadMessage, NotAllowed
from waysight.messages import FrameRef, Review, Vehicle, Violation

REASONS = ("not_enforceable", "evidence_missing", "evidence_altered", "evidence_unreadable", "box_outside", "plate_not_shown",
           "plates_differ", "speed_inconsistent", "register_missing", "register_type", "register_colour", "one_read", "corrected", "wrong_vehicle",
           "wrong_place", "emergency_vehicle", "other")  # fmt: skip
_FIRM = 0.90
_CLOCK_SLACK_MS = 4_000


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a decision was made: its stage, what conflicted, in bulk or not, the officer's words, plates of a correction."""

    stage: str = "first"
    conflicts: tuple[str, ...] = ()
    bulk: bool = False
    note: str = ""
    original_plate: str = ""
    corrected_plate: str = ""


_ALONE = Circumstances()


def load_frames(violation: Violation, store: EvidenceStore) -> dict[str, bytes]:
    """The evidence objects of a violation by reference; those that are gone are left out."""
    found = {}
    for frame in violation.evidence:
        try:
            found[frame.evidence_ref] = store.get(frame.evidence_ref)
        except BadMessage:
            continue
    return found


def examine(violation: Violation, frames: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """Look at the evidence: objects and hashes, pictures and boxes, the plate on them, times and speeds.

    `frames` are the evidence objects by reference. Nothing but the violation and its evidence is used.
    """
    return (*_objects(violation, frames), *_plates(violation), *_figures(violation))


def inspect(
    violation: Violation, frames: Mapping[str, bytes], vehicle: Vehicle | None, typed_plate: str = ""
) -> tuple[Finding, ...]:
    """All that an acceptance needs: the evidence, two agreeing reads, a register entry that fits what was seen.

    `typed_plate` is the canonical plate that the reviewing officer read from the pictures, or empty.
    """
    return (
        *examine(violation, frames),
        reads(violation, typed_plate),
        *register_findings(violation, vehicle),
    )


def review_violation(
    violation: Violation, officer: str, frames: Mapping[str, bytes], reviewed_ms: int
) -> Review:
    """The decision that the evidence itself asks for: accepted when nothing speaks against it.

    What may not be enforced (no valid certificate …) is rejected as `not_enforceable`. For a person's own decision call `decide` with the reason they give. `reviewed_ms` is UTC epoch ms.
    """
    against = [finding.code for finding in examine(violation, frames) if not finding.ok]
    if not against and not violation.enforceable:
        against = ["not_enforceable"]
    return decide(violation, officer, against[0] if against else "", frames, reviewed_ms)


def decide(
    violation: Violation,
    officer: str,
    reason: str,
    frames: Mapping[str, bytes],
    reviewed_ms: int,
    how: Circumstances = _ALONE,
) -> Review:
    """An officer's decision: rejected with a reason code, accepted without, returned with a plate; raises NotAllowed.

    What has no officer's name, or may not be enforced, is not accepted.
    """
    if not officer.strip():
        raise NotAllowed("a review needs the officer's name (--officer)")
    if reason and reason not in REASONS:
        raise NotAllowed(f"reason {reason!r} is no reason code; there are {', '.join(REASONS)}")
    decision: Literal["accepted", "rejected", "returned"] = "rejected" if reason else "accepted"
    decision = "returned" if how.corrected_plate else decision
    if decision == "accepted" and not violation.enforceable:
        raise NotAllowed(
            f"violation {violation.violation_id} may not be enforced: {', '.join(violation.obstacles)}"
        )
    return Review(
        review_id=derive_id("review", violation.violation_id, officer, decision, reviewed_ms),
        violation_id=violation.violation_id,
        plate=violation.plate or violation.violation_id,
        decision=decision,
        reason=reason,
        officer=officer,
        reviewed_ms=reviewed_ms,
        evidence_sha256=shown_hash(violation, frames),
        stage=how.stage,
        original_plate=how.original_plate,
        corrected_plate=how.corrected_plate,
        conflicts=how.conflicts,
        bulk=how.bulk,
        note=how.note,
    )


def shown_hash(violation: Violation, frames: Mapping[str, bytes]) -> str:
    """SHA-256 over the hashes of what was shown, in the violation's order; a missing object counts as empty."""
    digests = [hashlib.sha256(frames.get(f.evidence_ref, b"")).hexdigest() for f in violation.evidence]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def pictures_of(violation: Violation, frames: Mapping[str, bytes]) -> list[tuple[FrameRef, Picture]]:
    """The evidence frames as BGR pictures in time order; raises BadMessage for one that is missing or broken."""
    pictures = []
    for ref in sorted(violation.evidence, key=lambda f: f.captured_ms):
        if ref.evidence_ref not in frames:
            raise BadMessage(f"evidence {ref.evidence_ref!r} of violation {violation.violation_id} is gone")
        pictures.append((ref, decode_frame(frame_kind(ref.evidence_ref), frames[ref.evidence_ref])))
    return pictures


def _objects(violation: Violation, frames: Mapping[str, bytes]) -> list[Finding]:
    if not violation.evidence:
        return [Finding("evidence_missing", False, "the violation has no evidence")]
    findings = []
    for ref in violation.evidence:
        data = frames.get(ref.evidence_ref)
        if data is None:
            findings.append(Finding("evidence_missing", False, f"{ref.evidence_ref} is gone"))
            continue
        digest = hashlib.sha256(data).hexdigest()
        same = digest == ref.sha256
        findings.append(Finding("evidence_altered", same, f"{ref.evidence_ref}: SHA-256 {digest}"))
        findings += _picture(ref, data) if same else []
    return findings


def _picture(ref: FrameRef, data: bytes) -> list[Finding]:
    try:
        height, width = decode_frame(frame_kind(ref.evidence_ref), data).shape[:2]
    except BadMessage as error:
        return [Finding("evidence_unreadable", False, str(error))]
    inside = -2 <= ref.x1 < ref.x2 <= width + 2 and -2 <= ref.y1 < ref.y2 <= height + 2
    return [
        Finding(
            "box_outside",
            inside,
            f"vehicle at {ref.x1:.0f},{ref.y1:.0f} .. {ref.x2:.0f},{ref.y2:.0f} of {width}x{height}",
        )
    ]


def _plates(violation: Violation) -> list[Finding]:
    """Every camera that testifies must show the plate, no firm read may say otherwise; unless a person read it."""
    if violation.corrected_by:
        text = (
            f"read {violation.read_plate or '-'}, corrected to {violation.plate} by {violation.corrected_by}"
        )
        return [Finding("corrected", False, text)]
    cameras: dict[str, list[FrameRef]] = {}
    for ref in violation.evidence:
        cameras.setdefault(ref.evidence_ref.rpartition("/")[0].rpartition("/")[0], []).append(ref)
    findings = []
    for camera, refs in cameras.items():
        reads = [canonical(r.plate_text) for r in refs]
        shown = bool(violation.plate) and violation.plate in reads
        findings.append(
            Finding("plate_not_shown", shown, f"{camera}: read {', '.join(t or '-' for t in reads)}")
        )
    others = {canonical(r.plate_text) for r in violation.evidence if r.plate_confidence >= _FIRM} - {
        violation.plate,
        "",
    }
    findings.append(
        Finding("plates_differ", not others, f"other firm reads: {', '.join(sorted(others)) or 'none'}")
    )
    return findings


def _figures(violation: Violation) -> list[Finding]:
    v, findings = violation, []
    if v.enforced_kmh is not None and v.measured_kmh is not None and v.limit_kmh is not None:
        ordered = v.limit_kmh < v.enforced_kmh <= v.measured_kmh + 0.01
        text = f"limit {v.limit_kmh:.1f}, enforced {v.enforced_kmh:.1f}, measured {v.measured_kmh:.1f} km/h"
        findings.append(Finding("speed_inconsistent", ordered, text))
    if v.offence == "average_speed" and v.enforced_kmh is not None and v.distance_m and v.duration_ms:
        speed = v.distance_m / v.duration_ms * 3600
        times = [r.captured_ms for r in v.evidence]
        apart_ms = max(times) - min(times) if times else 0
        plausible = abs(speed - v.enforced_kmh) < 0.5 and abs(apart_ms - v.duration_ms) <= max(
            _CLOCK_SLACK_MS, 0.2 * v.duration_ms
        )
        text = f"{v.distance_m:.1f} m in {v.duration_ms / 1000:.2f} s is {speed:.1f} km/h; the pictures are {apart_ms / 1000:.2f} s apart"
        findings.append(Finding("speed_inconsistent", plausible, text))
    return findings
