"""What people of the simulated month do: every offence, and what is just not one. Each adds its own truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from waysight.messages import DutyPeriod, Exemption, Sighting
from waysight.simulate.month.acts import ACTS
from waysight.simulate.month.affairs import AFFAIRS
from waysight.simulate.month.conduct import CONDUCT
from waysight.simulate.month.court import has_price, local_day
from waysight.simulate.month.devices import DEVICES
from waysight.simulate.month.streets import plate_of
from waysight.simulate.month.telling import NUDGE_KMH, OTHER_VEHICLE, Told


def _overs(told: Told) -> list[float]:
    """Speeds inside each step of the tariff, on its bounds and next to them."""
    nation = told.traffic.streets.nation
    bounds = {s.above_kmh for p in nation.prices["spot_speed"] for s in p.steps if s.above_kmh is not None}
    found = [b + d for b in sorted(bounds) for d in (-NUDGE_KMH, 0.0, NUDGE_KMH, 4.5)]
    return [o for o in found if o > 0 and o >= nation.least_over_kmh]


def _speeding(told: Told) -> None:
    overs = _overs(told)
    over = overs[told.number % len(overs)]
    told.enrol()
    told.guilty("spot_speed", told.fast("spot" if told.number % 2 else "fast", over), over=over)


def _hardly(told: Told) -> None:
    """Just not enough to be an offence."""
    told.enrol()
    least = told.traffic.streets.nation.least_over_kmh
    told.fast("spot", 0.0 if told.number % 2 and not least else least - NUDGE_KMH)


def _average(told: Told) -> None:
    told.enrol()
    nation = told.traffic.streets.nation
    bands = ((12.5, 18.5), (22.0, 38.5), (42.0, 58.5), (62.0, 75.0))
    low, high = bands[told.number % len(bands)]
    over = told.traffic.chance.uniform(low, high)
    ends = told.traffic.section(
        told.camera("x").partition("-")[0], told.number, told.at_ms, nation.section_limit_kmh + over
    )
    told.guilty("average_speed", *ends, over=over)


def _average_hardly(told: Told) -> None:
    """As fast as one hardly may; without a law about it, as fast as the signs say."""
    nation = told.traffic.streets.nation
    tolerated = has_price(nation, "average_speed", local_day(nation, told.at_ms))
    kmh = nation.section_limit_kmh - 1.0 + (nation.least_over_kmh if tolerated else 0.0)
    told.traffic.section(told.camera("x").partition("-")[0], told.number, told.at_ms, kmh)


def _red(told: Told) -> None:
    camera_id = told.camera("cross")
    told.enrol()
    sighting = told.look(camera_id, told.traffic.at_light(camera_id, "red", told.at_ms), speed_kmh=52.0)
    told.guilty("red_light", sighting, at_ms=_over_line_ms(sighting))


def _amber(told: Told) -> None:
    """Crosses while the light is amber, or a moment before it turns red."""
    camera_id = told.camera("cross")
    junction, at_ms = camera_id.partition("-")[0], told.at_ms
    while told.traffic.streets.light(junction, at_ms)[0] != "amber":
        at_ms += 1000
    began_ms = told.traffic.streets.light(junction, at_ms)[1]
    at_ms = began_ms + (500 if told.number % 2 else 2400)
    told.traffic.lamps(camera_id, at_ms)
    told.look(camera_id, at_ms, speed_kmh=52.0)


def _over_line_ms(sighting: Sighting) -> int:
    """When a car's front, at most 5.5 m ahead of what is seen, may first have reached the line at 28 m."""
    (t0, y0), (t1, y1) = ((p.captured_ms, p.y_m + 5.5) for p in (sighting.path[0], sighting.path[-1]))
    return round(t0 + (28.0 - y0) / (y1 - y0) * (t1 - t0))


def _closed(told: Told) -> None:
    told.enrol()
    told.guilty("restricted_zone", told.look(told.camera("bus"), lane="bus"))


def _beside(told: Told) -> None:
    """A bus where buses may go, or a car in its own lane."""
    if told.number % 2:
        told.look(told.camera("bus"), lane="bus", label="bus")
    else:
        told.look(told.camera("bus"))


def _expired(told: Told) -> None:
    told.enrol()
    told.guilty("spot_speed", told.fast("old", 15.0), over=15.0, enforceable=False)


def _doubtful(told: Told) -> None:
    """Read once, read unsurely, or not read at all: seen, but no fine."""
    told.enrol()
    more: dict[str, Any] = ({"votes": 1}, {"sure": False}, {"plate": ""})[told.number % 3]
    told.guilty("spot_speed", told.fast("spot", 25.0, **more), over=25.0, enforceable=False)


def _foreign(told: Told) -> None:
    home = told.traffic.streets.nation.code
    country = "pe" if home == "kz" else "kz"
    plate = plate_of(country, told.number)
    told.guilty("spot_speed", told.fast("spot", 25.0, plate=plate, country=country), over=25.0, owner=False)


def _unknown(told: Told) -> None:
    """Nobody in the register."""
    told.guilty("spot_speed", told.fast("spot", 25.0), over=25.0, owner=False)


def _again(told: Told) -> None:
    """Twice within a few days: before the first fine is imposed, or after it; in the same vehicle, or another of theirs."""
    told.enrol()
    first, second = told.traffic.streets.nation.again_kmh
    told.guilty("spot_speed", told.fast("spot", first), over=first)
    later_ms = told.at_ms + (20, 100)[told.number % 2] * 3_600_000
    then = told
    if told.number % 3 == 0:
        then = replace(told, number=told.number + OTHER_VEHICLE, at_ms=later_ms, owned_by=told.number)
        then.enrol()
    then.guilty("spot_speed", then.fast("fast", second, later_ms), over=second)


def _relapse(told: Told) -> None:
    """Again, a year after a first fine or just not yet: who did it long ago does it once more."""
    if not told.traffic.veterans:
        _speeding(told)
        return
    again = replace(told, number=told.traffic.veterans.pop())
    over = told.traffic.streets.nation.again_kmh[1]
    again.guilty("spot_speed", again.fast("fast", over), over=over)


def _exempt(told: Told) -> None:
    """An ambulance on duty; its neighbour on an errand of its own."""
    told.enrol()
    on_duty = told.number % 2 == 0
    told.traffic.push(told.at_ms - 3_600_000, exemption(told.plate, told.at_ms, on_duty))
    told.guilty("spot_speed", told.fast("spot", 25.0), over=25.0, enforceable=not on_duty)


def exemption(plate: str, at_ms: int, on_duty: bool) -> Exemption:
    """Of a vehicle that is on duty for an hour around a time, or was the day before."""
    began_ms = at_ms - (1_800_000 if on_duty else 86_400_000)
    return Exemption(
        exemption_id=f"x-{plate}", plate=plate, kind="emergency", on_duty_only=True, legal_basis="simulated",
        authority="Ambulance", case_number=plate, valid_from_ms=at_ms - 90_000_000, valid_until_ms=at_ms + 90_000_000,
        duty=(DutyPeriod(from_ms=began_ms, until_ms=began_ms + 3_600_000, mission="call"),),
    )  # fmt: skip


DEEDS: Mapping[str, Callable[[Told], None]] = {
    "speeding": _speeding, "red": _red, "average": _average, "hardly": _hardly, "closed": _closed, "amber": _amber,
    "again": _again, "speeding-2": _speeding, "beside": _beside, "expired": _expired, "doubtful": _doubtful,
    "average-hardly": _average_hardly, "foreign": _foreign, "unknown": _unknown, "relapse": _relapse, "exempt": _exempt, "speeding-3": _speeding, "speeding-4": _speeding,
    **CONDUCT, **ACTS, **AFFAIRS, **DEVICES,
}  # fmt: skip
