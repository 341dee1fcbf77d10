"""What an evidence package says in words and figures: measurement, calibration, clocks, device reads, corrections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from waysight.authority.evidence.words import report_words
from waysight.cameras.files import camera_of
from waysight.cameras.models import Camera
from waysight.domain.clocks import clock_record
from waysight.domain.enforcement.device_plates import readers_of
from waysight.messages import (
    CameraRecord,
    ClockCheck,
    Confirmation,
    ExternalRead,
    Fine,
    FrameRef,
    Review,
    Sighting,
    Vehicle,
    Violation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a package is made of; `frames` are the evidence objects by reference."""

    violation: Violation
    frames: Mapping[str, bytes]
    cameras: Sequence[CameraRecord] = ()
    reviews: Sequence[Review] = ()
    fine: Fine | None = None
    clock_checks: Sequence[ClockCheck] = ()
    device_reads: Sequence[ExternalRead] = ()
    sightings: Sequence[Sighting] = ()
    corrected: Sequence[Violation] = ()
    vehicle: Vehicle | None = None
    confirmations: Sequence[Confirmation] = ()

    def camera(self, camera_id: str) -> Camera | None:
        """The configuration of a camera, where it is known."""
        found = (r for r in self.cameras if (r.record_kind, r.camera_id) == ("camera", camera_id))
        return next(map(camera_of, found), None)

    @property
    def refs(self) -> list[FrameRef]:
        """The frames that prove it, in time order."""
        return sorted(self.violation.evidence, key=lambda f: (f.captured_ms, f.evidence_ref))

    @property
    def camera_ids(self) -> list[str]:
        """Cameras that testify, in the order in which they do."""
        seen = [camera_named(r) for r in self.refs]
        return list(dict.fromkeys([c for c in seen if c] or [self.violation.camera_id]))

    def first_ms(self, camera_id: str) -> int:
        """When a camera took its first picture of the violation, UTC epoch ms; without one, when it occurred."""
        own = (r.captured_ms for r in self.refs if camera_named(r) == camera_id)
        return next(own, self.violation.occurred_ms)


def camera_named(ref: FrameRef) -> str:
    """The camera in the key of a kept frame, or empty."""
    return ref.evidence_ref.split("/")[1] if ref.evidence_ref.count("/") >= 2 else ""


def records(facts: Facts) -> dict[str, bytes]:
    """The package's `records/` files by path, as JSON."""
    v = facts.violation
    said: dict[str, Any] = {
        "measurement": measurement(v),
        "calibration": [calibration(facts, c) for c in facts.camera_ids],
        "clock": [clock(facts, c) for c in facts.camera_ids],
        "sightings": {
            "sightings": list(facts.sightings),
            "no_longer_kept": sorted(set(v.sighting_ids) - {s.sighting_id for s in facts.sightings}),
        },
        "register": register(facts),
    }
    if facts.confirmations:
        said["confirmations"] = sorted(facts.confirmations, key=lambda c: (c.path, c.confirmed_ms))
    if ":" in v.source or readers_of(v.models):
        said["device_reads"] = list(facts.device_reads)
    if v.corrects:
        said["corrections"] = {
            "read_plate": v.read_plate,
            "corrected_plate": v.plate,
            "corrected_by": v.corrected_by,
            "replaced": list(facts.corrected),
            "decisions": [r for r in facts.reviews if r.decision == "returned" or r.corrected_plate],
        }
    return {f"records/{name}.json": pretty(value) for name, value in said.items()}


def measurement(v: Violation) -> dict[str, Any]:
    """What was measured, by what, how, and what was deducted before the law was applied."""
    how = report_words("")[how_measured(v)][0].format(source=v.source)
    names = ("measured_kmh", "uncertainty_kmh", "tolerance_kmh", "enforced_kmh", "limit_kmh", "distance_m", "duration_ms",
             "red_ms", "dwell_ms")  # fmt: skip
    figures = {name: getattr(v, name) for name in names if getattr(v, name) is not None}
    return {
        "offence": v.offence, "source": v.source, "how": how, **figures, "certificate": v.certificate,
        "models": v.models, "rule_pack": v.rule_pack, "obstacles": v.obstacles, "exemption": v.exemption,
    }  # fmt: skip


def how_measured(v: Violation) -> str:
    """Which of the report's words say how it was measured."""
    if ":" in v.source:
        return "how_device"
    if v.source == "register":
        return "how_register"
    if v.offence in ("average_speed", "spot_speed", "red_light"):
        return f"how_{v.offence}"
    return "how_stood" if v.dwell_ms is not None else "how_seen"


def calibration(facts: Facts, camera_id: str) -> dict[str, Any]:
    """A camera's calibration with its residuals (px), by whom and when; None where it has none."""
    camera = facts.camera(camera_id)
    version = next((r.version for r in facts.cameras if r.camera_id == camera_id), "")
    said: dict[str, Any] = {"camera_id": camera_id, "record_version": version,
                            "note": "as published when this package was made"}  # fmt: skip
    if camera is None:
        return {**said, "note": "the camera's configuration is not known", "calibration": None}
    said["certificate"] = camera.certificate.model_dump(mode="json") if camera.certificate else None
    own = camera.calibration
    if own is None:
        return {**said, "calibration": None}
    plane = own.solve()
    return {
        **said,
        "calibration": {
            "way": own.way,
            "surveyed_on": own.surveyed_on and own.surveyed_on.isoformat(),
            "surveyed_by": own.surveyed_by,
            "surveyed_after": own.surveyed_on is not None and own.surveyed_on > _day(facts, camera),
            "image_size": own.image_size,
            "error_m": round(plane.error_m, 4),
            "error_px": round(plane.error_px, 3),
            "residuals": [
                {
                    "name": r.name,
                    "seen_px": r.seen,
                    "fitted_px": r.fitted,
                    "off_px": round(r.off_px, 3),
                    "detail": r.detail,
                }
                for r in plane.residuals
            ],
        },
    }


def _day(facts: Facts, camera: Camera) -> date:
    """The violation's day at the camera."""
    return datetime.fromtimestamp(facts.violation.occurred_ms / 1000, ZoneInfo(camera.timezone)).date()


def clock(facts: Facts, camera_id: str) -> dict[str, Any]:
    """What is known of a camera's clock when it took its first picture of the violation."""
    camera = facts.camera(camera_id)
    record = clock_record(
        camera_id, facts.first_ms(camera_id), camera.clock_error_ms if camera else None, facts.clock_checks
    )
    return dict(json.loads(msgspec.json.encode(record)))


def register(facts: Facts) -> dict[str, Any]:
    """How the register describes the vehicle, beside what the pictures show; nothing of its owner."""
    v, entry = facts.violation, facts.vehicle
    seen = {"label": v.label, "colour": v.colour}
    if entry is None:
        return {"seen": seen, "registered": None, "note": "no entry for this plate when the package was made"}
    names = ("plate", "country", "make", "model", "type", "colour", "insured_until_ms", "inspected_until_ms")
    return {"seen": seen, "registered": {name: getattr(entry, name) for name in names}, "note": ""}


def pretty(value: Any) -> bytes:
    """JSON with one member to a line."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1)
