"""The truth of a month: every deed, what it costs, and what was paid for it. Shares nothing with the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from waysight.simulate.month import fates, habits
from waysight.simulate.month.court import Sum, a_year_later, local_day, step_of, sum_of, unit_of
from waysight.simulate.month.deed import NOBODY, Deed, Key
from waysight.simulate.month.fates import Life
from waysight.simulate.month.tariffs import Nation, Step

Passes = Mapping[tuple[str, str, int], int]  # camera, class of vehicle, hour since the epoch → how many
_HOUR_MS = 3_600_000
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Ruling:
    """What follows from a deed: a fine with its payments, or (no `sum`) the authority to which it is referred.

    `status` is how the fine ends: issued, paid, suspended or cancelled; `refund` what is still due back; `owner` and
    `liable` are persons by number, `liable` NOBODY while the owner is; `acts` what people do about it, by time.
    """

    deed: Deed
    article: str
    refer: str = ""
    sum: Sum | None = None
    parts: tuple[habits.Part, ...] = ()
    paid: Decimal = _ZERO
    status: str = "issued"
    refund: Decimal = _ZERO
    owner: int = NOBODY
    liable: int = NOBODY
    acts: tuple[fates.Step, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether it is a fine that was not cancelled."""
        return self.sum is not None and self.status != "cancelled"


@dataclass(frozen=True)
class Imposed:
    """That a penalty stood against a person from a time until another (UTC epoch ms; None: to the end)."""

    since_ms: int
    until_ms: int | None
    article: str
    key: Key


@dataclass
class Truth:
    """Deeds as they are told, and what follows from each."""

    nation: Nation
    passes: int = 0
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    deeds: dict[Key, Deed] = field(default_factory=dict)
    _imposed: dict[int, list[Imposed]] = field(default_factory=dict)
    _acts: dict[str, list[Key]] = field(default_factory=dict)

    def passed(self, camera_id: str, label: str, last_ms: int) -> None:
        """Somebody passed a camera and was last seen then, UTC epoch ms."""
        self.passes += 1
        self.counts[camera_id, label, last_ms // _HOUR_MS] += 1

    def add(self, deed: Deed) -> None:
        """One more. Whoever does several of one act does nothing else that counts against them."""
        self.deeds[deed.key] = deed
        if deed.act:
            self._acts.setdefault(deed.act, []).append(deed.key)
            return
        step, life = self._step(deed), self._life(deed)
        if step is None or step.units is None or life is None:
            return
        ends = [since for since, _ in life.liable[1:]] + [life.ended_ms]
        for (since_ms, person), until_ms in zip(life.liable, ends, strict=True):
            known = self._imposed.setdefault(person, [])
            known.append(Imposed(since_ms, until_ms, step.article, deed.key))

    def rulings(self) -> Iterator[Ruling]:
        """What follows from each deed from which something does."""
        return (r for deed in self.deeds.values() if (r := self.ruling(deed)) is not None)

    def ruling(self, deed: Deed) -> Ruling | None:
        """What follows from a deed, once all that its owner did before is told."""
        if not deed.act:
            return self._ruled(deed)
        ends = self._standing(deed.act)
        return self._ruled(deed, ends[deed.key]) if deed.key in ends else None

    def _standing(self, act: str) -> dict[Key, int | None]:
        """The deeds of one act that are fined or referred, with when that is taken back again for a graver one.

        The graver takes the place of the other, unless something was paid on that before.
        """
        notices = [
            (life.issued_ms, d)
            for d in map(self.deeds.__getitem__, self._acts[act])
            if (life := self._life(d))
        ]
        issued: dict[Key, int | None] = {}
        stands: Ruling | None = None
        for issued_ms, deed in sorted(notices, key=lambda n: n[0]):
            ruling = self._ruled(deed)
            if ruling is None:
                continue
            if stands is not None:
                paid = any(p.at_ms < issued_ms for p in stands.parts if not p.currency)
                if paid or stands.deed.weight >= deed.weight:
                    continue
                issued[stands.deed.key] = issued_ms
            stands, issued[deed.key] = ruling, None
        return issued

    def _ruled(self, deed: Deed, until_ms: int | None = None) -> Ruling | None:
        step, life = self._step(deed), self._life(deed, until_ms)
        if step is None or life is None:
            return None
        if step.units is None:
            status = "issued" if life.ended_ms is None else "cancelled"
            return Ruling(deed, step.article, step.refer, status=status) if step.refer else None
        day, (_, person) = local_day(self.nation, deed.occurred_ms), life.liable[-1]
        again = any(self._before(deed, step, day, one, life) for one in self._imposed.get(person, ()))
        if again and self.nation.again[step.article].refer:
            worse = self.nation.again[step.article]
            return Ruling(deed, worse.article, worse.refer)
        clock_ms = life.served_ms if self.nation.served else life.issued_ms
        clock = None if clock_ms is None else local_day(self.nation, clock_ms)
        cost = sum_of(self.nation, step, day, clock, again, life.holds)
        return None if cost is None else self._paid(deed, cost, clock, life)

    def _step(self, deed: Deed) -> Step | None:
        day = local_day(self.nation, deed.occurred_ms)
        step = step_of(self.nation, deed.offence, day, deed.over_kmh)
        unpriced = step is None or (step.units is not None and unit_of(self.nation, day) is None)
        return None if deed.owner == NOBODY or unpriced else step

    def _life(self, deed: Deed, until_ms: int | None = None) -> Life | None:
        """The life of a deed's notice, or None where there is none."""
        accepted_ms, taken_back_ms = habits.accepted_ms(self.nation, deed)
        if accepted_ms is None:
            return None
        ends = [ms for ms in (taken_back_ms, until_ms) if ms is not None]
        return fates.lived(self.nation, deed, max(accepted_ms, deed.known_ms), min(ends, default=None))

    def _before(self, deed: Deed, step: Step, day: date, one: Imposed, life: Life) -> bool:
        named = self.nation.again
        same = step.article in named and one.article in named
        same = same and (
            one.article == step.article if self.nation.each else named[step.article] == named[one.article]
        )
        recent = one.since_ms <= deed.occurred_ms and day < a_year_later(local_day(self.nation, one.since_ms))
        # What has ended makes nothing dearer, unless this ended before.
        lasts = one.until_ms is None or (life.ended_ms is not None and life.ended_ms <= one.until_ms)
        return one.key != deed.key and same and recent and lasts

    def _paid(self, deed: Deed, cost: Sum, clock: date | None, life: Life) -> Ruling:
        start = clock or local_day(self.nation, life.issued_ms)
        parts = tuple(sorted(fates.payments(self.nation, deed, life, start, cost), key=lambda p: p.at_ms))
        paid, due = _ZERO, None
        for part in (p for p in parts if not p.currency):
            paid += part.amount
            owed = cost.due(local_day(self.nation, part.at_ms))
            due = owed if due is None and paid >= owed else due
        ended = life.ended_ms is not None
        back = max(_ZERO, paid - (_ZERO if ended else cost.amount if due is None else due))
        refund = fates.refund(self.nation, deed, life, parts, back)
        person = life.liable[-1][1]
        ruling = Ruling(
            deed, cost.article, "", cost, parts, paid, refund=back, owner=deed.owner, acts=life.steps,
            status="cancelled" if ended else "paid" if due is not None else "suspended" if life.pending else "issued",
            liable=person if person != deed.owner else NOBODY,
        )  # fmt: skip
        if refund is None or refund.amount is None:
            return ruling
        return replace(ruling, refund=back - refund.amount, acts=(*life.steps, refund))
