"""A bag is a thing of its own: never a vehicle, never its bearer, and left on the ground it stays a track."""

from __future__ import annotations

from synthetic import camera_frame

from waysight.domain.observations import VEHICLES, observe
from waysight.domain.scene import Scene, Zone
from waysight.domain.sightings import SightingRules, step
from waysight.domain.tracking import CameraTracks
from waysight.messages import DetectedObject, ObjectLabel, Sighting


def _thing(label: ObjectLabel, x: float, y: float, width: float, height: float) -> DetectedObject:
    return DetectedObject(label=label, score=0.8, x1=x, y1=y, x2=x + width, y2=y + height)


def test_a_carried_bag_is_neither_its_bearer_nor_a_part_of_a_vehicle() -> None:
    person, bag = _thing("person", 600, 300, 80, 220), _thing("bag", 610, 380, 60, 90)
    car = _thing("car", 560, 280, 300, 260)
    assert {thing.label for thing in observe(camera_frame(0, 0, [person, bag]))} == {"person", "bag"}
    assert {thing.label for thing in observe(camera_frame(0, 0, [car, bag]))} == {"car", "bag"}
    assert "bag" not in VEHICLES


def test_a_bag_left_behind_keeps_its_track_and_enters_no_zone_of_vehicles() -> None:
    zone = Zone(zone_id="lawn", polygon=((0, 0), (1280, 0), (1280, 720), (0, 720)))
    scene, rules = Scene(camera_id="c", zones=(zone,)), SightingRules()
    state, told = CameraTracks(), list[Sighting]()
    for seq in range(40):
        bag = _thing("bag", 300, 500, 60, 50)
        walking = [_thing("person", 280 + 25 * seq, 330, 80, 220)] if seq < 36 else []
        state, pictured = step(rules, scene, state, camera_frame(seq, seq * 200, [bag, *walking]))
        told += pictured.sightings
    assert [track.label for track in state.tracks].count("bag") == 1
    assert {s.label for s in told} <= {"person", "bag"}
    assert "bag" not in zone.labels
