"""The camera file: what each camera is, sees, measures and may be used for (docs/cameras.md).

`load_cameras` reads the YAML file; `to_records` and `camera_of` / `section_of` carry the same models
through the `cameras` topic. Errors name file, camera and field, all of them at once.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from waysight.cameras.calibration import Matrix
from waysight.cameras.survey import Calibration, Model, Point
from waysight.domain.conditions import spans_of
from waysight.domain.enforcement.case import Judged
from waysight.domain.enforcement.offences import OFFENCES, Has, lacking
from waysight.domain.enforcement.standing import MAX_DWELL_S
from waysight.messages.perception import ObjectLabel

Purpose = Literal["hotlist", "count", "section_control", Judged]
ZoneKind = Literal[
    "restricted",
    "watched",
    "bus_lane",
    "shoulder",
    "pavement",
    "no_stopping",
    "no_parking",
    "double_parking",
    "box",
    "crossing",
    "one_way",
    "restricted_hours",
    "no_overtaking",
]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
LEAST_MEASURING_FPS = OFFENCES["spot_speed"].needs.fps
VEHICLES: tuple[ObjectLabel, ...] = ("car", "truck", "bus", "motorcycle")


class Fps(Model):
    """Sampling by decoding: this many pictures a second, chosen by presentation time."""

    fps: float = Field(gt=0, le=60)


class Location(Model):
    """Where the camera stands, WGS 84 degrees, and the road it looks at."""

    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    road: str = ""
    road_class: str = ""
    straight: bool = False
    district: str = ""


class SectionRole(Model):
    """Which end of which section this camera is."""

    id: Identifier
    role: Literal["entry", "exit"]


class Junction(Model):
    """Which traffic light the camera's approach obeys (key of the `signals` topic)."""

    id: Identifier
    signal_group: str = Field(min_length=1)


class StopLine(Model):
    """The stop line, either at Y metres of the road plane (from X to X, m) or as two image points (px)."""

    ground_y_m: float | None = None
    ground_x_m: Point = (-50.0, 50.0)
    image: tuple[Point, Point] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.ground_y_m is None) == (self.image is None):
            raise ValueError("give either ground_y_m or image, not both and not neither")
        return self


def _readable(hours: str) -> str:
    if hours and spans_of(hours) is None:
        raise ValueError(f"hours {hours!r} cannot be read; write e.g. mon-fri 07:00-19:00")
    return hours


Hours = Annotated[str, AfterValidator(_readable)]


class Zone(Model):
    """A polygon of the picture (px) with the rule of its kind, for these classes in these local hours.

    `max_dwell_s` is how long one may stand, `towards` the legal direction (X, Y of the road plane, m); `min_mass_kg` and
    `emission_classes` close it to vehicles of which the register says so.
    """

    id: Identifier
    kind: ZoneKind = "restricted"
    image: tuple[Point, ...] = Field(min_length=3)
    labels: tuple[ObjectLabel, ...] = VEHICLES
    hours: Hours = ""
    max_dwell_s: float | None = Field(None, ge=0, le=86_400)
    towards: Point | None = None
    min_mass_kg: int | None = Field(None, gt=0, le=200_000)
    emission_classes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        directed = self.kind in ("one_way", "no_overtaking")
        if directed and (self.towards is None or self.towards == (0.0, 0.0)):
            raise ValueError(f"zone {self.id}: a zone of kind {self.kind} needs towards: [x_m, y_m]")
        if self.towards is not None and not directed:
            raise ValueError(f"zone {self.id}: towards is for zones of kind one_way and no_overtaking")
        if (self.min_mass_kg is not None or self.emission_classes) and self.kind != "restricted_hours":
            raise ValueError(f"zone {self.id}: min_mass_kg and emission_classes are for restricted_hours")
        if self.max_dwell_s is not None and self.kind not in MAX_DWELL_S:
            raise ValueError(f"zone {self.id}: max_dwell_s is for {', '.join(MAX_DWELL_S)}")
        return self


class Line(Model):
    """A line of the picture (px) that must not be crossed; left and right as one walks from its first point."""

    id: Identifier
    kind: Literal["solid", "turn"]
    image: tuple[Point, Point]
    forbidden: Literal["both", "left_to_right", "right_to_left"] = "both"
    hours: Hours = ""

    @model_validator(mode="after")
    def _long(self) -> Self:
        if self.image[0] == self.image[1]:
            raise ValueError(f"line {self.id}: its two ends are one point")
        return self


class Certificate(Model):
    """Type approval and verification of the measuring device; days are the camera's own, both ends included."""

    type_approval: str = Field(min_length=1)
    type_approved_until: date
    verification: str = Field(min_length=1)
    verified_from: date
    verified_until: date

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.verified_until < self.verified_from:
            raise ValueError("verified_until is before verified_from")
        return self


class Device(Model):
    """A measuring device of its own at a camera's place; its id is the one that its records carry (docs/edge.md).

    `speed_error_kmh` is the bound on its error that the certificate states, `lane` the zone it looks at.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    kind: Literal["anpr", "radar", "lidar", "loop"]
    lane: str = ""
    clock_error_ms: int = Field(100, ge=0, le=60_000)
    speed_error_kmh: float | None = Field(None, ge=0, le=50)
    certificate: Certificate | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.certificate is not None and self.measures_speed and self.speed_error_kmh is None:
            raise ValueError(f"device {self.id}: a certified {self.kind} needs speed_error_kmh")
        return self

    @property
    def measures_speed(self) -> bool:
        """Whether its speed may outrank the picture's: a radar or lidar, or a loop that states how wrong it may be."""
        stated = self.certificate is not None or self.speed_error_kmh is not None
        return self.kind in ("radar", "lidar") or (self.kind == "loop" and stated)


class Camera(Model):
    """One camera. Only `source` or `devices` is needed; everything that measures needs more, and says so."""

    id: Identifier
    name: str = ""
    source: str = ""
    sampling: Literal["keyframes"] | Fps = "keyframes"
    start: AwareDatetime | None = None
    loop: bool = False
    frame_rate: float | None = Field(None, gt=0, le=240)
    clock_error_ms: int = Field(40, ge=0, le=60_000)
    country: str = Field("kz", pattern="^[a-z]{2}$")
    neighbours: tuple[Annotated[str, Field(pattern="^[a-z]{2}$")], ...] = ()
    timezone: str = "UTC"
    location: Location = Location()
    direction: str = ""
    bearing_deg: float | None = Field(None, ge=0, lt=360)
    group: str = ""
    traffic: Literal["both", "towards", "away"] = "both"
    purposes: tuple[Purpose, ...] = ("hotlist", "count")
    speed_limit_kmh: float | None = Field(None, gt=0, le=200)
    variable_limit: bool = False
    calibration: Calibration | None = None
    section: SectionRole | None = None
    junction: Junction | None = None
    stop_line: StopLine | None = None
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    certificate: Certificate | None = None
    devices: tuple[Device, ...] = ()
    motion_gate: Literal["off", "auto"] = "off"

    @field_validator("motion_gate", mode="before")
    @classmethod
    def _yaml_off(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"unknown time zone {value!r}; use a name such as Asia/Almaty") from None
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacks = [f"{purpose} needs {need}" for purpose in self.purposes for need in self._lacks(purpose)]
        if self.is_live and self.start is not None:
            lacks.append("start is for files only; a live camera's time is its arrival")
        if self.is_live and self.loop:
            lacks.append("loop is for files only")
        if not self.source and not self.devices:
            lacks.append("give a source of pictures, or devices")
        lacks += [f"devices: {name} is there twice" for name in _twice([d.id for d in self.devices])]
        if lacks:
            raise ValueError("; ".join(lacks))
        return self

    def _lacks(self, purpose: Purpose) -> list[str]:
        has = Has(
            fps=self.fps or 0.0,
            calibration=self.calibration is not None,
            # Also with a variable limit: it applies while the sign is dark.
            limit=self.speed_limit_kmh is not None,
            section=self.section is not None,
            signals=self.junction is not None,
            stop_line=self.stop_line is not None,
            zones=frozenset(z.kind for z in self.zones),
            lines=frozenset(n.kind for n in self.lines),
            video=bool(self.source),
            devices=self.measured_by_device,
        )
        return lacking(purpose, has)

    @property
    def measured_by_device(self) -> bool:
        """Whether a device of its own measures speeds here."""
        return any(d.measures_speed for d in self.devices)

    @property
    def is_live(self) -> bool:
        """Whether the source is a live stream (RTSP) and not a file."""
        return urlsplit(self.source).scheme.lower() in ("rtsp", "rtsps", "rtspt")

    @property
    def path(self) -> Path | None:
        """The source's file, or None for a live stream and for a place without video."""
        if self.is_live or not self.source:
            return None
        parts = urlsplit(self.source)
        return Path(unquote(parts.path)) if parts.scheme == "file" else Path(self.source)

    @property
    def public_source(self) -> str:
        """The source without user name and password, fit for logs, topics and reports."""
        parts = urlsplit(self.source)
        return (
            urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
            if self.is_live
            else self.source
        )

    @property
    def fps(self) -> float | None:
        """Sampled pictures a second, or None for keyframes as they come."""
        return self.sampling.fps if isinstance(self.sampling, Fps) else None

    @property
    def homography(self) -> Matrix | None:
        """3x3 float64 matrix, image px → road plane m, or None without calibration."""
        return self.calibration.solve().matrix if self.calibration else None

    @property
    def stop_line_ground(self) -> tuple[Point, Point] | None:
        """The stop line as two points of the road plane (m), or None without line or calibration."""
        if self.stop_line is None:
            return None
        if self.stop_line.ground_y_m is not None:
            y_m, (left, right) = self.stop_line.ground_y_m, self.stop_line.ground_x_m
            return (left, y_m), (right, y_m)
        matrix, image = self.homography, self.stop_line.image
        if matrix is None or image is None:
            return None
        a, b = (matrix @ np.array([x, y, 1.0]) for x, y in image)
        return (float(a[0] / a[2]), float(a[1] / a[2])), (float(b[0] / b[2]), float(b[1] / b[2]))


class Section(Model):
    """A surveyed section between two cameras; `*_ground_y_m` say where on each road plane its ends lie."""

    id: Identifier
    road: str = ""
    road_class: str = ""
    straight: bool = False
    entry: Identifier
    exit: Identifier
    length_m: float = Field(gt=0, le=200_000)
    length_error_m: float = Field(0.0, ge=0)
    limit_kmh: float = Field(gt=0, le=200)
    variable_limit: bool = False
    country: str = Field("kz", pattern="^[a-z]{2}$")
    entry_ground_y_m: float = 0.0
    exit_ground_y_m: float = 0.0


class CameraFile(Model):
    """A whole camera file, checked as one."""

    version: Literal[1] = 1
    cameras: tuple[Camera, ...] = Field(min_length=1)
    sections: tuple[Section, ...] = ()

    def camera(self, camera_id: str) -> Camera:
        """The camera of that id; KeyError without one."""
        return {c.id: c for c in self.cameras}[camera_id]

    def problems(self) -> list[str]:
        """What is wrong between the parts, in words; empty when all is well."""
        found = [f"camera {i}: field id: used twice" for i in _twice([c.id for c in self.cameras])]
        found += [f"section {i}: field id: used twice" for i in _twice([s.id for s in self.sections])]
        ends = {
            (s.id, role): end for s in self.sections for role, end in (("entry", s.entry), ("exit", s.exit))
        }
        cameras = {c.id: c for c in self.cameras}
        for (section, role), end in ends.items():
            if end not in cameras:
                found.append(f"section {section}: field {role}: no camera {end!r} in this file")
            elif (own := cameras[end].section) is None or (own.id, own.role) != (section, role):
                found.append(f"camera {end}: field section: must be {{id: {section}, role: {role}}}")
        for camera in self.cameras:
            role_of = camera.section
            if role_of and ends.get((role_of.id, role_of.role)) != camera.id:
                found.append(
                    f"camera {camera.id}: field section: section {role_of.id} has another {role_of.role}"
                )
        return list(dict.fromkeys(found))


def _twice(names: list[str]) -> list[str]:
    return sorted({n for n in names if names.count(n) > 1})
