"""What people of the simulated month do: every offence, and what is just not one. Each adds its own truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waysight.messages import Sighting
from waysight.simulate.looked import Look
from waysight.simulate.month.streets import colour, plate_of
from waysight.simulate.month.truth import NOBODY, Deed

if TYPE_CHECKING:
    from waysight.simulate.month.traffic import Traffic

ERROR_KMH = 1.25
_NUDGE_KMH = 0.125  # speeds are multiples of it, which every float holds exactly


@dataclass(frozen=True)
class Told:
    """Who (by number) does something, and when (UTC epoch ms)."""

    traffic: Traffic
    number: int
    at_ms: int

    @property
    def plate(self) -> str:
        """The plate."""
        return plate_of(self.traffic.streets.nation.code, self.number)

    def camera(self, kind: str) -> str:
        """One camera of a kind."""
        return f"d{self.traffic.chance.randrange(self.traffic.streets.districts)}-{kind}"

    def enrol(self, at_ms: int | None = None) -> None:
        """The register tells of the vehicle."""
        when_ms = self.at_ms - 3_600_000 if at_ms is None else at_ms
        self.traffic.push(when_ms, self.traffic.streets.vehicle(self.number))

    def look(self, camera_id: str, at_ms: int | None = None, **more: object) -> Sighting:
        """It passes a camera."""
        given: dict[str, object] = {
            "plate": self.plate, "label": "car", "colour": colour(self.number), "speed_kmh": 48.0,
            "country": self.traffic.streets.nation.code, **more,
        }  # fmt: skip
        return self.traffic.tell(
            Look(camera_id, at_ms=self.at_ms if at_ms is None else at_ms, **given)  # type: ignore[arg-type]
        )

    def fast(self, kind: str, over_kmh: float, at_ms: int | None = None, **more: object) -> Sighting:
        """It is measured so that `over_kmh` are left of what it drove too fast."""
        camera_id, nation = self.camera(kind), self.traffic.streets.nation
        limit = self.traffic.streets.limit_kmh(camera_id)
        measured = limit + over_kmh + nation.margin_kmh(limit) + ERROR_KMH
        return self.look(
            camera_id, at_ms, speed_kmh=measured, measured_kmh=measured, error_kmh=ERROR_KMH, **more
        )

    def guilty(
        self,
        offence: str,
        *sightings: Sighting,
        over: float | None = None,
        at_ms: int | None = None,
        enforceable: bool = True,
        owner: bool = True,
        known_ms: int = 0,
    ) -> None:
        """Write the truth down; `at_ms` is when it happened, by default when the last of `sightings` was first seen."""
        last = sightings[-1]
        self.traffic.truth.add(
            Deed(
                offence=offence,
                sightings=tuple(s.sighting_id for s in sightings),
                camera_id=last.camera_id,
                plate=last.plate,
                occurred_ms=last.path[0].captured_ms if at_ms is None else at_ms,
                over_kmh=over,
                enforceable=enforceable,
                owner=self.number if owner and enforceable else NOBODY,
                known_ms=known_ms,
            )
        )


def _overs(told: Told) -> list[float]:
    """Speeds inside each step of the tariff, on its bounds and next to them."""
    nation = told.traffic.streets.nation
    bounds = sorted(
        {s.above_kmh for p in nation.prices["spot_speed"] for s in p.steps if s.above_kmh is not None}
    )
    found = [b + d for b in bounds for d in (0.0, _NUDGE_KMH, 4.5)]
    return [o for o in found if o > 0 and o >= nation.least_over_kmh]


def _speeding(told: Told) -> None:
    overs = _overs(told)
    over = overs[told.number % len(overs)]
    told.enrol()
    told.guilty("spot_speed", told.fast("spot" if told.number % 2 else "fast", over), over=over)


def _hardly(told: Told) -> None:
    """Just not enough to be an offence."""
    told.enrol()
    told.fast("spot", told.traffic.streets.nation.least_over_kmh - _NUDGE_KMH)


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
    nation = told.traffic.streets.nation
    kmh = nation.section_limit_kmh + nation.least_over_kmh - 1.0
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
    """Twice within a few days: before the first fine is imposed, or after it; or long after an old one."""
    told.enrol()
    told.guilty("spot_speed", told.fast("spot", 25.0), over=25.0)
    later_ms = told.at_ms + (20, 100)[told.number % 2] * 3_600_000
    told.guilty("spot_speed", told.fast("fast", 45.0, later_ms), over=45.0)


DEEDS: Mapping[str, Callable[[Told], None]] = {
    "speeding": _speeding, "red": _red, "average": _average, "hardly": _hardly, "closed": _closed, "amber": _amber,
    "again": _again, "speeding-2": _speeding, "beside": _beside, "expired": _expired, "doubtful": _doubtful,
    "average-hardly": _average_hardly, "foreign": _foreign, "unknown": _unknown, "speeding-3": _speeding,
}  # fmt: skip
