"""One act that several measurements show: a section and a radar on it, one parking captured again, a line and its light."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from waysight.simulate.month.conduct import along, still
from waysight.simulate.month.telling import Told

_MINUTE_MS = 60_000
# How much faster than allowed on the whole section, and at a camera on it, km/h; never nearly the same.
_SPEEDS = (
    (17.5, 11.0), (13.0, 18.5), (30.0, 15.0), (15.0, 30.0), (36.0, 25.0), (25.0, 36.0), (45.0, 25.0), (25.0, 45.0),
    (65.0, 45.0), (45.0, 65.0),
)  # fmt: skip
# Captures of parking, each with its length and the time until the next, minutes; and whether that is another stay.
_STAYS: tuple[tuple[tuple[float, float, bool], ...], ...] = (
    ((6, 5, False), (7, 0, False)),
    ((6, 20, False), (6.5, 20, False), (6.2, 0, False)),
    ((7, 31, True), (6, 0, False)),
    ((6, 25, False), (6, 25, False), (6, 25, False), (9, 25, False), (6, 0, False)),
    ((6, 4, False), (8, 31, True), (6, 0, False)),
)
_BAY, _CORNER = (4.6, 27.0), (6.6, 29.4)  # never within a metre of each other
_STOOD = (1.75, 27.0)


def on_section(told: Told) -> None:
    """Too fast over a whole section, and at a camera on the way."""
    told.enrol()
    nation = told.traffic.streets.nation
    whole, there = _SPEEDS[told.number % len(_SPEEDS)]
    district = told.camera("x").partition("-")[0]
    ends = told.traffic.section(district, told.number, told.at_ms, nation.section_limit_kmh + whole)
    between_ms = (ends[0].first_ms + ends[1].first_ms) // 2
    spot = told.fast_at(f"{district}-mid", there, between_ms)
    act = f"drive-{told.number}"
    told.guilty("average_speed", *ends, over=whole, act=act, weight=(whole,))
    told.guilty("spot_speed", spot, over=there, act=act, weight=(there,))


def parked(told: Told) -> None:
    """Parked for long, and seen several times; away in between for longer than anybody would be. One stay is told once."""
    told.enrol()
    camera_id, at_ms, another = told.camera("stand"), told.at_ms, True
    for minutes, gap, goes in _STAYS[told.number % len(_STAYS)]:
        for_ms = round(minutes * _MINUTE_MS)
        seen = told.look(camera_id, places=still(at_ms, *_BAY, for_ms), zones=("no-parking",))
        if another:
            told.guilty("illegal_parking", seen, at_ms=at_ms + for_ms)
        at_ms, another = at_ms + for_ms + round(gap * _MINUTE_MS), goes


def parked_briefly(told: Told) -> None:
    """Seen four times, each time as long as one may stand: it never left, or was away for longer than that."""
    told.enrol()
    camera_id, stays = told.camera("stand"), told.number % 2 > 0
    every_ms = (6 if stays else 10) * _MINUTE_MS
    at_ms = told.traffic.alone_at(camera_id, told.at_ms, 5 * every_ms)
    seen = [
        told.look(
            camera_id, places=still(at_ms + n * every_ms, *_CORNER, 4 * _MINUTE_MS), zones=("no-parking",)
        )
        for n in range(4)
    ]
    if stays:
        told.guilty("illegal_parking", *seen[:2], at_ms=seen[1].last_ms)


def over_line_on_red(told: Told) -> None:
    """Stops past the line on red, and goes on in red; or waits there for green."""
    told.enrol()
    camera_id, on_red = told.camera("stop"), told.number % 3 > 0
    at_ms = told.traffic.at_light(camera_id, "red", told.at_ms, reach_ms=8_000)
    goes_ms = at_ms + 5_600
    while (
        not on_red and told.traffic.streets.light(camera_id.partition("-")[0], goes_ms - 1_500)[0] != "green"
    ):
        goes_ms += 200
    told.traffic.lamps(camera_id, goes_ms)
    stands = still(at_ms + 2_400, *_STOOD, goes_ms - 200 - at_ms - 2_400, 200 if on_red else 500)
    places = (*along(at_ms, _STOOD[0], 15.0, 1.0, 12), *stands, *along(goes_ms, _STOOD[0], 28.0, 1.0, 10))
    seen = told.look(camera_id, places=places)
    act, reached_ms = f"light-{told.number}", at_ms + 1_500  # a front 5.5 m ahead would be at the line
    told.guilty("stop_line", seen, at_ms=reached_ms, act=act, weight=(1.0,))
    if on_red:
        told.guilty("red_light", seen, at_ms=reached_ms, act=act, weight=(2.0,))


ACTS: Mapping[str, Callable[[Told], None]] = {
    "on-section": on_section, "parked": parked, "over-line-on-red": over_line_on_red, "on-section-2": on_section,
    "parked-2": parked, "parked-briefly": parked_briefly,
}  # fmt: skip
