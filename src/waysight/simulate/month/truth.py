"""The truth of a month: every deed, what it costs, and what was paid for it. Shares nothing with the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from waysight.simulate.month import habits
from waysight.simulate.month.court import Sum, a_year_later, local_day, step_of, sum_of, unit_of
from waysight.simulate.month.tariffs import Nation, Step

Key = tuple[str, tuple[str, ...]]  # offence, sightings
Passes = Mapping[tuple[str, str, int], int]  # camera, class of vehicle, hour since the epoch → how many
NOBODY = -1
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Deed:
    """An offence as it was committed.

    `over_kmh` is what is left over the limit after all that speaks for the driver (None: not about speed; for sections
    something in the same step); `owner` is NOBODY where no fine may follow; `known_ms` when the register knew the owner.
    """

    offence: str
    sightings: tuple[str, ...]
    camera_id: str
    plate: str
    occurred_ms: int
    over_kmh: float | None
    enforceable: bool
    owner: int
    known_ms: int = 0

    @property
    def key(self) -> Key:
        """What makes it one."""
        return self.offence, self.sightings


@dataclass(frozen=True)
class Ruling:
    """What follows from a deed: a fine with its payments, or (no `sum`) the authority to which it is referred."""

    deed: Deed
    article: str
    refer: str = ""
    sum: Sum | None = None
    parts: tuple[habits.Part, ...] = ()
    paid: Decimal = Decimal(0)
    settled: bool = False


@dataclass
class Truth:
    """Deeds as they are told, and what follows from each."""

    nation: Nation
    passes: int = 0
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    deeds: dict[Key, Deed] = field(default_factory=dict)
    _imposed: dict[int, list[tuple[int, str, Key]]] = field(default_factory=dict)

    def passed(self, camera_id: str, label: str, last_ms: int) -> None:
        """Somebody passed a camera and was last seen then, UTC epoch ms."""
        self.passes += 1
        self.counts[camera_id, label, last_ms // _HOUR_MS] += 1

    def add(self, deed: Deed) -> None:
        """One more."""
        self.deeds[deed.key] = deed
        step = self._step(deed)
        if step is not None and step.units is not None:
            known = self._imposed.setdefault(deed.owner, [])
            known.append((self._issued_ms(deed), step.article, deed.key))

    def rulings(self) -> Iterator[Ruling]:
        """What follows from each deed from which something does."""
        return (r for deed in self.deeds.values() if (r := self.ruling(deed)) is not None)

    def ruling(self, deed: Deed) -> Ruling | None:
        """What follows from a deed, once all that its owner did before is told."""
        step = self._step(deed)
        if step is None:
            return None
        if step.units is None:
            return Ruling(deed, step.article, step.refer) if step.refer else None
        day, issued_ms = local_day(self.nation, deed.occurred_ms), self._issued_ms(deed)
        again = any(self._before(deed, step, day, one) for one in self._imposed[deed.owner])
        if again and self.nation.again[step.article].refer:
            worse = self.nation.again[step.article]
            return Ruling(deed, worse.article, worse.refer)
        clock_ms = habits.served_ms(deed.sightings[-1], issued_ms) if self.nation.served else issued_ms
        clock = local_day(self.nation, clock_ms)
        cost = sum_of(self.nation, step, day, clock, again)
        return None if cost is None else self._paid(deed, cost, clock)

    def _step(self, deed: Deed) -> Step | None:
        day = local_day(self.nation, deed.occurred_ms)
        step = step_of(self.nation, deed.offence, day, deed.over_kmh)
        unpriced = step is None or (step.units is not None and unit_of(self.nation, day) is None)
        return None if deed.owner == NOBODY or unpriced else step

    def _issued_ms(self, deed: Deed) -> int:
        return max(habits.reviewed_ms(deed.sightings[-1], deed.occurred_ms), deed.known_ms)

    def _before(self, deed: Deed, step: Step, day: date, one: tuple[int, str, Key]) -> bool:
        at_ms, article, key = one
        named = self.nation.again
        same = step.article in named and article in named
        same = same and (
            article == step.article if self.nation.each else named[step.article] == named[article]
        )
        recent = at_ms <= deed.occurred_ms and day < a_year_later(local_day(self.nation, at_ms))
        return key != deed.key and same and recent

    def _paid(self, deed: Deed, cost: Sum, clock: date) -> Ruling:
        parts = tuple(habits.payments(self.nation, deed.sightings[-1], clock, cost))
        paid, settled = Decimal(0), False
        for part in parts:
            paid += part.amount
            settled = settled or paid >= cost.due(local_day(self.nation, part.at_ms))
        return Ruling(deed, cost.article, "", cost, parts, paid, settled)
