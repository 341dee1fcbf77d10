"""The cameras of the simulated city: where they stand, what they see, when they record."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from waysight.simulate.backdrop import Road
from waysight.simulate.geometry import View, aimed
from waysight.simulate.painter import Light

FPS = 25
SECTION_M = 1000.0
SECTION_LAG_S = 25.0
STOP_LINE_M = 28.0
DAY = Light(0.42, 0.62, 0.0, (1.0, 1.0, 1.0), (-0.45, -0.45, 0.77), 0.6)
OVERCAST = Light(0.12, 0.78, 0.0, (1.03, 1.0, 0.98), (0.3, -0.5, 0.81), 0.3)
DUSK = Light(0.04, 0.5, 0.5, (1.1, 0.98, 0.95), (0.0, 0.0, 1.0), 0.1)


@dataclass(frozen=True)
class Site:
    """One camera. `towards`: traffic comes at the camera; otherwise it drives away. Times in seconds."""

    camera_id: str
    name: str
    view: View
    road: Road
    light: Light
    lag_s: float
    sampling: str | int
    purposes: tuple[str, ...]
    settings: dict[str, Any]
    towards: bool = False
    least_plate_px: float = 50.0

    @cached_property
    def lanes_m(self) -> tuple[float, ...]:
        """Lane centres, X in metres, from left to right."""
        first = self.road.centre_m - self.road.half_m + self.road.lane_m / 2
        return tuple(first + i * self.road.lane_m for i in range(self.road.lanes))

    @property
    def sample_step(self) -> int:
        """Every how many frames the system looks: each keyframe (one a second) or each n-th picture."""
        return FPS if self.sampling == "keyframes" else FPS // int(self.sampling)

    @property
    def least_samples(self) -> int:
        """On how many looked-at frames a plate must show well to count as legible."""
        return 1 if self.sampling == "keyframes" else 3


def _kazakh(
    road: str, road_class: str, straight: bool, district: str, lat: float, lon: float
) -> dict[str, Any]:
    return {
        "country": "kz",
        "timezone": "Asia/Almaty",
        "location": {
            "lat": lat, "lon": lon, "road": road, "road_class": road_class, "straight": straight, "district": district,
        },
    }  # fmt: skip


def _certificate(number: str, verified_until: str) -> dict[str, str]:
    return {
        "type_approval": "KZ.02.03.07318",
        "type_approved_until": "2028-12-31",
        "verification": number,
        "verified_from": "2025-02-01",
        "verified_until": verified_until,
    }


def all_sites() -> tuple[Site, ...]:
    """The five cameras, the two ends of the surveyed section first."""
    gantry = aimed(1920, 1080, 7000, 8.0, 29.5)
    a1 = Road(lanes=2, lane_m=3.5, verge="dry", wear=0.3, scenery=("rail", "trees"))
    a1_exit = Road(
        lanes=2, lane_m=3.5, asphalt=(92, 92, 94), verge="grass", wear=0.6, scenery=("rail", "poles")
    )
    south = Road(lanes=3, lane_m=3.25, verge="pavement", stop_line_m=STOP_LINE_M, crossing_m=STOP_LINE_M + 3.2,
                 cross_road_m=STOP_LINE_M + 12, scenery=("buildings", "trees", "poles"))  # fmt: skip
    market = Road(
        lanes=2, lane_m=3.2, asphalt=(120, 118, 116), verge="pavement", wear=0.7, scenery=("trees", "poles")
    )
    lima = Road(
        lanes=2, lane_m=3.0, asphalt=(112, 116, 118), verge="pavement", wear=0.9, scenery=("trees", "poles")
    )
    republican = _kazakh("A-1", "republican", True, "Akmola", 51.63, 71.02)
    section = ("hotlist", "count", "section_control")
    return (
        Site("kz-a1-entry", "A-1 km 112, entry", gantry, a1, DAY, 0.0, "keyframes", section,
             {**republican, "direction": "north", "section": {"id": "a1-112-113", "role": "entry"},
              "certificate": _certificate("AA-17-0412", "2027-02-01")}),
        Site("kz-a1-exit", "A-1 km 113, exit", gantry, a1_exit, DUSK, SECTION_LAG_S, "keyframes", section,
             {**republican, "direction": "north", "section": {"id": "a1-112-113", "role": "exit"},
              "certificate": _certificate("AA-17-0413", "2027-02-01")}),
        Site("kz-j1-north", "Abai Ave / Zheltoksan St, northbound", aimed(1920, 1080, 3000, 7.0, 13.0), south, OVERCAST,
             0.0, 5, ("hotlist", "count", "spot_speed", "red_light"),
             {**_kazakh("Abai Ave", "city", True, "Almaty", 43.24, 76.93), "direction": "north", "speed_limit_kmh": 60,
              "junction": {"id": "j1", "signal_group": "north"}, "stop_line": {"ground_y_m": STOP_LINE_M, "ground_x_m": [-south.half_m, south.half_m]},
              "certificate": _certificate("AA-17-0988", "2027-05-20")}),
        Site("kz-k3-market", "Konaev St 3, market", aimed(1280, 720, 2600, 6.0, 12.5), market, DAY, 0.0, 5,
             ("hotlist", "count", "spot_speed"),
             {**_kazakh("Konaev St", "city", True, "Shymkent", 42.32, 69.59), "direction": "east", "speed_limit_kmh": 60,
              "certificate": _certificate("AA-16-3301", "2026-02-01")}),
        Site("pe-lima-1", "Av. Arequipa cdra. 20", aimed(1920, 1080, 4600, 5.5, 13.0), lima, OVERCAST, 0.0, "keyframes",
             ("hotlist", "count"),
             {"country": "pe", "timezone": "America/Lima", "direction": "south",
              "location": {"lat": -12.08, "lon": -77.03, "road": "Av. Arequipa", "road_class": "city", "straight": True,
                           "district": "Lince"}}, True),
    )  # fmt: skip


SECTION = {
    "id": "a1-112-113", "road": "A-1", "road_class": "republican", "straight": True, "entry": "kz-a1-entry",
    "exit": "kz-a1-exit", "length_m": SECTION_M, "length_error_m": 0.05, "limit_kmh": 110, "country": "kz",
    "entry_ground_y_m": 0.0, "exit_ground_y_m": 0.0,
}  # fmt: skip
