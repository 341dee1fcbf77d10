"""Whose plate it is that an edge ANPR camera read beside video: surely one vehicle's, or nobody's; doubt stops the fine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from devices import ANPR, GATE, RADAR, read
from hypothesis import given
from hypothesis import strategies as st
from sightings import sighting
from synthetic import START_MS

from waysight.authority.rulepacks import all_packs
from waysight.cameras.scenes import plate_formats
from waysight.domain.enforcement import beside, device_plates, restricted_zone
from waysight.domain.enforcement.beside import LATE_MS, LONGEST_MS, Place
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.device_plates import Proof
from waysight.domain.reviews.correction import corrected
from waysight.domain.scene import Scene, Zone
from waysight.messages import ExternalRead, FrameRef, Sighting, Violation

LAW = Law(packs=all_packs(), formats=plate_formats())
LANE = Zone(zone_id="lane", polygon=((0, 0), (9, 0), (9, 9)), labels=frozenset(("car",)))
LANED = replace(
    GATE, purposes=frozenset(("restricted_zone",)), zones=(LANE,), devices=(RADAR, ANPR), speed_limit_kmh=None
)
OURS, OTHER = "123ABC02", "777BBB02"


def _frame(at_ms: int, plate: str, name: str = "device") -> FrameRef:
    return FrameRef(captured_ms=START_MS + at_ms, evidence_ref=f"{name}/{at_ms}", sha256="00", x1=0, y1=0, x2=1, y2=1,
                    plate_x1=0, plate_y1=0, plate_x2=0, plate_y2=0, plate_text=plate, plate_confidence=0.97)  # fmt: skip


def _pass(plate: str = OURS, at_ms: int = 10_000, **change: Any) -> Sighting:
    frames = {
        "best_frame": _frame(at_ms, plate, "video"),
        "second_frame": _frame(at_ms - 900, plate, "video"),
    }
    unread = {} if plate else {"plate_confidence": 0.0, "plate_votes": 0, "plate_country": ""}
    return sighting(
        "gate", plate, at_ms, **{"zones": ("lane",), "models": "m-1", **frames, **unread, **change}
    )


def _read(plate: str, at_ms: int = 9000, pictures: int = 2, **change: Any) -> ExternalRead:
    shown = tuple(_frame(at_ms + 100 * n, plate) for n in range(pictures))
    made = read(f"{plate}{at_ms}", at_ms, device_id=ANPR.device_id, device_kind="anpr", plate=plate,
                plate_confidence=0.98, evidence=shown)  # fmt: skip
    return replace(made, **change)


def _place(reads: list[ExternalRead], *passes: Sighting, scene: Scene = LANED) -> Place:
    place = Place()
    for one in passes:
        place = beside.passed(place, one)
    for each in reads:
        place = device_plates.told(LAW, scene, place, each)
    return place


def _judged(reads: list[ExternalRead], here: Sighting, *others: Sighting) -> Violation:
    judged, proof = device_plates.said(LAW, _place(reads, here, *others), here)
    (found,) = restricted_zone.judge(LAW, LANED, judged)
    return device_plates.proved(found, [proof] if proof else [])


def test_an_equal_plate_makes_the_read_surer_and_adds_its_pictures() -> None:
    here = _pass(plate_confidence=0.91, plate_votes=1)
    assert "single_read" in _judged([], here).obstacles
    found = _judged([_read(OURS)], here)
    assert (found.plate, found.plate_confidence, found.enforceable) == (OURS, 0.98, True)
    assert (found.models, found.read_plate) == ("m-1;anpr:anpr-1", "")
    assert device_plates.readers_of(found.models) == ("anpr-1",)
    assert [f.evidence_ref for f in found.evidence] == [
        "video/10000",
        "video/9100",
        "device/9000",
        "device/9100",
    ]
    assert found.violation_id == _judged([], here).violation_id, "what is added changes no identity"


def test_a_read_without_pictures_is_no_second_frame() -> None:
    found = _judged([_read(OURS, pictures=0)], _pass(plate_votes=1))
    assert found.obstacles == ("single_read",)


def test_a_plate_that_no_picture_showed_is_the_devices() -> None:
    assert "unread_plate" in _judged([], _pass("")).obstacles
    found = _judged([_read(OURS)], _pass(""))
    assert (found.plate, found.plate_country, found.enforceable, found.obstacles) == (OURS, "kz", True, ())
    assert _judged([_read(OURS, pictures=1)], _pass("")).obstacles == ("single_read",)
    assert _judged([_read(OURS, plate_confidence=0.6)], _pass("")).obstacles == ("low_confidence",)


def test_another_plate_outranks_the_pictures_and_waits_for_a_person() -> None:
    found = _judged([_read(OTHER)], _pass())
    assert (found.plate, found.read_plate, found.obstacles) == (OTHER, OURS, ("plates_differ",))
    assert not found.enforceable
    for plate in (OURS, OTHER):  # the officer may find either to be the right one
        decided = corrected(found, plate, "officer", LAW.formats)
        assert (decided.plate, decided.read_plate, decided.obstacles) == (plate, OURS, ())
        assert (decided.enforceable, decided.corrects) == (True, found.violation_id)
    with pytest.raises(ValueError, match="already"):
        corrected(_judged([], _pass()), OURS, "officer", LAW.formats)


def test_an_unsure_read_takes_nobodys_plate_and_still_casts_doubt() -> None:
    found = _judged([_read(OTHER, plate_confidence=0.5)], _pass())
    assert (found.plate, found.read_plate, found.obstacles) == (OURS, "", ("plates_differ",))


def test_a_look_alike_is_the_plate_that_a_country_has() -> None:
    assert _judged([_read("I23ABCO2")], _pass()).obstacles == ()
    assert _judged([_read("123 abc-02")], _pass()).obstacles == (), "as a device writes it"


def test_what_is_another_vehicles_says_nothing() -> None:
    beside_it = _pass(OTHER, 10_500)
    assert _judged([_read(OTHER)], _pass(), beside_it).obstacles == ()
    assert _judged([_read(OTHER), _read(OURS, 9500)], _pass(""), beside_it).plate == OURS, (
        "the one that is left"
    )
    assert _judged([_read(OTHER, label="motorcycle")], _pass()).obstacles == (), "a car is no motorcycle"
    assert _judged([_read(OTHER, lane="lane")], _pass(zones=("lane", "bay"))).obstacles == ("plates_differ",)
    for change in ({"captured_ms": START_MS + 7000}, {"device_id": "anpr-9"}, {"device_kind": "lidar"},
                   {"clock_error_ms": 2001}):  # fmt: skip
        assert _judged([_read(OTHER, **change)], _pass()).obstacles == ()


def test_what_could_be_two_vehicles_or_two_plates_is_nobodys() -> None:
    for reads, others in (
        ([_read(OTHER)], [_pass("555CCC02", 10_500)]),
        ([_read(OTHER), _read("888DDD02", 9100)], []),
    ):
        found = _judged(reads, _pass(), *others)
        assert (found.plate, found.obstacles) == (OURS, ("ambiguous_plate",))
        unread = _judged(reads, _pass(""), *others)
        assert (unread.plate, "unread_plate" in unread.obstacles) == ("", True)


def test_of_who_stands_in_view_only_the_end_counts() -> None:
    standing = _pass("", 300_000, first_ms=START_MS)
    assert _judged([_read(OURS, 60_000)], standing).plate == "", (
        "who drove past a parked car is not the parked car"
    )
    assert _judged([_read(OURS, 300_000 - LONGEST_MS + 1000)], standing).plate == OURS


def test_without_video_or_purpose_nothing_waits() -> None:
    assert device_plates.awaits(LANED)
    assert not device_plates.awaits(replace(LANED, video=False))
    assert not device_plates.awaits(replace(LANED, purposes=frozenset(("hotlist", "count"))))
    assert not device_plates.awaits(replace(LANED, devices=(RADAR,)))


def test_a_read_that_comes_after_its_devices_time_is_left_out() -> None:
    late = _read(OTHER, 9000)
    place = _place([_read("888DDD02", 9000 + LATE_MS), late])
    assert [r.plate for r in place.readings] == ["888DDD02"]
    assert len(_place([_read("888DDD02", 8999 + LATE_MS), late]).readings) == 2


READS = st.lists(
    st.builds(_read, st.sampled_from((OURS, OTHER, "555CCC02")), st.integers(5000, 13_000)),
    max_size=5,
    unique_by=lambda r: r.read_id,
)
PLATES = st.sampled_from(("", OURS, OTHER, "555CCC02"))


@given(READS, PLATES, PLATES, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(reads: list[ExternalRead], a: str, b: str, rng: Any) -> None:
    here, other = _pass(a), _pass(b, 10_700)
    again = [*reads, *(r for r in reads if rng.random() < 0.5)]
    rng.shuffle(again)
    one, two = _place(reads, here, other), _place(again, other, here, here)
    assert device_plates.said(LAW, one, here) == device_plates.said(LAW, two, here)


@given(READS, PLATES, PLATES)
def test_no_fine_follows_a_plate_that_the_picture_did_not_read_or_that_is_anothers(
    reads: list[ExternalRead], a: str, b: str
) -> None:
    here, other = _pass(a), _pass(b, 10_700)
    found = _judged(reads, here, other)
    if a and found.plate != a:
        assert found.obstacles == ("plates_differ",)
        assert found.read_plate == a
    if found.plate and found.plate != a:
        assert found.plate in {r.plate for r in reads}
        claimed = {r.plate for r in reads if b == r.plate and 6110 <= r.captured_ms - START_MS <= 13_290}
        assert found.plate not in claimed, "the other vehicle's own"


def test_proofs_of_two_ends_are_joined_once() -> None:
    (bare,) = restricted_zone.judge(LAW, LANED, _pass())
    frames = (_frame(9000, OURS),)
    proof = Proof("gate", 1, ("anpr:a",), OTHER, frames, ("plates_differ",))
    found = device_plates.proved(bare, [proof, replace(proof, readers=("anpr:b",), instead_of="")])
    assert (found.obstacles, found.read_plate) == (("plates_differ",), OTHER)
    assert device_plates.readers_of(found.models) == ("a", "b")
    assert len(found.evidence) == 3
