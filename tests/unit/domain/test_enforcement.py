"""The rules: what is a violation, what is not provable, and why a fine may not follow."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import START_MS, Pinhole

from waysight.authority.rulepacks import all_packs
from waysight.domain.enforcement import average_speed, red_light, restricted_zone, shown, spot_speed
from waysight.domain.enforcement.average_speed import SectionState
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.shown import Shown
from waysight.domain.plates import PlateFormats
from waysight.domain.scene import Scene, SectionPlan, Zone
from waysight.domain.watermarks import Progress
from waysight.messages import FrameRef, PathPoint, PlateCandidate, Sighting, Signal, Violation

LAW = Law(packs=all_packs(), formats=(PlateFormats("kz", all_packs()["kz"].plate_formats),))
CAMERA = Pinhole(1500.0, 6.0, 12.0)
SCENE = Scene(
    camera_id="c",
    country="kz",
    purposes=frozenset(("spot_speed", "red_light", "restricted_zone", "section_control")),
    fps=5.0,
    clock_error_ms=40,
    homography=CAMERA.homography(),
    calibration_size=(1920, 1080),
    speed_limit_kmh=60.0,
    stop_line=((-50.0, 30.0), (50.0, 30.0)),
    certificate="approval, verification",
    papers=(START_MS - 10**9, START_MS + 10**9),
)
PLAN = SectionPlan(
    section_id="s",
    entry="in",
    exit="out",
    length_m=1000.0,
    length_error_m=0.0,
    limit_kmh=110.0,
    country="kz",
    road_class="republican",
    straight=True,
)
ENTRY, EXIT = replace(SCENE, camera_id="in", traffic=-1), replace(SCENE, camera_id="out", traffic=-1)


def _sighting(ys: list[float], step_ms: int = 200, at_ms: int = 0, **change: object) -> Sighting:
    path = []
    for i, y in enumerate(ys):
        x_px, y_px = CAMERA.pixel(0.0, y)
        path.append(
            PathPoint(captured_ms=START_MS + at_ms + i * step_ms, x_m=0.0, y_m=y, x_px=x_px, y_px=y_px)
        )
    frame = FrameRef(
        captured_ms=path[-1].captured_ms, evidence_ref="f", sha256="", x1=0, y1=0, x2=9, y2=9, plate_x1=0, plate_y1=0,
        plate_x2=1, plate_y2=1, plate_text="123ABC02", plate_confidence=0.95,
    )  # fmt: skip
    base = Sighting(
        sighting_id=f"s{at_ms}{change.get('camera_id', 'c')}",
        revision=0,
        final=True,
        camera_id="c",
        epoch="e",
        label="car",
        label_confidence=1.0,
        first_ms=path[0].captured_ms,
        last_ms=path[-1].captured_ms,
        clock_error_ms=40,
        frames=len(ys),
        plate="123ABC02",
        plate_country="kz",
        plate_confidence=0.95,
        plate_confidences=(),
        plate_candidates=(),
        plate_votes=3,
        colour="",
        colour_confidence=0.0,
        speed_kmh=80.0,
        speed_error_kmh=1.0,
        path=tuple(path),
        zones=(),
        dwell_ms=0,
        best_frame=frame,
        models="",
        captured_ms=path[-1].captured_ms,
        emitted_ms=path[-1].captured_ms,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )
    return replace(base, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("speed", "error", "found"),
    [(71.5, 1.0, True), (70.5, 1.0, False), (69.0, 0.1, False), (90.0, 25.0, False)],
)
def test_spot_speed_deducts_its_bound_and_keeps_to_the_threshold(
    speed: float, error: float, found: bool
) -> None:
    sighting = _sighting([60, 55, 50, 45], speed_kmh=speed, speed_error_kmh=error)
    violation = spot_speed.judge(LAW, SCENE, sighting)
    assert (violation is not None) == found
    if violation is not None:
        assert violation.enforced_kmh == pytest.approx(speed - error)
        assert violation.enforceable


def test_spot_speed_needs_frames_and_purpose() -> None:
    fast = _sighting([60, 55, 50, 45])
    assert spot_speed.judge(LAW, replace(SCENE, fps=None), fast) is None
    assert spot_speed.judge(LAW, replace(SCENE, purposes=frozenset()), fast) is None
    assert spot_speed.judge(LAW, SCENE, _sighting([60, 55])) is None


def test_an_offence_without_a_price_names_it() -> None:
    assert LAW.obstacle("pe", "pedestrian_priority", START_MS) == "no_tariff"
    assert LAW.obstacle("kz", "spot_speed", START_MS) == ""


@pytest.mark.parametrize(
    ("scene", "change", "obstacle"),
    [
        ({"papers": None}, {}, "no_certificate"),
        ({"papers": (0, START_MS)}, {}, "certificate_expired"),
        ({"papers": (START_MS + 10**6, START_MS + 10**9)}, {}, "certificate_not_yet_valid"),
        ({}, {"plate": "", "plate_confidence": 0.0}, "unread_plate"),
        ({}, {"plate_confidence": 0.7}, "low_confidence"),
        ({}, {"plate_votes": 1}, "single_read"),
        ({}, {"best_frame": None}, "no_evidence"),
        ({"country": "zz"}, {}, "no_rule_pack"),
    ],
)
def test_obstacles_are_named(scene: dict[str, object], change: dict[str, object], obstacle: str) -> None:
    violation = spot_speed.judge(
        LAW,
        replace(SCENE, **scene),
        _sighting([60, 55, 50, 45], **change),  # type: ignore[arg-type]
    )
    assert violation is not None
    assert violation.obstacles == (obstacle,)
    assert not violation.enforceable


def test_a_zone_needs_the_class_and_the_zone() -> None:
    polygon = ((0.0, 0.0), (1920.0, 0.0), (1920.0, 1080.0), (0.0, 1080.0))
    scene = replace(SCENE, zones=(Zone(zone_id="bus", polygon=polygon, labels=frozenset(("car",))),))
    inside = _sighting([60, 50], zones=("bus",))
    assert [v.zone_id for v in restricted_zone.judge(LAW, scene, inside)] == ["bus"]
    assert not list(restricted_zone.judge(LAW, scene, replace(inside, label="bus")))
    assert not list(restricted_zone.judge(LAW, scene, replace(inside, zones=())))


def _lamp(*changes: tuple[int, str], valid_ms: int = 60_000) -> Shown:
    return Shown(tuple((START_MS + t, s) for t, s in changes), START_MS + valid_ms, 20)


AWAY = [10.0 + 2 * i for i in range(25)]  # 10 m/s away from the camera; the line is at 30 m
TOWARDS = [60.0 - 2 * i for i in range(25)]


@pytest.mark.parametrize("path", [AWAY, TOWARDS])
@pytest.mark.parametrize(
    ("lamp", "found"),
    [
        (_lamp((0, "green"), (500, "red"), (10_000, "green")), True),
        (_lamp((0, "green"), (2_950, "red"), (10_000, "green")), False),  # red too late to be sure
        (_lamp((0, "red"), (1_000, "green")), False),
        (_lamp((0, "red"), (2_100, "green")), False),  # may have turned while it crossed
        (_lamp((0, "amber")), False),
    ],
)
def test_red_light_must_hold_over_the_whole_crossing(path: list[float], lamp: Shown, found: bool) -> None:
    sighting = _sighting(path)
    crossed = red_light.crossing(SCENE, sighting)
    assert crossed is not None
    assert red_light.settled(lamp, crossed)
    assert (red_light.judge(LAW, SCENE, sighting, crossed, lamp) is not None) == found


def test_stopping_at_or_just_past_the_line_is_no_crossing() -> None:
    stopped = [60 - 2 * i for i in range(15)] + [30.2] * 10
    assert red_light.crossing(SCENE, _sighting(stopped)) is None
    crept = [*stopped, 29.5, 29.4, *[29.4] * 40, *[29 - i for i in range(12)]]
    crossed = red_light.crossing(SCENE, _sighting(crept))
    lamp = _lamp((0, "red"), (10_000, "green"))
    assert crossed is not None
    assert red_light.judge(LAW, SCENE, _sighting(crept), crossed, lamp) is None


def test_what_passes_beside_the_stop_line_does_not_cross_it() -> None:
    between = replace(SCENE, stop_line=((-4.9, 30.0), (4.9, 30.0)))
    beside = replace(SCENE, stop_line=((3.0, 30.0), (12.0, 30.0)))
    assert red_light.crossing(between, _sighting(AWAY)) is not None
    assert red_light.crossing(beside, _sighting(AWAY)) is None


def test_a_lamp_forgets_and_takes_repeats() -> None:
    lamp = Shown()
    for second in range(0, 3000, 10):
        state = "red" if second // 10 % 2 else "green"
        signal = Signal(
            junction_id="j", signal_group="n", state=state, changed_ms=second * 1000, valid_ms=second * 1000 + 5,
            clock_error_ms=1, end=False,
        )  # type: ignore[arg-type]  # fmt: skip
        lamp = shown.changed(shown.changed(lamp, signal), signal)
    assert len(lamp.changes) <= shown.KEEP_MS / 10_000 + 2


def _pair(kmh: float, **change: object) -> tuple[Sighting, Sighting]:
    later = round(1000 / (kmh / 3.6) * 1000)
    first = _sighting([40, 38], camera_id="in")
    return first, replace(_sighting([40, 38], at_ms=later, camera_id="out"), **change)  # type: ignore[arg-type]


ALL = Progress(START_MS + 10**7, True), Progress(START_MS + 10**7, True)


def _section(
    *sightings: Sighting,
    plan: SectionPlan = PLAN,
    sign: Shown = Shown(),
    reached: tuple[Progress | None, Progress | None] = ALL,
) -> tuple[SectionState, list[Violation]]:
    state = SectionState()
    for sighting in sightings:
        state = average_speed.seen(LAW, plan, ENTRY, EXIT, state, sighting)
    decided = average_speed.decided(LAW, plan, ENTRY, EXIT, state, reached, sign)
    return decided.state, list(decided.found)


@given(st.floats(60, 200), st.booleans())
def test_section_speed_in_either_order_of_arrival(kmh: float, late_entry: bool) -> None:
    pair = _pair(kmh)
    _, found = _section(*(reversed(pair) if late_entry else pair))
    enforced_at_least = kmh * 0.98 - 1.0
    if enforced_at_least >= 120:
        assert len(found) == 1
    if kmh < 120:
        assert not found
    for violation in found:
        assert violation.measured_kmh == pytest.approx(kmh, abs=0.2)
        assert 120 <= violation.enforced_kmh < violation.measured_kmh


def test_one_passage_is_one_violation() -> None:
    first, last = _pair(150)
    again = replace(last, sighting_id="again", best_frame=None)
    assert len(_section(first, last, again)[1]) == 1


def test_section_obstacles() -> None:
    first, last = _pair(150)
    other = replace(PLAN, road_class="city", straight=False)
    assert _section(first, last, plan=other)[1][0].obstacles == ("road_class", "not_straight")
    near = replace(last, plate="123ABCO2")
    assert "reads_differ" in _section(first, near)[1][0].obstacles
    bike = replace(last, label="motorcycle")
    assert "class_differs" in _section(first, bike)[1][0].obstacles
    assert not _section(first, replace(last, plate="999ZZZ02"))[1]


def test_unseen_contact_costs_certainty_not_the_measurement() -> None:
    first, last = _pair(150)
    blind = tuple(replace(p, x_m=math.nan, y_m=math.nan) for p in last.path)
    sure, unsure = _section(first, last)[1][0], _section(first, replace(last, path=blind))[1][0]
    assert unsure.uncertainty_kmh > sure.uncertainty_kmh


@given(st.integers(0, 50))
def test_silence_empties_a_section(count: int) -> None:
    sightings = [
        _sighting([40, 38], at_ms=i * 700, camera_id="in", plate=f"{100 + i}ABC02") for i in range(count)
    ]
    exits = [replace(s, camera_id="out", sighting_id=f"x{s.sighting_id}") for s in sightings]
    end_ms = START_MS + count * 700 + average_speed.longest_ms(PLAN) + 2_000
    silent = Progress(end_ms + average_speed.ORPHAN_MS)
    assert _section(*sightings, *exits, reached=(None, None))[0].exits or not count
    assert _section(*sightings, *exits, reached=(Progress(end_ms), Progress(end_ms)))[0] == SectionState()
    assert _section(*sightings, *exits, reached=(None, silent))[0] == SectionState()
    assert _section(*sightings, reached=(silent, None))[0] == SectionState()


def test_a_section_waits_until_both_cameras_have_come_as_far() -> None:
    first, last = _pair(150)
    at = last.last_ms
    late = Progress(at - 1)
    assert not _section(first, last, reached=(Progress(at), late))[1]
    assert not _section(first, last, reached=(late, Progress(at)))[1]
    assert not _section(first, last, reached=(None, Progress(at, True)))[
        1
    ]  # the end of one says nothing of the other
    assert len(_section(first, last, reached=(Progress(at), Progress(at)))[1]) == 1


SIGNED = replace(PLAN, variable_limit=True)


@pytest.mark.parametrize(
    ("sign", "limit"),
    [
        ([(-1000, 90.0)], 90.0),
        ([(-1000, 90.0), (3000, 70.0)], 90.0),  # lowered while it was on the way
        ([(-1000, 70.0), (3000, 90.0)], 90.0),
        ([(-1000, 70.0), (26_000, 130.0)], 70.0),  # only after it had left
        ([(-1000, 70.0), (3000, None), (5000, 70.0)], 110.0),  # dark: the posted limit
        ([(-1000, 70.0), (3000, 150.0)], None),  # the highest is not passed
        ([(3000, 70.0)], None),  # nobody knows what it showed before
    ],
)
def test_the_highest_limit_shown_during_the_passage_applies(
    sign: list[tuple[int, float | None]], limit: float | None
) -> None:
    shown_ = Shown()
    for changed_ms, kmh in sign:
        shown_ = shown.changed(shown_, _sign("section:s", changed_ms, kmh, 60_000))
    _, found = _section(*_pair(150), plan=SIGNED, sign=shown_)
    assert [v.limit_kmh for v in found] == ([] if limit is None else [limit])


def test_a_section_waits_for_its_sign_and_gives_up_on_a_silent_one() -> None:
    pair = _pair(150)
    early = shown.changed(Shown(), _sign("section:s", -1000, 70.0, 10_000))
    at = pair[1].last_ms
    arrived, later = Progress(at), Progress(at + shown.KEEP_MS)
    state, found = _section(*pair, plan=SIGNED, sign=early, reached=(arrived, arrived))
    assert state.exits
    assert not found
    decided = average_speed.decided(LAW, SIGNED, ENTRY, EXIT, state, (later, later), early)
    assert (decided.state, decided.found, decided.undecided) == (SectionState(), (), 1)


def test_a_spot_limit_is_the_highest_that_the_sign_may_have_shown() -> None:
    fast = _sighting([60, 55, 50, 45], speed_kmh=71.0)
    sign = shown.changed(Shown(), _sign("camera:c", -1000, 40.0, 60_000))
    span = START_MS, START_MS + 600
    assert shown.highest_limit_kmh(sign, 60.0, *span) == 40.0
    assert spot_speed.judge(LAW, SCENE, fast, 40.0).limit_kmh == 40.0  # type: ignore[union-attr]
    raised = shown.changed(sign, _sign("camera:c", 615, 60.0, 60_000))  # within the sign's own clock error
    assert shown.highest_limit_kmh(raised, 60.0, *span) == 60.0
    silent = shown.changed(Shown(), _sign("camera:c", -1000, 40.0, 500))
    assert shown.highest_limit_kmh(silent, 60.0, *span) is None


def test_a_reading_that_the_reader_held_possible_meets_but_cannot_be_fined() -> None:
    first, last = _pair(150)
    doubted = replace(
        last, plate="123ABG02", plate_candidates=(PlateCandidate(text="123ABC02", confidence=0.4),)
    )
    (found,) = _section(first, doubted)[1]
    assert "reads_differ" in found.obstacles
    assert not _section(first, replace(doubted, plate_candidates=()))[1]


def _sign(place: str, changed_ms: int, limit_kmh: float | None, valid_ms: int) -> Signal:
    return Signal(
        junction_id="", signal_group="", state="off", changed_ms=START_MS + changed_ms,
        valid_ms=START_MS + max(changed_ms, valid_ms), clock_error_ms=20, end=False, place=place, limit_kmh=limit_kmh,
    )  # fmt: skip
