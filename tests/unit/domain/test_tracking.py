"""One vehicle is one track: noise, misses, crossings, followers, doubles, silence."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import START_MS, camera_frame, plate_read

from waysight.domain.observations import observe
from waysight.domain.scene import Scene, Zone
from waysight.domain.sightings import SightingRules, step
from waysight.domain.tracking import CameraTracks
from waysight.messages import DetectedObject, Detections, Sighting

SCENE = Scene(camera_id="c")
RULES = SightingRules()


def _object(x: float, y: float, size: float = 100.0, plate: str = "", **change: object) -> DetectedObject:
    read = plate_read(plate, 0.95, (x - 20, y - 30, x + 20, y - 20)) if plate else None
    thing = DetectedObject(
        label="car", score=0.8, x1=x - size / 2, y1=y - size, x2=x + size / 2, y2=y, plate=read
    )
    return replace(thing, **change)  # type: ignore[arg-type]


def _run(frames: list[Detections]) -> tuple[CameraTracks, list[Sighting]]:
    state, told = CameraTracks(), []
    for frame in frames:
        state, pictured = step(RULES, SCENE, state, frame)
        told += pictured.sightings
    return state, told


def _final(frames: list[Detections]) -> list[Sighting]:
    last = frames[-1]
    end = camera_frame(last.seq + 1, last.captured_ms - START_MS + 200, [], "end")
    return [s for s in _run([*frames, end])[1] if s.final]


@pytest.mark.parametrize("gap_ms", [40, 100, 200])
def test_noise_and_misses_make_no_second_track(gap_ms: int) -> None:
    rng, frames = random.Random(gap_ms), []
    for i in range(4000 // gap_ms):
        x = 100 + 0.25 * gap_ms * i
        seen = rng.random() > 0.15
        frames.append(
            camera_frame(i, i * gap_ms, [_object(x + rng.gauss(0, 3), 500 + rng.gauss(0, 3))] if seen else [])
        )
    assert len(_final(frames)) == 1


def test_two_cars_that_cross_keep_their_plates() -> None:
    frames = [
        camera_frame(
            i,
            i * 200,
            [_object(100 + 40 * i, 450, plate="111AAA01"), _object(1100 - 40 * i, 600, plate="222BBB02")],
        )
        for i in range(25)
    ]
    assert sorted((s.plate, s.frames) for s in _final(frames)) == [("111AAA01", 25), ("222BBB02", 25)]


def test_a_follower_at_keyframe_rate_is_another_vehicle() -> None:
    frames = [
        camera_frame(0, 0, [_object(600, 500, plate="111AAA01")]),
        camera_frame(1, 1000, [_object(602, 498, plate="222BBB02")]),
        camera_frame(2, 2000, [_object(598, 503, plate="333CCC03")]),
    ]
    assert sorted(s.plate for s in _final(frames)) == ["111AAA01", "222BBB02", "333CCC03"]


def test_a_parked_car_is_one_sighting_in_spite_of_flicker() -> None:
    frames = [camera_frame(i, i * 200, [] if 40 < i < 60 else [_object(600, 500)]) for i in range(150)]
    assert len(_final(frames)) == 1


def test_flicker_is_nothing() -> None:
    assert not _final([camera_frame(i, i * 200, [_object(600, 500)] if i == 3 else []) for i in range(20)])
    weak = [camera_frame(i, i * 200, [_object(600, 500, score=0.36)]) for i in range(20)]
    assert not _final(weak)


def test_doubles_riders_and_loose_plates_join_their_vehicle() -> None:
    car = _object(600, 500, plate="111AAA01")
    double = replace(car, label="truck", score=0.5, x1=car.x1 + 4, plate=None)
    driver = replace(car, label="person", score=0.6, x1=590.0, x2=610.0, y1=410.0, y2=440.0, plate=None)
    loose = replace(
        car,
        label="plate",
        x1=585.0,
        y1=471.0,
        x2=615.0,
        y2=479.0,
        plate=plate_read("111AAA01", 0.9, (585, 471, 615, 479)),
    )
    seen = observe(camera_frame(0, 0, [double, driver, car, loose]))
    assert [(s.label, s.read.text if s.read else "") for s in seen] == [("car", "111AAA01")]


def test_a_weak_box_within_a_vehicle_is_a_part_of_it_and_gives_it_its_plate() -> None:
    car = _object(600, 600, 400.0)
    bumper = replace(_object(600, 590, 120.0, plate="111AAA01"), score=0.4)
    seen = observe(camera_frame(0, 0, [bumper, car]))
    assert [(s.box, s.read.text if s.read else "") for s in seen] == [
        ((400.0, 200.0, 800.0, 600.0), "111AAA01")
    ]
    before_a_bus = replace(_object(600, 600, 120.0, plate="222BBB02"), score=0.8)
    assert len(observe(camera_frame(0, 0, [before_a_bus, replace(car, label="bus")]))) == 2


def test_a_track_may_begin_with_a_plate_alone() -> None:
    read = plate_read("333CCC03", 0.95, (580, 590, 620, 600))
    plate = replace(_object(600, 600, 40.0), label="plate", x1=580.0, y1=590.0, x2=620.0, plate=read)
    frames = [camera_frame(i, 200 * i, [plate]) for i in range(5)]
    assert [s.plate for s in _final([*frames, camera_frame(9, 2000, [], "end")])] == ["333CCC03"]


def test_early_telling_then_final_under_one_id() -> None:
    frames = [camera_frame(i, i * 200, [_object(100 + 30 * i, 500, plate="111AAA01")]) for i in range(10)]
    _, told = _run([*frames, camera_frame(10, 2000, [], "end")])
    assert [(s.revision, s.final) for s in told] == [(0, False), (1, True)]
    assert len({s.sighting_id for s in told}) == 1
    assert told[0].captured_ms == START_MS
    assert told[1].best_frame is not None
    assert told[1].second_frame is not None
    assert told[1].second_frame.captured_ms != told[1].best_frame.captured_ms


def test_replayed_frames_change_nothing() -> None:
    frames = [camera_frame(i, i * 200, [_object(100 + 30 * i, 500)]) for i in range(10)]
    once = _run(frames)
    assert _run([*frames[:6], *frames[2:6], *frames[6:]]) == once


def test_a_new_epoch_ends_the_old_tracks() -> None:
    frames = [camera_frame(i, i * 200, [_object(100 + 30 * i, 500)]) for i in range(5)]
    _, told = _run([*frames, camera_frame(0, 1200, [], epoch="e2")])
    assert [s.final for s in told] == [True]


def test_time_is_held_back_for_open_tracks_only() -> None:
    state = CameraTracks()
    state, _ = step(RULES, SCENE, state, camera_frame(0, 0, [_object(100, 500)]))
    state, open_ = step(RULES, SCENE, state, camera_frame(1, 1000, [], "watermark"))
    state, later = step(RULES, SCENE, state, camera_frame(2, 9000, [], "watermark"))
    assert open_.progress is not None
    assert later.progress is not None
    assert open_.progress.captured_ms == START_MS - 1
    assert later.progress.captured_ms == START_MS + 9000


_boxes = st.lists(
    st.tuples(st.integers(100, 1100), st.integers(200, 700), st.sampled_from(["", "111AAA01"])), max_size=4
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_boxes, min_size=1, max_size=12), st.integers(-(10**9), 10**9))
def test_silence_empties_the_state_and_time_may_be_shifted(
    things: list[list[tuple[int, int, str]]], shift: int
) -> None:
    frames = [
        camera_frame(i, i * 300, [_object(x, y, plate=p) for x, y, p in boxes])
        for i, boxes in enumerate(things)
    ]
    frames.append(camera_frame(len(frames), 60_000, [], "watermark"))
    state, told = _run(frames)
    assert state.tracks == ()
    moved = _run([replace(f, captured_ms=f.captured_ms + shift) for f in frames])[1]
    assert [(s.sighting_id, s.first_ms + shift, s.last_ms + shift, s.plate) for s in told] == [
        (s.sighting_id, s.first_ms, s.last_ms, s.plate) for s in moved
    ]


def test_a_vehicle_cut_off_below_is_in_the_zone_that_reaches_the_edge() -> None:
    lane = Zone(zone_id="lane", polygon=((400.0, 300.0), (800.0, 300.0), (800.0, 720.0), (400.0, 720.0)))
    scene, state = replace(SCENE, zones=(lane,)), CameraTracks()
    told: list[Sighting] = []
    for i in range(6):
        state, pictured = step(RULES, scene, state, camera_frame(i, 200 * i, [_object(600, 720, 300.0)]))
        told += pictured.sightings
    _, pictured = step(RULES, scene, state, camera_frame(9, 2000, [], "end"))
    assert [s.zones for s in (*told, *pictured.sightings) if s.final] == [("lane",)]
