"""Records of enforcement; made from schemas/*.avsc by tools/generate_messages.py, not by hand."""

from dataclasses import dataclass
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
    offence: Literal[
        "spot_speed",
        "average_speed",
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
    tolerance_kmh: float | None = None
    line_id: str = ""
    dwell_ms: int | None = None
    source: str = "picture"
    exemption: str = ""
    corrects: str = ""
    read_plate: str = ""
    corrected_by: str = ""
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
class ExternalRead:
    """A measurement by a device of its own (edge ANPR camera, certified radar, loop), not by our pictures. Key: camera:<id>."""

    read_id: str
    device_id: str
    device_kind: Literal["anpr", "radar", "lidar", "loop"]
    camera_id: str
    captured_ms: int
    clock_error_ms: int
    lane: str = ""
    plate: str = ""
    plate_country: str = ""
    plate_confidence: float = 0.0
    label: str = ""
    colour: str = ""
    speed_kmh: float | None = None
    speed_error_kmh: float | None = None
    length_m: float | None = None
    certificate: str = ""
    certified_until_ms: int | None = None
    evidence: tuple[FrameRef, ...] = ()
    received_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockCheck:
    """A camera's clock compared with a reference. Key: camera_id."""

    check_id: str
    camera_id: str
    checked_ms: int
    offset_ms: float
    error_ms: float
    reference: str
    by: str


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
    insured_until_ms: int | None = None
    inspected_until_ms: int | None = None
    emission_class: str = ""
    mass_kg: int | None = None
    owner_since_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyPeriod:
    """A time in which an exempt vehicle was on duty."""

    from_ms: int
    until_ms: int
    mission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A vehicle that some rules do not apply to. Compacted; key: exemption_id."""

    exemption_id: str
    plate: str
    kind: str
    offences: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    on_duty_only: bool = False
    duty: tuple[DutyPeriod, ...] = ()
    legal_basis: str
    authority: str
    case_number: str
    valid_from_ms: int
    valid_until_ms: int
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """An imported figure to set beside our own counts, such as crashes or crimes of a place and month. Key: place."""

    statistic_id: str
    source: str
    place: str
    category: str
    from_ms: int
    until_ms: int
    value: float
    imported_ms: int
