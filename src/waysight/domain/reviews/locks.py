"""Who holds a violation for review: of all who reached for it, the first in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable

from waysight.domain.reviews.people import same_person
from waysight.messages import ReviewLock

LONGEST_MINUTES = 480


def holder(log: Iterable[ReviewLock], now_ms: int) -> ReviewLock | None:
    """The lock that holds at `now_ms` (UTC epoch ms), or None; `log` is one violation's, in the order of the topic.

    Who reaches for what another holds gets nothing, however long they wait: they take it again once it is over.
    The holder's own further lock extends theirs and never shortens it; giving it back ends it.
    """
    held: ReviewLock | None = None
    for lock in log:
        free = held is None or lock.taken_ms >= held.until_ms
        if lock.until_ms <= lock.taken_ms:
            held = None if held is not None and same_person(held.officer, lock.officer) else held
        elif (
            held is None
            or free
            or (same_person(held.officer, lock.officer) and lock.until_ms > held.until_ms)
        ):
            held = lock
    return held if held is not None and held.until_ms > now_ms else None
