"""Cameras and sections as the logic sees them, fed from the `cameras` topic."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from waysight.authority.rulepacks import all_packs
from waysight.cameras import models
from waysight.cameras.files import camera_of, section_of
from waysight.cameras.models import Camera, CameraFile, Certificate, Section
from waysight.domain.geometry import Matrix
from waysight.domain.plates import PlateFormats
from waysight.domain.scene import Device, RoadLine, Scene, SectionPlan, Zone
from waysight.errors import BadMessage
from waysight.messages import CameraRecord

_log = logging.getLogger(__name__)


class Scenes:
    """Directory of scenes and sections; `apply` keeps it up to date, unknown cameras get a bare scene."""

    def __init__(self, scenes: Iterable[Scene] = (), plans: Iterable[SectionPlan] = ()) -> None:
        self._scenes = {s.camera_id: s for s in scenes}
        self._plans = {p.section_id: p for p in plans}

    def apply(self, key: str, record: CameraRecord | None) -> None:
        """Take one record of the `cameras` topic (None: removed); nonsense is logged and the last good one kept."""
        try:
            if record is None or record.deleted:
                self._scenes.pop(key, None)
                self._plans.pop(key, None)
            elif record.record_kind == "camera":
                self._scenes[key] = scene_of(camera_of(record))
            else:
                self._plans[key] = plan_of(section_of(record))
        except BadMessage as error:
            _log.warning("left out a record of cameras: %s", error)

    def scene(self, camera_id: str) -> Scene:
        """The scene of a camera; one that only counts when the camera is not configured."""
        return self._scenes.get(camera_id) or Scene(camera_id=camera_id, purposes=frozenset(("count",)))

    def plan(self, section_id: str) -> SectionPlan | None:
        """A section, or None when it is not configured."""
        return self._plans.get(section_id)

    def plans_of(self, camera_id: str) -> list[SectionPlan]:
        """The sections that a camera is an end of."""
        return [p for p in self._plans.values() if camera_id in (p.entry, p.exit)]

    @staticmethod
    def of_file(file: CameraFile) -> Scenes:
        """The scenes of a camera file."""
        return Scenes(map(scene_of, file.cameras), map(plan_of, file.sections))


def scene_of(camera: Camera) -> Scene:
    """What the logic needs of a camera."""
    matrix: Matrix | None = None
    if camera.homography is not None:
        a, b, c, d, e, f, g, h, i = (float(v) for v in camera.homography.ravel())
        matrix = (a, b, c, d, e, f, g, h, i)
    bare = Scene(
        camera_id=camera.id,
        country=camera.country,
        neighbours=tuple(camera.neighbours),
        place=_place(camera),
        road=camera.location.road,
        district=camera.location.district,
        group=camera.group,
        lat=camera.location.lat,
        lon=camera.location.lon,
        bearing_deg=camera.bearing_deg,
        timezone=camera.timezone,
        purposes=frozenset(camera.purposes),
        fps=camera.fps,
        clock_error_ms=camera.clock_error_ms,
        traffic={"away": 1, "towards": -1}.get(camera.traffic, 0),
        homography=matrix,
        speed_limit_kmh=camera.speed_limit_kmh,
        variable_limit=camera.variable_limit,
        section_id=camera.section.id if camera.section else "",
        section_role=camera.section.role if camera.section else "",
        junction_id=camera.junction.id if camera.junction else "",
        signal_group=camera.junction.signal_group if camera.junction else "",
        stop_line=camera.stop_line_ground,
        zones=tuple(map(_zone, camera.zones)),
        lines=tuple(
            RoadLine(line_id=n.id, kind=n.kind, image=n.image, forbidden=n.forbidden, hours=n.hours)
            for n in camera.lines
        ),
        devices=tuple(_device(d, camera) for d in camera.devices),
        video=bool(camera.source),
    )
    if camera.calibration is not None:
        plane = camera.calibration.solve()
        bare = replace(
            bare,
            calibration_size=camera.calibration.image_size,
            calibration_error_m=plane.error_m,
            calibration_sways=plane.flat_sways(),
        )
    certificate, papers = _papers(camera.certificate, camera)
    return replace(bare, certificate=certificate, papers=papers)


def _papers(papers: Certificate | None, camera: Camera) -> tuple[str, tuple[int, int] | None]:
    """A certificate in words, and from when until when it holds (UTC epoch ms)."""
    if papers is None:
        return "", None
    last = min(papers.verified_until, papers.type_approved_until)
    span = _midnight(papers.verified_from, camera), _midnight(last + timedelta(days=1), camera)
    return f"{papers.type_approval}, {papers.verification}", span


def _device(device: models.Device, camera: Camera) -> Device:
    certificate, papers = _papers(device.certificate, camera)
    return Device(
        device_id=device.id,
        kind=device.kind,
        lane=device.lane,
        clock_error_ms=device.clock_error_ms,
        speed_error_kmh=device.speed_error_kmh,
        certificate=certificate,
        papers=papers,
    )


def plan_of(section: Section) -> SectionPlan:
    """What the logic needs of a section."""
    return SectionPlan(
        section_id=section.id,
        entry=section.entry,
        exit=section.exit,
        length_m=section.length_m,
        length_error_m=section.length_error_m,
        limit_kmh=section.limit_kmh,
        variable_limit=section.variable_limit,
        country=section.country,
        road_class=section.road_class,
        straight=section.straight,
        entry_ground_y_m=section.entry_ground_y_m,
        exit_ground_y_m=section.exit_ground_y_m,
    )


def plate_formats() -> tuple[PlateFormats, ...]:
    """The plate formats of every rule pack."""
    return tuple(PlateFormats(p.country, p.plate_formats) for p in all_packs().values())


def _zone(zone: models.Zone) -> Zone:
    return Zone(
        zone_id=zone.id,
        polygon=zone.image,
        kind=zone.kind,
        labels=frozenset(zone.labels),
        hours=zone.hours,
        max_dwell_s=zone.max_dwell_s,
        towards=zone.towards,
        min_mass_kg=zone.min_mass_kg,
        emission_classes=frozenset(zone.emission_classes),
    )


def _place(camera: Camera) -> str:
    name = camera.name or camera.id
    more = [w for w in (camera.location.road, camera.location.district) if w and w not in name]
    return ", ".join([name, *more])


def _midnight(day: date, camera: Camera) -> int:
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(camera.timezone))
    return int((local - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
