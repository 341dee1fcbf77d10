"""One parking seen in pieces: added up where the vehicle surely stayed, never where it may have left and come back."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sightings import sighting
from synthetic import START_MS, Pinhole

from waysight.authority.rulepacks import all_packs
from waysight.domain.enforcement import company, offences
from waysight.domain.enforcement.captures import GAP_MS
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.company import Company
from waysight.domain.scene import Scene, Zone
from waysight.messages import PathPoint, Sighting, Violation

LAW = Law(packs=all_packs())
CAMERA = Pinhole(1500.0, 6.0, 12.0)
CORNERS = ((0.5, 15.0), (4.0, 15.0), (4.0, 70.0), (0.5, 70.0))
ZONE = Zone(zone_id="z", kind="no_parking", polygon=tuple(CAMERA.pixel(*c) for c in CORNERS))
SCENE = Scene(
    camera_id="c", country="kz", timezone="Asia/Almaty", clock_error_ms=40, homography=CAMERA.homography(), zones=(ZONE,),
    calibration_size=(1920, 1080), certificate="C", papers=(0, 2**62), purposes=frozenset(("illegal_parking",)),
)  # fmt: skip
HERE, THERE = (2.25, 30.0), (2.25, 40.0)


def _stood(
    from_s: int, for_s: int, place: tuple[float, float] = HERE, plate: str = "123ABC02", **change: Any
) -> Sighting:
    """Somebody who stands for a while: seen each tenth of it."""
    return _along([(from_s + for_s * n / 10, place) for n in range(11)], plate, **change)


def _along(
    places: list[tuple[float, tuple[float, float]]], plate: str = "123ABC02", **change: Any
) -> Sighting:
    path = []
    for at_s, (x_m, y_m) in places:
        x_px, y_px = CAMERA.pixel(x_m, y_m)
        path.append(
            PathPoint(captured_ms=START_MS + round(at_s * 1000), x_m=x_m, y_m=y_m, x_px=x_px, y_px=y_px)
        )
    first_ms, last_ms = path[0].captured_ms, path[-1].captured_ms
    made = sighting("c", plate, last_ms - START_MS, first_ms=first_ms, path=tuple(path), zones=("z",))
    return replace(made, sighting_id=f"{plate}-{first_ms}", **change)


def _told(*passes: Sighting, scene: Scene = SCENE, times: Iterable[int] = ()) -> list[Violation]:
    """What is told of passes, each as it ends, with the camera's time told at some seconds."""
    state, found = Company(), list[Violation]()
    ends = [*(START_MS + 1000 * t for t in times), START_MS + 10**8]
    for one in passes:
        while ends[0] < one.first_ms:
            state, more = company.decided(LAW, scene, state, ends.pop(0), False)
            found += more
        state = company.joined(state, scene, offences.able(scene), one)
    for at_ms in ends:
        state, more = company.decided(LAW, scene, state, at_ms, False)
        found += more
    assert not state.members, "silence empties it"
    return found


def test_two_minutes_in_every_five_are_one_parking() -> None:
    captures = [_stood(300 * n, 120) for n in range(5)]
    found = _told(*captures)
    assert [(v.offence, v.zone_id, v.dwell_ms) for v in found] == [
        ("illegal_parking", "z", 420_000 - 80), ("illegal_parking", "z", 720_000 - 80),
        ("illegal_parking", "z", 1_020_000 - 80), ("illegal_parking", "z", 1_320_000 - 80),
    ]  # fmt: skip
    assert found[0].sighting_ids == tuple(c.sighting_id for c in captures[:2])
    assert [v.occurred_ms for v in found] == [c.last_ms for c in captures[1:]]
    assert not _told(captures[0]), "one alone is allowed"


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (_stood(120 + GAP_MS // 1000 + 1, 120), "in so long a gap it may have left and come back"),
        (_stood(300, 120, THERE), "another place"),
        (_stood(300, 120, plate="777BBB02"), "another vehicle"),
        (_stood(300, 120, plate=""), "perhaps another vehicle"),
        (_along([(300 + 2 * n, (2.25, 60.0 - 3 * n)) for n in range(10)] + [(320 + 12 * n, HERE) for n in range(9)]),
         "it came back"),
        (_stood(180, 119), "not longer than is allowed"),
    ],
)  # fmt: skip
def test_what_may_be_two_stays_is_two_stays(second: Sighting, why: str) -> None:
    assert not _told(_stood(0, 120), second), why


def test_who_drove_off_or_whose_place_another_took_had_left() -> None:
    left = _along(
        [(12 * n, HERE) for n in range(9)] + [(98 + 2 * n, (2.25, 30.0 + 3 * n)) for n in range(10)]
    )
    assert not _told(left, _stood(300, 120))
    assert _told(_stood(0, 120), _stood(300, 120))
    assert not _told(_stood(0, 120), _stood(150, 60, plate="777BBB02"), _stood(300, 120))
    assert _told(_stood(0, 120), _stood(150, 60, THERE, plate="777BBB02"), _stood(300, 120)), "next to it"
    assert _told(_stood(0, 120), _stood(150, 60, plate=""), _stood(300, 120)), "an unread piece of the same"


def test_hours_clocks_and_the_zones_own_time_count() -> None:
    # START_MS is 10:00 in Almaty.
    until_ten = replace(SCENE, zones=(replace(ZONE, hours="08:00-10:05"),))
    assert not _told(_stood(0, 120), _stood(300, 120), scene=until_ten)
    hour = replace(SCENE, zones=(replace(ZONE, max_dwell_s=600.0),))
    assert not _told(_stood(0, 120), _stood(300, 120), scene=hour)
    assert len(_told(*(_stood(300 * n, 120) for n in range(3)), scene=hour)) == 1
    unsure = [_stood(0, 120, clock_error_ms=60_001), _stood(300, 120, clock_error_ms=60_001)]
    assert not _told(*unsure)


def test_no_stopping_bridges_no_more_than_one_may_stop() -> None:
    scene = replace(
        SCENE, purposes=frozenset(("illegal_stopping",)), zones=(replace(ZONE, kind="no_stopping"),)
    )
    found = _told(_stood(0, 8), _stood(12, 8), scene=scene)
    assert [(v.offence, v.dwell_ms) for v in found] == [("illegal_stopping", 20_000 - 80)]
    assert not _told(_stood(0, 8), _stood(19, 8), scene=scene), "eleven seconds: it may have gone round"


def test_one_capture_that_is_too_long_is_told_by_itself() -> None:
    assert not _told(_stood(0, 120), _stood(200, 400)), "the rule of one pass tells it"


def test_who_waits_in_a_box_to_turn_may() -> None:
    def told(purpose: str, kind: str, *places: tuple[float, float]) -> bool:
        scene = replace(SCENE, purposes=frozenset((purpose,)), zones=(replace(ZONE, kind=kind),))
        drive = _along([(0.2 * n, place) for n, place in enumerate(places)])
        return any(v for judge in offences.by_pass(scene) for v in judge(LAW, scene, drive))

    comes, waits = [(2.25, 60.0 - 3 * n) for n in range(10)], [(2.25, 33.0)] * 60
    straight = [(2.25, 30.0 - 2 * n) for n in range(6)]
    turned = [(2.25 - 2 * n, 33.0 - 1.5 * n) for n in range(6)]
    assert told("box_junction", "box", *comes, *waits, *straight)
    assert not told("box_junction", "box", *comes, *waits, *turned)
    assert told("box_junction", "box", *comes, *waits), "it was not seen to turn"
    assert told("box_junction", "box", *waits, *turned), "nor where it came from"
    assert told("illegal_stopping", "no_stopping", *comes, *waits, *turned), (
        "where nobody may stop, nor to turn"
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(6, 200), st.sampled_from((HERE, THERE)),
                       st.sampled_from(("123ABC02", "777BBB02"))), min_size=1, max_size=6),
    st.integers(0, 2**32),
)  # fmt: skip
def test_order_of_arrival_and_of_time_changes_nothing(what: list[Any], seed: int) -> None:
    passes = list({s.sighting_id: s for s in (_stood(60 * a, b, c, d) for a, b, c, d in what)}.values())
    rng = random.Random(seed)
    shuffled = rng.sample(passes, len(passes))
    by_end = sorted(passes, key=lambda s: s.last_ms)
    plain = {v.violation_id: v for v in _told(*shuffled)}
    times = sorted(rng.sample(range(3000), 20))
    state, found = Company(), dict[str, Violation]()
    for at_ms in [*(START_MS + 1000 * t for t in times), START_MS + 10**8]:
        while by_end and by_end[0].last_ms <= at_ms:
            state = company.joined(state, SCENE, offences.able(SCENE), by_end.pop(0))
        state, more = company.decided(LAW, SCENE, state, at_ms, False)
        found |= {v.violation_id: v for v in more}
    assert found == plain
