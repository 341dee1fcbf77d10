"""The seeded city: who drives where and when, who is wanted, when the light is red."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from waysight.simulate.fleet import Fleet, Vehicle, register_as_another
from waysight.simulate.sites import FPS, SECTION_M, STOP_LINE_M, Site, all_sites
from waysight.simulate.traffic import Drive, Motion, Stroll, queueing, steady

Rng = np.random.Generator
GREEN_S, AMBER_S, CYCLE_S = 14.0, 17.0, 36.0
CARS = ("sedan", "hatch", "suv", "wagon", "minivan", "sedan", "suv")
HEAVY = ("truck", "bus", "van", "truck")


@dataclass(frozen=True)
class Wanted:
    """A line of the hotlist about a vehicle of the city; `status` is active, expired or revoked."""

    vehicle: Vehicle
    kind: str
    status: str


@dataclass
class City:
    """Everything that happens; times in seconds after `start_ms` (UTC epoch ms).

    `on_record` are vehicles that the register knows and no camera sees. With `looked_at_only` the clips hold no more
    pictures than the system looks at.
    """

    seed: int
    seconds: float
    start_ms: int
    sites: tuple[Site, ...]
    fleet: Fleet
    drives: list[Drive] = field(default_factory=list)
    strolls: list[Stroll] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    on_record: list[Vehicle] = field(default_factory=list)
    looked_at_only: bool = False

    def at(self, camera_id: str) -> Site:
        return next(site for site in self.sites if site.camera_id == camera_id)

    def ms(self, t: float) -> int:
        """City time to UTC epoch ms."""
        return self.start_ms + round(t * 1000)

    def fps(self, site: Site) -> int:
        """Pictures a second of a camera's clip."""
        return FPS // site.sample_step if self.looked_at_only else FPS

    def light_state(self, t: float) -> str:
        """The traffic light of the junction at city time `t`."""
        phase = t % CYCLE_S
        return "green" if phase < GREEN_S else "amber" if phase < AMBER_S else "red"

    def light_changes(self) -> list[tuple[float, str]]:
        """(time s, state) from 0 to the end."""
        cycles = range(int(self.seconds // CYCLE_S) + 1)
        all_changes = [
            (c * CYCLE_S + s, state)
            for c in cycles
            for s, state in ((0.0, "green"), (GREEN_S, "amber"), (AMBER_S, "red"))
        ]
        return [change for change in all_changes if change[0] < self.seconds]

    def fits(self, drive: Drive) -> bool:
        """Whether it keeps 3 m from everyone else in its lane as long as both are near the camera."""
        times = np.arange(drive.site.lag_s - 4, drive.site.lag_s + self.seconds + 4, 0.2)
        a = drive.motion.ys(times)
        for other in self.drives:
            if other.site is not drive.site or other.lane != drive.lane:
                continue
            b = other.motion.ys(times)
            near = (a > -12) & (a < 110) & (b > -12) & (b < 110)
            room = np.where(a < b, drive.length_m, other.length_m) + 3
            if bool((near & (np.abs(a - b) < room)).any()):
                return False
        return True

    def samples(self, drive: Drive) -> list[float]:
        """Times at which the system looks and at least a third of the vehicle is in the picture."""
        step = drive.site.sample_step / FPS
        times = drive.site.lag_s + np.arange(0, self.seconds - 1e-9, step)
        return [t for t in times.tolist() if -12 < drive.motion.y(t) < 110 and drive.seen(t) > 0.34]

    def reads(self, drive: Drive, least_px: float) -> int:
        """On how many looked-at frames its plate is at least `least_px` wide, hiding not considered."""
        return sum(drive.plate_width_px(t) >= least_px for t in self.samples(drive))


def build_city(seed: int, seconds: float, start_ms: int) -> City:
    """The whole city from a seed; the same arguments give the same city."""
    rng = np.random.default_rng([seed, 11])
    city = City(seed, seconds, start_ms, all_sites(), Fleet(rng))
    _section(city, rng)
    _junction(city, rng)
    _market(city, rng)
    _lima(city, rng)
    return city


def place(city: City, make: Callable[[], list[Drive]], must_read: bool, tries: int = 400) -> list[Drive]:
    """Draws until the drives fit, and show their plates where they are seen; [] when they never do."""
    for attempt in range(tries):
        drives = make()
        if not all(city.fits(d) for d in drives):
            continue
        shown = [d for d in drives if city.samples(d)]
        if not shown or (must_read and len(shown) < len(drives)):
            continue
        best = 0.52 if drives[0].vehicle.country != "pe" else 0.3
        least = 62.0 if best > 0.4 and attempt < tries // 2 else drives[0].site.least_plate_px + 1.5
        if all(city.reads(d, least) >= d.site.least_samples for d in shown):
            city.drives.extend(shown)
            return shown
    return []


def _want(city: City, vehicle: Vehicle, kind: str, status: str = "active") -> None:
    city.wanted.append(Wanted(vehicle, kind, status))


def _section(city: City, rng: Rng) -> None:
    plan: list[tuple[float, str, bool, tuple[str, ...], str]] = [
        (126.4, "kz", True, CARS, ""), (126.8, "kz", False, CARS, ""), (136.5, "kz", True, CARS, ""),
        (141.5, "ma", True, CARS, ""), (144.5, "kz", True, CARS, ""), (154.0, "kz", True, ("sedan", "suv"), ""),
        (114.5, "kz", True, CARS, ""), (113.5, "kz", True, CARS, ""), (97.0, "kz", True, CARS, "stolen"),
        (92.0, "pe", True, CARS, "wanted_owner"), (101.0, "ma", True, CARS, "stolen"), (94.0, "kz", True, CARS, "expired"),
    ]  # fmt: skip
    for country in ("kz", "kz", "pe", "ma", "kz", "kz", "ma", "kz", "pe", "kz"):
        heavy = rng.random() < 0.4
        speed = rng.uniform(68, 86) if heavy else rng.uniform(82, 107)
        plan.append((speed, country, True, HEAVY if heavy else CARS, ""))
    for number, (mean_kmh, country, owner, kinds, note) in enumerate(
        plan[: max(6, int(len(plan) * city.seconds / 60))]
    ):
        vehicle = city.fleet.new(country, kinds, owner)
        speed = mean_kmh + rng.uniform(-0.3, 0.3)
        if place(city, both_ends(city, rng, vehicle, speed), must_read=number < 12) and note:
            _want(
                city,
                vehicle,
                "stolen" if note == "expired" else note,
                "expired" if note == "expired" else "active",
            )


def both_ends(city: City, rng: Rng, vehicle: Vehicle, kmh: float) -> Callable[[], list[Drive]]:
    """Drives through the section at a constant speed, one at each end of it that still films."""

    def make() -> list[Drive]:
        begin = rng.uniform(-1.0, city.seconds - 1)
        return [
            Drive(vehicle, site, int(rng.integers(2)), steady(kmh, y, begin), float(rng.uniform(-0.25, 0.25)))
            for site, y in ((city.at("kz-a1-entry"), 0.0), (city.at("kz-a1-exit"), -SECTION_M))
            if -5 < begin - site.lag_s + (-y + 30) / (kmh / 3.6) < city.seconds + 5
        ]

    return make


def _junction(city: City, rng: Rng) -> None:
    site = city.at("kz-j1-north")
    reds = [t for t, state in city.light_changes() if state == "red"]
    for red in reds:
        for lane in (1, 2):
            front = STOP_LINE_M - 1.0
            for k in range(2):
                vehicle = city.fleet.new(
                    str(rng.choice(["kz", "kz", "pe", "ma"])), (*CARS, "van") if k else CARS
                )
                near = front - Drive(vehicle, site, lane, steady(1, 0, 0)).length_m
                stopped = red + rng.uniform(1.8, 3.0) + 2.6 * k
                motion = queueing(near, stopped, red - AMBER_S + CYCLE_S + 1.0 + 1.3 * k)
                drive = Drive(vehicle, site, lane, motion, float(rng.uniform(-0.2, 0.2)))
                if city.samples(drive) and city.fits(drive):
                    city.drives.append(drive)
                front = near - rng.uniform(1.8, 2.4)
    for k, country in enumerate(("kz", "kz", "ma") if reds else ()):
        vehicle = city.fleet.new(country, CARS)
        place(city, on_red(rng, site, vehicle, rng.uniform(42, 52), reds[k % len(reds)]), True)
    spot: list[tuple[float, str, bool, str]] = [
        (76.3, "kz", True, ""), (76.8, "kz", False, ""), (84.5, "kz", True, ""), (89.0, "ma", True, ""),
        (93.5, "kz", True, ""), (64.0, "kz", True, ""), (63.0, "kz", True, ""), (52.0, "kz", True, "wanted_owner"),
        (47.0, "kz", True, "revoked"),
    ]  # fmt: skip
    spot += [(rng.uniform(34, 56), str(rng.choice(["kz", "kz", "ma"])), True, "") for _ in range(5)]
    for number, (kmh, country, owner, note) in enumerate(spot):
        kinds = CARS if number < 9 else (*CARS, "bus", "truck")
        vehicle = city.fleet.new(country, kinds, owner)
        place(city, through_green(city, rng, site, vehicle, kmh), number < 9)
        if number < 9 and country == "kz" and not owner:
            register_as_another(vehicle, np.random.default_rng([city.seed, 13]), "truck")
        if note and city.drives[-1].vehicle is vehicle:
            _want(city, vehicle, "wanted_owner", "revoked" if note == "revoked" else "active")
    rider = city.fleet.new("kz", ("motorcycle",))
    drives = through_green(city, rng, site, rider, 41.0)
    fitting = (d for _ in range(100) for d in drives() if city.fits(d) and city.samples(d))
    city.drives.extend([d for d in [next(fitting, None)] if d])
    _passers_by(city, rng, site, reds)


def crossing(site: Site, vehicle: Vehicle, lane: int, kmh: float, front_s: float) -> Drive:
    """A steady drive whose front crosses the stop line at `front_s`."""
    length = Drive(vehicle, site, lane, steady(kmh, 0, 0)).length_m
    return Drive(vehicle, site, lane, steady(kmh, STOP_LINE_M - length, front_s))


def on_red(rng: Rng, site: Site, vehicle: Vehicle, kmh: float, red: float) -> Callable[[], list[Drive]]:
    """Crossings 2 to 8 s after the light turned red at `red`, in the lane that nobody queues in."""
    return lambda: [crossing(site, vehicle, 0, kmh, red + rng.uniform(2.0, 8.0))]


def through_green(
    city: City, rng: Rng, site: Site, vehicle: Vehicle, kmh: float
) -> Callable[[], list[Drive]]:
    """Crossings while the light is green, in any lane."""

    def make() -> list[Drive]:
        cycle = int(rng.integers(int(city.seconds // CYCLE_S) + 1))
        front = cycle * CYCLE_S + rng.uniform(0.8, GREEN_S - 0.8 - 20 / kmh)
        return [crossing(site, vehicle, int(rng.integers(3)), kmh, front)]

    return make


def _passers_by(city: City, rng: Rng, site: Site, reds: list[float]) -> None:
    edge = site.road.half_m + 1.4

    def add(
        kind: str, begin: float, seconds: float, start: tuple[float, float], velocity: tuple[float, float]
    ) -> None:
        stroll = Stroll(
            kind, site, begin, min(begin + seconds, city.seconds), start, velocity, int(rng.integers(1 << 31))
        )
        if begin < city.seconds:
            city.strolls.append(stroll)

    for red in reds:
        for _ in range(2):
            side, begin = float(rng.choice([-1.0, 1.0])), red + 2.2 + rng.uniform(7, 9)
            pace = rng.uniform(1.2, 1.6)
            add("person", begin, 11.0, (side * 7.5, STOP_LINE_M + rng.uniform(2.5, 4)), (-side * pace, 0.0))
    for _ in range(3):
        way = float(rng.choice([-1.0, 1.0]))
        x = float(rng.choice([-edge, edge])) + rng.uniform(0, 0.6)
        add(
            "person",
            rng.uniform(0, city.seconds / 2),
            35.0,
            (x, 30 - way * 14),
            (0.0, way * rng.uniform(1.0, 1.5)),
        )
    for k in range(2):
        begin = GREEN_S * 0.1 + k * CYCLE_S + rng.uniform(0, 3)
        add("bicycle", begin, 14.0, (site.road.half_m + 0.5, 12.0), (0.0, rng.uniform(4.0, 5.5)))


def _market(city: City, rng: Rng) -> None:
    site = city.at("kz-k3-market")
    plan: list[tuple[float, str, str]] = [
        (77.0, "kz", ""),
        (85.5, "kz", ""),
        (38.0, "ma", "stolen"),
        (45.0, "kz", "stolen"),
    ]
    plan += [(rng.uniform(28, 52), c, "") for c in ("ma", "kz", "ma", "kz", "kz", "ma")]
    for kmh, country, note in plan[: max(2, int(len(plan) * city.seconds / 60))]:
        vehicle = city.fleet.new(country, CARS)

        def make(vehicle: Vehicle = vehicle, kmh: float = kmh) -> list[Drive]:
            return [
                Drive(
                    vehicle,
                    site,
                    int(rng.integers(2)),
                    steady(kmh, 20.0, rng.uniform(0.5, city.seconds - 0.8)),
                )
            ]

        if place(city, make, must_read=True) and note:
            _want(city, vehicle, note)


def _lima(city: City, rng: Rng) -> None:
    site = city.at("pe-lima-1")
    countries = ("pe", "pe", "pe", "ma", "pe", "pe", "pe", "ma", "pe", "pe")
    for k, country in enumerate(countries[: max(2, int(10 * city.seconds / 60))]):
        vehicle = city.fleet.new(country, CARS if k % 4 else (*CARS, "bus", "van"))
        kmh = rng.uniform(24, 40)

        def make(vehicle: Vehicle = vehicle, kmh: float = kmh) -> list[Drive]:
            at = rng.uniform(0.5, city.seconds - 0.8)
            return [Drive(vehicle, site, int(rng.integers(2)), steady(kmh, 18.0, at, towards=True))]

        if place(city, make, must_read=True) and k == 1:
            _want(city, vehicle, "stolen")
    for side in (-1.0, 1.0):
        x = side * (site.road.half_m + 1.1)
        begin = float(rng.uniform(0, city.seconds / 2))
        end = min(begin + 16, city.seconds)
        city.strolls.append(
            Stroll("person", site, begin, end, (x, 26.0), (0.0, -1.3), int(rng.integers(1 << 31)))
        )


__all__ = ["City", "Motion", "Wanted", "build_city"]
