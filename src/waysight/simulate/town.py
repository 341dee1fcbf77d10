"""A town of any size without pictures: cameras by the dozen, plates by the million, who is looked for.

Everything follows from the seed and a number, so that nothing needs to be held: the k-th offender's plate is
a function of k. Two plates of the town differ in at least two characters (a weighted sum closes each).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from waysight.messages import Vehicle, WatchlistEntry
from waysight.simulate.fleet import FIRST, LAST, STREETS
from waysight.simulate.geometry import View, aimed

START_MS = 1_794_891_600_000  # 2026-11-17 05:00 UTC
DAY_MS = 86_400_000
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
REGIONS = 20
PLATES = 1000 * len(LETTERS) ** 2 * REGIONS
FLEET, OFFENDERS, WANTED, OTHERS = 0, 4_000_000, 6_000_000, 7_000_000  # where each kind's numbers begin
SECTION_M, SECTION_LIMIT_KMH, LIMIT_KMH = 3000.0, 110.0, 60.0
STOP_LINE_M, BUS_LANE = 28.0, "bus-lane"
GREEN_S, AMBER_S, CYCLE_S = 30, 33, 60  # the light is red from AMBER_S to CYCLE_S
SUPPRESS_S = 600
CLOCK_ERROR_MS = 40
VIEW = aimed(1920, 1080, 3000, 7.0, 13.0)
KINDS = ("speed-1", "speed-2", "in", "out", "cross", "bus", "old", "gate")
_STRIDE = 7_777_781  # coprime to PLATES, so that numbers scatter over all plates and none repeats
_LABELS = ("car",) * 16 + ("truck",) * 2 + ("bus", "motorcycle")
_TYPES = {"car": ("Hyundai", "Accent"), "truck": ("KamAZ", "65117"), "bus": ("Yutong", "ZK6118"), "motorcycle": ("Honda", "CB500")}  # fmt: skip
_COLOURS = ("white", "grey", "black", "silver", "blue", "red", "green")


def plate(number: int) -> str:
    """The Kazakh plate of a vehicle's number, 0 .. PLATES - 1."""
    rest = number * _STRIDE % PLATES
    rest, region = divmod(rest, REGIONS)
    rest, second = divmod(rest, len(LETTERS))
    digits, first = divmod(rest, len(LETTERS))
    a, b, c = digits // 100, digits // 10 % 10, digits % 10
    check = (a + 2 * b + 3 * c + 4 * first + 5 * second + 6 * region) % len(LETTERS)
    return f"{digits:03d}{LETTERS[first]}{LETTERS[second]}{LETTERS[check]}{region + 1:02d}"


def foreign_plate(number: int) -> str:
    """The Peruvian plate of a vehicle's number."""
    return f"{LETTERS[number % 23]}{LETTERS[number // 23 % 23]}{LETTERS[number // 529 % 23]}{number * 37 % 1000:03d}"


def label(number: int) -> str:
    """A vehicle's class by its number."""
    return _LABELS[number * 31 % len(_LABELS)]


def colour(number: int) -> str:
    """A vehicle's colour by its number."""
    return _COLOURS[number * 17 % len(_COLOURS)]


def registered(number: int) -> bool:
    """Whether the register knows a vehicle's owner; of offenders each seventh is unknown."""
    return number < OFFENDERS or number % 7 != 3


@dataclass(frozen=True)
class Town:
    """`districts` times eight cameras: two for spot speed (one group), both ends of a section, a junction with
    a light, a bus lane, one with an expired certificate, one that only looks for plates and counts."""

    seed: int = 7
    districts: int = 2
    start_ms: int = START_MS

    @cached_property
    def cameras(self) -> tuple[str, ...]:
        """Ids, `d<district>-<kind>`."""
        return tuple(f"d{d}-{kind}" for d in range(self.districts) for kind in KINDS)

    def group(self, camera_id: str) -> str:
        """What alerts of a camera are gathered by: its group, else itself."""
        district, _, kind = camera_id.partition("-")
        return f"{district}-speed" if kind.startswith("speed") else camera_id

    def road(self, camera_id: str) -> str:
        """The road that a camera looks at; all sections lie on one."""
        district, _, kind = camera_id.partition("-")
        return "A-1" if kind in ("in", "out") else f"Street {district[1:]}"

    def light(self, junction: str, at_ms: int) -> tuple[str, int]:
        """What a junction's light shows (green, amber, red) and since when, UTC epoch ms."""
        offset = self._offset_ms(junction)
        cycle, inside = divmod(at_ms - self.start_ms + offset, CYCLE_S * 1000)
        begin = self.start_ms - offset + cycle * CYCLE_S * 1000
        for since_s, state in ((AMBER_S, "red"), (GREEN_S, "amber"), (0, "green")):
            if inside >= since_s * 1000:
                return state, begin + since_s * 1000
        raise AssertionError("a cycle begins at 0")

    def _offset_ms(self, junction: str) -> int:
        return (int(junction[1:]) * 13 + self.seed * 7) % CYCLE_S * 1000

    def camera_file(self) -> dict[str, Any]:
        """The content of a camera file (docs/cameras.md)."""
        sections = [
            {
                "id": f"d{d}", "road": "A-1", "road_class": "republican", "straight": True, "entry": f"d{d}-in",
                "exit": f"d{d}-out", "length_m": SECTION_M, "length_error_m": 0.05, "limit_kmh": SECTION_LIMIT_KMH,
            }
            for d in range(self.districts)
        ]  # fmt: skip
        return {"version": 1, "cameras": list(map(self._camera, self.cameras)), "sections": sections}

    def _camera(self, camera_id: str) -> dict[str, Any]:
        district, _, kind = camera_id.partition("-")
        measuring: dict[str, Any] = {"sampling": {"fps": 5}, "calibration": calibration(VIEW)}
        papers = {"certificate": _certificate(camera_id, "2026-02-01" if kind == "old" else "2027-05-20")}
        spot = {
            **measuring,
            **papers,
            "speed_limit_kmh": LIMIT_KMH,
            "purposes": ["hotlist", "count", "spot_speed"],
        }
        section = {
            **papers,
            "calibration": calibration(VIEW),
            "purposes": ["hotlist", "count", "section_control"],
            "section": {"id": district, "role": "entry" if kind == "in" else "exit"},
        }
        lane = [[1200, 150], [1910, 150], [1910, 1070], [1200, 1070]]
        own: dict[str, dict[str, Any]] = {
            "speed-1": {**spot, "group": f"{district}-speed"},
            "speed-2": {**spot, "group": f"{district}-speed"},
            "old": spot,
            "in": section,
            "out": section,
            "cross": {
                **measuring,
                **papers,
                "purposes": ["hotlist", "count", "red_light"],
                "junction": {"id": district, "signal_group": "main"},
                "stop_line": {"ground_y_m": STOP_LINE_M, "ground_x_m": [-8.0, 8.0]},
            },
            "bus": {
                **measuring,
                **papers,
                "purposes": ["hotlist", "count", "restricted_zone"],
                "zones": [{"id": BUS_LANE, "image": lane, "labels": ["car", "truck", "motorcycle"]}],
            },
            "gate": {"purposes": ["hotlist", "count"]},
        }
        road = self.road(camera_id)
        place = {
            "road": road,
            "road_class": "republican" if road == "A-1" else "city",
            "straight": True,
            "district": district,
        }
        return {
            "id": camera_id, "source": f"none-{camera_id}.mp4", "clock_error_ms": CLOCK_ERROR_MS, "country": "kz",
            "timezone": "Asia/Almaty", "traffic": "away", "bearing_deg": 90, "location": place, **own[kind],
        }  # fmt: skip

    def vehicles(self, offenders: int, others: int = 0) -> Iterator[Vehicle]:
        """The register's records of the first `offenders` and of so many of the fleet."""
        for number in (*range(OFFENDERS, OFFENDERS + offenders), *range(FLEET, FLEET + others)):
            if registered(number):
                yield _vehicle(number)

    def hotlist(self, entries: int, wanted: int = 50) -> Iterator[WatchlistEntry]:
        """`entries` entries: first about the `wanted` vehicles that drive about, the rest about nobody here."""
        for n in range(entries):
            number = WANTED + n if n < wanted else OTHERS + n
            status = wanted_status(n) if n < wanted else "active"
            yield WatchlistEntry(
                entry_id=f"e{n:07d}",
                plate=plate(number),
                kind="stolen",
                priority=1 + n % 3,
                legal_basis="Criminal Code art. 188",
                authority="Ministry of Internal Affairs",
                case_number=f"2026-{n:07d}",
                source="town simulator",
                audience="",
                valid_from_ms=self.start_ms - 90 * DAY_MS,
                expires_ms=self.start_ms + (-30 if status == "expired" else 365) * DAY_MS,
                revoked_ms=self.start_ms - DAY_MS if status == "revoked" else None,
                revoked_by="officer" if status == "revoked" else "",
                suppress_s=SUPPRESS_S,
            )


def wanted_status(n: int) -> str:
    """Whether the n-th wanted vehicle's entry is active, revoked or expired."""
    return {3: "revoked", 6: "expired"}.get(n % 10, "active")


def calibration(view: View) -> dict[str, Any]:
    """Eight exactly surveyed points of a view, as a camera file has them."""
    points = []
    for x in (-6.0, 6.0):
        for y in (14.0, 20.0, 32.0, 60.0):
            pixels, _ = view.project(np.array([[x, y, 0.0]]))
            points.append({"image": [round(float(p), 2) for p in pixels[0]], "ground": [x, y]})
    return {"image_size": [view.width_px, view.height_px], "points": points, "error_m": 0.02}


def _certificate(camera_id: str, verified_until: str) -> dict[str, str]:
    return {
        "type_approval": "KZ.02.03.07318", "type_approved_until": "2028-12-31", "verification": f"T-{camera_id}",
        "verified_from": "2025-02-01", "verified_until": verified_until,
    }  # fmt: skip


def _vehicle(number: int) -> Vehicle:
    kind = "car" if number >= OFFENDERS else label(number)
    make, model = _TYPES[kind]
    return Vehicle(
        plate=plate(number), country="kz", make=make, model=model, type=kind, colour=colour(number),
        owner_id=f"{number:012d}", owner_name=f"{FIRST[number % len(FIRST)]} {LAST[number // 10 % len(LAST)]}",
        owner_address=f"{STREETS[number % len(STREETS)]} {number % 200}, Astana", owner_kind="person",
    )  # fmt: skip
