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
from pydantic import AwareDatetime, Field, field_validator, model_validator

from waysight.cameras.calibration import Matrix
from waysight.cameras.survey import Calibration, Model, Point
from waysight.messages.perception import ObjectLabel

Purpose = Literal["hotlist", "count", "spot_speed", "section_control", "red_light", "restricted_zone"]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
VEHICLES: tuple[ObjectLabel, ...] = ("car", "truck", "bus", "motorcycle")
LEAST_MEASURING_FPS = 5.0


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


class Zone(Model):
    """A polygon of the picture (px); `restricted` makes entering it an offence for these labels."""

    id: Identifier
    kind: Literal["restricted", "watched"] = "restricted"
    image: tuple[Point, ...] = Field(min_length=3)
    labels: tuple[ObjectLabel, ...] = VEHICLES


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


class Camera(Model):
    """One camera. Only `source` is needed; everything that measures needs more, and says so."""

    id: Identifier
    name: str = ""
    source: str = Field(min_length=1)
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
    certificate: Certificate | None = None
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
        if lacks:
            raise ValueError("; ".join(lacks))
        return self

    def _lacks(self, purpose: Purpose) -> list[str]:
        measuring = isinstance(self.sampling, Fps) and self.sampling.fps >= LEAST_MEASURING_FPS
        wants: dict[str, bool] = {}
        if purpose in ("spot_speed", "red_light"):
            wants[f"sampling: {{fps: {LEAST_MEASURING_FPS:g}}} or more"] = measuring
            wants["calibration"] = self.calibration is not None
        if purpose == "spot_speed":
            # Also with a variable limit: it applies while the sign is dark.
            wants["speed_limit_kmh"] = self.speed_limit_kmh is not None
        if purpose == "red_light":
            wants["stop_line"] = self.stop_line is not None
            wants["junction"] = self.junction is not None
        if purpose == "section_control":
            wants["section"] = self.section is not None
        if purpose == "restricted_zone":
            wants["a zone of kind restricted"] = any(z.kind == "restricted" for z in self.zones)
        return [need for need, there in wants.items() if not there]

    @property
    def is_live(self) -> bool:
        """Whether the source is a live stream (RTSP) and not a file."""
        return urlsplit(self.source).scheme.lower() in ("rtsp", "rtsps", "rtspt")

    @property
    def path(self) -> Path | None:
        """The source's file, or None for a live stream."""
        if self.is_live:
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
