"""How road users move past one camera, and what of them a camera can see. City time, in seconds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from waysight.simulate.figures import Figure, bicycle, walker
from waysight.simulate.fleet import Vehicle
from waysight.simulate.looks import person_look
from waysight.simulate.mesh import Body
from waysight.simulate.painter import Look, Pose, visible_plate
from waysight.simulate.sites import Site

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Y (m) of a vehicle's near end over time: phases of (start s, Y m, speed m/s, acceleration m/s2)."""

    phases: tuple[tuple[float, float, float, float], ...]

    def _phase(self, t: float) -> tuple[float, float, float, float]:
        return next((p for p in reversed(self.phases) if p[0] <= t), self.phases[0])

    def y(self, t: float) -> float:
        start, y, v, a = self._phase(t)
        return y + v * (t - start) + a * (t - start) ** 2 / 2

    def ys(self, times: Array) -> Array:
        """`y` at many times (n,), s: (n,), m."""
        phases = np.array(self.phases)
        at = np.maximum(np.searchsorted(phases[:, 0], times, side="right") - 1, 0)
        start, y, v, a = phases[at].T
        return np.asarray(y + v * (times - start) + a * (times - start) ** 2 / 2)

    def speed(self, t: float) -> float:
        """Signed speed, m/s; negative towards the camera."""
        start, _, v, a = self._phase(t)
        return v + a * (t - start)

    def braking(self, t: float) -> bool:
        start, _, v, a = self._phase(t)
        return a * np.sign(v) < -0.5 or (abs(v + a * (t - start)) < 0.2)

    def when(self, y: float, low_s: float = -60.0, high_s: float = 240.0) -> float | None:
        """The time at which the near end crosses `y`, or None."""
        times = np.arange(low_s, high_s, 0.25)
        side = self.ys(times) >= y
        turns = np.flatnonzero(side[1:] != side[:-1])
        if not len(turns):
            return None
        a, b = float(times[turns[0]]), float(times[turns[0] + 1])
        for _ in range(40):
            middle = (a + b) / 2
            a, b = (middle, b) if (self.y(middle) >= y) == side[turns[0]] else (a, middle)
        return (a + b) / 2


def steady(speed_kmh: float, y_m: float, at_s: float, towards: bool = False) -> Motion:
    """Constant speed, the near end at `y_m` at time `at_s`."""
    v = speed_kmh / 3.6 * (-1 if towards else 1)
    return Motion(((-1e4, y_m + v * (-1e4 - at_s), v, 0.0),))


def queueing(stop_y_m: float, stopped_s: float, go_s: float) -> Motion:
    """Brakes from 40 km/h to rest at `stop_y_m`, waits until `go_s`, then drives on at 45 km/h."""
    v, brake, gain, cruise = 11.0, 2.4, 2.0, 12.5
    begin = stopped_s - v / brake
    y_begin = stop_y_m - v * v / (2 * brake)
    full = go_s + cruise / gain
    return Motion(
        (
            (-1e4, y_begin + v * (-1e4 - begin), v, 0.0),
            (begin, y_begin, v, -brake),
            (stopped_s, stop_y_m, 0.0, 0.0),
            (go_s, stop_y_m, 0.0, gain),
            (full, stop_y_m + cruise * cruise / (2 * gain), cruise, 0.0),
        )
    )


@dataclass(frozen=True)
class Drive:
    """A vehicle passing one camera."""

    vehicle: Vehicle
    site: Site
    lane: int
    motion: Motion
    offset_m: float = 0.0

    @property
    def built(self) -> tuple[Body | Figure, Look]:
        return self.vehicle.built

    @property
    def length_m(self) -> float:
        return self.built[0].size_m[1]

    def pose(self, t: float) -> Pose:
        heading = np.pi if self.site.towards else 0.0
        return Pose(
            self.site.lanes_m[self.lane] + self.offset_m, self.motion.y(t) + self.length_m / 2, heading
        )

    def box(self, t: float) -> tuple[float, float, float, float] | None:
        """Its box in pixels, unclipped, from the corners of its bounding solid; None when behind the camera."""
        half_w, half_l, height = (s / 2 for s in self.built[0].size_m)
        corners = [(x, y, z) for x in (-half_w, half_w) for y in (-half_l, half_l) for z in (0.0, 2 * height)]
        pixels, depth = self.site.view.project(self.pose(t).place(np.array(corners)))
        if depth.min() < 1.0:
            return None
        (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    def seen(self, t: float) -> float:
        """The share of its box that lies inside the picture, 0..1."""
        box = self.box(t)
        if box is None:
            return 0.0
        x0, y0, x1, y1 = box
        width = max(0.0, min(x1, self.site.view.width_px) - max(x0, 0.0))
        height = max(0.0, min(y1, self.site.view.height_px) - max(y0, 0.0))
        return width * height / max((x1 - x0) * (y1 - y0), 1.0)

    def plate(self, t: float) -> Array | None:
        """Corners (4, 2) px of its plate when wholly inside the picture, else None."""
        thing, look = self.built
        body = thing if isinstance(thing, Body) else thing.as_body()
        found = visible_plate(self.site.view, body, self.pose(t), look.plate_size_m)
        if found is None:
            return None
        quad = found[1]
        limit = np.array([self.site.view.width_px, self.site.view.height_px]) - 4
        return quad if (quad > 4).all() and (quad < limit).all() else None

    def plate_width_px(self, t: float) -> float:
        """Width of its plate in the picture, pixels; 0 when not wholly inside."""
        quad = self.plate(t)
        if quad is None:
            return 0.0
        return float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2


@dataclass(frozen=True)
class Stroll:
    """A walker or cyclist on a straight line past one camera, present from `begin_s` to `end_s`."""

    kind: str
    site: Site
    begin_s: float
    end_s: float
    start_m: tuple[float, float]
    velocity: tuple[float, float]
    seed: int

    @cached_property
    def _look(self) -> Look:
        return person_look(np.random.default_rng(self.seed))

    def pose(self, t: float) -> Pose:
        dt, (x, y), (vx, vy) = t - self.begin_s, self.start_m, self.velocity
        return Pose(x + vx * dt, y + vy * dt, float(np.arctan2(vx, vy)))

    def built(self, t: float) -> tuple[Figure, Look]:
        """Its figure at this moment of its stride, and its look."""
        rng = np.random.default_rng(self.seed)
        phase = float((t - self.begin_s) * (5.5 if self.kind == "person" else 6.5))
        figure = walker(float(rng.uniform(1.6, 1.9)), phase) if self.kind == "person" else bicycle(phase, rng)
        return figure, self._look
