"""A device's record as it was sent, checked field by field; a refusal names the field and says what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from waysight.domain.enforcement.shown import place_of
from waysight.domain.plates import canonical
from waysight.messages import ExternalRead, FrameRef, Signal

MOST_AHEAD_MS = 60_000
OLDEST_MS = 30 * 86_400_000
MOST_PICTURES = 4
MOST_PICTURE_BYTES = 4 * 1024 * 1024
_JPEG = b"\xff\xd8\xff"
_FIELD = re.compile(r"`\$\.?([^`]*)`$")
_NAMED = re.compile(r"field `([^`]+)`")
Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Word = Annotated[str, Meta(max_length=128)]
Part = Annotated[float, Meta(ge=0, le=1)]
Pixel = Annotated[float, Meta(ge=0, le=65_535)]
Moment = Annotated[int, Meta(ge=0, le=2**53)]
Bound = Annotated[int, Meta(ge=0, le=60_000)]
T = TypeVar("T", bound=msgspec.Struct)


class Refused(Exception):
    """A record that is not taken: the field at fault (or "") and why."""

    def __init__(self, field_: str, reason: str) -> None:
        super().__init__(f"{field_}: {reason}" if field_ else reason)
        self.field, self.reason = field_, reason


class GivenPicture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A JPEG, either as `base64` or as the `part` of that name in the same multipart request; boxes are px."""

    captured_ms: Moment
    base64: bytes = b""
    part: Word = ""
    x1: Pixel = 0.0
    y1: Pixel = 0.0
    x2: Pixel = 0.0
    y2: Pixel = 0.0
    plate_x1: Pixel = 0.0
    plate_y1: Pixel = 0.0
    plate_x2: Pixel = 0.0
    plate_y2: Pixel = 0.0
    plate_text: Word = ""
    plate_confidence: Part = 0.0


class GivenRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of an ExternalRead that a device sends."""

    read_id: Name
    device_id: Name
    device_kind: Literal["anpr", "radar", "lidar", "loop"]
    camera_id: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    captured_ms: Moment
    clock_error_ms: Bound
    lane: Word = ""
    plate: Word = ""
    plate_country: Annotated[str, Meta(pattern="^([a-z]{2})?$")] = ""
    plate_confidence: Part = 0.0
    label: Literal["car", "truck", "bus", "motorcycle", "bicycle", ""] = ""
    colour: Word = ""
    speed_kmh: Annotated[float, Meta(ge=0, le=400)] | None = None
    speed_error_kmh: Annotated[float, Meta(ge=0, le=50)] | None = None
    length_m: Annotated[float, Meta(gt=0, le=60)] | None = None
    certificate: Word = ""
    certified_until_ms: Moment | None = None
    pictures: Annotated[list[GivenPicture], Meta(max_length=MOST_PICTURES)] = []


class GivenSignal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of a Signal that a controller sends."""

    junction_id: Word = ""
    signal_group: Word = ""
    state: Literal["red", "red_amber", "green", "amber", "off"] = "off"
    changed_ms: Moment
    valid_ms: Moment
    clock_error_ms: Bound
    end: bool = False
    place: Word = ""
    limit_kmh: Annotated[float, Meta(gt=0, le=200)] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to keep: what the record says of it, and its bytes (JPEG)."""

    given: GivenPicture
    data: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """A checked record: its id for the answer, its topic and key, and the pictures that it does not refer to yet."""

    id: str
    device_id: str
    topic: str
    key: str
    record: ExternalRead | Signal
    pictures: tuple[Picture, ...] = field(default=())


def read_of(
    raw: Any, now_ms: int, parts: dict[str, bytes] | None = None, oldest_ms: int | None = None
) -> Taken:
    """A read from decoded JSON; `parts` are the files of a multipart request. Raises Refused.

    `oldest_ms` (UTC epoch ms) is the earliest time that is taken; by default it is 30 days ago.
    """
    given = _converted(raw, GivenRead)
    _in_time("captured_ms", given.captured_ms, now_ms, oldest_ms)
    if given.speed_error_kmh is not None and given.speed_kmh is None:
        raise Refused("speed_error_kmh", "there is no speed_kmh that it could be the error of")
    plate = canonical(given.plate)
    if given.plate and len(plate) < 2:
        raise Refused("plate", f"{given.plate!r} is no plate; leave it out where none was read")
    if given.device_kind == "loop" and plate:
        raise Refused("plate", "a loop reads no plates")
    record = ExternalRead(
        read_id=given.read_id,
        device_id=given.device_id,
        device_kind=given.device_kind,
        camera_id=given.camera_id,
        captured_ms=given.captured_ms,
        clock_error_ms=given.clock_error_ms,
        lane=given.lane,
        plate=plate,
        plate_country=given.plate_country,
        plate_confidence=given.plate_confidence if plate else 0.0,
        label=given.label,
        colour=given.colour,
        speed_kmh=given.speed_kmh,
        speed_error_kmh=given.speed_error_kmh,
        length_m=given.length_m,
        certificate=given.certificate,
        certified_until_ms=given.certified_until_ms,
        received_ms=now_ms,
    )
    pictures = tuple(_picture(n, p, parts or {}) for n, p in enumerate(given.pictures))
    return Taken(
        given.read_id, given.device_id, "external-reads", f"camera:{given.camera_id}", record, pictures
    )


def signal_of(raw: Any, now_ms: int, device_id: str) -> Taken:
    """A lamp's or a speed sign's state from decoded JSON, as the controller `device_id` sent it. Raises Refused."""
    given = _converted(raw, GivenSignal)
    _in_time("valid_ms", given.valid_ms, now_ms)
    if given.valid_ms < given.changed_ms:
        raise Refused("valid_ms", "the state cannot have ended before changed_ms, when it began")
    kind, _, name = given.place.partition(":")
    if given.place and (kind not in ("section", "camera") or not name):
        raise Refused("place", f"{given.place!r}: write section:<id> or camera:<id>")
    if given.place and (given.junction_id or given.signal_group):
        raise Refused("junction_id", "a speed sign has a place, no junction and no group")
    if not given.place and not (given.junction_id and given.signal_group):
        raise Refused(
            "junction_id",
            "a light needs junction_id and signal_group; a speed sign needs place and limit_kmh",
        )
    if not given.place and given.limit_kmh is not None:
        raise Refused("limit_kmh", "belongs to a speed sign, which has a place")
    record = Signal(**{name: getattr(given, name) for name in given.__struct_fields__})
    name = f"{place_of(record)}@{record.changed_ms}"
    return Taken(name, device_id, "signals", record.place or f"junction:{record.junction_id}", record)


def reference(picture: Picture, evidence_ref: str, sha256: str) -> FrameRef:
    """What a record says of a kept picture."""
    boxes = {n: getattr(picture.given, n) for n in _BOXES}
    return FrameRef(
        captured_ms=picture.given.captured_ms,
        evidence_ref=evidence_ref,
        sha256=sha256,
        plate_text=canonical(picture.given.plate_text),
        plate_confidence=picture.given.plate_confidence,
        **boxes,
    )


_BOXES = ("x1", "y1", "x2", "y2", "plate_x1", "plate_y1", "plate_x2", "plate_y2")


def _converted(raw: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error


def _refusal(text: str) -> Refused:
    """msgspec's words, split into the field and what is wrong with it."""
    reason, _, where = text.partition(" - at ")
    path = _FIELD.search(where)
    named = _NAMED.search(reason)
    names = [part for part in (path.group(1) if path else "", named.group(1) if named else "") if part]
    return Refused(".".join(names), reason)


def _in_time(name: str, at_ms: int, now_ms: int, oldest_ms: int | None = None) -> None:
    if at_ms > now_ms + MOST_AHEAD_MS:
        ahead_s = (at_ms - now_ms) / 1000
        raise Refused(name, f"is {ahead_s:.0f} s ahead of this server's clock: set the device's clock")
    if at_ms < (now_ms - OLDEST_MS if oldest_ms is None else oldest_ms):
        raise Refused(name, f"is older than {OLDEST_MS // 86_400_000} days: import it from a file")


def _picture(number: int, given: GivenPicture, parts: dict[str, bytes]) -> Picture:
    where = f"pictures[{number}]"
    if bool(given.base64) == bool(given.part):
        raise Refused(where, "give either base64 or the name of a part, not both and not neither")
    if given.part and given.part not in parts:
        raise Refused(f"{where}.part", f"there is no part {given.part!r} in the request")
    data = parts[given.part] if given.part else given.base64
    if not data.startswith(_JPEG):
        raise Refused(where, "is no JPEG")
    if len(data) > MOST_PICTURE_BYTES:
        raise Refused(
            where, f"{len(data)} bytes are more than the {MOST_PICTURE_BYTES} that a picture may have"
        )
    return Picture(given, data)
