"""The truth of a town's traffic, kept as sums: who was seen, what was done, what it costs.

Nothing here is shared with the system under test: which offence a drive is and what it costs is written out
again, so that an error in the product's rules cannot hide in the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from waysight.messages import Sighting
from waysight.simulate.town import SUPPRESS_S, Town

MINUTE_MS = 60_000
MRP_2026_TENGE = 4325
# Over the limit by more than so many km/h: so many units of account (KoAP 592; more than 60 is part 3-1).
SPEED_UNITS = ((60.0, 40), (40.0, 20), (20.0, 10), (10.0, 5))
OTHER_UNITS = {"red_light": 10, "restricted_zone": 3}

WINDOWS_MS = ((3_600_000, 3_600_000), (900_000, 300_000))  # length and step of the longer windows

AlertKey = tuple[str, str, int]  # entry, camera group, number of the episode
ViolationKey = tuple[str, tuple[str, ...]]  # offence, sightings
CountKey = tuple[str, str, str, int]  # measure, camera, category, start of the minute (UTC epoch ms)
RollupKey = tuple[
    str, str, str, str, int, int
]  # measure, scope, place, category, length and start of the window


@dataclass(frozen=True)
class Offence:
    """One violation: where and whose, and the fine it leads to once accepted (tenge), None without."""

    camera_id: str
    plate: str
    occurred_ms: int
    fine_tenge: int | None


@dataclass
class Truth:
    """`alerts` hold the distinct sightings of each episode; `counts` both measures of camera-minutes."""

    town: Town
    sightings: int = 0
    alerts: dict[AlertKey, set[str]] = field(default_factory=dict)
    violations: dict[ViolationKey, Offence] = field(default_factory=dict)
    counts: Counter[CountKey] = field(default_factory=Counter)

    def passed(self, camera_id: str, label: str, last_ms: int) -> None:
        """Something passed a camera and was gone at `last_ms`."""
        self.sightings += 1
        self.counts["passes", camera_id, label, last_ms - last_ms % MINUTE_MS] += 1

    def alert(self, entry_id: str, camera_id: str, sighting: Sighting) -> None:
        """A vehicle of the hotlist was seen."""
        episode = sighting.first_ms // (SUPPRESS_S * 1000)
        key = (entry_id, self.town.group(camera_id), episode)
        self.alerts.setdefault(key, set()).add(sighting.sighting_id)

    def violation(
        self,
        offence: str,
        sightings: Sequence[Sighting],
        owner: int | None,
        over_kmh: float | None,
    ) -> None:
        """An offence; `owner` is None when no fine may follow, `over_kmh` how much too fast it truly was."""
        last = sightings[-1]
        occurred_ms = _occurred_ms(offence, last)
        units = OTHER_UNITS.get(offence) or next(u for bound, u in SPEED_UNITS if (over_kmh or 0.0) > bound)
        fine = None if owner is None else units * MRP_2026_TENGE
        key = (offence, tuple(s.sighting_id for s in sightings))
        self.violations[key] = Offence(last.camera_id, last.plate, occurred_ms, fine)
        self.counts["violations", last.camera_id, offence, occurred_ms - occurred_ms % MINUTE_MS] += 1

    @property
    def fines(self) -> dict[ViolationKey, int]:
        """What each violation costs that leads to a fine, tenge."""
        return {k: v.fine_tenge for k, v in self.violations.items() if v.fine_tenge is not None}

    @property
    def rollups(self) -> Counter[RollupKey]:
        """The counts summed over hours, and over quarters of an hour each five minutes, per camera, road, district."""
        sums = Counter[RollupKey]()
        for (measure, camera_id, category, minute_ms), value in self.counts.items():
            district = camera_id.partition("-")[0]
            places = (("camera", camera_id), ("road", self.town.road(camera_id)), ("district", district))
            for window_ms, step_ms in WINDOWS_MS:
                newest_ms = minute_ms - minute_ms % step_ms
                for start_ms in range(newest_ms, newest_ms - window_ms, -step_ms):
                    for scope, place in places:
                        sums[measure, scope, place, category, window_ms, start_ms] += value
        return sums


def _occurred_ms(offence: str, sighting: Sighting) -> int:
    """A red light is run when the front reaches the line (4.5 m ahead of what is seen), all else when first seen."""
    if offence != "red_light":
        return sighting.path[0].captured_ms
    front = [(p.captured_ms, p.y_m + 4.5) for p in sighting.path]
    (t0, y0), (t1, y1) = front[0], front[-1]
    return round(t0 + (28.0 - y0) / (y1 - y0) * (t1 - t0))
