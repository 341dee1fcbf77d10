"""Every offence on exact tracks: what is one, what is not provable, and what the registry asks of a camera."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import sighting
from synthetic import START_MS, Pinhole

from waysight.authority.rulepacks import all_packs
from waysight.domain.enforcement import (
    company,
    line_crossing,
    no_plate,
    offences,
    red_light,
    standing,
    stop_line,
    wrong_way,
)
from waysight.domain.enforcement.case import Law, in_favour_kmh, local_day
from waysight.domain.enforcement.company import Company
from waysight.domain.enforcement.shown import Shown
from waysight.domain.scene import RoadLine, Scene, Zone
from waysight.messages import FrameRef, PathPoint, PlateCandidate, Sighting, Violation

LAW = Law(packs=all_packs())
CAMERA = Pinhole(1500.0, 6.0, 12.0)
Place = tuple[float, float]


def _px(*places: Place) -> tuple[Place, ...]:
    return tuple(CAMERA.pixel(*p) for p in places)


def _box(left: float, right: float, near: float, far: float) -> tuple[Place, ...]:
    return _px((left, near), (right, near), (right, far), (left, far))


LANE = _box(0.5, 4.0, 15.0, 70.0)  # the right lane; the left one is its mirror
LEFT = _box(-4.0, -0.5, 15.0, 70.0)
BARE = Scene(
    camera_id="c", country="kz", timezone="Asia/Almaty", fps=5.0, clock_error_ms=40, homography=CAMERA.homography(),
    calibration_size=(1920, 1080), certificate="papers", papers=(0, 2**62),
)  # fmt: skip


def _scene(purpose: str, kind: str = "", polygon: tuple[Place, ...] = LANE, **zone: Any) -> Scene:
    zones = (Zone(zone_id="z", kind=kind, polygon=polygon, **zone),) if kind else ()
    return replace(BARE, purposes=frozenset((purpose,)), zones=zones)


def _frame(at_ms: int, width: float = 300.0, **change: Any) -> FrameRef:
    made = FrameRef(
        captured_ms=at_ms, evidence_ref=f"f{at_ms}", sha256="", x1=800, y1=400, x2=800 + width, y2=700, plate_x1=0,
        plate_y1=0, plate_x2=0, plate_y2=0, plate_text="", plate_confidence=0.0,
    )  # fmt: skip
    return replace(made, **change)


def _drive(places: list[Place], step_ms: int = 200, at_ms: int = 0, **change: Any) -> Sighting:
    """A pass through places of the road plane (m), one each `step_ms`; in zone "z"."""
    path = []
    for n, (x_m, y_m) in enumerate(places):
        x_px, y_px = CAMERA.pixel(x_m, y_m)
        path.append(
            PathPoint(captured_ms=START_MS + at_ms + n * step_ms, x_m=x_m, y_m=y_m, x_px=x_px, y_px=y_px)
        )
    last = at_ms + (len(places) - 1) * step_ms
    made = sighting("c", change.pop("plate", "123ABC02"), last, first_ms=START_MS + at_ms, path=tuple(path))
    first, end = path[0].captured_ms, path[-1].captured_ms
    change = {"zones": ("z",), "best_frame": _frame(end), "second_frame": _frame(first), **change}
    return replace(made, frames=len(places), dwell_ms=last - at_ms, **change)


def _straight(x_m: float, start_m: float, end_m: float, points: int = 12) -> list[Place]:
    return [(x_m, start_m + (end_m - start_m) * n / (points - 1)) for n in range(points)]


def _alone(scene: Scene, *passes: Sighting) -> list[Violation]:
    assert offences.able(scene), "the camera lacks what its purpose needs"
    return [v for s in passes for judge in offences.by_pass(scene) for v in judge(LAW, scene, s)]


@pytest.mark.parametrize("kind", ["bus_lane", "shoulder", "pavement", "restricted_hours"])
def test_a_closed_lane_needs_metres_inside(kind: str) -> None:
    scene = _scene(kind, kind, labels=frozenset(("car",)))
    (found,) = _alone(scene, _drive(_straight(2.25, 60, 20)))
    assert (found.offence, found.zone_id, found.plate) == (kind, "z", "123ABC02")
    assert found.occurred_ms >= START_MS
    assert not _alone(scene, _drive(_straight(2.25, 60, 20), label="bus")), "a class that may"
    assert not _alone(scene, _drive(_straight(-2.25, 60, 20))), "the other lane"
    assert not _alone(scene, _drive(_straight(0.55, 60, 20))), "a box that touches"
    assert not _alone(scene, _drive([(-2, 60), (-2, 55), (2, 50), (2, 47), (-2, 42)])), (
        "a swerve of two frames"
    )
    assert not _alone(scene, _drive(_straight(2.25, 60, 20), zones=())), "the tracker saw it in no zone"
    by_register = _scene("restricted_hours", "restricted_hours", min_mass_kg=3500)
    assert not _alone(by_register, _drive(_straight(2.25, 60, 20))), "the register decides"


def test_hours_are_local_and_follow_the_change_of_clocks() -> None:
    # Europe/Paris leaves summer time on 25 October 2026 at 03:00: 07:30 is 05:30 UTC before, 06:30 UTC after.
    scene = replace(_scene("bus_lane", "bus_lane", hours="07:00-08:00"), timezone="Europe/Paris")
    for day_ms, utc_minutes, is_offence in [
        (1_792_800_000_000, 5 * 60 + 30, True),  # Saturday 24 October, 00:00 UTC
        (1_792_800_000_000, 6 * 60 + 30, False),
        (1_792_800_000_000 + 2 * 86_400_000, 5 * 60 + 30, False),
        (1_792_800_000_000 + 2 * 86_400_000, 6 * 60 + 30, True),
    ]:
        at_ms = day_ms + utc_minutes * 60_000 - START_MS
        assert bool(_alone(scene, _drive(_straight(2.25, 60, 20), at_ms=at_ms))) == is_offence
    first_ms = (
        1_792_800_000_000 + 5 * 3_600_000 - START_MS
    )  # 07:00:00 local: within the clock's error of 06:59
    early = _drive(_straight(2.25, 60, 20, 3), at_ms=first_ms - 20)
    assert not _alone(scene, early), "by a clock that is off it was before the hours"


def test_the_law_counts_days_of_its_own_zone_through_changes_of_clocks() -> None:
    # Morocco is an hour ahead of UTC but in Ramadan (18 February to 19 March 2026, clocks changed on Sundays around it).
    pack = all_packs()["ma"]
    late_ms = 23 * 3_600_000 + 1_800_000
    january, ramadan = 1_768_435_200_000, 1_772_323_200_000  # 15 January and 1 March 2026, 00:00 UTC
    assert local_day(pack, january + late_ms) == date(2026, 1, 16)
    assert local_day(pack, ramadan + late_ms) == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("offence", "kind", "limit_s"),
    [
        ("illegal_stopping", "no_stopping", 10),
        ("illegal_parking", "no_parking", 300),
        ("box_junction", "box", 10),
    ],
)
def test_standing_counts_provable_time_only(offence: str, kind: str, limit_s: int) -> None:
    scene = _scene(offence, kind)

    def stay(seconds: float, **change: Any) -> Sighting:
        return _drive([(2.25, 30.0)] * 21, step_ms=round(seconds * 50), **change)

    (found,) = _alone(scene, stay(limit_s + 1))
    assert found.offence == offence
    assert found.dwell_ms == (limit_s + 1) * 1000 - 80
    assert found.occurred_ms == START_MS + (limit_s + 1) * 1000
    assert not _alone(scene, stay(limit_s)), "exactly as long as allowed, less what both stamps may be wrong"
    assert not _alone(scene, stay(limit_s + 1, clock_error_ms=600))
    creeping = _drive(_straight(2.25, 60, 20, 41), step_ms=limit_s * 50)
    assert not _alone(scene, creeping), "a queue that moves does not stand"
    assert not _alone(
        replace(scene, zones=(replace(scene.zones[0], max_dwell_s=limit_s * 2.0),)), stay(limit_s + 1)
    )
    assert _alone(replace(scene, homography=None), stay(limit_s + 1)), "no calibration is needed"


def test_parking_only_counts_within_hours() -> None:
    scene = _scene("illegal_parking", "no_parking", hours="08:00-20:00", max_dwell_s=600)
    # START_MS is 10:00 in Almaty.
    local_hour = 3_600_000
    evening = 10 * local_hour - 300_000  # 19:55
    assert not _alone(scene, _drive([(2.25, 30.0)] * 61, step_ms=20_000, at_ms=evening)), "5 of 20 minutes"
    (found,) = _alone(
        scene, _drive([(2.25, 30.0)] * 61, step_ms=60_000, at_ms=9 * local_hour + local_hour // 2)
    )
    assert found.dwell_ms is not None
    assert found.dwell_ms <= local_hour // 2
    assert found.occurred_ms < START_MS + 10 * local_hour


def test_wrong_way_needs_provable_metres() -> None:
    scene = _scene("wrong_way", "one_way", towards=(0.0, 1.0))
    (found,) = _alone(scene, _drive(_straight(2.25, 50, 20)))
    assert found.offence == "wrong_way"
    assert found.distance_m is not None
    assert 10 <= found.distance_m < 30
    assert not _alone(scene, _drive(_straight(2.25, 20, 50))), "the right way"
    assert not _alone(scene, _drive(_straight(2.25, 28, 20))), "sets back a little"
    assert not _alone(scene, _drive([(2.25, y) for y in (30, 45, 50, 40, 20)])), "no steady course"
    assert wrong_way.against_m(scene, scene.zones[0], _drive(_straight(2.25, 50, 20)).path[:2]) == -math.inf


def _line(kind: str, forbidden: str = "both", **change: Any) -> Scene:
    near, far = _px((0.0, 18.0), (0.0, 60.0))
    line = RoadLine(line_id="n", kind=kind, image=(near, far), forbidden=forbidden, **change)
    purpose = "solid_line" if kind == "solid" else "illegal_turn"
    return replace(BARE, purposes=frozenset((purpose,)), lines=(line,))


def test_a_solid_line_is_crossed_from_clear_to_clear() -> None:
    change = [(-1.75, 50.0), (-1.7, 45.0), (-0.5, 40.0), (0.6, 35.0), (1.75, 30.0), (1.75, 25.0)]
    (found,) = _alone(_line("solid"), _drive(change))
    assert (found.offence, found.line_id) == ("solid_line", "n")
    assert found.occurred_ms == START_MS + 800
    assert not _alone(_line("solid"), _drive([(-1.75, 50.0), (-0.9, 40.0), (0.3, 35.0), (-1.7, 30.0)])), (
        "back again"
    )
    assert not _alone(
        _line("solid"), _drive([(x, y) for (x, _), y in zip(change, (85, 80, 75, 72, 68, 66), strict=True)])
    ), "before the line begins"
    # From the near end to the far one the left is the left; this drive goes from left to right.
    assert _alone(_line("solid", "left_to_right"), _drive(change))
    assert not _alone(_line("solid", "right_to_left"), _drive(change))
    assert not _alone(_line("solid", hours="00:00-01:00"), _drive(change))


def test_a_forbidden_turn_crosses_its_mouth_one_way() -> None:
    turn = [(2.0, 60.0), (2.0, 45.0), (1.5, 40.0), (-0.5, 38.0), (-2.0, 37.0), (-4.0, 37.0)]
    (found,) = _alone(_line("turn", "right_to_left"), _drive(turn))
    assert found.offence == "illegal_turn"
    assert not _alone(_line("turn", "right_to_left"), _drive(turn[::-1]))
    assert (
        line_crossing.crossed_ms(replace(BARE, homography=None), _line("turn").lines[0], _drive(turn)) is None
    )


def _judged(scene: Scene, *passes: Sighting, at_ms: int = 10**9) -> list[Violation]:
    assert offences.able(scene), "the camera lacks what its purpose needs"
    state = Company()
    for one in passes:
        state = company.joined(state, scene, offences.able(scene), one)
    state, found = company.decided(LAW, scene, state, START_MS + at_ms, False)
    assert not company.decided(LAW, scene, state, START_MS + at_ms + 10**9, False)[0].members, (
        "silence empties it"
    )
    return list(found)


CROSSING = _scene("pedestrian_priority", "crossing", _box(-6.0, 6.0, 25.0, 33.0))
CAR = _drive(_straight(2.25, 60, 15, 19), at_ms=2000)  # in the crossing from about 4.2 to 4.8 s


def _walks(start_m: float, end_m: float, at_ms: int = 0, **change: Any) -> Sighting:
    places = [(start_m + (end_m - start_m) * n / 40, 29.0) for n in range(41)]
    person = _drive(places, at_ms=at_ms, plate="", label="person", **change)
    return replace(person, sighting_id=f"person-{start_m}-{end_m}-{at_ms}")


def test_priority_of_people_on_the_crossing() -> None:
    (found,) = _judged(CROSSING, _walks(-4, 4), CAR)
    assert (found.offence, found.zone_id, found.plate) == ("pedestrian_priority", "z", "123ABC02")
    assert _judged(CROSSING, CAR, _walks(-4, 4)) == [found], "whoever is told first"
    assert not _judged(CROSSING, CAR), "nobody there"
    assert not _judged(CROSSING, CAR, _walks(-4, 4, at_ms=5000)), "came after the car"
    assert not _judged(CROSSING, CAR, _walks(-4, 4, at_ms=-9000)), "was gone before"
    assert not _judged(CROSSING, CAR, _walks(-5.8, -4.8)), "at the other kerb, eight metres away"
    assert not _judged(CROSSING, CAR, _walks(-4, 4, label_confidence=0.3)), "perhaps no person"
    waits = _drive([(2.25, 32.0)] * 20, at_ms=2000)
    assert not _judged(CROSSING, waits, _walks(-4, 4)), "it waits"
    assert not _judged(CROSSING, CAR, _walks(-4, 4), at_ms=5000), "more may come: it is not judged yet"


def test_overtaking_in_the_oncoming_half() -> None:
    scene = _scene("overtaking", "no_overtaking", _box(-4.0, -0.5, 15.0, 80.0), towards=(0.0, -1.0))
    slow = replace(_drive(_straight(2.0, 25, 45, 21), zones=()), sighting_id="slow", plate="777AAA02")
    path = [(-2.0, y) for _, y in _straight(0, 16, 75, 21)]
    (found,) = _judged(scene, _drive(path), slow)
    assert (found.offence, found.plate) == ("overtaking", "123ABC02")
    assert not _judged(scene, _drive(path)), "nobody was passed"
    parked = replace(_drive([(2.0, 35.0)] * 21, zones=()), sighting_id="parked")
    assert not _judged(scene, _drive(path), parked), "an obstacle may be passed"
    ahead = replace(_drive(_straight(2.0, 40, 79, 21), zones=()), sighting_id="ahead")
    assert not _judged(scene, _drive([(-2.0, y) for _, y in _straight(0, 16, 50, 21)]), ahead), "still behind"
    oncoming = replace(_drive([(-2.0, y) for _, y in _straight(0, 75, 16, 21)]), sighting_id="oncoming")
    assert not _judged(scene, oncoming, slow), "its own half"
    # The overtaken one is judged too: it never was in the zone.
    assert [v.plate for v in _judged(scene, slow, _drive(path))] == ["123ABC02"]


def test_double_parking_needs_another_that_stands_beside() -> None:
    scene = _scene("double_parking", "double_parking", max_dwell_s=60.0)
    second = _drive([(1.0, 30.0)] * 31, step_ms=4000)
    kerb = replace(_drive([(3.6, 30.5)] * 61, step_ms=4000, at_ms=-60_000, zones=()), sighting_id="kerb")
    (found,) = _judged(scene, second, kerb)
    assert (found.offence, found.dwell_ms) == ("double_parking", 120_000 - 80)
    assert not _judged(scene, second), "alone"
    far = replace(_drive([(3.6, 40.0)] * 61, step_ms=4000, at_ms=-60_000, zones=()), sighting_id="far")
    assert not _judged(scene, second, far)
    brief = replace(_drive([(3.6, 30.5)] * 16, step_ms=2000, zones=()), sighting_id="brief")
    assert not _judged(scene, second, brief), "together for half a minute only"
    assert not _judged(scene, second, kerb, at_ms=400_000), "the one at the kerb may still be told of"


JUNCTION = replace(
    BARE, purposes=frozenset(("stop_line", "red_light")), junction_id="j", signal_group="n",
    stop_line=((-50.0, 30.0), (50.0, 30.0)),
)  # fmt: skip
RED = Shown(((START_MS - 60_000, "red"), (START_MS + 30_000, "green")), START_MS + 60_000, 20)


def _comes_to(stop_m: float, then: list[float] | None = None) -> Sighting:
    """Towards the camera from 50 m, stands at `stop_m` for six seconds, then goes on; 5 pictures a second."""
    ys = [50.0 - 2.0 * n for n in range(int((50.0 - stop_m) / 2.0) + 1)] + [stop_m] * 30 + (then or [])
    return _drive([(0.0, y) for y in ys])


def test_standing_beyond_the_stop_line_on_red() -> None:
    over = _comes_to(28.0)
    overran = stop_line.overrun(JUNCTION, over)
    assert overran is not None
    found = stop_line.judge(LAW, JUNCTION, over, overran, RED)
    assert found is not None
    assert (found.offence, found.red_ms is not None, found.dwell_ms) == ("stop_line", True, 1000)
    assert stop_line.overrun(JUNCTION, _comes_to(29.5)) is None, "on the line"
    assert stop_line.overrun(JUNCTION, _comes_to(31.0)) is None, "before it"
    through = _drive([(0.0, 50.0 - 2.0 * n) for n in range(20)])
    assert stop_line.overrun(JUNCTION, through) is None, "did not stand: the light decides"
    green = Shown(((START_MS - 60_000, "green"),), START_MS + 60_000, 20)
    assert stop_line.judge(LAW, JUNCTION, over, overran, green) is None
    late = Shown(((START_MS - 9_000, "green"), (START_MS + 1_900, "red")), START_MS + 60_000, 20)
    assert stop_line.judge(LAW, JUNCTION, over, overran, late) is None, "perhaps just before it turned red"


def test_who_stood_past_the_line_and_went_on_in_green_ran_no_light() -> None:
    goes_on = _comes_to(27.5, [27.5 - 2.0 * n for n in range(1, 8)])
    stood_until = goes_on.path[-8].captured_ms
    lamp = Shown(((START_MS - 60_000, "red"), (stood_until, "green")), START_MS + 60_000, 20)
    crossed = red_light.crossing(JUNCTION, goes_on)
    assert crossed is not None
    assert red_light.judge(LAW, JUNCTION, goes_on, crossed, lamp) is None
    assert red_light.judge(LAW, JUNCTION, goes_on, crossed, RED) is not None


def test_an_unread_plate_is_for_people_to_look_at() -> None:
    scene = _scene("no_plate")
    bare = _drive(_straight(2.25, 60, 20), plate="", plate_confidence=0.0, plate_votes=0)
    (found,) = _alone(scene, bare)
    assert not found.enforceable
    assert {"review_only", "unread_plate"} <= set(found.obstacles)
    unsure = (PlateCandidate(text="123ABC02", confidence=0.45),)
    for change in [
        {"plate": "123ABC02"},
        {"frames": 4},
        {"label": "motorcycle"},
        {"label_confidence": 0.7},
        {"plate_candidates": unsure},
        {"second_frame": None},
        {"best_frame": _frame(START_MS, width=150.0)},
        {"best_frame": _frame(START_MS, plate_text="12")},
    ]:
        assert not list(no_plate.judge(LAW, scene, replace(bare, **change))), change


@pytest.mark.parametrize("purpose", offences.OFFENCES)
def test_a_bare_camera_may_be_used_for_nothing_that_needs_something(purpose: str) -> None:
    bare = Scene(camera_id="c", purposes=frozenset((purpose,)))
    lacks = offences.lacking(purpose, offences.what_has(bare))
    assert (purpose in offences.able(bare)) == (not lacks)
    needs = replace(offences.OFFENCES[purpose].needs, video=False, certificate=True)
    assert bool(lacks) == (needs != offences.Needs(video=False))


def test_every_offence_of_the_schema_is_in_the_registry() -> None:
    assert {o.name for o in offences.OFFENCES.values()} == set(get_args(get_type_hints(Violation)["offence"]))
    assert {p for p, o in offences.OFFENCES.items() if o.how == "pass"} == {
        p for p, o in offences.OFFENCES.items() if o.judge is not None
    }
    added_up = {"illegal_parking", "illegal_stopping"}  # by one pass, and by several together
    assert {p for p, o in offences.OFFENCES.items() if o.how == "company"} | added_up == set(company.JUDGES)
    assert {standing.KIND_OF[o] for o in standing.KIND_OF} == set(standing.MAX_DWELL_S)


def test_speeds_are_cut_in_favour_of_the_driver() -> None:
    assert in_favour_kmh(69.99999) == 69.999
    assert in_favour_kmh(72.1 - 2.1) == 70.0
    assert in_favour_kmh(-3.0) == 0.0


WORLDS = {
    "bus_lane": (_scene("bus_lane", "bus_lane"), _drive(_straight(2.25, 60, 20))),
    "illegal_stopping": (_scene("illegal_stopping", "no_stopping"), _drive([(2.25, 30.0)] * 21, step_ms=600)),
    "wrong_way": (_scene("wrong_way", "one_way", towards=(0.0, 1.0)), _drive(_straight(2.25, 50, 20))),
    "solid_line": (_line("solid"), _drive([(-1.75 + 0.35 * n, 50.0 - 2.5 * n) for n in range(11)])),
}


@pytest.mark.parametrize("offence", WORLDS)
@given(error_ms=st.integers(0, 5000), more_ms=st.integers(0, 60_000), shift_ms=st.integers(0, 10**9))
def test_more_doubt_never_makes_an_offence_and_time_only_shifts_it(
    offence: str, error_ms: int, more_ms: int, shift_ms: int
) -> None:
    scene, drive = WORLDS[offence]
    few = _alone(scene, replace(drive, clock_error_ms=error_ms))
    many = _alone(scene, replace(drive, clock_error_ms=error_ms + more_ms))
    assert len(many) <= len(few)
    later = replace(drive, path=tuple(replace(p, captured_ms=p.captured_ms + shift_ms) for p in drive.path))
    moved = [v.occurred_ms - shift_ms for v in _alone(scene, replace(later, clock_error_ms=error_ms))]
    assert moved == [v.occurred_ms for v in few]


@given(st.lists(st.floats(-4.5, 4.5), min_size=2, max_size=12), st.sampled_from(["bus_lane", "solid_line"]))
def test_whoever_keeps_to_one_side_offends_against_nothing(xs: list[float], offence: str) -> None:
    left = [(-abs(x), 60.0 - 3.0 * n) for n, x in enumerate(xs)]
    assert not _alone(WORLDS[offence][0], _drive(left))
