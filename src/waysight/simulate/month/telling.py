"""How somebody of the simulated month does something: passes cameras, enters the register, writes down the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from waysight.messages import Sighting, Vehicle
from waysight.simulate.looked import Look
from waysight.simulate.month.court import has_price, local_day
from waysight.simulate.month.deed import NOBODY, Deed
from waysight.simulate.month.streets import colour, plate_of

if TYPE_CHECKING:
    from waysight.simulate.month.traffic import Traffic

ERROR_KMH = 1.25
HOUR_MS = 3_600_000
SOMEBODY_ELSE = 30_000
OTHER_VEHICLE = 60_000  # so much higher is the number of somebody's second vehicle
NUDGE_KMH = 0.125  # speeds are multiples of it, which every float holds exactly


@dataclass(frozen=True)
class Registered:
    """What the register tells of a vehicle, and when (UTC epoch ms)."""

    at_ms: int
    vehicle: Vehicle


@dataclass(frozen=True)
class Told:
    """Who (by number) does something, and when (UTC epoch ms)."""

    traffic: Traffic
    number: int
    at_ms: int
    owned_by: int = NOBODY

    @property
    def owner(self) -> int:
        """Whose vehicle it is; by default one's own."""
        return self.number if self.owned_by == NOBODY else self.owned_by

    @property
    def plate(self) -> str:
        """The plate."""
        return plate_of(self.traffic.streets.nation.code, self.number)

    def camera(self, kind: str) -> str:
        """One camera of a kind."""
        return f"d{self.traffic.chance.randrange(self.traffic.streets.districts)}-{kind}"

    def other(self) -> Told:
        """Somebody else, at the same time."""
        return replace(self, number=self.number + SOMEBODY_ELSE)

    def enrol(self, **papers: int) -> None:
        """The register tells of the vehicle, with when its papers end (UTC epoch ms)."""
        self.register(self.at_ms - HOUR_MS, self.owner, **papers)

    def register(self, when_ms: int, owner: int, **more: int) -> None:
        """The register tells at a time (UTC epoch ms) of an owner, and more of the vehicle."""
        vehicle = replace(self.traffic.streets.vehicle(self.number, owner), **more)  # type: ignore[arg-type]
        self.traffic.push(when_ms, Registered(when_ms, vehicle))

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
        """It is measured before a camera of a kind so that `over_kmh` are left of what it drove too fast."""
        return self.fast_at(self.camera(kind), over_kmh, at_ms, **more)

    def fast_at(self, camera_id: str, over_kmh: float, at_ms: int | None = None, **more: object) -> Sighting:
        """The same before a camera that is named."""
        nation = self.traffic.streets.nation
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
        plate: str = "",
        **more: Any,
    ) -> None:
        """Write the truth down; `at_ms` is when it happened, by default when the last of `sightings` was first seen.

        `plate` is by default the one that was read; `more` are other fields of the deed.
        """
        last, nation = sightings[-1], self.traffic.streets.nation
        occurred_ms = last.path[0].captured_ms if at_ms is None else at_ms
        enforceable = enforceable and has_price(nation, offence, local_day(nation, occurred_ms))
        self.traffic.truth.add(
            Deed(
                offence=offence,
                sightings=tuple(s.sighting_id for s in sightings),
                camera_id=last.camera_id,
                plate=plate or last.plate,
                occurred_ms=occurred_ms,
                over_kmh=over,
                enforceable=enforceable,
                owner=self.owner if owner and enforceable else NOBODY,
                **more,
            )
        )
