"""The rules of review hold whatever the order of arrival and whoever tries what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.authority.laws import law_of
from waysight.authority.review.law import ReviewLaw
from waysight.authority.rulepacks import all_packs
from waysight.domain.plates import PlateFormats
from waysight.domain.reviews.conflicts import (
    BARRING,
    against_acceptance,
    conflicts_of,
    reads,
    register_findings,
)
from waysight.domain.reviews.correction import corrected
from waysight.domain.reviews.locks import holder
from waysight.domain.reviews.people import corrector, same_person, with_corrector
from waysight.domain.reviews.queue import DAY_MS, URGENT_DAYS, rank, severity
from waysight.domain.reviews.sampling import drawn
from waysight.domain.reviews.verdict import may_decide, verdict
from waysight.domain.rulepack import Period
from waysight.messages import Review, ReviewLock

NAMES = ("Officer A.", "officer  a.", "Officer B.", "Officer C.")
CODES = (*BARRING, "register_type", "register_colour", "plates_differ", "corrected")
HOUR_MS = 3_600_000
Make = Callable[..., Any]


@st.composite
def review_lists(draw: st.DrawFn) -> list[Review]:
    """Up to eight reviews of one violation with distinct ids, at few and often equal times."""
    count = draw(st.integers(0, 8))
    return [
        Review(
            review_id=f"r{n}", violation_id="v", plate="P", reason="", evidence_sha256="", reviewed_ms=draw(st.integers(1, 5)),
            decision=draw(st.sampled_from(("accepted", "accepted", "accepted", "rejected", "returned"))),
            officer=draw(st.sampled_from(NAMES)), stage=draw(st.sampled_from(("first", "second", "quality"))),
            bulk=draw(st.booleans()), conflicts=draw(st.sampled_from(((), ("register_colour",)))),
        )
        for n in range(count)
    ]  # fmt: skip


@given(review_lists(), st.sampled_from(("", NAMES[0])), st.booleans(), st.integers(0, 4), st.randoms())
def test_order_and_repeats_change_nothing(
    reviews: list[Review], by: str, two: bool, revised_ms: int, random: Any
) -> None:
    again = [*reviews, *reviews[:3]]
    random.shuffle(again)
    assert verdict(again, by, two, revised_ms) == verdict(reviews, by, two, revised_ms)


@given(review_lists(), st.sampled_from(("", *NAMES)), st.booleans(), st.integers(0, 4))
def test_no_acceptance_without_those_it_takes(
    reviews: list[Review], by: str, two: bool, revised_ms: int
) -> None:
    stands = verdict(reviews, by, two, revised_ms)
    if stands.decision not in ("accepted", "waiting"):
        assert stands.second is None
        return
    assert stands.first is not None
    counted = [stands.first, *([stands.second] if stands.second else [])]
    assert len(counted) == (2 if two and stands.decision == "accepted" else 1)
    for review in counted:
        assert review.decision == "accepted"
        assert review.stage != "quality"
        assert not (review.bulk and review.conflicts)
        assert not corrector(by, review.officer)
        assert review.reviewed_ms >= revised_ms
    assert len(counted) == 1 or not same_person(counted[0].officer, counted[1].officer)
    against = [r for r in reviews if r.decision != "accepted"]
    first = min((r.reviewed_ms, r.review_id) for r in counted)
    assert all((r.reviewed_ms, r.review_id) < first for r in against)


@given(review_lists(), st.booleans())
def test_a_rejection_after_everything_stands(reviews: list[Review], two: bool) -> None:
    last = Review(review_id="z", violation_id="v", plate="P", reason="other", evidence_sha256="", reviewed_ms=9,
                  decision="rejected", officer="Officer A.", stage="quality")  # fmt: skip
    returned = any(r.decision == "returned" for r in reviews)
    stands = verdict([*reviews, last], "Officer A.", two)
    assert stands.decision == ("returned" if returned else "rejected")


def test_two_names_are_two_people_only_when_they_differ() -> None:
    a, b = (
        Review(review_id=n, violation_id="v", plate="P", reason="", evidence_sha256="", reviewed_ms=at, decision="accepted",
               officer=who)
        for n, at, who in (("1", 1, "Officer K."), ("2", 2, "  OFFICER K. "))
    )  # fmt: skip
    stands = verdict([a, b], two_officers=True)
    assert (stands.decision, stands.refused) == ("waiting", ("same_officer:  OFFICER K. ",))
    other = replace(b, review_id="3", reviewed_ms=3, officer="Officer L.")
    stands = verdict([a, b, other], two_officers=True)
    assert (stands.decision, stands.first, stands.second, stands.decided_ms) == ("accepted", a, other, 3)
    assert verdict([a]).decision == "accepted"


def test_who_may_decide() -> None:
    accepted = Review(review_id="1", violation_id="v", plate="P", reason="", evidence_sha256="", reviewed_ms=1,
                      decision="accepted", officer="A")  # fmt: skip
    rejected = replace(accepted, decision="rejected", reason="other")
    returned = replace(accepted, decision="returned")

    def code(reviews: list[Review], officer: str, accepting: bool, two: bool = False, by: str = "") -> str:
        return may_decide(verdict(reviews, by, two), reviews, by, officer, accepting)

    assert code([], " ", True) == "nameless"
    assert code([], "A", True) == ""
    assert code([], "a", True, by="B; A") == code([], "a", False, by="B; A") == "corrected_it"
    assert code([accepted], "B", True) == "decided"
    assert code([accepted], "A", False) == code([accepted], "B", False) == ""
    assert code([accepted], "A", True, two=True) == "same_officer"
    assert code([accepted], "B", True, two=True) == ""
    assert code([rejected], "A", True) == code([rejected], "B", False) == "decided"
    assert code([rejected], "B", True) == ""
    assert code([returned], "B", True) == code([returned], "B", False) == "returned"


@st.composite
def lock_logs(draw: st.DrawFn) -> list[ReviewLock]:
    """A log of locks whose takers' clocks run with the log."""
    at, log = 0, []
    for n in range(draw(st.integers(0, 10))):
        at += draw(st.integers(0, 4))
        officer = draw(st.sampled_from(("A", "B", "C")))
        log.append(ReviewLock(lock_id=str(n), violation_id="v", officer=officer, taken_ms=at,
                              until_ms=at + draw(st.integers(0, 8))))  # fmt: skip
    return log


@given(lock_logs())
def test_a_later_reach_takes_nothing_from_the_holder(log: list[ReviewLock]) -> None:
    for end, lock in enumerate(log):
        before = holder(log[:end], lock.taken_ms)
        after = holder(log[: end + 1], lock.taken_ms)
        if before is not None and before.officer != lock.officer:
            assert after == before
        elif lock.until_ms > lock.taken_ms:
            assert after is not None
            assert after.officer == lock.officer
            assert after.until_ms == max(lock.until_ms, before.until_ms if before else 0)
        else:
            assert after is None


@given(lock_logs(), st.integers(0, 60))
def test_silence_frees_every_lock(log: list[ReviewLock], now_ms: int) -> None:
    held = holder(log, now_ms)
    assert held is None or held.until_ms > now_ms
    assert holder(log, 1_000) is None


@given(
    st.lists(st.sampled_from(CODES), unique=True),
    st.lists(st.sampled_from(CODES), unique=True),
    st.booleans(),
)
def test_conflicts_are_never_accepted_in_bulk_nor_unnamed(
    conflicts: list[str], despite: list[str], typed: bool
) -> None:
    assert bool(against_acceptance(conflicts, despite, "looked", typed, bulk=True)) == bool(conflicts)
    if not against_acceptance(conflicts, despite, "looked", typed):
        assert not set(conflicts) & set(BARRING)
        assert set(conflicts) <= set(despite) | ({"corrected"} if typed else set())
    open_ = set(conflicts) - {"corrected"}
    assert not open_ or against_acceptance(conflicts, despite, " ", typed)


def test_two_reads_are_needed(violation: Make, frame: Make) -> None:
    once = violation(evidence=(frame(), frame(plate_text="")))
    assert reads(violation()).ok
    assert not reads(once).ok
    assert reads(once, "123ABC02").ok
    assert not reads(once, "123ABC03").ok
    by_hand = violation(plate="777ABC02", corrected_by="A")
    assert not reads(by_hand).ok
    assert reads(by_hand, "777ABC02").ok
    assert not reads(violation(plate="", evidence=(frame(plate_text=""), frame(plate_text="")))).ok


@pytest.mark.parametrize(
    ("label", "colour", "kind", "registered", "conflicts"),
    [
        ("car", "white", "sedan", "White", ()),
        ("car", "white", "truck", "white", ("register_type",)),
        ("car", "red", "hatch", "white", ("register_colour",)),
        ("truck", "silver", "van", "grey", ()),
        ("truck", "red", "bus", "blue", ("register_type", "register_colour")),
        ("car", "unknown", "", "white", ()),
        ("car", "", "hovercraft", "", ()),
    ],
)
def test_the_register_must_fit_the_look(
    violation: Make,
    vehicle: Make,
    label: str,
    colour: str,
    kind: str,
    registered: str,
    conflicts: tuple[str, ...],
) -> None:
    seen, entry = violation(label=label, colour=colour), vehicle(type=kind, colour=registered)
    assert conflicts_of(register_findings(seen, entry)) == conflicts
    assert conflicts_of(register_findings(seen, None)) == ("register_missing",)


def test_what_is_urgent_comes_first_and_what_lapsed_last(violation: Make) -> None:
    now = violation().occurred_ms
    grave, slow = violation(offence="wrong_way", enforced_kmh=None), violation(violation_id="v0")
    soon, later = now + DAY_MS, now + 60 * DAY_MS
    assert severity(grave) == 90
    assert severity(slow) == 21
    assert severity(violation(enforced_kmh=400.0)) == 100
    keys = [rank(slow, soon, now), rank(slow, soon + 1, now), rank(grave, later, now), rank(slow, None, now),
            rank(replace(slow, occurred_ms=now + 1), later, now), rank(grave, now, now)]  # fmt: skip
    assert keys == sorted(keys)


@pytest.mark.parametrize("country", ["kz", "pe"])
def test_what_is_pressing_is_told_by_when_it_occurred(violation: Make, country: str) -> None:
    said = Period(path="prosecution", confidence="confirmed", trigger="occurred", count=2, unit="months")
    law = ReviewLaw({country: law_of(replace(all_packs()[country], prosecution=said), 0.9)})
    now = violation().occurred_ms
    (found,) = law.pressing(now)
    for hours in range(0, 70 * 24, 7):
        at = violation(country=country, occurred_ms=now - hours * HOUR_MS)
        lapses = law.deadline_ms(at, now)
        assert lapses is not None
        assert (lapses <= now) == (at.occurred_ms < found.lapsed_ms)
        assert (lapses <= now + URGENT_DAYS * DAY_MS) == (at.occurred_ms < found.urgent_ms)
    assert found.lapsed_ms < found.urgent_ms < now
    assert law.deadline_ms(violation(country="zz"), now) is None
    unsure = replace(all_packs()[country], prosecution=replace(said, confidence="unsure"), limitation=None)
    assert ReviewLaw({country: law_of(unsure, 0.9)}).pressing(now) == []


@given(st.integers(0, 9), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_contains_a_smaller(seed: int, one: float, other: float) -> None:
    small, large = sorted((one, other))
    ids = [f"v{n}" for n in range(50)]
    assert {i for i in ids if drawn(i, small, seed)} <= {i for i in ids if drawn(i, large, seed)}
    assert all(drawn(i, 1.0, seed) for i in ids)
    assert not any(drawn(i, 0.0, seed) for i in ids)


def test_a_sample_has_its_share() -> None:
    chosen = sum(drawn(f"v{n}", 0.02, 7) for n in range(50_000))
    assert 850 < chosen < 1150


def test_a_correction_keeps_the_read(violation: Make) -> None:
    formats = (PlateFormats("kz", (r"\d{3}[A-Z]{3}\d{2}",)),)
    first = violation(plate="123ABC0Z", plate_country="", plate_confidence=0.4, enforceable=False,
                      obstacles=("low_confidence", "certificate_expired"))  # fmt: skip
    second = corrected(first, "123 abc 02", "Officer A.", formats)
    assert (second.plate, second.plate_country, second.read_plate, second.corrects) == (
        "123ABC02",
        "kz",
        "123ABC0Z",
        "v1",
    )
    assert (second.enforceable, second.obstacles) == (False, ("certificate_expired",))
    assert second == corrected(first, "123ABC02", "Officer A.", formats)
    assert second.violation_id != first.violation_id
    third = corrected(second, "123ABC03", "Officer B.", formats)
    assert (third.read_plate, third.corrected_by) == ("123ABC0Z", "Officer A.; Officer B.")
    assert with_corrector(third.corrected_by, "officer a.") == "Officer B.; officer a."
    assert corrected(replace(first, obstacles=("unread_plate",)), "123ABC02", "A", formats).enforceable
    for wrong in ("123ABC0Z", "1", ""):
        with pytest.raises(ValueError, match="plate"):
            corrected(first, wrong, "Officer A.", formats)
