"""What the fine processor keeps by plate, person and number, and when it lets go of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from waysight.domain.fines.facts import Case, with_action, with_payment
from waysight.domain.rulepack import RulePack
from waysight.engine import PartitionState
from waysight.messages import FineAction, Payment, Penalty, Vehicle

_DAY_MS = 86_400_000
_KEEP_MS = 400 * _DAY_MS
_KEEP_UNPAID_MS = 1826 * _DAY_MS
_OWNERS = 8


@dataclass(frozen=True, slots=True)
class Ids:
    """Violations: those of a plate, or the one that a fine's number stands for."""

    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Early:
    """What came before the fine that it names."""

    payments: tuple[Payment, ...] = ()
    actions: tuple[FineAction, ...] = ()

    def with_record(self, record: Payment | FineAction) -> Early:
        """With one more, once by its id."""
        if isinstance(record, Payment):
            known = any(p.payment_id == record.payment_id for p in self.payments)
            return self if known else replace(self, payments=(*self.payments, record))
        known = any(a.action_id == record.action_id for a in self.actions)
        return self if known else replace(self, actions=(*self.actions, record))

    def into(self, case: Case) -> Case:
        """The case with all of it."""
        for payment in self.payments:
            case = with_payment(case, payment)
        for action in self.actions:
            case = with_action(case, action)
        return case

    @property
    def newest_ms(self) -> int:
        """Time of the newest, UTC epoch ms."""
        return max([p.paid_ms for p in self.payments] + [a.at_ms for a in self.actions])


@dataclass(frozen=True, slots=True)
class Owners:
    """The last register entries of a plate, by the time since when each owner owns it.

    `known_ms` says by that time since when the register has named that owner (UTC epoch ms).
    """

    records: tuple[Vehicle, ...] = ()
    known_ms: dict[int, int] = field(default_factory=dict)

    def with_record(self, record: Vehicle, told_ms: int) -> Owners:
        """With a newer entry, told at `told_ms`, which replaces the one of the same beginning."""
        since_ms = record.owner_since_ms
        before = next((v for v in self.records if v.owner_since_ms == since_ms), None)
        if before is not None and _names_the_same(before, record):
            told_ms = min(told_ms, self.known_ms.get(since_ms, 0))
        others = [v for v in self.records if v is not before]
        records = tuple(sorted((*others, record), key=lambda v: v.owner_since_ms)[-_OWNERS:])
        known_ms = {**self.known_ms, since_ms: told_ms}
        return Owners(records, {v.owner_since_ms: known_ms.get(v.owner_since_ms, 0) for v in records})

    def at(self, at_ms: int) -> tuple[Vehicle | None, int]:
        """Who owned the vehicle at a moment and since when that is known; None where the register names no such owner."""
        owner = next((v for v in reversed(self.records) if v.owner_since_ms <= at_ms), None)
        return owner, self.known_ms.get(owner.owner_since_ms, 0) if owner else 0


def _names_the_same(before: Vehicle, record: Vehicle) -> bool:
    """Whether an entry named this owner before: by number, or by name where the register gives none."""
    named = bool(before.owner_name.strip()) and before.country == record.country
    return named and (before.owner_id or before.owner_name) == (record.owner_id or record.owner_name)


@dataclass(frozen=True, slots=True)
class Penalties:
    """Penalties by person and fine, the newest version of each."""

    items: tuple[Penalty, ...] = ()

    def with_record(self, penalty: Penalty) -> Penalties:
        """With one more; an older version, or the same again, changes nothing."""
        name = (penalty.person, penalty.fine_id)
        known = next((p for p in self.items if (p.person, p.fine_id) == name), None)
        if known is not None and known.version >= penalty.version:
            return self
        others = [p for p in self.items if (p.person, p.fine_id) != name]
        ordered = sorted((*others, penalty), key=lambda p: (p.imposed_ms, p.person, p.fine_id))
        return Penalties(tuple(ordered))


def evict(state: PartitionState, now_ms: int) -> None:
    """Once a day of message time, drop what is long closed; the register and the counters of numbers stay."""
    swept = state.get("clock", "swept_day", int) or 0
    if now_ms // _DAY_MS <= swept:
        return
    state.put("clock", "swept_day", now_ms // _DAY_MS)
    laws: set[str] = set()
    for violation_id, case in list(state.items("stories", Case)):
        unpaid = case.fine is not None and case.fine.status in ("issued", "suspended")
        if case.newest_ms < now_ms - (_KEEP_UNPAID_MS if unpaid else _KEEP_MS):
            _forget(state, violation_id, case)
        else:
            laws.add(case.law)
    for digest, _ in list(state.items("laws", RulePack)):
        if digest not in laws:
            state.delete("laws", digest)
    for table in ("persons", "near"):
        for key, known in list(state.items(table, Penalties)):
            kept = tuple(p for p in known.items if p.imposed_ms >= now_ms - _KEEP_UNPAID_MS)
            if not kept:
                state.delete(table, key)
            elif len(kept) < len(known.items):
                state.put(table, key, Penalties(kept))
    for key, early in list(state.items("early", Early)):
        if early.newest_ms < now_ms - _KEEP_MS:
            state.delete("early", key)


def _forget(state: PartitionState, violation_id: str, case: Case) -> None:
    state.delete("stories", violation_id)
    state.delete("unsure", violation_id)
    if case.violation is None:
        return
    plate = case.violation.plate
    left = tuple(i for i in (state.get("open", plate, Ids) or Ids()).ids if i != violation_id)
    if left:
        state.put("open", plate, Ids(left))
    else:
        state.delete("open", plate)
    if case.fine is not None:
        state.delete("numbers", f"{plate}|{case.fine.number}")
        state.delete("numbers", f"{plate}|{case.fine.fine_id}")
