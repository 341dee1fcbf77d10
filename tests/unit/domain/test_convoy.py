"""Convoys: three cameras within an hour make one, whatever the order; without an authorisation nobody is told of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import START_MS, granted, placed, sighting

from waysight.domain import convoy
from waysight.domain.authorisations import Authorisations
from waysight.domain.recent import Recent, Seen
from waysight.messages import Alert, Companion

RULES = convoy.ConvoyRules()
RECORD = granted("convoy", "111AAA01")
MINUTE = 60_000
CAMERAS = ("c0", "c1", "c2", "c3", "c4")


def _companions(*seen: Seen, records: Authorisations | None = None) -> list[Companion]:
    recent, found = Recent(RULES.span), list[Companion]()
    for one in seen:
        scene = placed(one.camera_id)
        found += convoy.companions(records or Authorisations([RECORD]), scene, one, recent.meet(one) or ())
    return found


def _pass(camera: str, plate: str, at_ms: int) -> Seen:
    return Seen.of(sighting(camera, plate, at_ms))


def test_who_passes_close_to_the_subject_is_told_whoever_comes_first() -> None:
    subject, beside = _pass("c0", "111AAA01", 90_000), _pass("c0", "222BBB01", 60_000)
    later, elsewhere = _pass("c0", "333CCC01", 151_000), _pass("c1", "444DDD01", 90_000)
    for order in ((subject, beside, later, elsewhere), (elsewhere, later, beside, subject)):
        (told,) = _companions(*order)
        assert (told.subject, told.plate, told.camera_id) == ("111AAA01", "222BBB01", "c0")


@pytest.mark.parametrize(
    "record",
    [
        granted("follow", "111AAA01"),
        granted("convoy", "999ZZZ01"),
        replace(RECORD, revoked_ms=START_MS),
        replace(RECORD, ends_ms=START_MS + 1000),
        replace(RECORD, area=("district:elsewhere",)),
    ],
)
def test_nobody_is_told_of_without_an_authorisation_in_force_there_and_then(record: object) -> None:
    passes = _pass("c0", "111AAA01", 90_000), _pass("c0", "222BBB01", 60_000)
    assert _companions(*passes, records=Authorisations([record])) == []  # type: ignore[list-item]


def _met(camera: str, at_ms: int, name: str = "") -> Companion:
    at = f"{camera}{at_ms}{name}"
    return Companion(
        companion_id=at, authorisation_id=RECORD.authorisation_id, subject="111AAA01", subject_sighting_id=f"s{at}",
        subject_ms=START_MS + at_ms, plate="222BBB01", sighting_id=f"p{at}", captured_ms=START_MS + at_ms,
        camera_id=camera, plate_confidence=0.97, label="car", colour="", origin_partition=0, origin_offset=0, ordinal=0,
    )  # fmt: skip


def _alert(*companions: Companion) -> Alert | None:
    meetings = convoy.Meetings()
    for one in companions:
        meetings = convoy.joined(RULES, meetings, one)
        assert convoy.joined(RULES, meetings, one) == meetings, "what comes again is known"
    scene = placed(convoy.place_of(RULES, meetings))
    return convoy.alert(RULES, RECORD, ("111AAA01", "222BBB01"), meetings, scene, 0)


def test_three_cameras_within_an_hour_are_a_convoy() -> None:
    met = [_met("c0", 0), _met("c1", 20 * MINUTE), _met("c2", 50 * MINUTE)]
    alert = _alert(*met)
    assert alert is not None
    assert (alert.kind, alert.plate, alert.other_plate) == ("convoy", "222BBB01", "111AAA01")
    assert (alert.subject, alert.authorisation_id, alert.case_number) == ("111AAA01", "convoy-1", "C-7")
    assert (alert.occurred_ms, alert.camera_id, alert.sightings) == (START_MS + 50 * MINUTE, "c2", 3)


@pytest.mark.parametrize(
    "met",
    [
        [_met("c0", 0), _met("c1", 20 * MINUTE)],
        [_met("c0", 0), _met("c1", 20 * MINUTE), _met("c0", 40 * MINUTE), _met("c1", 50 * MINUTE)],
        [_met("c0", 0), _met("c1", 40 * MINUTE), _met("c2", 61 * MINUTE)],
    ],
)
def test_two_cameras_or_a_longer_time_are_none(met: list[Companion]) -> None:
    assert _alert(*met) is None


def test_one_alert_is_updated_with_each_meeting() -> None:
    met = [_met(CAMERAS[n % 5], n * 10 * MINUTE) for n in range(40)]
    alerts = [_alert(*met[: n + 1]) for n in range(len(met))]
    told = [a for a in alerts if a is not None]
    assert len(told) == 38
    assert {a.alert_id for a in told} == {told[0].alert_id}
    assert {a.occurred_ms for a in told} == {START_MS + 20 * MINUTE}
    assert [a.sightings for a in told] == list(range(3, 41))
    assert told[-1].last_seen_ms == START_MS + 390 * MINUTE


MEETINGS = st.lists(st.tuples(st.sampled_from(CAMERAS), st.integers(0, 240)), max_size=25, unique=True)


@given(MEETINGS, st.lists(st.integers(0, RULES.late_ms // MINUTE), min_size=25, max_size=25))
def test_disorder_within_the_bound_changes_no_alert(met: list[tuple[str, int]], late: list[int]) -> None:
    """Each arrives up to `late_ms` of event time after its turn."""
    ordered = sorted(met, key=lambda m: m[1])
    arrived = [m for _, m in sorted(zip(late, ordered, strict=False), key=lambda p: p[1][1] + p[0])]
    assert _alert(*(_met(c, m * MINUTE) for c, m in ordered)) == _alert(
        *(_met(c, m * MINUTE) for c, m in arrived)
    )


def test_meetings_are_forgotten_when_nothing_can_come_of_them() -> None:
    meetings = convoy.joined(RULES, convoy.Meetings(), _met("c0", 0))
    late = START_MS + RULES.window_ms + RULES.late_ms
    assert not convoy.is_over(RULES, meetings, RECORD, late - 1)
    assert convoy.is_over(RULES, meetings, RECORD, late)
    assert convoy.is_over(RULES, meetings, None, START_MS)
    assert convoy.is_over(RULES, meetings, replace(RECORD, revoked_ms=1), START_MS)
    assert convoy.is_over(RULES, meetings, RECORD, RECORD.ends_ms)
