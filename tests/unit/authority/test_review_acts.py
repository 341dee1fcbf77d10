"""Whatever officers try, in whatever order: nothing is accepted that may not be, and no refusal leaves a lock behind."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waysight.adapters.evidence import EvidenceStore, frame_key
from waysight.adapters.pictures import encode_jpeg
from waysight.authority.review import acts as review_acts
from waysight.authority.review.desk import Desk, Held
from waysight.domain.reviews.locks import holder
from waysight.domain.reviews.people import corrector, same_person
from waysight.domain.reviews.verdict import verdict
from waysight.errors import NotAllowed
from waysight.messages import FrameRef, Review, ReviewLock, Vehicle, Violation

PLATE, RIGHT = "123ABC02", "777ABC02"
PICTURE = encode_jpeg(np.zeros((64, 96, 3), dtype=np.uint8))
CASE = st.tuples(
    st.sampled_from(("A", "a ", "B", "C")),
    st.sampled_from(
        ("accept", "typed", "reject", "correct", "check", "wrong", "bulk", "take", "give_back", "wait")
    ),
    st.integers(0, 3),
)


@dataclass
class Office:
    """What all desks share: the log of locks, the decisions, the violations, the register, the time."""

    two: bool = False
    now_ms: int = 1
    locks: list[ReviewLock] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    violations: dict[str, Violation] = field(default_factory=dict)
    register: dict[str, Vehicle] = field(default_factory=dict)
    evidence: EvidenceStore = field(default_factory=lambda: EvidenceStore("memory:///"))

    def held(self, violation_id: str) -> ReviewLock | None:
        return holder([k for k in self.locks if k.violation_id == violation_id], self.now_ms)


@dataclass
class PaperDesk:
    """A desk without Kafka: the same calls as `Desk`."""

    office: Office
    officer: str

    @property
    def evidence(self) -> EvidenceStore:
        return self.office.evidence

    @property
    def law(self) -> Any:
        return SimpleNamespace(two_officers=lambda _: self.office.two)

    def now_ms(self) -> int:
        self.office.now_ms += 1
        return self.office.now_ms

    def _lock(self, violation_id: str, until_ms: int) -> None:
        now, lock_id = self.now_ms(), str(len(self.office.locks))
        self.office.locks.append(ReviewLock(lock_id=lock_id, violation_id=violation_id, officer=self.officer, taken_ms=now,
                                            until_ms=max(now, until_ms)))  # fmt: skip

    def hold(self, violation_ids: Collection[str], minutes: int = 15) -> Held:
        kept = frozenset(
            i for i in violation_ids if (k := self.office.held(i)) and same_person(k.officer, self.officer)
        )
        for violation_id in violation_ids:
            self._lock(violation_id, self.office.now_ms + 1 + minutes * 60_000)
        found = {i: lock for i in violation_ids if (lock := self.office.held(i))}
        mine = frozenset(i for i, lock in found.items() if same_person(lock.officer, self.officer))
        return Held(mine, {i: lock for i, lock in found.items() if i not in mine}, kept, 0)

    def give_back(self, violation_ids: Iterable[str]) -> None:
        for violation_id in violation_ids:
            self._lock(violation_id, 0)

    def decisions(self, violations: Sequence[Violation], since_ms: int | None) -> dict[str, list[Review]]:
        del since_ms
        return {
            v.violation_id: [r for r in self.office.reviews if r.violation_id == v.violation_id]
            for v in violations
        }

    def vehicles(self, plates: Collection[str]) -> dict[str, Vehicle]:
        return {plate: entry for plate, entry in self.office.register.items() if plate in plates}

    def publish(
        self,
        action: str,
        case: str,
        detail: Mapping[str, Any],
        reviews: Sequence[Review],
        also: Violation | None = None,
    ) -> None:
        del action, case, detail
        for review in reviews:
            lock = self.office.held(review.violation_id)
            assert lock is not None, "decided without a lock"
            assert same_person(lock.officer, review.officer), "decided under another's lock"
        self.office.reviews += reviews
        if also is not None:
            self.office.violations[also.violation_id] = also


def at(office: Office, officer: str) -> Desk:
    return cast(Desk, PaperDesk(office, officer))


def an_office(violation: Violation, two: bool, conflicting: bool) -> tuple[Office, Violation]:
    """An office with one violation on two pictures; `conflicting`: the register knows another colour."""
    office, refs = Office(two), []
    for n, camera in enumerate(("entry", "exit")):
        key = frame_key(camera, violation.occurred_ms + n, "e", n, "jpeg")
        digest = office.evidence.put(key, PICTURE)
        assert digest == hashlib.sha256(PICTURE).hexdigest()
        refs.append(FrameRef(captured_ms=violation.occurred_ms + n, evidence_ref=key, sha256=digest, x1=1, y1=1, x2=90, y2=60,
                             plate_x1=5, plate_y1=5, plate_x2=20, plate_y2=10, plate_text=PLATE, plate_confidence=0.97))  # fmt: skip
    seen = replace(violation, plate=PLATE, offence="red_light", enforced_kmh=None, measured_kmh=None, limit_kmh=None,
                   distance_m=None, duration_ms=None, colour="white", evidence=tuple(refs))  # fmt: skip
    office.violations[seen.violation_id] = seen
    for plate in (PLATE, RIGHT):
        office.register[plate] = Vehicle(
            plate=plate, country="kz", make="Kia", model="Rio", type="sedan", colour="red" if conflicting else "white", owner_id="1",
            owner_name="N", owner_address="", owner_kind="person")  # fmt: skip
    return office, seen


def attempt(office: Office, officer: str, act: str, violation: Violation) -> None:
    desk = at(office, officer)
    match act:
        case "accept":
            review_acts.accept(desk, violation)
        case "typed":
            review_acts.accept(desk, violation, violation.plate, ("register_colour",), "I looked")
        case "reject":
            review_acts.reject(desk, violation, "other")
        case "correct":
            review_acts.correct(desk, violation, RIGHT)
        case "check":
            review_acts.check(desk, violation)
        case "wrong":
            review_acts.check(desk, violation, "wrong_vehicle")
        case "bulk":
            review_acts.accept_all(desk, list(office.violations.values()))
        case "take":
            desk.hold([violation.violation_id], 1)
        case "give_back":
            desk.give_back([violation.violation_id])
        case "wait":
            office.now_ms += 61_000


@pytest.fixture(scope="module")
def seen() -> Violation:
    """The violation that all tries are about."""
    return Violation(
        violation_id="v1", offence="red_light", camera_id="exit", country="kz", location="j1", occurred_ms=1_794_805_210_000,
        plate=PLATE, plate_country="kz", plate_confidence=0.97, label="car", enforceable=True, obstacles=(), certificate="c",
        sighting_ids=("s",), evidence=(), rule_pack="kz@1", models="m", origin_partition=0, origin_offset=0, ordinal=0,
    )  # fmt: skip


@settings(max_examples=40)
@given(st.lists(CASE, max_size=14), st.booleans(), st.booleans())
def test_no_order_of_acts_breaks_a_rule(
    seen: Violation, tries: list[tuple[str, str, int]], two: bool, conflicting: bool
) -> None:
    office, _ = an_office(seen, two, conflicting)
    for officer, act, which in tries:
        names = sorted(office.violations)
        violation = office.violations[names[which % len(names)]]
        was, locked = len(office.reviews), office.held(violation.violation_id)
        try:
            attempt(office, officer, act, violation)
        except NotAllowed:
            assert len(office.reviews) == was
            now = office.held(violation.violation_id)
            assert (now is None) == (locked is None or locked.until_ms <= office.now_ms)
    for violation in office.violations.values():
        reviews = [r for r in office.reviews if r.violation_id == violation.violation_id]
        stands = verdict(reviews, violation.corrected_by, two)
        assert stands.refused == ()  # what the commands let through, the fine processor counts
        assert all(not r.bulk or not r.conflicts for r in reviews)
        assert all(
            r.conflicts or not conflicting
            for r in reviews
            if r.decision == "accepted" and r.stage != "quality"
        )
        assert not any(corrector(violation.corrected_by, r.officer) for r in reviews)
        if stands.decision == "accepted" and two:
            assert stands.first is not None
            assert stands.second is not None
            assert not same_person(stands.first.officer, stands.second.officer)
    standing = [v for v in office.violations.values() if verdict(
        [r for r in office.reviews if r.violation_id == v.violation_id], v.corrected_by, two).decision in ("accepted", "waiting")]  # fmt: skip
    assert len(standing) <= 1  # a violation and the one that replaces it never both stand


def test_a_corrected_one_is_typed_by_another(seen: Violation) -> None:
    office, violation = an_office(seen, False, False)
    review, instead = review_acts.correct(at(office, "A"), violation, "777 ABC 02", "dirt on the plate")
    assert (review.decision, review.original_plate, review.corrected_plate, review.note) == (
        "returned",
        PLATE,
        RIGHT,
        "dirt on the plate",
    )
    for officer, plate, words in (
        ("A", RIGHT, "another officer"),
        ("B", "", "--plate"),
        ("B", PLATE, "you read"),
    ):
        with pytest.raises(NotAllowed, match=words):
            review_acts.accept(at(office, officer), instead, plate)
    assert review_acts.accept(at(office, "B"), instead, "777abc-02").conflicts == ("corrected",)
    assert office.held(instead.violation_id) is None


def test_missing_evidence_is_never_accepted(seen: Violation) -> None:
    office, violation = an_office(seen, False, False)
    office.evidence = EvidenceStore("memory:///")
    with pytest.raises(NotAllowed, match="evidence_missing"):
        review_acts.accept(at(office, "A"), violation, PLATE, ("evidence_missing",), "I know it")
    assert review_acts.accept_all(at(office, "A"), [violation]).left == {
        "v1": "evidence_missing: this cannot be accepted"
    }


def test_what_was_not_compared_is_looked_at_by_itself(seen: Violation) -> None:
    office, violation = an_office(seen, False, False)
    unpainted = replace(violation, colour="")
    office.violations[unpainted.violation_id] = unpainted
    assert review_acts.accept_all(at(office, "A"), [unpainted]).left == {
        "v1": "register_colour: not compared, look at it by itself"
    }
    assert review_acts.accept(at(office, "A"), unpainted).decision == "accepted"
