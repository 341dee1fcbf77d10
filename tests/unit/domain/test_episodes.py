"""One alert for each subject, camera group and episode; what it says is a function of the set of its sightings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import sighting
from synthetic import START_MS
from wanted import entry

from waysight.domain.episodes import KEEP_MS, Finding, Grounds, Raised, act, alert_id, merged, raised
from waysight.domain.scene import Scene
from waysight.messages import AlertAction, Sighting

EPISODE_MS = 600_000
BEGIN_MS = -(-START_MS // EPISODE_MS) * EPISODE_MS - START_MS  # of the first whole episode, after START_MS
SCENES = {
    c: Scene(camera_id=c, place=f"at {c}", group="ring" if c != "gate" else "")
    for c in ("east", "west", "gate")
}
FINDING = Finding(grounds=Grounds.of(entry("e1", "123ABC02")), matched="exact")


def _seen(camera: str, at_s: int, **change: Any) -> Sighting:
    return sighting(camera, "123ABC02", BEGIN_MS + at_s * 1000, **change)


def _told(*seen: Sighting, finding: Finding = FINDING) -> Raised:
    last: Raised | None = None
    for number, one in enumerate(seen):
        last = raised(finding, SCENES[one.camera_id], one, last, number) or last
    assert last is not None
    return last


def _id(seen: Sighting, finding: Finding = FINDING) -> str:
    return alert_id(finding, SCENES[seen.camera_id], seen)


def test_an_episode_is_of_one_subject_one_group_and_one_stretch_of_time() -> None:
    first = _seen("east", 10)
    assert _id(first) == _id(_seen("west", 590))
    assert _id(first) != _id(_seen("east", 610))
    assert _id(first) != _id(_seen("gate", 10))
    assert _id(first) != _id(replace(first, plate="123ABCO2"))
    assert _id(first) != _id(first, replace(FINDING, grounds=Grounds.of(entry("e2", "123ABC02"))))
    assert _id(first) == _id(replace(first, captured_ms=first.captured_ms + 10**6, revision=1))


def test_what_nobody_can_tell_apart_is_an_episode_each() -> None:
    alone = replace(FINDING, matched="description", alone=True)
    one, other = (sighting("east", "", BEGIN_MS + ms) for ms in (1000, 2000))
    assert _id(one, alone) != _id(other, alone)
    assert _told(one, finding=alone).alert.subject == "east"


def test_later_sightings_change_the_alert_and_do_not_repeat_it() -> None:
    told = _told(_seen("east", 10), _seen("west", 100), _seen("east", 300))
    alert = told.alert
    assert (alert.version, alert.sightings, alert.camera_id, alert.last_camera_id) == (2, 3, "east", "east")
    assert (alert.occurred_ms, alert.last_seen_ms) == (
        START_MS + BEGIN_MS + 10_000,
        START_MS + BEGIN_MS + 300_000,
    )
    assert (alert.raised_ms, alert.camera_group, alert.location) == (0, "ring", "at east")
    assert told.cameras == {"east", "west"}
    assert told.forget_ms == START_MS + BEGIN_MS + EPISODE_MS + KEEP_MS


def test_a_revision_is_told_only_when_it_says_something_else() -> None:
    early = _seen("east", 10, final=False, colour="")
    last = replace(
        early, revision=1, final=True, colour="red", captured_ms=early.captured_ms + 900, received_ms=77
    )
    told = _told(early, last)
    assert (told.alert.version, told.alert.colour, told.alert.sightings) == (1, "red", 1)
    assert (told.alert.occurred_ms, told.alert.received_ms) == (early.captured_ms, early.received_ms)
    assert raised(FINDING, SCENES["east"], replace(last, revision=2), told, 9) is None
    assert raised(FINDING, SCENES["east"], early, told, 9) is None  # an older one, sent again


def test_the_surest_match_of_an_episode_counts() -> None:
    doubtful = replace(FINDING, matched="approximate", distance=1, differences="3:8/B")
    before = _told(_seen("east", 10, plate_confidence=0.6), finding=doubtful)
    assert (before.alert.exact, before.alert.differences) == (False, "3:8/B")
    after = raised(FINDING, SCENES["west"], _seen("west", 60), before, 1)
    assert after is not None
    assert (after.alert.exact, after.alert.matched, after.alert.distance, after.alert.differences) == (
        True,
        "exact",
        0,
        "",
    )
    assert after.alert.camera_id == "east"


def _action(number: int, status: str, at_ms: int) -> AlertAction:
    return AlertAction(action_id=f"a{number}", alert_id="x", subject="s", status=status, reason="", actor="op", acted_ms=at_ms)  # type: ignore[arg-type]  # fmt: skip


def test_what_people_said_survives_and_an_older_word_does_not_come_back() -> None:
    told = _told(_seen("east", 10))
    acknowledged = act(told, _action(1, "acknowledged", 5))
    assert acknowledged is not None
    verified = act(acknowledged, _action(2, "verified", 9))
    assert verified is not None
    assert (verified.alert.status, verified.alert.version) == ("verified", 2)
    assert act(verified, _action(1, "acknowledged", 5)) is None
    after = raised(FINDING, SCENES["west"], _seen("west", 60), verified, 1)
    assert after is not None
    assert (after.alert.status, after.alert.status_by, after.alert.version) == ("verified", "op", 3)
    assert act(after, _action(1, "acknowledged", 5)) is None


def test_an_alert_worked_out_whole_follows_what_was_told_of_it() -> None:
    whole = _told(_seen("east", 10)).alert
    first = merged(None, whole, 50)
    assert first == Raised(whole, 50)
    verified = act(first, _action(1, "verified", 9))
    assert verified is not None
    assert merged(verified, replace(whole, raised_ms=99), 50) is None
    changed = merged(verified, replace(whole, distance=3, raised_ms=99), 40)
    assert changed is not None
    assert (changed.alert.status, changed.alert.version, changed.alert.raised_ms) == (
        "verified",
        2,
        whole.raised_ms,
    )
    assert changed.forget_ms == 50


_ONE = st.tuples(
    st.sampled_from(["east", "west"]), st.integers(3, 599), st.sampled_from(["exact", "approximate"])
)


@given(
    seen=st.lists(_ONE, min_size=1, max_size=6, unique_by=lambda s: s[:2]),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_sightings_changes_nothing(seen: list[tuple[str, int, str]], order: Any) -> None:
    def run(mixed: bool) -> Raised:
        queues = [
            [(_seen(c, at, final=False, colour=""), how), (_seen(c, at, revision=1, colour="red"), how)]
            for c, at, how in seen
        ]
        last: Raised | None = None
        while any(queues):
            queue = order.choice([q for q in queues if q]) if mixed else next(q for q in queues if q)
            one, how = queue.pop(0)
            finding = replace(FINDING, matched=how)
            last = raised(finding, SCENES[one.camera_id], one, last, 0) or last
        assert last is not None
        return last

    assert run(mixed=True) == run(mixed=False)


@pytest.mark.parametrize("shift_ms", [EPISODE_MS, 7 * EPISODE_MS])
def test_time_shifts_with_the_sightings(shift_ms: int) -> None:
    plain = _told(_seen("east", 10), _seen("west", 60)).alert
    moved = _told(
        *(sighting(c, "123ABC02", BEGIN_MS + shift_ms + s * 1000) for c, s in (("east", 10), ("west", 60)))
    ).alert
    assert moved.last_seen_ms - plain.last_seen_ms == moved.occurred_ms - plain.occurred_ms == shift_ms
