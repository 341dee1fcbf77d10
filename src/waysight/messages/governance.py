"""Records of governance; made from schemas/*.avsc by tools/generate_messages.py, not by hand."""

from dataclasses import dataclass
from typing import Literal

from waysight.messages.perception import FrameRef, ObjectLabel

AlertStatus = Literal["new", "acknowledged", "verified", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person must look at. Key: subject. CloudEvents type kz.waysight.alert."""

    alert_id: str
    kind: str
    priority: int
    subject: str
    plate: str
    entry_id: str
    legal_basis: str
    authority: str
    case_number: str
    audience: str
    exact: bool
    distance: int
    camera_id: str
    location: str
    sighting_id: str
    occurred_ms: int
    captured_ms: int
    received_ms: int = 0
    raised_ms: int
    plate_confidence: float
    label: ObjectLabel
    colour: str
    evidence: FrameRef | None = None
    status: AlertStatus
    status_by: str
    status_reason: str
    version: int
    origin_partition: int
    origin_offset: int
    ordinal: int
    matched: str = "exact"
    differences: str = ""
    list: str = ""
    camera_group: str = ""
    sightings: int = 1
    last_seen_ms: int = 0
    last_camera_id: str = ""
    other_camera_id: str = ""
    other_sighting_id: str = ""
    other_plate: str = ""
    person_id: str = ""
    authorisation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAction:
    """What a person or system says of an alert. Key: the alert's subject."""

    action_id: str
    alert_id: str
    subject: str
    status: AlertStatus
    reason: str
    actor: str
    acted_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchlistEntry:
    """What an authority is looking for. Compacted; key: entry_id."""

    entry_id: str
    plate: str
    kind: str
    priority: int
    legal_basis: str
    authority: str
    case_number: str
    source: str
    audience: str
    valid_from_ms: int
    expires_ms: int
    revoked_ms: int | None = None
    revoked_by: str = ""
    note: str = ""
    list: str = ""
    mode: str = "plate"
    approximate: bool = False
    label: str = ""
    colour: str = ""
    make: str = ""
    model: str = ""
    direction: str = ""
    area: tuple[str, ...] = ()
    hours: str = ""
    suppress_s: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person whom an authority wants, joined to vehicles by the owner's number. Compacted; key: person_id."""

    person_id: str
    name: str
    kind: str
    priority: int
    legal_basis: str
    authority: str
    case_number: str
    source: str
    audience: str
    valid_from_ms: int
    expires_ms: int
    revoked_ms: int | None = None
    revoked_by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """Leave to do what needs leave: joining owners with warrants, following, convoys. Compacted; key: authorisation_id."""

    authorisation_id: str
    purpose: str
    authority: str
    legal_basis: str
    case_number: str
    area: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    valid_from_ms: int
    ends_ms: int
    granted_by: str
    granted_ms: int
    revoked_ms: int | None = None
    revoked_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowPoint:
    """One sighting of a vehicle that an authorisation allows to follow. Key: plate."""

    point_id: str
    authorisation_id: str
    plate: str
    sighting_id: str
    revision: int
    camera_id: str
    location: str
    lat: float | None = None
    lon: float | None = None
    captured_ms: int
    plate_confidence: float
    label: ObjectLabel
    colour: str
    speed_kmh: float | None = None
    evidence: FrameRef | None = None
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A vehicle that passed a camera close in time to one that an authorisation for convoys names. Key: subject."""

    companion_id: str
    authorisation_id: str
    subject: str
    subject_sighting_id: str
    subject_ms: int
    plate: str
    sighting_id: str
    captured_ms: int
    camera_id: str
    plate_confidence: float
    label: ObjectLabel
    colour: str
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRecord:
    """A camera or section as configured. Compacted; key: its id."""

    camera_id: str
    record_kind: Literal["camera", "section"]
    config_json: str
    version: str
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One look or act, chained by hash. Key: chain."""

    chain: str
    sequence: int
    at_ms: int
    actor: str
    action: str
    purpose: str
    case_number: str
    detail: str
    rows: int
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that could not be used. Key: origin topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    payload: bytes
    payload_bytes: int
    reason: str
    processor: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A part of a packed table, so that workers start without reading every record. Compacted; key: <table>/<number>."""

    table: str
    number: int
    of: int
    rows: int
    built_ms: int
    covers: tuple[int, ...]
    columns: bytes
