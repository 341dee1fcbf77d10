"""What all decisions on a violation amount to: one officer's word, or two different officers' where the law asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from waysight.domain.reviews.people import corrector, same_person
from waysight.messages import Review

Standing = Literal["", "waiting", "accepted", "rejected", "returned"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What stands: nobody decided (""), waiting for a second officer, accepted, rejected, or returned.

    `first` and `second` are the acceptances it rests on; of a rejected or returned one `first` is the review that
    says so. `decided_ms` is when it became so, UTC epoch ms, 0 for "". `refused` names acceptances that do not
    count, as ``code:officer``.
    """

    decision: Standing = ""
    first: Review | None = None
    second: Review | None = None
    decided_ms: int = 0
    refused: tuple[str, ...] = ()


def verdict(
    reviews: Iterable[Review], corrected_by: str = "", two_officers: bool = False, revised_ms: int = 0
) -> Verdict:
    """The decision that stands, whatever the order of arrival and however often a review arrives.

    A rejection at any stage undoes every acceptance before it: doubt goes in the driver's favour. A return for
    correction is final, because another violation takes the place of this one. Who corrected it cannot accept it,
    an acceptance in bulk despite conflicts does not count, nor does one from before the violation was revised
    (`revised_ms`, UTC epoch ms). A sample's agreeing look (stage quality) changes nothing.
    """
    known = {review.review_id: review for review in reviews}
    stands, refused = Verdict(), list[str]()
    for review in sorted(known.values(), key=lambda r: (r.reviewed_ms, r.review_id)):
        if review.decision == "returned":
            stands = Verdict("returned", review, None, review.reviewed_ms)
            break
        if review.decision == "rejected":
            stands = Verdict("rejected", review, None, review.reviewed_ms)
            continue
        if review.stage == "quality":
            continue
        if code := _against(review, corrected_by, revised_ms, stands):
            refused.append(f"{code}:{review.officer}")
        elif stands.decision in ("", "rejected"):
            stands = Verdict("waiting" if two_officers else "accepted", review, None, review.reviewed_ms)
        elif stands.decision == "waiting":
            stands = Verdict("accepted", stands.first, review, review.reviewed_ms)
    return Verdict(stands.decision, stands.first, stands.second, stands.decided_ms, tuple(refused))


def may_decide(
    stands: Verdict, reviews: Iterable[Review], corrected_by: str, officer: str, accepting: bool
) -> str:
    """Why an officer may not accept or reject what stands so, as a code, or "" when they may.

    Codes: ``nameless``; ``corrected_it``; ``returned``; ``decided`` (accepted by everybody whom it takes, or
    rejected already); ``same_officer`` (it waits for another's acceptance). An accepted one may be rejected by
    anybody but its corrector, one that was rejected may be accepted only by somebody who has not yet decided on it.
    """
    if not officer.strip():
        return "nameless"
    if corrector(corrected_by, officer):
        return "corrected_it"
    if stands.decision == "returned":
        return "returned"
    if stands.decision == "rejected":
        known = any(same_person(review.officer, officer) for review in reviews)
        return "" if accepting and not known else "decided"
    if not accepting:
        return ""
    if stands.decision == "accepted":
        return "decided"
    first = stands.first
    return "same_officer" if first is not None and same_person(first.officer, officer) else ""


def _against(review: Review, corrected_by: str, revised_ms: int, stands: Verdict) -> str:
    if corrector(corrected_by, review.officer):
        return "corrected_it"
    if review.bulk and review.conflicts:
        return "bulk_with_conflicts"
    if review.reviewed_ms < revised_ms:
        return "revised_since_review"
    first = stands.first if stands.decision == "waiting" else None
    return "same_officer" if first is not None and same_person(first.officer, review.officer) else ""
