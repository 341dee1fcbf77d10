"""What a camera sees and may be used for, as the logic needs it: plain values, no files, no models."""

from __future__ import annotations

from dataclasses import dataclass

from waysight.domain.geometry import Matrix, Point

Line = tuple[Point, Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A polygon of the picture (px), and the rule of its `kind` for these classes in these local `hours`.

    `max_dwell_s` is how long one may stand, `towards` the legal direction on the road plane; `min_mass_kg` and
    `emission_classes` are whom a closed zone is closed to, by the register.
    """

    zone_id: str
    polygon: tuple[Point, ...]
    kind: str = "restricted"
    labels: frozenset[str] = frozenset(("car", "truck", "bus", "motorcycle"))
    hours: str = ""
    max_dwell_s: float | None = None
    towards: Point | None = None
    min_mass_kg: int | None = None
    emission_classes: frozenset[str] = frozenset()

    @property
    def by_register(self) -> bool:
        """Whether only the register of vehicles says whom it concerns."""
        return self.min_mass_kg is not None or bool(self.emission_classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadLine:
    """A line of the picture (px) that must not be crossed: `forbidden` is both, left_to_right or right_to_left.

    Left and right are those of somebody who walks in the picture from its first point to its second.
    """

    line_id: str
    kind: str
    image: Line
    forbidden: str = "both"
    hours: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A registered measuring device; `papers` are (from_ms, until_ms) in which a fine may rest on it.

    `speed_error_kmh` is what its certificate states, None without one; `lane` is the zone it looks at, or empty.
    """

    device_id: str
    kind: str
    lane: str = ""
    clock_error_ms: int = 0
    speed_error_kmh: float | None = None
    certificate: str = ""
    papers: tuple[int, int] | None = None

    @property
    def measures_speed(self) -> bool:
        """Whether its speed may outrank the picture's: a radar or lidar, or a loop that states how wrong it may be."""
        return self.kind in ("radar", "lidar") or (self.kind == "loop" and self.speed_error_kmh is not None)

    def obstacle_at(self, at_ms: int) -> str:
        """Why no fine may rest on this device at a time, as `Scene.obstacle_at` says it."""
        return lapsed(self.papers, at_ms)


def lapsed(papers: tuple[int, int] | None, at_ms: int) -> str:
    """no_certificate, certificate_expired or certificate_not_yet_valid; empty while papers are in force."""
    if papers is None:
        return "no_certificate"
    if papers[0] <= at_ms < papers[1]:
        return ""
    return "certificate_expired" if at_ms >= papers[1] else "certificate_not_yet_valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One camera.

    `neighbours` are the countries whose plates are at home here besides its own.
    `homography` maps px of a picture of `calibration_size` to road-plane metres, `calibration_sways` metres to
    the metres of a plane one sigma off, one for each independent error of the calibration; `clock_error_ms` bounds the
    clock; `bearing_deg` is where the camera looks (0 north, 90 east); `group` gathers alerts; `traffic` is 1 where all drive away from the camera, -1 where all come towards it, else 0; `fps` is None for keyframes as they come; `papers` are (from_ms, until_ms) in which a fine may
    rest on the camera, `certificate` says on which documents; `devices` measure at the same place, and without `video`
    they are all there is.
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
    lines: tuple[RoadLine, ...] = ()
    certificate: str = ""
    papers: tuple[int, int] | None = None
    devices: tuple[Device, ...] = ()
    video: bool = True

    @property
    def home(self) -> frozenset[str]:
        """Countries whose plate formats may decide between readings here."""
        return frozenset(c for c in (self.country, *self.neighbours) if c)

    def obstacle_at(self, at_ms: int) -> str:
        """Why no fine may rest on this camera at a time: no_certificate, certificate_expired, or empty."""
        return lapsed(self.papers, at_ms)


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
