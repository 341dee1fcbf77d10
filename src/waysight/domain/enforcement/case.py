"""What every violation shares: the law of the place, the papers of the camera, why no fine may follow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from waysight.domain.ids import derive_id
from waysight.domain.plates import PlateFormats
from waysight.domain.rulepack import RulePack
from waysight.domain.scene import Scene
from waysight.messages.enforcement import Violation
from waysight.messages.perception import FrameRef, Sighting

# What a camera may be used for by the name of the offence; the average speed is a section's.
Judged = Literal[
    "spot_speed",
    "red_light",
    "restricted_zone",
    "stop_line",
    "wrong_way",
    "illegal_turn",
    "solid_line",
    "bus_lane",
    "shoulder",
    "pavement",
    "illegal_stopping",
    "illegal_parking",
    "double_parking",
    "box_junction",
    "pedestrian_priority",
    "restricted_hours",
    "overtaking",
    "no_plate",
    "no_insurance",
    "no_inspection",
]
OffenceName = Literal[Judged, "average_speed"]
LEAST_AGREEING_FRAMES = 2  # that read the plate alike, over all sightings of a violation
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The rule packs by country, the plate formats, and the read confidence (0..1) that a fine needs."""

    packs: Mapping[str, RulePack] = field(default_factory=dict)
    formats: tuple[PlateFormats, ...] = ()
    enforcement_gate: float = 0.9

    def threshold_kmh(self, country: str, offence: str, at_ms: int) -> float:
        """By how much a limit must be passed on a day; 0 where no pack says."""
        pack = self.packs.get(country)
        found = pack.offence(offence) if pack else None
        threshold = found.threshold_kmh_on(local_day(pack, at_ms)) if pack and found else None
        return threshold or 0.0

    def tolerance_kmh(self, country: str, offence: str, limit_kmh: float, at_ms: int) -> float:
        """What the law deducts from a measured speed besides its uncertainty; 0 where no pack says."""
        pack = self.packs.get(country)
        return pack.tolerance_kmh(offence, limit_kmh, local_day(pack, at_ms)) if pack else 0.0

    def over(self, country: str, offence: str, enforced_kmh: float, limit_kmh: float, at_ms: int) -> bool:
        """Whether an enforced speed is an offence: above the limit, and within a tier where the pack has any."""
        over_kmh = enforced_kmh - limit_kmh
        pack = self.packs.get(country)
        found = pack.offence(offence) if pack else None
        if pack is None or found is None or found.tariff_on(day := local_day(pack, at_ms)) is None:
            return over_kmh > 0
        return found.reached(round(over_kmh, 3), day)

    def least_threshold_kmh(self, country: str, offence: str, from_ms: int, until_ms: int) -> float:
        """The least `threshold_kmh` of any time in a span (UTC epoch ms); 0 for a span of more than a month."""
        if not 0 <= until_ms - from_ms <= 31 * 86_400_000:
            return 0.0
        times = [*range(from_ms, until_ms, 43_200_000), until_ms]
        return min(self.threshold_kmh(country, offence, at_ms) for at_ms in times)

    def obstacle(self, country: str, offence: str, at_ms: int) -> str:
        """no_rule_pack or no_tariff where the law has no price for an offence on that day."""
        pack = self.packs.get(country)
        if pack is None:
            return "no_rule_pack"
        found = pack.offence(offence)
        if found is None or found.tariff_on(local_day(pack, at_ms)) is None:
            return "no_tariff"
        return ""

    def reference(self, country: str) -> str:
        """Pack and version, or empty."""
        pack = self.packs.get(country)
        return pack.reference if pack else ""


def local_day(pack: RulePack, at_ms: int) -> date:
    """The day of a time (UTC epoch ms) where the pack applies."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(pack.timezone)).date()


def in_favour_kmh(speed_kmh: float) -> float:
    """A speed cut to thousandths, never rounded up, and not below 0; what floats lose (1e-9) is given back."""
    return max(0.0, math.floor(speed_kmh * 1000 + 1e-6) / 1000)


def violation(
    law: Law,
    offence: OffenceName,
    scenes: Sequence[Scene],
    sightings: Sequence[Sighting],
    occurred_ms: int,
    *,
    country: str,
    obstacles: Iterable[str] = (),
    subject: str,
    evidence: Sequence[FrameRef | None],
    **measured: Any,
) -> Violation:
    """A violation by the last of `sightings` at the last of `scenes`; origin fields are 0.

    `subject` is what it was committed against (camera, section or zone) and part of the id.
    """
    main = max(sightings, key=lambda s: (s.plate_confidence, s.last_ms))
    last, scene = sightings[-1], scenes[-1]
    confidence = min(s.plate_confidence for s in sightings)
    frames = tuple(f for f in evidence if f is not None and f.evidence_ref)
    found = [
        _plate_obstacle(law, main.plate, confidence, sightings),
        *(s.obstacle_at(occurred_ms) for s in scenes),
        law.obstacle(country, offence, occurred_ms),
        "no_evidence" if not frames else "",
        *obstacles,
    ]
    named = tuple(dict.fromkeys(o for o in found if o))
    return Violation(
        violation_id=derive_id("violation", offence, subject, *(s.sighting_id for s in sightings)),
        offence=offence,
        camera_id=scene.camera_id,
        country=country,
        location=scene.place,
        occurred_ms=occurred_ms,
        plate=main.plate,
        plate_country=main.plate_country,
        plate_confidence=confidence,
        label=last.label,
        colour=main.colour,
        enforceable=not named,
        obstacles=named,
        certificate="; ".join(dict.fromkeys(s.certificate for s in scenes if s.certificate)),
        sighting_ids=tuple(s.sighting_id for s in sightings),
        evidence=frames,
        rule_pack=law.reference(country),
        models=last.models,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
        **measured,
    )


def of_pass(
    law: Law,
    offence: OffenceName,
    scene: Scene,
    sighting: Sighting,
    occurred_ms: int,
    place: str = "",
    evidence: Sequence[FrameRef | None] | None = None,
    **measured: Any,
) -> Violation:
    """A violation that one pass before one camera proves, by its two frames unless others are given.

    `place` is the zone or line there that it was committed against; empty: the camera's view.
    """
    return violation(
        law,
        offence,
        (scene,),
        (sighting,),
        occurred_ms,
        country=scene.country,
        subject=f"{scene.camera_id}/{place}" if place else scene.camera_id,
        evidence=(sighting.best_frame, sighting.second_frame) if evidence is None else evidence,
        **measured,
    )


def _plate_obstacle(law: Law, plate: str, confidence: float, sightings: Sequence[Sighting]) -> str:
    """What speaks against the plate as proof: nothing read, not surely enough, or in one frame only."""
    if not plate:
        return "unread_plate"
    if confidence < law.enforcement_gate:
        return "low_confidence"
    frames = sum(s.plate_votes for s in sightings if s.plate == plate)
    return "single_read" if frames < LEAST_AGREEING_FRAMES else ""
