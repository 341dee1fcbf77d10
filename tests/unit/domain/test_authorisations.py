"""Authorisations: what is refused, and who is allowed what, where and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from waysight.domain.authorisations import CONVOY, FOLLOW, OWNER_WARRANT, Authorisations, faults
from waysight.domain.scene import Scene
from waysight.messages import Authorisation

DAY_MS = 86_400_000
GRANT = Authorisation(
    authorisation_id="a-1",
    purpose=FOLLOW,
    authority="district court",
    legal_basis="Law on operational search, art. 11",
    case_number="2026-17",
    area=("district:Almaly",),
    subjects=("123ABC02",),
    valid_from_ms=10 * DAY_MS,
    ends_ms=12 * DAY_MS,
    granted_by="a.officer",
    granted_ms=9 * DAY_MS,
)
INSIDE = Scene(camera_id="cam-1", district="Almaly")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"purpose": "curiosity"}, "purpose"),
        ({"legal_basis": " "}, "legal basis is missing"),
        ({"granted_by": ""}, "officer is missing"),
        ({"ends_ms": 10 * DAY_MS}, "ends before it begins"),
        ({"ends_ms": 400 * DAY_MS}, "longer than a year"),
        ({"subjects": ()}, "needs the plates"),
        ({"purpose": CONVOY, "subjects": ()}, "needs the plates"),
        ({"area": ("planet:earth",)}, "area 'planet:earth'"),
        ({"area": ("road:",)}, "area 'road:'"),
    ],
)
def test_a_grant_without_grounds_is_faulty(change: dict[str, object], said: str) -> None:
    assert faults(GRANT) == ()
    assert said in "; ".join(faults(replace(GRANT, **change)))  # type: ignore[arg-type]


def test_it_allows_only_its_subject_place_purpose_and_time() -> None:
    held = Authorisations([GRANT])
    noon = 11 * DAY_MS
    assert held.allowing(FOLLOW, "123ABC02", INSIDE, noon) == GRANT
    assert held.allowing(CONVOY, "123ABC02", INSIDE, noon) is None
    assert held.allowing(FOLLOW, "777XYZ01", INSIDE, noon) is None
    assert held.allowing(FOLLOW, "123ABC02", Scene(camera_id="cam-9", district="Other"), noon) is None
    assert held.allowing(FOLLOW, "123ABC02", INSIDE, 10 * DAY_MS - 1) is None
    assert held.allowing(FOLLOW, "123ABC02", INSIDE, 12 * DAY_MS) is None


def test_a_revoked_one_allows_nothing_and_a_removed_one_is_gone() -> None:
    held = Authorisations([GRANT])
    held.apply("a-1", replace(GRANT, revoked_ms=11 * DAY_MS, revoked_by="b.judge", reason="closed"))
    assert held.allowing(FOLLOW, "123ABC02", INSIDE, 11 * DAY_MS - 1) is None
    assert held.of(FOLLOW) == ()
    assert held.get("a-1") is not None
    held.apply("a-1", None)
    assert held.get("a-1") is None


def test_owner_warrant_without_subjects_is_for_everybody_wanted() -> None:
    everybody = replace(GRANT, purpose=OWNER_WARRANT, subjects=(), area=())
    assert faults(everybody) == ()
    held = Authorisations([everybody])
    assert held.allowing(OWNER_WARRANT, "person-5", Scene(camera_id="cam-9"), 11 * DAY_MS) == everybody
