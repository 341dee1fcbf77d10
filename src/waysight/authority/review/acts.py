"""What an officer does with a violation: accept, reject, return with the plate as they read it, look again, many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from waysight.authority.review.desk import Desk
from waysight.authority.review.examination import REASONS, Circumstances, decide, inspect, load_frames
from waysight.cameras.scenes import plate_formats
from waysight.domain.plates import canonical
from waysight.domain.reviews.conflicts import against_acceptance, conflicts_of, uncompared
from waysight.domain.reviews.correction import corrected
from waysight.domain.reviews.people import corrector, same_person
from waysight.domain.reviews.verdict import Verdict, may_decide, verdict
from waysight.errors import NotAllowed
from waysight.messages import Review, Violation

_WHY = {
    "corrected_it": "you corrected its plate: another officer decides",
    "returned": "its plate was corrected; decide on the violation that replaces it",
    "decided": "it is decided already; `waysight fines why` says how",
    "same_officer": "you accepted it already: it waits for another officer",
}


@dataclass(frozen=True, slots=True)
class Bulk:
    """What came of accepting many: decisions, and why each of the others was left (a code or words, by violation)."""

    accepted: tuple[Review, ...]
    left: dict[str, str]


def accept(
    desk: Desk,
    violation: Violation,
    plate: str = "",
    despite: Collection[str] = (),
    note: str = "",
    minutes: int = 15,
) -> Review:
    """Accept one violation; raises NotAllowed with the reason where that may not be.

    `plate` is what the officer read from the pictures, in any spelling; `despite` the conflicts they know of.
    """
    typed = canonical(plate)
    if typed and typed != violation.plate:
        raise NotAllowed(
            f"you read {typed}, the violation says {violation.plate or 'nothing'}: look again, or return it with "
            f"`waysight review correct {violation.violation_id[:12]} --plate {typed}`"
        )
    with _holding(desk, violation, minutes) as (stands, reviews):
        _may(desk, violation, stands, reviews, True)
        frames = load_frames(violation, desk.evidence)
        vehicle = desk.vehicles([violation.plate]).get(violation.plate)
        conflicts = conflicts_of(inspect(violation, frames, vehicle, typed))
        why_not = against_acceptance(conflicts, despite, note, bool(typed))
        if violation.enforceable and why_not:
            raise NotAllowed(f"violation {violation.violation_id}: {why_not}")
        how = Circumstances(_stage(stands), conflicts, note=note)
        return _publish(desk, violation, decide(violation, desk.officer, "", frames, desk.now_ms(), how))


def reject(desk: Desk, violation: Violation, reason: str, note: str = "", minutes: int = 15) -> Review:
    """Reject one violation with a reason code, accepted or not yet; raises NotAllowed."""
    if not reason:
        raise NotAllowed(f"a rejection needs a reason (--reason): {', '.join(REASONS)}")
    with _holding(desk, violation, minutes) as (stands, reviews):
        _may(desk, violation, stands, reviews, False)
        frames = load_frames(violation, desk.evidence)
        how = Circumstances(_stage(stands), note=note)
        return _publish(desk, violation, decide(violation, desk.officer, reason, frames, desk.now_ms(), how))


def correct(
    desk: Desk, violation: Violation, plate: str, note: str = "", minutes: int = 15
) -> tuple[Review, Violation]:
    """Return a violation with the plate as the officer read it: the decision, and the violation that replaces it."""
    try:
        instead = corrected(violation, plate, desk.officer, plate_formats())
    except ValueError as error:
        raise NotAllowed(f"violation {violation.violation_id} cannot be corrected: {error}") from error
    with _holding(desk, violation, minutes) as (stands, _):
        if stands.decision in ("rejected", "returned"):
            raise NotAllowed(f"violation {violation.violation_id} was {stands.decision} already")
        frames = load_frames(violation, desk.evidence)
        how = Circumstances(_stage(stands), (), False, note, violation.plate, instead.plate)
        review = decide(violation, desk.officer, "", frames, desk.now_ms(), how)
        return _publish(desk, violation, review, instead), instead


def check(desk: Desk, violation: Violation, reason: str = "", note: str = "", minutes: int = 15) -> Review:
    """Another officer's second look at an accepted violation: agrees, or rejects it with a reason code."""
    with _holding(desk, violation, minutes) as (stands, reviews):
        if stands.decision != "accepted":
            raise NotAllowed(f"violation {violation.violation_id} is not accepted: there is nothing to check")
        own = any(same_person(r.officer, desk.officer) for r in reviews)
        if own or corrector(violation.corrected_by, desk.officer):
            raise NotAllowed(
                f"you decided on violation {violation.violation_id} yourself: another officer checks it"
            )
        frames = load_frames(violation, desk.evidence)
        how = Circumstances("quality", note=note)
        return _publish(desk, violation, decide(violation, desk.officer, reason, frames, desk.now_ms(), how))


def accept_all(desk: Desk, violations: Sequence[Violation], note: str = "", minutes: int = 60) -> Bulk:
    """Accept all of many that nothing speaks against and whose look was compared; the others wait for a look at each."""
    known = {v.violation_id: v for v in violations}
    held = desk.hold(list(known), minutes)
    left = {violation_id: f"held by {lock.officer}" for violation_id, lock in held.others.items()}
    mine = [known[i] for i in known if i in held.mine]
    decisions, register = desk.decisions(mine, held.since_ms), desk.vehicles({v.plate for v in mine})
    accepted = []
    for violation in mine:
        reviews, frames = decisions[violation.violation_id], load_frames(violation, desk.evidence)
        stands = _verdict(desk, violation, reviews)
        findings = inspect(violation, frames, register.get(violation.plate))
        against = (
            may_decide(stands, reviews, violation.corrected_by, desk.officer, True)
            or ("" if violation.enforceable else ", ".join(violation.obstacles) or "not_enforceable")
            or against_acceptance(conflicts_of(findings), (), note, False, bulk=True)
            or uncompared(findings)
        )
        if against:
            left[violation.violation_id] = against
            continue
        how = Circumstances(_stage(stands), (), True, note)
        accepted.append(decide(violation, desk.officer, "", frames, desk.now_ms(), how))
    ids = [r.violation_id for r in accepted]
    if accepted:
        desk.publish(
            "review.accepted", "bulk", {"bulk": True, "violation_ids": ids, "left": len(left)}, accepted
        )
    desk.give_back(v.violation_id for v in mine)
    return Bulk(tuple(accepted), left)


@contextmanager
def _holding(desk: Desk, violation: Violation, minutes: int) -> Iterator[tuple[Verdict, list[Review]]]:
    """What stands of a violation while the officer holds it, and its reviews; raises NotAllowed where another does.

    After a refusal it stays theirs only where they had taken it before.
    """
    violation_id = violation.violation_id
    held = desk.hold([violation_id], minutes)
    if violation_id not in held.mine:
        lock = held.others.get(violation_id)
        whose = f"held by {lock.officer}" if lock else "not to be had"
        raise NotAllowed(f"violation {violation_id} is {whose}; `waysight review list` shows what is free")
    reviews = desk.decisions([violation], held.since_ms)[violation_id]
    try:
        yield _verdict(desk, violation, reviews), reviews
    except NotAllowed:
        if violation_id not in held.kept:
            desk.give_back([violation_id])
        raise


def _may(
    desk: Desk, violation: Violation, stands: Verdict, reviews: Sequence[Review], accepting: bool
) -> None:
    code = may_decide(stands, reviews, violation.corrected_by, desk.officer, accepting)
    if code:
        raise NotAllowed(f"violation {violation.violation_id}: {_WHY[code]}")


def _verdict(desk: Desk, violation: Violation, reviews: Sequence[Review]) -> Verdict:
    return verdict(reviews, violation.corrected_by, desk.law.two_officers(violation), violation.revised_ms)


def _stage(stands: Verdict) -> str:
    return "second" if stands.decision == "waiting" else "first"


def _publish(desk: Desk, violation: Violation, review: Review, also: Violation | None = None) -> Review:
    detail = {"violation_id": violation.violation_id, "review_id": review.review_id, "reason": review.reason,
              "stage": review.stage, "conflicts": review.conflicts, "corrected_plate": review.corrected_plate}  # fmt: skip
    desk.publish(f"review.{review.decision}", violation.violation_id, detail, [review], also)
    desk.give_back([violation.violation_id])
    return review
