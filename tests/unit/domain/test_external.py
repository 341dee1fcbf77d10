"""Whose speed it is that a device measured: surely one vehicle's, or nobody's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from devices import ALWAYS, GATE, POLE, RADAR, read
from hypothesis import given
from hypothesis import strategies as st
from sightings import sighting
from synthetic import START_MS

from waysight.authority.rulepacks import all_packs
from waysight.domain.enforcement import beside, external, spot_speed
from waysight.domain.enforcement.beside import LATE_MS, MOST_ERROR_MS, REACH_MS, Place
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.external import Measured
from waysight.domain.scene import Scene, Zone
from waysight.domain.watermarks import Progress
from waysight.messages import ExternalRead, PathPoint, Sighting, Violation

LAW = Law(packs=all_packs())
SPEED = {"speed_kmh": 100.0, "speed_error_kmh": 1.0}


def _pass(plate: str = "123ABC02", at_ms: int = 10_000, **change: Any) -> Sighting:
    path = tuple(
        PathPoint(
            captured_ms=START_MS + at_ms - 2000 + 500 * i, x_m=0.0, y_m=50.0 - 10 * i, x_px=0.0, y_px=0.0
        )
        for i in range(5)
    )
    return sighting("gate", plate, at_ms, path=path, **change)


def _place(scene: Scene, passes: list[Sighting], reads: list[ExternalRead]) -> Place:
    place = Place()
    for one in passes:
        place = beside.passed(place, one)
    for one in reads:
        place = external.told(scene, place, one)
    return place


def _judged(
    reads: list[ExternalRead], pictured: Sighting | None = None, scene: Scene = GATE, *others: Sighting
) -> Violation | None:
    here = pictured or _pass(speed_kmh=95.0, speed_error_kmh=2.0)
    found = external.measured(scene, _place(scene, [here, *others], reads), here)
    return spot_speed.judge(LAW, scene, here, None, found)


def test_a_certified_radar_outranks_the_picture() -> None:
    found = _judged([read(1, 9000, **SPEED)])
    assert found is not None
    assert (found.source, found.measured_kmh, found.uncertainty_kmh) == ("radar:radar-1", 100.0, 3.0)
    assert (found.certificate, found.occurred_ms) == ("R-1, V-1", START_MS + 9000)
    assert not {o for o in found.obstacles if "certificate" in o or "ambiguous" in o}


def test_a_radar_that_says_slow_ends_what_the_picture_says() -> None:
    assert _judged([]) is not None
    assert _judged([read(1, 9000, speed_kmh=71.0)]) is None, (
        "71 less 3 is below the limit and the law's threshold"
    )


def test_without_a_read_the_picture_stands() -> None:
    found = _judged([])
    assert found is not None
    assert (found.source, found.measured_kmh) == ("picture", 95.0)


@pytest.mark.parametrize(
    "other",
    [
        read(1, 9000, plate="999ZZZ02", **SPEED),
        read(1, 8000 - REACH_MS - 100, **SPEED),
        read(1, 10_000 + REACH_MS + 100, **SPEED),
        read(1, 9000, device_id="radar-2", **SPEED),
        read(1, 9000, device_kind="lidar", **SPEED),
        read(1, 9000, clock_error_ms=MOST_ERROR_MS + 1, **SPEED),
    ],
)
def test_what_is_another_vehicle_or_device_is_not_used(other: ExternalRead) -> None:
    found = _judged([other])
    assert found is not None
    assert found.source == "picture"


def test_two_reads_without_plates_are_nobodys_and_no_fine_follows() -> None:
    found = _judged([read(1, 9000, **SPEED), read(2, 9500, speed_kmh=61.0)])
    assert found is not None
    assert found.source == "picture"
    assert "ambiguous_device" in found.obstacles
    assert not found.enforceable


def test_a_read_that_two_vehicles_fit_is_nobodys() -> None:
    beside = _pass("777BBB02", 10_500)
    found = _judged([read(1, 9000, **SPEED)], None, GATE, beside)
    assert found is not None
    assert found.source == "picture"
    assert "ambiguous_device" in found.obstacles


def test_the_plate_decides_between_two_vehicles() -> None:
    beside = _pass("777BBB02", 10_500)
    reads = [read(1, 9000, plate="123ABC02", **SPEED), read(2, 9100, speed_kmh=61.0, plate="777BBB02")]
    found = _judged(reads, None, GATE, beside)
    assert found is not None
    assert found.source == "radar:radar-1"


def test_the_lane_decides_where_it_is_a_zone() -> None:
    scene = replace(GATE, zones=tuple(Zone(zone_id=f"lane-{n}", polygon=(), kind="watched") for n in (1, 2)))
    here = _pass(zones=("lane-1",), speed_kmh=95.0, speed_error_kmh=2.0)
    beside = _pass("777BBB02", 10_500, zones=("lane-2",))
    reads = [read(1, 9000, lane="lane-1", **SPEED), read(2, 9000, lane="lane-2", speed_kmh=61.0)]
    found = _judged(reads, here, scene, beside)
    assert found is not None
    assert found.measured_kmh == 100.0


def test_of_two_speeds_of_one_plate_the_slower_counts() -> None:
    reads = [read(1, 9000, plate="123ABC02", **SPEED), read(2, 9400, plate="123ABC02", speed_kmh=90.0)]
    found = _judged(reads)
    assert found is not None
    assert found.measured_kmh == 90.0


@pytest.mark.parametrize(
    ("papers", "obstacle"),
    [
        (None, "no_certificate"),
        ((0, 1), "certificate_expired"),
        ((2**42, 2**43), "certificate_not_yet_valid"),
    ],
)
def test_without_papers_the_picture_outranks_it_and_alone_it_brings_no_fine(
    papers: tuple[int, int] | None, obstacle: str
) -> None:
    scene = replace(GATE, devices=(replace(RADAR, papers=papers),))
    found = _judged([read(1, 9000, **SPEED)], scene=scene)
    assert found is not None
    assert found.source == "picture"
    alone = _judged([read(1, 9000, **SPEED)], _pass(), scene)
    assert alone is not None
    assert (alone.source, alone.enforceable) == ("radar:radar-1", False)
    assert obstacle in alone.obstacles


def test_a_device_that_says_itself_that_its_papers_ended_is_believed() -> None:
    found = _judged([read(1, 9000, certified_until_ms=START_MS, **SPEED)])
    assert found is not None
    assert found.source == "picture"
    alone = _judged([read(1, 9000, certified_until_ms=START_MS, **SPEED)], _pass())
    assert alone is not None
    assert "certificate_expired" in alone.obstacles


def test_a_place_without_video_is_judged_by_its_device() -> None:
    here = sighting("pole", "123ABC02", 10_000, first_ms=START_MS + 10_000)
    found = _judged([read(1, 10_100, camera_id="pole", **SPEED)], here, POLE)
    assert found is not None
    assert (found.source, found.camera_id) == ("radar:radar-1", "pole")


def test_a_loop_that_states_its_error_measures_like_a_radar_and_another_only_counts() -> None:
    loop = replace(RADAR, device_id="loop-1", kind="loop")
    scene = replace(GATE, devices=(loop,))
    one = read(1, 9000, device_id="loop-1", device_kind="loop", **SPEED)
    found = _judged([one], scene=scene)
    assert found is not None
    assert (found.source, found.measured_kmh, found.enforceable) == (
        "loop:loop-1",
        100.0,
        "no_evidence" not in found.obstacles,
    )
    counts = replace(scene, devices=(replace(loop, speed_error_kmh=None, papers=None),))
    assert not external.awaits(counts), "nobody waits for what measures nothing"
    found = _judged([one], scene=counts)
    assert found is not None
    assert found.source == "picture"


def test_a_car_is_not_the_motorcycle_that_the_radar_measured() -> None:
    found = _judged([read(1, 9000, label="motorcycle", **SPEED)])
    assert found is not None
    assert found.source == "picture"


def test_of_who_stands_in_view_only_the_end_counts() -> None:
    standing = _pass(first_ms=START_MS - 300_000, speed_kmh=95.0, speed_error_kmh=2.0)
    passing_by = read(1, -60_000, **SPEED)
    found = _judged([passing_by], standing)
    assert found is not None
    assert found.source == "picture"


def test_a_camera_without_such_devices_waits_for_nothing() -> None:
    assert external.awaits(GATE)
    assert not external.awaits(replace(GATE, devices=()))
    assert not external.awaits(replace(GATE, devices=(replace(RADAR, kind="anpr"),)))
    assert not external.awaits(replace(GATE, purposes=frozenset(("count",))))


def test_a_pass_is_settled_when_every_device_and_the_passes_have_come_far_enough() -> None:
    here = _pass()
    bound = REACH_MS + MOST_ERROR_MS + here.clock_error_ms
    late = Progress(here.last_ms + 10 * bound)
    place = external.told(GATE, Place(), read(0, 10_000 + bound + LATE_MS))
    assert external.settled(GATE, place, late, here)
    assert not external.settled(GATE, place, Progress(here.last_ms + bound), here)
    assert not external.settled(GATE, place, None, here)
    assert not external.settled(
        GATE, external.told(GATE, Place(), read(0, 10_000 + bound + LATE_MS - 1)), late, here
    )


def test_enough_silence_and_time_empty_a_place() -> None:
    place = _place(GATE, [_pass()], [read(1, 9000, **SPEED), read(2, 3_600_000)])
    assert external.forgotten(GATE, place, Progress(START_MS + 9000)) is place
    after = external.forgotten(GATE, place, Progress(START_MS + 3_600_000))
    assert (after.readings, after.passings) == ((), ())


READS = st.lists(
    st.builds(
        lambda n, at, plate, kmh: read(n, at, plate=plate, speed_kmh=kmh),
        st.integers(0, 40), st.integers(5000, 13_000), st.sampled_from(("", "123ABC02", "777BBB02")),
        st.floats(40, 140),
    ),
    max_size=6,
    unique_by=lambda r: r.read_id,
)  # fmt: skip


@given(READS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(reads: list[ExternalRead], rng: Any) -> None:
    here, beside = _pass(), _pass("777BBB02", 11_000)
    again = [*reads, *(r for r in reads if rng.random() < 0.5)]
    rng.shuffle(again)
    one = _place(GATE, [here, beside], reads)
    other = _place(GATE, [beside, here, here], again)
    assert external.measured(GATE, one, here) == external.measured(GATE, other, here)


@given(READS)
def test_a_speed_is_used_only_when_it_is_surely_this_vehicles(reads: list[ExternalRead]) -> None:
    here, beside = _pass(), _pass("777BBB02", 11_000)
    found = external.measured(GATE, _place(GATE, [here, beside], reads), here)
    if found is None or found == Measured():
        return
    assert found.reading is not None
    assert found.reading.plate in ("", here.plate)
    own = [r for r in reads if r.plate == here.plate and r.speed_kmh is not None]
    if found.reading.plate:
        assert found.reading.speed_kmh <= min(r.speed_kmh or 0.0 for r in own if _within(r, here)), (
            "of several the slowest"
        )
    else:
        assert not _within(replace(read(0, 0), captured_ms=found.reading.at_ms), beside)


def _within(one: ExternalRead, seen: Sighting) -> bool:
    error = REACH_MS + 50 + seen.clock_error_ms
    return seen.first_ms - error <= one.captured_ms <= seen.last_ms + error


def test_papers_hold_to_the_last_millisecond() -> None:
    device = replace(RADAR, papers=(10, 20))
    assert [device.obstacle_at(at) for at in (9, 10, 19, 20)] == [
        "certificate_not_yet_valid", "", "", "certificate_expired",
    ]  # fmt: skip
    assert ALWAYS[0] == 0
