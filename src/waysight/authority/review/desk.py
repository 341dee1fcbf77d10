"""An officer's desk on the real parts: locks, the decisions there are, the register, and publishing."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.offset_index import newest_of
from waysight.authority.review.law import ReviewLaw
from waysight.codec import Codec
from waysight.domain.ids import derive_id
from waysight.domain.reviews.locks import LONGEST_MINUTES, holder
from waysight.domain.reviews.people import same_person
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Review, ReviewLock, Vehicle, Violation
from waysight.settings import Settings
from waysight.storage.records import reviews_of

_MINUTE_MS = 60_000
# Kafka has taken a decision, or it has failed, before the lock under which it was made is over.
_PATIENCE_S, _LEAST_LEFT_MS = 20.0, 25_000
# Clocks of two officers' machines may differ by this when one's decisions are looked for.
_SLACK_MS = 10 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class Held:
    """What came of reaching for violations: `mine`, and who holds the `others`.

    `kept` are those of `mine` that the officer held before; `since_ms` is when the first of all was taken by anybody
    before, UTC epoch ms.
    """

    mine: frozenset[str]
    others: dict[str, ReviewLock]
    kept: frozenset[str]
    since_ms: int | None


class Desk:
    """What one officer works with; raises NotAllowed without a name."""

    def __init__(self, settings: Settings, codec: Codec, officer: str) -> None:
        if not officer.strip():
            raise NotAllowed("a review needs the officer's name (--officer)")
        self.settings, self.codec, self.officer = settings, codec, officer.strip()
        self._publisher = Publisher(settings, codec, patience_s=_PATIENCE_S)
        self._until_ms: dict[str, int] = {}

    @cached_property
    def clickhouse(self) -> ClickHouse:
        """The connection to ClickHouse."""
        return connect(self.settings)

    @cached_property
    def evidence(self) -> EvidenceStore:
        """The evidence store."""
        return EvidenceStore(self.settings.evidence)

    @cached_property
    def law(self) -> ReviewLaw:
        """The rule packs as confirmed."""
        return ReviewLaw.current(self.settings, self.codec)

    def now_ms(self) -> int:
        """The time of a decision, UTC epoch ms."""
        return time.time_ns() // 1_000_000

    def until_ms(self, violation_id: str) -> int:
        """Until when the officer holds a violation that `hold` gave, UTC epoch ms; 0 for another."""
        return self._until_ms.get(violation_id, 0)

    def hold(self, violation_ids: Collection[str], minutes: int = 15) -> Held:
        """Reach for violations; the order of the log says what the officer got. Harmless to repeat, then it extends."""
        if not 1 <= minutes <= LONGEST_MINUTES:
            raise BadConfiguration(f"--minutes {minutes} is not between 1 and {LONGEST_MINUTES}")
        now_ms = self.now_ms()
        until_ms = now_ms + minutes * _MINUTE_MS
        fresh = {self._publish_lock(violation_id, now_ms, until_ms) for violation_id in violation_ids}
        self._publisher.flush(_PATIENCE_S)
        logs = locks_of(self.settings, self.codec, violation_ids)
        others, kept, before = dict[str, ReviewLock](), set[str](), list[int]()
        for violation_id in violation_ids:
            log = logs.get(violation_id, [])
            earlier = [lock for lock in log if lock.lock_id not in fresh]
            before += [lock.taken_ms for lock in earlier]
            found, was = holder(log, now_ms), holder(earlier, now_ms)
            if found is not None and same_person(found.officer, self.officer):
                self._until_ms[violation_id] = found.until_ms
                kept |= (
                    {violation_id} if was is not None and same_person(was.officer, self.officer) else set()
                )
            elif found is not None:
                others[violation_id] = found
        mine = (frozenset(violation_ids) & self._until_ms.keys()) - others.keys()
        return Held(mine, others, frozenset(kept), min(before, default=None))

    def give_back(self, violation_ids: Iterable[str]) -> None:
        """End the officer's locks; what another holds stays theirs."""
        now_ms = self.now_ms()
        for violation_id in violation_ids:
            self._publish_lock(violation_id, now_ms, now_ms)
        self._publisher.flush()

    def decisions(self, violations: Sequence[Violation], since_ms: int | None) -> dict[str, list[Review]]:
        """Every decision on violations that are held: stored ones, and those of earlier holders that are on their way.

        `since_ms` is when the earliest of them took one; None when nobody did, then there is nothing on its way.
        """
        found: dict[str, list[Review]] = {v.violation_id: [] for v in violations}
        for review in reviews_of(self.clickhouse, *found):
            found[review.violation_id].append(review)
        if since_ms is None:
            return found
        keys, since_ms = {v.plate or v.violation_id for v in violations}, since_ms - _SLACK_MS
        for _, review in read_all(self.settings, self.codec, "reviews", keys, since_ms=since_ms):
            if (
                review is not None
                and review.violation_id in found
                and review not in found[review.violation_id]
            ):
                found[review.violation_id].append(review)
        return found

    def vehicles(self, plates: Collection[str]) -> dict[str, Vehicle]:
        """The register's entries of plates."""
        return registered(self.settings, self.codec, plates)

    def publish(
        self,
        action: str,
        case: str,
        detail: Mapping[str, Any],
        reviews: Sequence[Review],
        also: Violation | None = None,
    ) -> None:
        """Record decisions in the audit log, then publish them, and before them a corrected violation.

        Raises NotAllowed where a lock is nearly over: another officer could decide before Kafka has taken it.
        """
        AuditLog(self.settings, self.codec).record(action, "review", case, detail, len(reviews), self.officer)
        late = [r for r in reviews if self._until_ms.get(r.violation_id, 0) < self.now_ms() + _LEAST_LEFT_MS]
        if late:
            raise NotAllowed(f"the lock on {late[0].violation_id} is over or nearly so; repeat the command")
        if also is not None:
            self._publisher.publish("violations", also.plate, also)
        for review in reviews:
            self._publisher.publish("reviews", review.plate, review)
        self._publisher.flush(_PATIENCE_S)

    def _publish_lock(self, violation_id: str, taken_ms: int, until_ms: int) -> str:
        lock_id = derive_id("lock", violation_id, self.officer, taken_ms, until_ms)
        lock = ReviewLock(lock_id=lock_id, violation_id=violation_id, officer=self.officer, taken_ms=taken_ms,
                          until_ms=until_ms)  # fmt: skip
        self._publisher.publish("review-locks", violation_id, lock)
        return lock_id


def locks_of(settings: Settings, codec: Codec, violation_ids: Collection[str]) -> dict[str, list[ReviewLock]]:
    """The locks of violations in the order of the log, by violation."""
    found: dict[str, list[ReviewLock]] = {}
    for _, lock in read_all(settings, codec, "review-locks", violation_ids, 0):
        if lock is not None:
            found.setdefault(lock.violation_id, []).append(lock)
    return found


def registered(settings: Settings, codec: Codec, plates: Collection[str]) -> dict[str, Vehicle]:
    """The register's entries of plates as of now, an import that has just ended included."""
    return newest_of(settings, codec, "vehicles", plates)
