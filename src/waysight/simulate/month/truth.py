"""The truth of a month: every deed, what it costs, and what was paid for it. Shares nothing with the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from waysight.simulate.month import habits
from waysight.simulate.month.court import Sum, a_year_later, local_day, step_of, sum_of
from waysight.simulate.month.tariffs import Nation, Step

Key = tuple[str, tuple[str, ...]]  # offence, sightings
NOBODY = -1


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
    """The fine of a deed, and what became of it."""

    deed: Deed
    sum: Sum
    issued: date
    paid: Decimal
    settled: bool


@dataclass
class Truth:
    """Deeds as they are told; `rulings` when all are."""

    nation: Nation
    passes: int = 0
    deeds: dict[Key, Deed] = field(default_factory=dict)

    def add(self, deed: Deed) -> None:
        """One more."""
        self.deeds[deed.key] = deed

    def rulings(self) -> Iterator[Ruling]:
        """A fine for each deed that may lead to one and has a price."""
        imposed: dict[int, list[tuple[int, str, Key]]] = {}
        priced: list[tuple[Deed, Step, date, int]] = []
        for deed in self.deeds.values():
            day = local_day(self.nation, deed.occurred_ms)
            step = step_of(self.nation, deed.offence, day, deed.over_kmh)
            if deed.owner == NOBODY or step is None or sum_of(self.nation, step, day, day, False) is None:
                continue
            at_ms = max(habits.reviewed_ms(deed.sightings[-1], deed.occurred_ms), deed.known_ms)
            priced.append((deed, step, day, at_ms))
            imposed.setdefault(deed.owner, []).append((at_ms, step.article, deed.key))
        for deed, step, day, at_ms in priced:
            again = any(self._before(deed, step, day, one) for one in imposed[deed.owner])
            issued = local_day(self.nation, at_ms)
            cost = sum_of(self.nation, step, day, issued, again)
            if cost is not None:
                yield self._paid(deed, cost, issued)

    def _before(self, deed: Deed, step: Step, day: date, one: tuple[int, str, Key]) -> bool:
        at_ms, article, key = one
        named = self.nation.aggravated
        same = step.article in named and article in named and named[step.article] == named[article]
        recent = at_ms <= deed.occurred_ms and day < a_year_later(local_day(self.nation, at_ms))
        return key != deed.key and same and recent

    def _paid(self, deed: Deed, cost: Sum, issued: date) -> Ruling:
        parts = habits.payments(
            self.nation, deed.sightings[-1], issued, cost.amount, cost.reduced, cost.until
        )
        paid = sum((p.amount for p in parts), Decimal(0))
        early = [
            p.amount
            for p in parts
            if cost.until is not None and local_day(self.nation, p.at_ms) <= cost.until
        ]
        settled = paid >= cost.amount or (cost.until is not None and sum(early, Decimal(0)) >= cost.reduced)
        return Ruling(deed, cost, issued, paid, settled)
