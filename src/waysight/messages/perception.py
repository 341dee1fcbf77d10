"""Records of perception; made from schemas/*.avsc by tools/generate_messages.py, not by hand."""

from dataclasses import dataclass
from typing import Literal

ObjectLabel = Literal["person", "bicycle", "motorcycle", "car", "bus", "truck", "bag", "plate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One sampled frame of a camera, or a watermark without a picture. Key: camera_id."""

    camera_id: str
    epoch: str
    seq: int
    kind: Literal["h264", "hevc", "jpeg", "watermark", "end"]
    captured_ms: int
    clock_error_ms: int
    received_ms: int = 0
    width: int
    height: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateCandidate:
    """One possible reading of a plate."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRead:
    """A plate on one picture."""

    text: str
    confidence: float
    confidences: tuple[float, ...]
    candidates: tuple[PlateCandidate, ...]
    x1: float
    y1: float
    x2: float
    y2: float
    score: float
    reader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedObject:
    """One object on one picture."""

    label: ObjectLabel
    score: float
    label_confidence: float = 0.0
    x1: float
    y1: float
    x2: float
    y2: float
    colour: str = ""
    colour_confidence: float = 0.0
    looks: str = ""
    plate: PlateRead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What was found on one frame; also carries watermarks on. Key: camera_id."""

    camera_id: str
    epoch: str
    seq: int
    kind: Literal["frame", "watermark", "end"]
    captured_ms: int
    clock_error_ms: int
    received_ms: int = 0
    width: int
    height: int
    evidence_ref: str
    evidence_sha256: str
    analysed_ms: int
    models: str
    objects: tuple[DetectedObject, ...]
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPoint:
    """Where an object was."""

    captured_ms: int
    x_m: float
    y_m: float
    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRef:
    """A kept frame."""

    captured_ms: int
    evidence_ref: str
    sha256: str
    x1: float
    y1: float
    x2: float
    y2: float
    plate_x1: float
    plate_y1: float
    plate_x2: float
    plate_y2: float
    plate_text: str
    plate_confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One object's pass before one camera. A later revision of the same id replaces the earlier."""

    sighting_id: str
    revision: int
    final: bool
    camera_id: str
    epoch: str
    label: ObjectLabel
    label_confidence: float
    first_ms: int
    last_ms: int
    clock_error_ms: int
    frames: int
    plate: str
    plate_country: str
    plate_confidence: float
    plate_confidences: tuple[float, ...]
    plate_candidates: tuple[PlateCandidate, ...]
    plate_votes: int
    colour: str
    colour_confidence: float
    looks: str = ""
    speed_kmh: float | None = None
    speed_error_kmh: float | None = None
    path: tuple[PathPoint, ...]
    zones: tuple[str, ...]
    dwell_ms: int
    best_frame: FrameRef | None = None
    second_frame: FrameRef | None = None
    models: str
    captured_ms: int
    received_ms: int = 0
    emitted_ms: int
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Everything of this camera up to captured_ms has been sent."""

    camera_id: str
    captured_ms: int
    end: bool
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingBatch:
    """Sightings of one flush that go to one partition. Partitioned by plate, or camera_id without one."""

    records: tuple[Sighting, ...]
    watermarks: tuple[Watermark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A final sighting under one of the keys that enforcement and counting join on: in short, and whole as bytes."""

    key: str
    camera_id: str = ""
    label: ObjectLabel = "car"
    label_confidence: float = 0.0
    first_ms: int = 0
    last_ms: int = 0
    captured_ms: int = 0
    clock_error_ms: int = 0
    plate: str = ""
    plate_confidence: float = 0.0
    speed_kmh: float | None = None
    speed_error_kmh: float | None = None
    zones: tuple[str, ...] = ()
    origin_partition: int = 0
    origin_offset: int = 0
    ordinal: int = 0
    whole: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassBatch:
    """Passes of one flush that go to one partition. Partitioned by Pass.key."""

    records: tuple[Pass, ...]
    watermarks: tuple[Watermark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A traffic light's state, or the limit that a variable speed sign shows, from changed_ms on; repeated each second as a heartbeat. Key: junction:<id>, or the sign's place."""

    junction_id: str
    signal_group: str
    state: Literal["red", "red_amber", "green", "amber", "off"]
    changed_ms: int
    valid_ms: int
    clock_error_ms: int
    end: bool
    place: str = ""
    limit_kmh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHealth:
    """Something about a camera's stream. Key: camera_id."""

    camera_id: str
    epoch: str
    state: Literal[
        "connected", "unreachable", "eof", "frozen", "corrupt", "ended", "backpressure", "recovered"
    ]
    detail: str
    at_ms: int
    frames_sent: int
    frames_dropped: int
