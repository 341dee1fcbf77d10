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
from waysight.domain.reviews.queue import Candidate, rank, severity
from waysight.domain.reviews.verdict import verdict
from waysight.messages import Review, Violation
from waysight.settings import Settings
from waysight.storage.records import reviews_of
from waysight.storage.review_queue import Asked, candidates, whole

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue: which stage it waits for, its severity (0..100), when the right to a fine lapses
    (UTC epoch ms, None: not said), and who holds it ("": nobody)."""

    candidate: Candidate
    stage: str
    severity: int
    deadline_ms: int | None
    holder: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A place of the queue with its violation as it is stored."""

    violation: Violation
    place: Place


def queue(
    settings: Settings,
    codec: Codec,
    clickhouse: ClickHouse,
    now_ms: int,
    officer: str = "",
    barred_too: bool = False,
    narrowed: Mapping[str, str] | None = None,
) -> list[Place]:
    """The first MOST places of what waits, first to look at first; `narrowed` as in `Asked`.

    An officer (`officer`) does not see what they have accepted or corrected themselves.
    """
    law = ReviewLaw.current(settings, codec)
    asked = Asked(barred_too, law.offences_of_two(now_ms), narrowed or {}, officer)
    found = candidates(clickhouse, MOST, asked, law.pressing(now_ms))
    reviews: dict[str, list[Review]] = {}
    for review in reviews_of(clickhouse, *(c.violation_id for c in found if c.begun)):
        reviews.setdefault(review.violation_id, []).append(review)
    locks = locks_of(settings, codec, [c.violation_id for c in found]) if found else {}
    places = []
    for candidate in found:
        known = reviews.get(candidate.violation_id, [])
        stands = verdict(known, candidate.corrected_by, law.two_officers(candidate), candidate.revised_ms)
        if stands.decision not in ("", "waiting") or (officer and _was_theirs(candidate, known, officer)):
            continue
        lock = holder(locks.get(candidate.violation_id, ()), now_ms)
        places.append(
            Place(candidate, "second" if stands.decision else "first", severity(candidate),
                  law.deadline_ms(candidate, now_ms), lock.officer if lock else "")
        )  # fmt: skip
    return sorted(places, key=lambda p: rank(p.candidate, p.deadline_ms, now_ms))


def with_violations(clickhouse: ClickHouse, places: Sequence[Place]) -> list[Waiting]:
    """The places with their violations, in the same order."""
    known = {v.violation_id: v for v in whole(clickhouse, [p.candidate for p in places])}
    return [Waiting(known[i], p) for p in places if (i := p.candidate.violation_id) in known]


def free_for(places: Sequence[Place], officer: str) -> list[Place]:
    """What nobody else holds."""
    return [p for p in places if not p.holder or same_person(p.holder, officer)]


def _was_theirs(candidate: Candidate, reviews: Sequence[Review], officer: str) -> bool:
    return corrector(candidate.corrected_by, officer) or any(same_person(r.officer, officer) for r in reviews)
