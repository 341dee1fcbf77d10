"""Movement in the picture: steady motion in space, growing doubt, guesses from others; state stays small."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import msgspec
import pytest
from synthetic import camera_frame

from waysight.domain.courses import MOST_COURSES, Course, guesses
from waysight.domain.geometry import Box, centre, iou
from waysight.domain.movement import Movement, ahead, corrected, surprise
from waysight.domain.scene import Scene
from waysight.domain.sightings import SightingRules, step
from waysight.domain.tracking import CameraTracks, TrackingRules
from waysight.messages import DetectedObject

CAR: Box = (600.0, 300.0, 700.0, 360.0)


def _approaching(seconds: float) -> Box:
    """A car 2 m wide and 1.2 m high, 3 m aside, 40 m ahead, nearing at 10 m/s; 1,000 px focal length."""
    scale = 1000.0 / (40.0 - 10.0 * seconds)
    return 640.0 + 2.0 * scale, 360.0 + 0.3 * scale, 640.0 + 4.0 * scale, 360.0 + 1.5 * scale


def _followed(gap_s: float, until_s: float) -> Movement:
    movement = Movement(_approaching(0.0))
    for i in range(1, round(until_s / gap_s) + 1):
        movement = corrected(ahead(movement, gap_s), _approaching(i * gap_s), gap_s)
    return movement


def test_what_approaches_is_expected_where_it_will_be() -> None:
    movement = _followed(0.5, 2.0)
    assert iou(ahead(movement, 0.5).box, _approaching(2.5)) > 0.7
    straight = tuple(e + 0.5 * v for e, v in zip(movement.box, movement.velocity, strict=True))
    assert iou(ahead(movement, 0.5).box, _approaching(2.5)) > iou(
        (*straight[:2], *straight[2:]), _approaching(2.5)
    )


def test_jitter_is_smoothed_and_doubt_grows_with_time() -> None:
    rng, movement = random.Random(1), Movement(CAR)
    for i in range(1, 40):
        shaken = tuple(e + 5.0 * i + rng.gauss(0.0, 4.0) for e in CAR)
        movement = corrected(ahead(movement, 0.1), (shaken[0], shaken[1], shaken[2], shaken[3]), 0.1)
    assert movement.velocity[0] == pytest.approx(50.0, abs=25.0)
    doubts = [ahead(movement, dt).place for dt in (0.1, 0.5, 1.0, 2.0)]
    assert doubts == sorted(doubts)
    assert ahead(movement, 5.0).place == ahead(movement, 2.0).place


def test_a_far_or_much_larger_box_surprises() -> None:
    near = surprise(Movement(CAR), CAR, 0.2)
    assert surprise(Movement(CAR), (900.0, 300.0, 1000.0, 360.0), 0.2) > near + 5.0
    assert surprise(Movement(CAR), (550.0, 270.0, 750.0, 390.0), 0.2) > near + 5.0
    assert math.isfinite(surprise(Movement((5.0, 5.0, 5.0, 5.0)), (0.0, 0.0, 0.0, 0.0), 0.2))


def test_what_is_seen_once_may_move_as_its_like_did_there() -> None:
    lane = Course("car", 1000, *centre(CAR), 77.0, (2.0, 0.0, 2.0, 0.0))
    found = guesses((lane, replace(lane, kind="person")), "car", Movement(CAR), 1, 1500)
    assert len(found) == 2
    assert found[1].velocity[0] == pytest.approx(2.0 * math.sqrt(6000.0))
    assert guesses((lane,), "car", Movement(CAR), 9, 1500) == [Movement(CAR)]
    assert len(guesses((lane,), "car", Movement(CAR), 1, 60_000)) == 1  # long ago


def _person(box: Box) -> DetectedObject:
    return DetectedObject(label="person", score=0.8, x1=box[0], y1=box[1], x2=box[2], y2=box[3])


def test_state_is_bounded_survives_encoding_and_empties_in_silence() -> None:
    rng, state, scene = random.Random(3), CameraTracks(), Scene(camera_id="c")
    rules = SightingRules(tracking=TrackingRules(most_tracks=20))
    for number in range(200):
        boxes = [(40.0 * i, 300.0 + rng.gauss(0, 2), 40.0 * i + 30.0, 390.0) for i in range(31)]
        state, _ = step(rules, scene, state, camera_frame(number, 200 * number, map(_person, boxes)))
        raw = msgspec.msgpack.encode(state)
        if number == 100:
            state = msgspec.msgpack.decode(raw, type=CameraTracks)
            assert msgspec.msgpack.encode(state) == raw
    assert len(state.tracks) == 20
    assert len(state.courses) == MOST_COURSES
    assert len(raw) < 20 * 11_000 + 10_000
    state, pictured = step(rules, scene, state, camera_frame(400, 80_000, [], "watermark"))
    assert state.tracks == ()
    assert len(pictured.sightings) == 20
    assert len(msgspec.msgpack.encode(state)) < 10_000
