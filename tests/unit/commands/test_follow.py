"""`waysight follow` refuses what no authorisation allows, and draws what one does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sightings import START_MS, granted, placed, sighting

from waysight.commands import follow
from waysight.domain.authorisations import Authorisations
from waysight.domain.following import followed, points
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Authorisation, FollowPoint
from waysight.reporting.paths import draw_path
from waysight.settings import Settings
from waysight.streaming.trails import cloned_rules

PLATE = "123ABC02"
RECORD = granted("follow", PLATE)


@pytest.mark.parametrize(
    ("record", "asked", "why"),
    [
        (RECORD, "", "--authorisation is missing"),
        (RECORD, "other", "0 authorisations begin with 'other'"),
        (replace(RECORD, purpose="convoy"), "follow", "allows convoy of 123ABC02, not following"),
        (replace(RECORD, subjects=("456DEF01",)), "follow", "not following 123ABC02"),
        (replace(RECORD, ends_ms=START_MS + 1000), "follow", "the authorisation ended at"),
        (replace(RECORD, valid_from_ms=START_MS + 90_000), "follow", "it begins at"),
        (replace(RECORD, revoked_ms=START_MS, revoked_by="judge", reason="over"), "follow", "by judge: over"),
    ],
)
def test_what_no_authorisation_allows_is_refused_and_told_how_to_get_one(
    record: Authorisation, asked: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_now_ms", lambda: START_MS + 60_000)
    with pytest.raises(NotAllowed, match=why) as refused:
        follow._allowing({record.authorisation_id: record}, asked, PLATE)
    assert "waysight authorise grant --purpose follow --subject 123ABC02" in str(refused.value)


def test_what_one_allows_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_now_ms", lambda: START_MS + 60_000)
    assert follow._allowing({"follow-1": RECORD}, "fol", PLATE) == RECORD


@pytest.mark.parametrize("text", ["", "2", "h", "2w", "-2h"])
def test_a_length_of_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadConfiguration, match="write 30m, 2h or 3d"):
        follow._length_ms(text)


def _points() -> list[FollowPoint]:
    records = Authorisations([RECORD, granted("follow", PLATE, authorisation_id="follow-2", area=("c1",))])
    scenes = {name: placed(name, km) for name, km in (("c0", 0.0), ("c1", 3.0), ("c2", 5.0))}
    scenes["c2"] = replace(scenes["c2"], lat=None, lon=None)
    seen = [sighting(camera, PLATE, n * 60_000) for n, camera in enumerate(("c0", "c1", "c1", "c2"))]
    assert followed(records) == {PLATE}
    return [p for s in seen for p in points(records, scenes[s.camera_id], s)]


def test_each_authorisation_gets_the_points_that_it_covers() -> None:
    found = sorted((p.authorisation_id, p.camera_id) for p in _points())
    assert found == [("follow-1", c) for c in ("c0", "c1", "c1", "c2")] + [("follow-2", "c1")] * 2
    assert len({p.point_id for p in _points()}) == 6


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("b/a.svg", b"<?xml")])
def test_a_path_is_drawn_and_points_without_a_place_are_counted(
    name: str, begins: bytes, tmp_path: Path
) -> None:
    mine = [p for p in _points() if p.authorisation_id == "follow-1"]
    assert draw_path(mine, {"c9": (43.01, 76.01)}, tmp_path / name, "path") == 1
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert draw_path([], {}, tmp_path / name, "nothing yet") == 0


def test_a_picture_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"choose another --map"):
        draw_path(_points(), {}, tmp_path / "a.word", "path")


def test_cloned_plates_need_a_law_and_an_authority() -> None:
    assert cloned_rules(Settings()) is None
    rules = cloned_rules(Settings(cloned_legal_basis="KoAO art. 590", cloned_authority="police"))
    assert rules is not None
    assert (rules.legal_basis, rules.authority) == ("KoAO art. 590", "police")
    with pytest.raises(BadConfiguration, match="set both or neither"):
        cloned_rules(Settings(cloned_authority="police"))
