"""What a camera sees and may be used for, as the logic needs it: plain values, no files, no models."""

from __future__ import annotations

from dataclasses import dataclass

from waysight.domain.geometry import Matrix, Point

Line = tuple[Point, Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A polygon of the picture (px); a restricted one must not be entered by these classes."""

    zone_id: str
    polygon: tuple[Point, ...]
    restricted: bool = True
    labels: frozenset[str] = frozenset(("car", "truck", "bus", "motorcycle"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One camera.

    `neighbours` are the countries whose plates are at home here besides its own.
    `homography` maps px of a picture of `calibration_size` to road-plane metres, `calibration_sways` metres to
    the metres of a plane one sigma off, one for each independent error of the calibration; `clock_error_ms` bounds the
    clock; `bearing_deg` is where the camera looks (0 north, 90 east); `group` gathers alerts; `traffic` is 1 where all drive away from the camera, -1 where all come towards it, else 0; `fps` is None for keyframes as they come; `papers` are (from_ms, until_ms) in which a fine may
    rest on the camera, `certificate` says on which documents.
    """

    camera_id: str
    country: str = ""
    neighbours: tuple[str, ...] = ()
    place: str = ""
    road: str = ""
    district: str = ""
    group: str = ""
    lat: float | None = None
    lon: float | None = None
    bearing_deg: float | None = None
    timezone: str = "UTC"
    purposes: frozenset[str] = frozenset(("hotlist", "count"))
    fps: float | None = None
    clock_error_ms: int = 0
    traffic: int = 0
    homography: Matrix | None = None
    calibration_size: tuple[int, int] = (0, 0)
    calibration_error_m: float = 0.0
    calibration_sways: tuple[Matrix, ...] = ()
    speed_limit_kmh: float | None = None
    variable_limit: bool = False
    section_id: str = ""
    section_role: str = ""
    junction_id: str = ""
    signal_group: str = ""
    stop_line: Line | None = None
    zones: tuple[Zone, ...] = ()
    certificate: str = ""
    papers: tuple[int, int] | None = None

    @property
    def home(self) -> frozenset[str]:
        """Countries whose plate formats may decide between readings here."""
        return frozenset(c for c in (self.country, *self.neighbours) if c)

    def obstacle_at(self, at_ms: int) -> str:
        """Why no fine may rest on this camera at a time: no_certificate, certificate_expired, or empty."""
        if self.papers is None:
            return "no_certificate"
        start, end = self.papers
        return (
            ""
            if start <= at_ms < end
            else "certificate_expired"
            if at_ms >= end
            else "certificate_not_yet_valid"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionPlan:
    """A surveyed section between two cameras; lengths in m, the limit in km/h.

    With `variable_limit` its sign says what applies (topic `signals`), and `limit_kmh` while the sign is dark.
    """

    section_id: str
    entry: str
    exit: str
    length_m: float
    length_error_m: float
    limit_kmh: float
    country: str
    road_class: str = ""
    straight: bool = False
    entry_ground_y_m: float = 0.0
    exit_ground_y_m: float = 0.0
    variable_limit: bool = False
