"""A month of traffic: who passes which camera when, and which of them do what they may not, or only just may.

`Traffic.events()` yields sightings (early and final), watermarks, light states and register entries in the order in
which they are told; only what is under way is held. `Traffic.truth` fills meanwhile.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

from waysight.messages import Exemption, ExternalRead, Sighting, Signal
from waysight.simulate.looked import Look, early, look
from waysight.simulate.month.deeds import DEEDS
from waysight.simulate.month.streets import Streets, colour, plate_of
from waysight.simulate.month.telling import Registered, Told
from waysight.simulate.month.truth import Truth
from waysight.simulate.sightings import HOLD_MS, MOST_LAG_MS, Mark

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
OFFENDERS = 150_000  # where the numbers of those who do something begin
DEED_EVERY = 12
LATE_EVERY, LATE_MS = 97, 30_000
MAY_BE_LATE = (
    "spot",
    "fast",
    "old",
    "bus",
    "gate",
    "edge",
    "line",
    "turn",
    "mute",
)  # where no pass waits for another
MARK_MS, SELDOM_MARK_MS = 3_600_000, 43_200_000
BUSY = (
    2,
    1,
    1,
    1,
    2,
    4,
    8,
    14,
    15,
    12,
    10,
    10,
    11,
    11,
    11,
    12,
    14,
    16,
    15,
    11,
    8,
    6,
    4,
    3,
)  # by hour of the day
LONG_AGO_DAYS = (-396, -330)  # 13 and 11 months before the first day
Event = Sighting | Mark | Signal | Registered | Exemption | ExternalRead


class Traffic:
    """About `passes` passes in `days` days; the same arguments give the same events and the same truth."""

    def __init__(self, streets: Streets, passes: int, days: int, seed: int, *, long_ago: bool = True) -> None:
        """`long_ago`: some have offended 13 and 11 months before, and do it again."""
        self.streets, self.passes, self.days, self._before = streets, passes, days, long_ago
        self.truth = Truth(streets.nation)
        self.chance = random.Random(f"{streets.nation.code} {streets.start} {seed}")
        self._queue: list[tuple[int, int, Event]] = []
        self.veterans: list[int] = []  # who offended long ago and has not again
        self._pushed = self._visit = self._deed = 0
        self._mark_ms = streets.start_ms
        self._taken: dict[str, int] = {}  # until when a place is taken
        self._lag_ms = {c: self.chance.randrange(MOST_LAG_MS) for c in streets.cameras}
        self._filmed = [c for c in streets.cameras if c.partition("-")[2] != "pole"]
        self._free = [c for c in self._filmed if c.partition("-")[2] not in ("in", "out", "bus", "turn")]

    def events(self) -> Iterator[Event]:
        """All of it, once."""
        if self._before:
            yield from self._long_ago()
        began_ms, hours = self.streets.start_ms, self.days * 24
        weight = sum(BUSY) * self.days
        owed = 0.0
        for hour in range(hours):
            owed += self.passes * BUSY[hour % 24] / weight
            at_ms = began_ms + hour * HOUR_MS
            times = sorted(at_ms + self.chance.randrange(HOUR_MS) for _ in range(max(0, round(owed))))
            for when_ms in times:
                yield from self._until(when_ms)
                told = self.truth.passes
                self._somebody(when_ms)
                owed -= self.truth.passes - told
                if owed <= 0:
                    break
        last_ms = max((when_ms for when_ms, _, _ in self._queue), default=0)
        last_ms = max(last_ms, began_ms + hours * HOUR_MS) + HOUR_MS
        yield from self._until(last_ms)
        self._marks(last_ms + MARK_MS, end=True)
        yield from self._due(last_ms + 2 * MARK_MS)

    def _long_ago(self) -> Iterator[Event]:
        """First offences of those who will do it again in the month."""
        months = [self.streets.start_ms + days * DAY_MS for days in LONG_AGO_DAYS]
        for n, began_ms in enumerate(months):
            for k in range(8):
                at_ms = began_ms + k * HOUR_MS
                self.veterans.append(OFFENDERS - 100 + 10 * n + k)
                DEEDS["again"](Told(self, self.veterans[-1], at_ms))
                self._marks(at_ms + HOUR_MS // 2, end=False)
                yield from self._due(at_ms + HOUR_MS)

    def _until(self, now_ms: int) -> Iterator[Event]:
        while self._mark_ms + (step_ms := self._between_marks_ms()) <= now_ms:
            self._mark_ms += step_ms
            yield from self._due(self._mark_ms)
            self._marks(self._mark_ms, end=False)
        yield from self._due(now_ms)

    def _between_marks_ms(self) -> int:
        """Hourly; when the month is over and few pass, cameras tell seldom how far they are."""
        over = self._mark_ms >= self.streets.start_ms + self.days * DAY_MS + 12 * HOUR_MS
        return SELDOM_MARK_MS if over else MARK_MS

    def _due(self, now_ms: int) -> Iterator[Event]:
        while self._queue and self._queue[0][0] <= now_ms:
            yield heapq.heappop(self._queue)[2]

    def push(self, when_ms: int, event: Event) -> None:
        """Tell an event at a time."""
        self._pushed += 1
        heapq.heappush(self._queue, (when_ms, self._pushed, event))

    def _marks(self, now_ms: int, *, end: bool) -> None:
        for camera_id in self._filmed:
            self.push(now_ms + self._lag_ms[camera_id], Mark(camera_id, now_ms - HOLD_MS, end))

    def _somebody(self, at_ms: int) -> None:
        self._visit += 1
        if self._visit % DEED_EVERY:
            self._innocent(self._visit * 7919 % 100_003, at_ms)
            return
        names = tuple(DEEDS)
        DEEDS[names[self._deed % len(names)]](Told(self, OFFENDERS + self._deed, at_ms))
        self._deed += 1

    def _innocent(self, number: int, at_ms: int) -> None:
        """Somebody keeps the rules before one camera, or on a section."""
        chance, streets = self.chance, self.streets
        plate = plate_of(streets.nation.code, number)
        if chance.random() < 0.12:
            district = f"d{chance.randrange(streets.districts)}"
            self.section(district, number, at_ms, chance.uniform(0.7, 1.0) * streets.nation.section_limit_kmh)
            return
        camera_id = chance.choice(self._free)
        if camera_id.endswith(("cross", "stop")):
            at_ms = self.at_light(camera_id, "green", at_ms)
        speed = chance.uniform(0.6, 0.97) * streets.nation.limit_kmh
        self.tell(Look(camera_id, plate, "car", colour(number), at_ms, speed, country=streets.nation.code))

    def section(self, district: str, number: int, at_ms: int, kmh: float) -> tuple[Sighting, ...]:
        """Both ends of a section, driven at one speed."""
        nation = self.streets.nation
        leaves_ms = at_ms + round(3000.0 / kmh * 3600)
        return tuple(
            self.tell(
                Look(c, plate_of(nation.code, number), "car", colour(number), t, kmh, country=nation.code)
            )
            for c, t in ((f"{district}-in", at_ms), (f"{district}-out", leaves_ms))
        )

    def tell(self, what: Look) -> Sighting:
        """A pass; some are told early too, some after their camera's watermark."""
        number = self.truth.passes
        sighting = look(what, number, self.chance)
        self.truth.passed(sighting.camera_id, sighting.label, sighting.last_ms)
        lag_ms = self._lag_ms[what.camera_id]
        when_ms = sighting.emitted_ms + lag_ms
        single = what.camera_id.partition("-")[2] in MAY_BE_LATE
        if number % LATE_EVERY == 0 and single:
            when_ms += self.chance.randrange(LATE_MS)
        if what.plate and what.sure and not what.places and self.chance.random() < 0.2:
            self.push(sighting.first_ms + 400 + lag_ms, early(sighting))
        self.push(when_ms, sighting)
        return sighting

    def at_light(self, camera_id: str, state: str, at_ms: int, reach_ms: int = 5_500) -> int:
        """The next time at which a drive past the camera crosses the line well inside a state of its light.

        The light shows it until `reach_ms` after that time.
        """
        junction = camera_id.partition("-")[0]
        while {self.streets.light(junction, at_ms + d)[0] for d in (-2_000, 1_500, reach_ms)} != {state}:
            at_ms += self.chance.randrange(500, 2500)
        self.lamps(camera_id, at_ms)
        return at_ms

    def alone_at(self, place: str, at_ms: int, for_ms: int) -> int:
        """The next time at which nobody else is at a place, which is then taken for `for_ms`."""
        begins_ms = max(at_ms, self._taken.get(place, 0))
        self._taken[place] = begins_ms + for_ms
        return begins_ms

    def lamps(self, camera_id: str, at_ms: int) -> None:
        """The controller tells what its light showed around a time."""
        for signal in self.streets.signals(camera_id.partition("-")[0], at_ms - 70_000, at_ms + 12_000):
            self.push(signal.valid_ms + self._lag_ms[camera_id], signal)
