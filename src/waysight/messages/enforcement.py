"""Records of enforcement; made from schemas/*.avsc by tools/generate_messages.py, not by hand."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from waysight.messages.perception import FrameRef, ObjectLabel, Watermark


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A violation as a fact to be counted."""

    violation_id: str
    camera_id: str
    offence: str
    occurred_ms: int
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyBatch:
    """Tallies of one flush that go to one partition. Partitioned by camera:<id>."""

    records: tuple[Tally, ...]
    watermarks: tuple[Watermark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A breach of a rule, with what it was measured by. Key: plate, or violation_id without one. CloudEvents type kz.waysight.violation."""

    violation_id: str
    offence: Literal["spot_speed", "average_speed", "red_light", "restricted_zone"]
    camera_id: str
    section_id: str = ""
    zone_id: str = ""
    country: str
    location: str
    occurred_ms: int
    plate: str
    plate_country: str
    plate_confidence: float
    label: ObjectLabel
    colour: str = ""
    measured_kmh: float | None = None
    uncertainty_kmh: float | None = None
    enforced_kmh: float | None = None
    limit_kmh: float | None = None
    red_ms: int | None = None
    distance_m: float | None = None
    duration_ms: int | None = None
    enforceable: bool
    obstacles: tuple[str, ...]
    certificate: str
    sighting_ids: tuple[str, ...]
    evidence: tuple[FrameRef, ...]
    rule_pack: str
    models: str
    revised_ms: int = 0
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One event-time window. A higher version replaces a lower one. Key: camera:<id>."""

    count_id: str
    measure: Literal["passes", "violations"]
    camera_id: str
    category: str
    window_start_ms: int
    window_ms: int
    value: int
    version: int
    closed: bool
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """A minute's count of a camera on its way to the sums of places, or how far a camera's counts have come."""

    kind: Literal["value", "reached", "end"]
    measure: Literal["passes", "violations"]
    camera_id: str
    places: tuple[str, ...]
    category: str
    start_ms: int
    value: int
    version: int
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteBatch:
    """Minutes of one flush that go to one partition. Partitioned by place."""

    records: tuple[Minute, ...]
    watermarks: tuple[Watermark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """The sum of a place's minutes in one event-time window. A higher version replaces a lower one. Key: place."""

    rollup_id: str
    measure: Literal["passes", "violations"]
    scope: Literal["camera", "road", "district"]
    place: str
    category: str
    window_start_ms: int
    window_ms: int
    step_ms: int
    value: int
    cameras: tuple[str, ...]
    version: int
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An officer's decision on a violation. Key: the violation's key."""

    review_id: str
    violation_id: str
    plate: str
    decision: Literal["accepted", "rejected"]
    reason: str
    officer: str
    reviewed_ms: int
    evidence_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fine:
    """A fine. Key: plate. CloudEvents type kz.waysight.fine."""

    fine_id: str
    number: str
    violation_id: str
    offence: str
    law: str
    country: str
    plate: str
    owner_id: str
    owner_name: str
    owner_address: str
    amount: Decimal
    currency: str
    units: str
    discount_amount: Decimal
    discount_until: str
    occurred_ms: int
    issued_ms: int
    measured_kmh: float | None = None
    enforced_kmh: float | None = None
    limit_kmh: float | None = None
    officer: str
    status: Literal["issued", "paid", "cancelled"]
    paid: Decimal
    rule_pack: str
    caveats: str = ""
    repeat_of: str = ""
    version: int
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment for a fine. Key: plate."""

    payment_id: str
    fine_number: str
    plate: str
    amount: Decimal
    currency: str
    paid_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A registered vehicle. Compacted; key: plate."""

    plate: str
    country: str
    make: str
    model: str
    type: str
    colour: str
    owner_id: str
    owner_name: str
    owner_address: str
    owner_kind: str
