"""The queue as one officer sees it: in order of urgency, without what is another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waysight.adapters.clickhouse import ClickHouse
from waysight.authority.review.desk import locks_of
from waysight.authority.review.law import ReviewLaw
from waysight.codec import Codec
from waysight.domain.reviews.locks import holder
from waysight.domain.reviews.people import corrector, same_person
from waysight.domain.reviews.queue import rank, severity
from waysight.domain.reviews.verdict import verdict
from waysight.messages import Review, Violation
from waysight.settings import Settings
from waysight.storage.review_queue import begun_reviews, waiting_violations

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A violation in the queue: which stage it waits for, its severity (0..100), when the right to a fine lapses
    (UTC epoch ms, None: not said), and who holds it ("": nobody)."""

    violation: Violation
    stage: str
    severity: int
    deadline_ms: int | None
    holder: str


def queue(
    settings: Settings,
    codec: Codec,
    clickhouse: ClickHouse,
    now_ms: int,
    officer: str = "",
    barred_too: bool = False,
    narrowed: Mapping[str, str] | None = None,
) -> list[Waiting]:
    """What waits, first to look at first, of the oldest MOST violations that do; `narrowed` as in `waiting_violations`.

    An officer (`officer`) does not see what they have accepted or corrected themselves.
    """
    law = ReviewLaw.current(settings, codec)
    two = law.offences_of_two(now_ms)
    found = waiting_violations(clickhouse, MOST, barred_too, two, narrowed)
    begun = begun_reviews(clickhouse, two)
    locks = locks_of(settings, codec, [v.violation_id for v in found]) if found else {}
    waiting = []
    for violation in found:
        reviews = begun.get(violation.violation_id, [])
        stands = verdict(reviews, violation.corrected_by, law.two_officers(violation), violation.revised_ms)
        if stands.decision not in ("", "waiting") or (officer and _was_theirs(violation, reviews, officer)):
            continue
        lock = holder(locks.get(violation.violation_id, ()), now_ms)
        waiting.append(
            Waiting(violation, "second" if stands.decision else "first", severity(violation),
                    law.deadline_ms(violation, now_ms), lock.officer if lock else "")
        )  # fmt: skip
    return sorted(waiting, key=lambda w: rank(w.violation, w.deadline_ms, now_ms))


def free_for(waiting: Sequence[Waiting], officer: str) -> list[Waiting]:
    """What nobody else holds."""
    return [w for w in waiting if not w.holder or same_person(w.holder, officer)]


def _was_theirs(violation: Violation, reviews: Sequence[Review], officer: str) -> bool:
    return corrector(violation.corrected_by, officer) or any(same_person(r.officer, officer) for r in reviews)
