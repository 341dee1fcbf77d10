"""The city of the simulated month: its cameras by kind, its plates, its traffic lights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from waysight.messages import Signal, Vehicle
from waysight.simulate.fleet import FIRST, LAST, STREETS
from waysight.simulate.month.sites import SITES, site
from waysight.simulate.month.tariffs import Nation
from waysight.simulate.town import BUS_LANE, CLOCK_ERROR_MS, STOP_LINE_M, VIEW, calibration, plate

SECTION_M, RADAR_ERROR_KMH = 3000.0, 1.0
GREEN_MS, AMBER_MS, CYCLE_MS = 30_000, 33_000, 60_000
KINDS = (
    "spot", "fast", "old", "in", "out", "cross", "bus", "gate", "mid", "shaky", "radar", "unfit", "pole", *SITES,
)  # fmt: skip
_SAFE = "CFHKLMNPRTVWXY"  # letters that nothing is mistaken for
_COLOURS = ("white", "grey", "black", "silver", "blue", "red", "green")


def plate_of(country: str, number: int) -> str:
    """The plate of a vehicle's number (below 2.7 million); two of a country differ in two characters or more."""
    if country == "kz":
        return plate(number)
    if country == "pe":
        rest, digits = divmod(number, 100)
        rest, last = divmod(rest, len(_SAFE))
        rest, middle = divmod(rest, len(_SAFE))
        first = rest % len(_SAFE)
        tens, ones = divmod(digits, 10)
        check = (tens + 3 * ones + first + 2 * middle + 4 * last) % 10
        return f"{_SAFE[first]}{_SAFE[middle]}{_SAFE[last]}{check}{tens}{ones}"
    digits, region = divmod(number, 79)
    check = sum(int(d) * (n + 2) for n, d in enumerate(f"{digits % 90_000:05d}")) + region
    return f"{digits % 90_000 + 10_000}{_SAFE[check % len(_SAFE)]}{region + 1}"


def radar_of(camera_id: str) -> str:
    """The radar beside a camera."""
    return f"{camera_id}-r"


def anpr_of(camera_id: str) -> str:
    """The ANPR camera at a place without video."""
    return f"{camera_id}-a"


def person_id(country: str, number: int) -> str:
    """What the register calls a person."""
    return f"{country}{number:012d}"


def person_name(number: int) -> str:
    """A person's name."""
    return f"{FIRST[number % len(FIRST)]} {LAST[number // 10 % len(LAST)]}"


@dataclass(frozen=True)
class Streets:
    """`districts` times one camera of each kind in one country."""

    nation: Nation
    start: date
    districts: int = 2

    @cached_property
    def start_ms(self) -> int:
        """Local midnight at which the month begins, UTC epoch ms."""
        day = self.start
        return round(datetime(day.year, day.month, day.day, tzinfo=self.nation.zone).timestamp() * 1000)

    @cached_property
    def cameras(self) -> tuple[str, ...]:
        """Ids, `d<district>-<kind>`."""
        return tuple(f"d{d}-{kind}" for d in range(self.districts) for kind in KINDS)

    def limit_kmh(self, camera_id: str) -> float:
        """What is allowed before a camera."""
        if camera_id.endswith("mid"):
            return self.nation.section_limit_kmh
        return self.nation.limit_kmh + (20.0 if camera_id.endswith("fast") else 0.0)

    def light(self, junction: str, at_ms: int) -> tuple[str, int]:
        """What a junction's light shows and since when, UTC epoch ms."""
        cycle = at_ms - (at_ms + int(junction[1:]) * 13_000) % CYCLE_MS
        inside = at_ms - cycle
        since, state = max(
            (b, s) for b, s in ((0, "green"), (GREEN_MS, "amber"), (AMBER_MS, "red")) if b <= inside
        )
        return state, cycle + since

    def signals(self, junction: str, from_ms: int, until_ms: int) -> Iterator[Signal]:
        """What the controller told in a span: each change, and at its end that the last state holds."""
        at_ms = until_ms
        told = [(*self.light(junction, at_ms), until_ms)]
        while at_ms > from_ms:
            state, since = self.light(junction, at_ms)
            told.append((state, since, since))
            at_ms = since - 1
        for state, since, valid_ms in reversed(told):
            yield Signal(
                junction_id=junction, signal_group="main", state=state, changed_ms=since,  # type: ignore[arg-type]
                valid_ms=valid_ms, clock_error_ms=CLOCK_ERROR_MS, end=False,
            )  # fmt: skip

    def vehicle(self, number: int, owner: int, since_ms: int = 0) -> Vehicle:
        """The register's record of a vehicle and its owner since a time, UTC epoch ms."""
        return Vehicle(
            plate=plate_of(self.nation.code, number), country=self.nation.code, make="Hyundai", model="Accent",
            type="car", colour=colour(number), owner_id=person_id(self.nation.code, owner),
            owner_name=person_name(owner), owner_since_ms=since_ms,
            owner_address=f"{STREETS[owner % len(STREETS)]} {owner % 200}", owner_kind="person",
        )  # fmt: skip

    def camera_file(self) -> dict[str, Any]:
        """The content of a camera file (docs/cameras.md)."""
        sections = [
            {
                "id": f"d{d}", "road": "A-1", "road_class": "republican", "straight": True, "entry": f"d{d}-in",
                "exit": f"d{d}-out", "length_m": SECTION_M, "length_error_m": 0.05, "country": self.nation.code,
                "limit_kmh": self.nation.section_limit_kmh,
            }
            for d in range(self.districts)
        ]  # fmt: skip
        return {"version": 1, "cameras": list(map(self._camera, self.cameras)), "sections": sections}

    def _camera(self, camera_id: str) -> dict[str, Any]:
        district, _, kind = camera_id.partition("-")
        papers = {"certificate": self._certificate(camera_id)}
        measuring: dict[str, Any] = {"sampling": {"fps": 5}, "calibration": calibration(VIEW), **papers}
        spot = {
            **measuring,
            "speed_limit_kmh": self.limit_kmh(camera_id),
            "purposes": ["count", "spot_speed"],
        }
        measured = {**spot, "devices": [self._radar(camera_id)]}
        section = {
            **papers, "calibration": calibration(VIEW), "purposes": ["count", "section_control"],
            "section": {"id": district, "role": "entry" if kind == "in" else "exit"},
        }  # fmt: skip
        lane = [[1200, 150], [1910, 150], [1910, 1070], [1200, 1070]]
        own: dict[str, dict[str, Any]] = {
            "spot": spot, "fast": spot, "old": spot, "mid": spot, "shaky": spot,
            "radar": measured, "unfit": measured, "in": section, "out": section,
            "cross": {
                **measuring, "purposes": ["count", "red_light"],
                "junction": {"id": district, "signal_group": "main"},
                "stop_line": {"ground_y_m": STOP_LINE_M, "ground_x_m": [-8.0, 8.0]},
            },
            "bus": {
                **measuring, "purposes": ["count", "restricted_zone"],
                "zones": [{"id": BUS_LANE, "image": lane, "labels": ["car", "truck", "motorcycle"]}],
            },
            "gate": {"purposes": ["count"]},
            "pole": {
                "purposes": ["count", "spot_speed"], "speed_limit_kmh": self.limit_kmh(camera_id), "source": "",
                "devices": [self._radar(camera_id), {"id": anpr_of(camera_id), "kind": "anpr"}],
            },
            **{k: {**measuring, **site(k, district)} for k in SITES if k == kind},
        }  # fmt: skip
        highway = kind in ("in", "mid", "out")
        place = {
            "road": "A-1" if highway else f"Street {district[1:]}", "district": district, "straight": True,
            "road_class": "republican" if highway else "city",
        }  # fmt: skip
        return {
            "id": camera_id, "source": f"none-{camera_id}.mp4", "clock_error_ms": CLOCK_ERROR_MS, "country":
            self.nation.code, "timezone": self.nation.zone.key, "traffic": "away", "bearing_deg": 90,
            "location": place, **own[kind],
        }  # fmt: skip

    def _radar(self, camera_id: str) -> dict[str, Any]:
        """The device beside a camera; before one kind of camera its papers are over."""
        papers = self._certificate(f"{camera_id}-old" if camera_id.endswith("unfit") else camera_id)
        return {
            "id": radar_of(camera_id), "kind": "radar", "clock_error_ms": CLOCK_ERROR_MS,
            "speed_error_kmh": RADAR_ERROR_KMH, "certificate": papers,
        }  # fmt: skip

    def _certificate(self, camera_id: str) -> dict[str, str]:
        years = (self.start.year - 3, self.start.year + 3)
        until = self.start - timedelta(days=500) if camera_id.endswith("old") else date(years[1], 1, 1)
        return {
            "type_approval": "TA 02.03.07318", "type_approved_until": f"{years[1]}-12-31",
            "verification": f"T-{camera_id}", "verified_from": f"{years[0]}-01-01", "verified_until": f"{until}",
        }  # fmt: skip


def colour(number: int) -> str:
    """A vehicle's colour by its number."""
    return _COLOURS[number * 17 % len(_COLOURS)]
