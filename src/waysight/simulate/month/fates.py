"""What becomes of a notice in the simulated month: drivers are named, appeals lodged, vehicles sold, cameras found faulty.

`lived` tells a notice's life from its fate alone, before anybody knows what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from waysight.simulate.month import habits
from waysight.simulate.month.court import Sum, local_day, moment_ms
from waysight.simulate.month.deed import NOBODY, Deed
from waysight.simulate.month.tariffs import Nation

FATES = (
    "nominated", "not_driver", "appeal_won", "appeal_lost", "order", "held_twice", "order_stays", "sold_before",
    "cancelled", "overpaid", "reminded", "foreign_money", "foreign_money_first",
)  # fmt: skip
WEEK_MS, _SOON_MS = 7 * 86_400_000, 1_800_000
_FAULTY_AFTER_MS = 14 * 86_400_000  # so long after the week in which a camera was faulty somebody notices


@dataclass(frozen=True)
class Step:
    """One act about a notice: when (UTC epoch ms), what, whom it names (by number), and how much money."""

    at_ms: int
    kind: str
    person: int = NOBODY
    amount: Decimal | None = None


@dataclass(frozen=True)
class Life:
    """A notice's life: who was liable since when (UTC epoch ms), when the last of them was served, and what stood still.

    `holds` are days (from, until the day before) on which no period ran; `ended_ms` is when it was cancelled.
    """

    issued_ms: int
    steps: tuple[Step, ...]
    liable: tuple[tuple[int, int], ...]
    served_ms: int | None = None
    holds: tuple[tuple[date, date], ...] = ()
    pending: bool = False
    ended_ms: int | None = None

    @property
    def goes_on_ms(self) -> int:
        """From when on the addressee may pay with nothing pending, UTC epoch ms."""
        acts = [s.at_ms for s in self.steps if s.kind in (*_RELEASES, "owner_changed", "reminded")]
        return max(acts, default=0)


_HOLDS = ("nominated", "appealed", "suspended")
_RELEASES = ("nomination_confirmed", "nomination_rejected", "appeal_dismissed", "resumed")
_ENDS = ("appeal_upheld", "cancelled")


def lived(nation: Nation, deed: Deed, issued_ms: int, until_ms: int | None = None) -> Life:
    """The life of a deed's notice; what would come after `until_ms` (UTC epoch ms) does not, for then it is cancelled."""
    told = [s for s in _steps(nation, deed, issued_ms) if until_ms is None or s.at_ms < until_ms]
    life = Life(issued_ms, tuple(told), ((issued_ms, deed.owner),), ended_ms=until_ms)
    since: date | None = None
    named = deed.other
    for step in told:
        day = local_day(nation, step.at_ms)
        if step.kind == "served":
            life = replace(life, served_ms=step.at_ms)
        if step.kind in _HOLDS:
            since = day
        if step.kind in _RELEASES and since is not None:
            life, since = replace(life, holds=(*life.holds, (since, day))), None
        if step.kind in ("nomination_confirmed", "owner_changed"):
            life = replace(life, liable=(*life.liable, (step.at_ms, named)), served_ms=None)
        if step.kind in _ENDS:
            life = replace(life, ended_ms=step.at_ms)
    return replace(life, pending=since is not None and life.ended_ms is None)


def _steps(nation: Nation, deed: Deed, issued_ms: int) -> list[Step]:
    """Every act about a notice but refunds, in order of time."""
    seen = deed.sightings[-1]
    served_ms = habits.served_ms(seen, issued_ms)
    day, more = local_day(nation, served_ms), int(seen[18:20], 16) % 4

    def on(days: int, kind: str, person: int = NOBODY, hour: int = 10) -> Step:
        return Step(moment_ms(nation, day + timedelta(days=days), hour), kind, person)

    then: dict[str, list[Step]] = {
        "nominated": [on(1, "nominated", deed.other), on(3 + more, "nomination_confirmed", hour=15), on(4 + more, "served")],
        "not_driver": [on(1, "nominated", deed.other), on(3 + more, "nomination_rejected", hour=15)],
        "appeal_won": [on(3, "appealed"), on(4 + more, "appeal_upheld", hour=15)],
        "appeal_lost": [on(1, "appealed"), on(3 + more, "appeal_dismissed", hour=15)],
        "order": [on(1, "suspended"), on(3 + more, "resumed", hour=15)],
        "held_twice": [
            on(1, "suspended"), on(2, "resumed", hour=15), on(2, "appealed", hour=18), on(5 + more, "appeal_dismissed"),
        ],
        "order_stays": [on(1, "suspended")],
        "sold_before": [on(1 + more, "owner_changed", deed.other), on(3 + more, "served")],
        "cancelled": [on(3 + more, "cancelled")],
        "reminded": [Step(served_ms + _SOON_MS, "reminded")],  # before anybody pays
    }  # fmt: skip
    if deed.fate == "faulty":
        week = (deed.occurred_ms // WEEK_MS + 1) * WEEK_MS
        return [Step(served_ms, "served"), Step(week + _FAULTY_AFTER_MS, "cancelled")]
    return [Step(served_ms, "served"), *then.get(deed.fate, [])]


def payments(nation: Nation, deed: Deed, life: Life, clock: date, cost: Sum) -> list[habits.Part]:
    """What is paid on a notice, by whom is liable in the end."""
    if deed.fate == "order_stays":
        return []
    if deed.fate == "overpaid":
        return habits.more_than_asked(nation, clock, cost)
    if deed.fate == "foreign_money":
        return [habits.in_other_money(nation, clock, cost)]
    if deed.fate == "foreign_money_first":
        later = habits.payments(nation, deed.sightings[-1], clock, cost)
        return [habits.in_other_money(nation, clock, cost), *later]
    if deed.fate in ("appeal_won", "cancelled", "faulty", ""):
        return habits.payments(nation, deed.sightings[-1], clock, cost)
    start = max(clock, local_day(nation, life.goes_on_ms))
    return habits.payments(nation, deed.sightings[-1], start, cost)


def refund(
    nation: Nation, deed: Deed, life: Life, parts: tuple[habits.Part, ...], due: Decimal
) -> Step | None:
    """What an authority pays back of what is due back, once all is over: all, half of it, or nothing yet."""
    if due <= 0:
        return None
    part = (due, (due / 2).quantize(Decimal("0.01")), Decimal(0))[int(deed.sightings[-1][20:22], 16) % 3]
    last_ms = max([p.at_ms for p in parts] + [life.ended_ms or 0])
    at_ms = moment_ms(nation, local_day(nation, last_ms) + timedelta(days=2), 16)
    return Step(at_ms, "refunded", amount=part) if part > 0 else None
