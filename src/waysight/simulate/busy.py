"""A city for measuring how often a fine is wrong: most drivers offend, and much is done to have them mistaken.

Speeds lie on both sides of every bound, plates are dirty, borne by another vehicle, foreign or of no owner, and for
every plate the register knows four others that differ in one character.
"""

from collections.abc import Callable

import numpy as np

from waysight.simulate.city import (
    AMBER_S,
    CARS,
    CYCLE_S,
    HEAVY,
    City,
    Rng,
    both_ends,
    crossing,
    place,
    through_green,
)
from waysight.simulate.fleet import Fleet, Vehicle, make_owner, register_as_another
from waysight.simulate.looks import random_colour
from waysight.simulate.sites import STOP_LINE_M, Site, all_sites
from waysight.simulate.traffic import Drive, queueing

CAMERAS = ("kz-a1-entry", "kz-a1-exit", "kz-j1-north")
A_MINUTE = {"section": 44, "spot": 24, "red": 14}
TIERS_KMH = ((13.0, 17.0), (23.0, 37.0), (43.0, 57.0), (63.0, 72.0))
TIER_SHARES = (0.4, 0.35, 0.2, 0.05)
BOUNDS_KMH, NEAR_KMH = (10.0, 20.0, 40.0), 2.5
LOOKALIKES = {
    "0": "86", "1": "74", "2": "7", "3": "85", "4": "1", "5": "63", "6": "58", "7": "12", "8": "36", "9": "0",
    "A": "R", "B": "RE", "C": "G", "D": "O", "E": "FB", "F": "PE", "G": "C", "H": "NM", "K": "X", "M": "NH", "N": "MH",
    "O": "D", "P": "RF", "R": "BP", "S": "B", "T": "Y", "U": "V", "V": "UY", "X": "KY", "Y": "VX", "Z": "S",
}  # fmt: skip


def busy_sites() -> tuple[Site, ...]:
    """Both ends of the section, and the junction."""
    return tuple(site for site in all_sites() if site.camera_id in CAMERAS)


def build_busy_city(seed: int, seconds: float, start_ms: int) -> City:
    """The whole city from a seed; the same arguments give the same city."""
    rng = np.random.default_rng([seed, 17])
    city = City(seed, seconds, start_ms, busy_sites(), Fleet(rng), looked_at_only=True)
    for _ in range(round(A_MINUTE["section"] * seconds / 60)):
        place(
            city, both_ends(city, rng, _vehicle(city, rng), 110.0 + over_kmh(rng)), must_read=True, tries=60
        )
    site = city.at("kz-j1-north")
    _queue(city, site)
    reds = [t for t, state in city.light_changes() if state == "red"]
    for _ in range(round(A_MINUTE["red"] * seconds / 60) if reds else 0):
        place(city, _runs_red(city, rng, site, reds), must_read=True, tries=60)
    for _ in range(round(A_MINUTE["spot"] * seconds / 60)):
        place(city, through_green(city, rng, site, _vehicle(city, rng), 60.0 + over_kmh(rng)), True, tries=60)
    city.on_record = [
        other for v in city.fleet.vehicles if v.country == "kz" for other in _lookalikes(v, rng)
    ]
    return city


def _vehicle(city: City, rng: Rng) -> Vehicle:
    """Eight of ten Kazakh; some heavy, some with a dirty plate, without an owner, or with another's plate."""
    country = str(rng.choice(["kz"] * 8 + ["pe", "ma"]))
    vehicle = city.fleet.new(country, CARS if rng.random() < 0.95 else HEAVY, owner=bool(rng.random() > 0.06))
    if rng.random() < 0.12:
        vehicle.dirt = float(rng.uniform(0.1, 0.9))
    if vehicle.owner and rng.random() < 0.07:
        register_as_another(vehicle, rng, str(rng.choice(["sedan", "suv", "truck", "bus"])))
    return vehicle


def over_kmh(rng: Rng) -> float:
    """Km/h over the limit: well inside a tier, close to a bound on either side, or nothing to punish."""
    kind = rng.random()
    if kind < 0.6:
        return float(rng.uniform(*TIERS_KMH[int(rng.choice(len(TIERS_KMH), p=TIER_SHARES))]))
    if kind < 0.85:
        return float(rng.choice(BOUNDS_KMH) + rng.uniform(-NEAR_KMH, NEAR_KMH))
    return float(rng.uniform(-25.0, 7.0))


def _runs_red(city: City, rng: Rng, site: Site, reds: list[float]) -> Callable[[], list[Drive]]:
    """Crossings while the light is red, from just after amber to just before green, in the lanes without a queue."""
    vehicle, kmh = _vehicle(city, rng), float(rng.uniform(38.0, 58.0))

    def make() -> list[Drive]:
        front = float(rng.choice(reds)) + float(rng.uniform(0.6, CYCLE_S - AMBER_S - 0.6))
        return [crossing(site, vehicle, int(rng.integers(2)), kmh, front)]

    return make


def _queue(city: City, site: Site) -> None:
    """One vehicle waits at each red light beside those who do not."""
    for red in (t for t, state in city.light_changes() if state == "red"):
        vehicle = city.fleet.new("kz", CARS)
        near = STOP_LINE_M - 1.0 - crossing(site, vehicle, 2, 1.0, 0.0).length_m
        drive = Drive(vehicle, site, 2, queueing(near, red + 2.0, red + CYCLE_S - AMBER_S + 1.0))
        if city.samples(drive) and city.fits(drive):
            city.drives.append(drive)


def _lookalikes(vehicle: Vehicle, rng: Rng) -> list[Vehicle]:
    """Four vehicles of other people whose plates are one character away from this one's."""
    found: list[Vehicle] = []
    for at in rng.permutation(len(vehicle.plate)).tolist()[:4]:
        another = str(rng.choice(list(LOOKALIKES.get(vehicle.plate[at], "1"))))
        plate = vehicle.plate[:at] + another + vehicle.plate[at + 1 :]
        kind = str(rng.choice(CARS))
        found.append(Vehicle(plate, vehicle.design, "kz", kind, random_colour(rng), 0, make_owner(rng)))
    return found
