"""Sightings of a town as its trackers would tell them, at any rate and length, with the truth beside them.

`Traffic.events()` yields sightings (early and final revisions), camera watermarks and light states in the
order in which they are told: event time plus each camera's own lag, plus a bounded delay for some. Nothing is
held but what is under way. `Traffic.truth` fills while the events are taken.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from waysight.messages import Sighting, Signal
from waysight.simulate import town as place
from waysight.simulate.looked import Look, early, look
from waysight.simulate.sums import Truth
from waysight.simulate.town import Town

HOLD_MS = (
    8_000  # a watermark promises so much less than the time at which it is told; no sighting takes longer
)
MINUTE_MS = 60_000
MOST_LAG_MS = 2_000
_SPEED_BANDS = ((12.5, 18.5), (22.0, 38.5), (42.0, 58.5), (62.0, 75.0))
OFFENCES = (
    "spot_speed", "red_light", "average_speed", "restricted_zone", "spot_speed", "average_speed", "old_papers",
    "red_light", "foreign", "spot_speed", "unsure", "restricted_zone", "single", "unread", "average_speed", "red_light",
)  # fmt: skip


class Mark(NamedTuple):
    """Everything of this camera up to `captured_ms` was told; `end`: and nothing more comes."""

    camera_id: str
    captured_ms: int
    end: bool


Event = Sighting | Mark | Signal


@dataclass(frozen=True)
class Pace:
    """How much happens: sightings a second of event time, one in how many is an offender, is wanted.

    One in `early_every` sightings is told early too, one in `late_every` (0: none) up to `late_ms` too late,
    after its camera's watermark.
    """

    per_s: float = 12.0
    offence_every: int = 40
    wanted_every: int = 60
    wanted: int = 50
    early_every: int = 4
    late_every: int = 0
    late_ms: int = 20_000
    mark_every_s: int = 1


class Traffic:
    """About `sightings` sightings of a town; the same arguments give the same events and the same truth."""

    def __init__(self, town: Town, sightings: int, pace: Pace | None = None) -> None:
        self.town, self.sightings, self.pace = town, sightings, pace or Pace()
        self.truth = Truth(town)
        self._chance = random.Random(town.seed)
        self._queue: list[tuple[int, int, Event]] = []
        self._number = self._pushed = 0
        self._last_ms = town.start_ms
        self._fleet = 20_011 + int(self.pace.per_s * 400)
        self._lag_ms = {c: self._chance.randrange(MOST_LAG_MS) for c in town.cameras}
        self._free = [c for c in town.cameras if c.partition("-")[2] not in ("in", "out")]

    @property
    def offenders(self) -> int:
        """How many vehicles commit an offence: the first so many of the town's."""
        return self.sightings // self.pace.offence_every + 1

    def events(self) -> Iterator[Event]:
        """All of it, once."""
        started, visit, at_ms, tick_ms = 0, 0, float(self.town.start_ms), self.town.start_ms
        while started < self.sightings:
            at_ms += self._chance.expovariate(1.0) * 1000 / self.pace.per_s
            while tick_ms + 1000 <= at_ms:
                tick_ms += 1000
                self._tick(tick_ms, end=False)
            yield from self._due(int(at_ms))
            before = self._number
            self._visit(visit, int(at_ms))
            started += self._number - before
            visit += 1
        over_ms = self._last_ms + HOLD_MS + 1000 - self._last_ms % 1000
        while tick_ms < over_ms:
            tick_ms += 1000
            yield from self._due(tick_ms - 1000)
            self._tick(tick_ms, end=False)
        self._tick(tick_ms + HOLD_MS + self.pace.late_ms, end=True)
        yield from self._due(tick_ms + 2 * HOLD_MS + self.pace.late_ms + MOST_LAG_MS)

    def _due(self, now_ms: int) -> Iterator[Event]:
        while self._queue and self._queue[0][0] <= now_ms:
            yield heapq.heappop(self._queue)[2]

    def _push(self, when_ms: int, event: Event) -> None:
        self._pushed += 1
        heapq.heappush(self._queue, (when_ms, self._pushed, event))

    def _tick(self, now_ms: int, *, end: bool) -> None:
        if end or now_ms // 1000 % self.pace.mark_every_s == 0:
            for camera_id in self.town.cameras:
                when = now_ms + self._lag_ms[camera_id]
                self._push(when, Mark(camera_id, now_ms - HOLD_MS, end))
        for camera_id in self.town.cameras:
            junction, _, kind = camera_id.partition("-")
            if kind == "cross":
                state, since_ms = self.town.light(junction, now_ms)
                signal = Signal(
                    junction_id=junction,
                    signal_group="main",
                    state=state,  # type: ignore[arg-type]
                    changed_ms=since_ms,
                    valid_ms=now_ms,
                    clock_error_ms=place.CLOCK_ERROR_MS,
                    end=end,
                )
                self._push(now_ms + self._lag_ms[camera_id], signal)

    def _visit(self, visit: int, at_ms: int) -> None:
        pace = self.pace
        if visit % pace.offence_every == 1:
            self._offend(visit // pace.offence_every, at_ms)
        elif visit % pace.wanted_every == 2:
            self._wanted(visit // pace.wanted_every, at_ms)
        else:
            self._drive(visit * 7919 % self._fleet, at_ms)

    def _drive(self, number: int, at_ms: int) -> None:
        """Somebody about whom nobody asks passes one camera, or a section."""
        label = place.label(number)
        if self._chance.random() < 0.12:
            district = self._chance.randrange(self.town.districts)
            top = 86.0 if label in ("truck", "bus") else 115.0
            self._section(f"d{district}", number, label, at_ms, self._chance.uniform(70.0, top))
            return
        camera_id = self._chance.choice(self._free)
        kind = camera_id.partition("-")[2]
        speed = self._chance.uniform(35.0, 66.0)
        if kind == "cross":
            at_ms = self._when_light(camera_id, "green", at_ms)
        lane = "bus" if kind == "bus" and label == "bus" else ""
        self._tell(Look(camera_id, place.plate(number), label, place.colour(number), at_ms, speed, lane=lane))

    def _wanted(self, k: int, at_ms: int) -> None:
        """A vehicle of the hotlist passes a camera; before the first of a group, also the second soon after."""
        n = k * 13 % self.pace.wanted
        number = place.WANTED + n
        camera_id = self._chance.choice([c for c in self._free if not c.endswith("cross")])
        at_ms = self._inside_episode(at_ms)
        places = [(camera_id, at_ms)]
        if camera_id.endswith("speed-1"):
            places.append((camera_id[:-1] + "2", at_ms + 30_000))
        for where, when_ms in places:
            look_at = Look(where, place.plate(number), "car", place.colour(number), when_ms, 50.0)
            sighting = self._tell(look_at)
            if place.wanted_status(n) == "active":
                self.truth.alert(f"e{n:07d}", where, sighting)

    def _offend(self, k: int, at_ms: int) -> None:
        """The k-th offender commits the one offence of its life."""
        number, kind, chance = place.OFFENDERS + k, OFFENCES[k % len(OFFENCES)], self._chance
        band = _SPEED_BANDS[k // len(OFFENCES) % len(_SPEED_BANDS)]
        over = chance.uniform(*band)
        district = f"d{chance.randrange(self.town.districts)}"
        plate, colour = place.plate(number), place.colour(number)
        if kind == "average_speed":
            ends = self._section(district, number, "car", at_ms, place.SECTION_LIMIT_KMH + over)
            owner = number if place.registered(number) else None
            self.truth.violation("average_speed", ends, owner, over)
            return
        where = {"red_light": "cross", "restricted_zone": "bus", "old_papers": "old"}.get(
            kind, chance.choice(("speed-1", "speed-2"))
        )
        camera_id = f"{district}-{where}"
        if where == "cross":
            at_ms = self._when_light(camera_id, "red", at_ms)
        elif where == "bus":
            at_ms = self._inside_minute(at_ms)
        told = Look(
            camera_id,
            {"foreign": place.foreign_plate(k), "unread": ""}.get(kind, plate),
            "car",
            colour,
            at_ms,
            place.LIMIT_KMH + over if kind not in ("red_light", "restricted_zone") else 52.0,
            sure=kind != "unsure",
            votes=1 if kind == "single" else 4,
            country="pe" if kind == "foreign" else "kz",
            lane="bus" if where == "bus" else "",
        )
        sighting = self._tell(told)
        finable = kind in ("spot_speed", "red_light", "restricted_zone") and place.registered(number)
        offence = kind if kind in ("red_light", "restricted_zone") else "spot_speed"
        over_or_none = over if offence == "spot_speed" else None
        self.truth.violation(offence, (sighting,), number if finable else None, over_or_none)

    def _section(
        self, district: str, number: int, label: str, at_ms: int, kmh: float
    ) -> tuple[Sighting, ...]:
        leaves_ms = at_ms + round(place.SECTION_M / kmh * 3600)
        passes = ((f"{district}-in", at_ms), (f"{district}-out", leaves_ms))
        return tuple(
            self._tell(Look(c, place.plate(number), label, place.colour(number), t, kmh)) for c, t in passes
        )

    def _tell(self, what: Look) -> Sighting:
        number, kind = self._number, what.camera_id.partition("-")[2]
        self._number += 1
        sighting = look(what, number, self._chance)
        when_ms = sighting.emitted_ms + self._lag_ms[what.camera_id]
        free = kind not in ("in", "out", "cross", "bus")
        if self.pace.late_every and number % self.pace.late_every == 0 and free:
            when_ms += self._chance.randrange(self.pace.late_ms)
        if what.plate and what.sure and self._chance.random() * self.pace.early_every < 1.0:
            self._push(sighting.first_ms + 400 + self._lag_ms[what.camera_id], early(sighting))
        self._push(when_ms, sighting)
        self.truth.passed(what.camera_id, what.label, sighting.last_ms)
        self._last_ms = max(self._last_ms, sighting.last_ms)
        return sighting

    def _when_light(self, camera_id: str, state: str, at_ms: int) -> int:
        """The next time at which a drive past the camera crosses the line well inside a state of its light."""
        junction = camera_id.partition("-")[0]
        while True:
            at_ms += self._chance.randrange(1000, 9000)
            shown = {self.town.light(junction, at_ms + d)[0] for d in (-2_000, 1_500, 5_500)}
            if shown == {state} and self._calm(at_ms):
                return at_ms

    def _inside_minute(self, at_ms: int) -> int:
        while not self._calm(at_ms):
            at_ms += 1000
        return at_ms

    @staticmethod
    def _calm(at_ms: int) -> bool:
        return 5_000 <= at_ms % MINUTE_MS <= 48_000

    @staticmethod
    def _inside_episode(at_ms: int) -> int:
        """Not so near the end of an episode that parts of a pass, or of a pair, fall into two."""
        episode_ms = place.SUPPRESS_S * 1000
        room_ms = episode_ms - at_ms % episode_ms
        return at_ms + room_ms + 1000 if room_ms < 50_000 else at_ms
