"""The officer's look: what the evidence shows decides, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.pictures import encode_jpeg
from waysight.authority.review.examination import decide, examine, load_frames, review_violation, shown_hash
from waysight.errors import NotAllowed
from waysight.messages import Violation

Make = Callable[..., Any]


@pytest.fixture
def case(violation: Make, frame: Make) -> tuple[Violation, dict[str, bytes]]:
    """A violation by average speed with two real pictures."""
    rng = np.random.default_rng(1)
    frames, refs = {}, []
    for i, (camera, back_ms) in enumerate((("kz-a1-entry", 27_000), ("kz-a1-exit", 0))):
        data = encode_jpeg(rng.integers(0, 255, (360, 640, 3), dtype=np.uint8))
        name = f"frames/{camera}/20261116/e-{i:09d}.jpg"
        frames[name] = data
        refs.append(frame(evidence_ref=name, sha256=hashlib.sha256(data).hexdigest(),
                          captured_ms=frame().captured_ms - back_ms))  # fmt: skip
    return violation(evidence=tuple(refs), distance_m=1000.0, duration_ms=27_480, enforced_kmh=131.0), frames


def codes(violation: Violation, frames: dict[str, bytes]) -> list[str]:
    return [f.code for f in examine(violation, frames) if not f.ok]


def changed(violation: Violation, index: int, **changes: Any) -> Violation:
    from dataclasses import replace

    refs = list(violation.evidence)
    refs[index] = replace(refs[index], **changes)
    return replace(violation, evidence=tuple(refs))


def test_good_evidence_is_accepted_by_name(case: tuple[Violation, dict[str, bytes]]) -> None:
    violation, frames = case
    review = review_violation(violation, "demo-officer", frames, 1_000)
    assert (review.decision, review.reason, review.officer, review.plate) == (
        "accepted",
        "",
        "demo-officer",
        "123ABC02",
    )
    assert review.evidence_sha256 == shown_hash(violation, frames)
    assert review_violation(violation, "demo-officer", frames, 1_000) == review


def test_each_fault_of_the_evidence_is_seen(case: tuple[Violation, dict[str, bytes]]) -> None:
    from dataclasses import replace

    violation, frames = case
    first, second = (r.evidence_ref for r in violation.evidence)
    assert codes(violation, {first: frames[first]}) == ["evidence_missing"]
    assert codes(violation, {**frames, second: frames[second] + b"\0"}) == ["evidence_altered"]
    broken = b"no picture"
    unreadable = changed(violation, 0, sha256=hashlib.sha256(broken).hexdigest())
    assert codes(unreadable, {**frames, first: broken}) == ["evidence_unreadable"]
    assert codes(changed(violation, 0, x2=900.0), frames) == ["box_outside"]
    assert codes(changed(violation, 0, plate_text="123ABC03", plate_confidence=0.5), frames) == [
        "plate_not_shown"
    ]
    assert codes(changed(violation, 0, plate_text="123ABC03"), frames) == ["plate_not_shown", "plates_differ"]
    assert codes(changed(violation, 0, plate_text=""), frames) == ["plate_not_shown"]
    assert codes(replace(violation, evidence=()), frames)[0] == "evidence_missing"
    assert codes(replace(violation, measured_kmh=120.0), frames) == ["speed_inconsistent"]
    assert codes(replace(violation, distance_m=2000.0), frames) == ["speed_inconsistent"]
    assert codes(changed(violation, 0, captured_ms=0), frames) == ["speed_inconsistent"]
    rejected = review_violation(violation, "demo-officer", {}, 1_000)
    assert (rejected.decision, rejected.reason) == ("rejected", "evidence_missing")


def test_what_may_not_be_enforced_is_not_accepted(case: tuple[Violation, dict[str, bytes]]) -> None:
    from dataclasses import replace

    violation, frames = case
    barred = replace(violation, enforceable=False, obstacles=("certificate_expired",))
    with pytest.raises(NotAllowed, match="certificate_expired"):
        decide(barred, "officer", "", frames, 0)
    with pytest.raises(NotAllowed, match="name"):
        decide(violation, " ", "", frames, 0)
    with pytest.raises(NotAllowed, match="no reason code"):
        decide(violation, "officer", "because", frames, 0)
    assert decide(barred, "officer", "other", frames, 0).decision == "rejected"


def test_gone_objects_are_left_out(case: tuple[Violation, dict[str, bytes]]) -> None:
    violation, frames = case
    store, first = EvidenceStore("memory:///"), violation.evidence[0].evidence_ref
    store.put(first, frames[first])
    assert load_frames(violation, store) == {first: frames[first]}


def test_the_demo_s_officer_rejects_what_may_not_be_enforced(
    case: tuple[Violation, dict[str, bytes]],
) -> None:
    from dataclasses import replace

    violation, frames = case
    barred = replace(violation, enforceable=False, obstacles=("no_certificate",))
    review = review_violation(barred, "demo-officer", frames, 0)
    assert (review.decision, review.reason) == ("rejected", "not_enforceable")
