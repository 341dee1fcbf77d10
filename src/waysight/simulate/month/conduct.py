"""What people of the simulated month do where they stand, turn, overtake and drive: offences, and what is just none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from waysight.messages import Sighting
from waysight.simulate.month.sites import HOURS_DAYS, HOURS_FROM_TO, MOST_S
from waysight.simulate.month.telling import Told
from waysight.simulate.town import CLOCK_ERROR_MS

_STEP_MS = 200
Place = tuple[int, float, float]


def along(at_ms: int, x_m: float, from_m: float, step_m: float, count: int) -> tuple[Place, ...]:
    """Straight along the road, `step_m` every 200 ms."""
    return tuple((at_ms + _STEP_MS * n, x_m, from_m + step_m * n) for n in range(count))


def still(at_ms: int, x_m: float, y_m: float, for_ms: int, every_ms: int = 5_000) -> tuple[Place, ...]:
    """At one place."""
    return tuple((t, x_m, y_m) for t in (*range(at_ms, at_ms + for_ms, every_ms), at_ms + for_ms))


def went(told: Told, kind: str, places: tuple[Place, ...], *zones: str, label: str = "car") -> Sighting:
    """It went that way before a camera of a kind."""
    return told.look(told.camera(kind), places=places, zones=tuple(map(_id, zones)), label=label)


def _id(zone: str) -> str:
    return zone.replace("_", "-")


def closed(told: Told, kind: str, zone: str) -> None:
    """Along a closed edge of the road; or with two wheels on its border, which proves nothing."""
    told.enrol()
    guilty = told.number % 3 > 0
    sighting = went(told, kind, along(told.at_ms, 4.6 if guilty else 3.5, 16.0, 2.7, 11), zone)
    if guilty:
        told.guilty(zone, sighting)


def against(told: Told) -> None:
    """The wrong way down a lane; or setting back a few metres."""
    told.enrol()
    guilty = told.number % 3 > 0
    sighting = went(told, "lane", along(told.at_ms, 1.75, 46.0, -2.7 if guilty else -0.8, 11), "one_way")
    if guilty:
        told.guilty("wrong_way", sighting)


def hours(told: Told) -> None:
    """A lorry where none may be by day on weekdays; or an hour later, to the second."""
    told.enrol()
    zone, begin, over = told.traffic.streets.nation.zone, *HOURS_FROM_TO
    local = datetime.fromtimestamp(told.at_ms / 1000, zone)
    while local.weekday() not in HOURS_DAYS:
        local += timedelta(days=1)
    guilty = told.number % 3 > 0
    hour, minute, second = (
        (over - 1, 59, 50) if told.number % 3 == 1 else (begin, 0, 1) if guilty else (over, 0, 1)
    )
    local = local.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if local.timestamp() * 1000 <= told.at_ms:
        local += timedelta(days=7)
    at_ms = round(local.timestamp() * 1000)
    sighting = went(told, "edge", along(at_ms, 1.75, 16.0, 2.7, 11), "restricted_hours", label="truck")
    if guilty:
        told.guilty("restricted_hours", sighting)


def over_line(told: Told) -> None:
    """Across a solid line; or only with its wheels on it."""
    told.enrol()
    guilty = told.number % 3 > 0
    xs = (
        (1.75, 1.75, 1.5, 0.6, -0.1, -1.6, -1.75, -1.75)
        if guilty
        else (1.75, 1.5, 0.8, 0.2, -0.2, 0.1, 0.9, 1.6)
    )
    places = tuple((told.at_ms + _STEP_MS * n, x, 18.0 + 2.5 * n) for n, x in enumerate(xs))
    sighting = went(told, "line", places)
    if guilty:
        told.guilty("solid_line", sighting, at_ms=places[5][0])


def turning(told: Told) -> None:
    """Into a road that may only be left that way; or out of it."""
    told.enrol()
    guilty = told.number % 3 > 0
    places = along(told.at_ms, 1.75, 17.0 if guilty else 44.5, 2.5 if guilty else -2.5, 12)
    sighting = went(told, "turn", places)
    if guilty:
        told.guilty("illegal_turn", sighting, at_ms=next(t for t, _, y in places if y > 30.7))


_STANDS = {"no_stopping": (4.6, 18.0), "no_parking": (4.6, 27.0), "box": (0.0, 38.0)}


def standing(told: Told, zone: str, offence: str) -> None:
    """A tenth of a second too long; long; or just as long as one may."""
    told.enrol()
    least_ms = 1000 * MOST_S[zone] + 2 * CLOCK_ERROR_MS
    for_ms = (least_ms, least_ms + 100, 3 * least_ms)[told.number % 3]
    sighting = went(told, "stand", still(told.at_ms, *_STANDS[zone], for_ms), zone)
    if told.number % 3:
        told.guilty(offence, sighting, at_ms=sighting.path[-1].captured_ms)


def _alone(told: Told, camera_id: str, for_ms: int) -> Told:
    """The same when nobody else does such a thing there."""
    return replace(told, at_ms=told.traffic.alone_at(f"{camera_id}/two", told.at_ms, for_ms))


def second_row(told: Told) -> None:
    """In the second row beside one that is parked; or alone."""
    told.enrol()
    camera_id, guilty = told.camera("stand"), told.number % 3 > 0
    told = _alone(told, camera_id, 420_000)
    if guilty:
        other = told.other()
        parked = still(told.at_ms - 60_000, -4.8, 26.0, 300_000)
        other.look(camera_id, places=parked)
    sighting = told.look(
        camera_id, places=still(told.at_ms, -2.0, 26.0, 120_000), zones=(_id("double_parking"),)
    )
    if guilty:
        told.guilty("double_parking", sighting, at_ms=sighting.path[-1].captured_ms)


def over_stop_line(told: Told) -> None:
    """Stops past the stop line on red; or on green."""
    told.enrol()
    camera_id, guilty = told.camera("stop"), told.number % 3 > 0
    at_ms = told.traffic.at_light(camera_id, "red" if guilty else "green", told.at_ms)
    places = (*along(at_ms, 1.75, 15.0, 1.0, 12), *still(at_ms + 12 * _STEP_MS, 1.75, 27.0, 3_000, _STEP_MS))
    sighting = told.look(camera_id, places=places)
    if guilty:
        told.guilty("stop_line", sighting, at_ms=at_ms + 1_500)  # a front 5.5 m ahead would be at the line


def at_crossing(told: Told) -> None:
    """Drives on while somebody is on the crossing; or when nobody is any more."""
    told.enrol()
    camera_id, guilty = told.camera("walk"), told.number % 3 > 0
    told = _alone(told, camera_id, 30_000)
    began_ms = told.at_ms - (2_000 if guilty else 9_000)
    walk = tuple((began_ms + _STEP_MS * n, -3.0 + 0.2 * n, 24.0) for n in range(31))
    told.other().look(camera_id, places=walk, zones=("crossing",), label="person", plate="")
    places = along(told.at_ms, 1.75, 16.0, 3.0, 11)
    sighting = told.look(camera_id, places=places, zones=("crossing",))
    if guilty:
        told.guilty("pedestrian_priority", sighting, at_ms=places[2][0])


def overtaking(told: Told) -> None:
    """Past another in the oncoming half; or past one that stands."""
    told.enrol()
    camera_id, guilty = told.camera("lane"), told.number % 3 > 0
    told = _alone(told, camera_id, 30_000)
    other = (
        along(told.at_ms, 1.75, 22.0, 1.2, 12) if guilty else still(told.at_ms, 1.75, 28.0, 2_200, _STEP_MS)
    )
    told.other().look(camera_id, places=other)
    sighting = told.look(
        camera_id, places=along(told.at_ms, -1.75, 16.0, 3.0, 11), zones=(_id("no_overtaking"),)
    )
    if guilty:
        told.guilty("overtaking", sighting)


def no_plate(told: Told) -> None:
    """Nothing where a plate should be."""
    told.guilty("no_plate", went_bare(told), enforceable=False)


def went_bare(told: Told) -> Sighting:
    """It passes without a plate."""
    return told.look(told.camera("mute"), plate="", places=along(told.at_ms, 1.75, 16.0, 2.7, 11))


def lapsed(told: Told, offence: str, field: str) -> None:
    """The last day of its insurance or inspection was yesterday; or is today."""
    zone = told.traffic.streets.nation.zone
    midnight = datetime.fromtimestamp(told.at_ms / 1000, zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    guilty = told.number % 3 > 0
    told.enrol(**{field: round(midnight.timestamp() * 1000) + (0 if guilty else 3_600_000)})
    sighting = went(told, "mute", along(told.at_ms, 1.75, 16.0, 2.7, 11))
    if guilty:
        told.guilty(offence, sighting, at_ms=sighting.last_ms)


CONDUCT: Mapping[str, Callable[[Told], None]] = {
    "bus_lane": lambda told: closed(told, "lane", "bus_lane"),
    "shoulder": lambda told: closed(told, "edge", "shoulder"),
    "pavement": lambda told: closed(told, "walk", "pavement"),
    "wrong_way": against, "hours": hours, "solid_line": over_line, "turn": turning,
    "stopping": lambda told: standing(told, "no_stopping", "illegal_stopping"),
    "parking": lambda told: standing(told, "no_parking", "illegal_parking"),
    "box": lambda told: standing(told, "box", "box_junction"),
    "second_row": second_row, "stop_line": over_stop_line, "crossing": at_crossing, "overtaking": overtaking,
    "no_plate": no_plate,
    "insurance": lambda told: lapsed(told, "no_insurance", "insured_until_ms"),
    "inspection": lambda told: lapsed(told, "no_inspection", "inspected_until_ms"),
}  # fmt: skip
