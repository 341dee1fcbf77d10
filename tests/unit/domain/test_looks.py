"""Looks and colours over a track: near views weigh more, doubt stays doubt, people have no look."""

from __future__ import annotations

import numpy as np
import pytest

from waysight.domain import looks
from waysight.domain.scene import Scene
from waysight.domain.sightings import SightingRules, step
from waysight.domain.tracking import CameraTracks
from waysight.messages import DetectedObject, Detections, Sighting


def _look(*places: int) -> str:
    vector = np.zeros(looks.SIZE)
    vector[list(places)] = 1.0
    return looks.encode(vector)


def _frame(seq: int, thing: DetectedObject | None) -> Detections:
    return Detections(
        camera_id="c", epoch="e", seq=seq, kind="frame" if thing else "end", captured_ms=1000 + 200 * seq,
        clock_error_ms=0, width=1000, height=800, evidence_ref="", evidence_sha256="", analysed_ms=0, models="",
        objects=(thing,) if thing else (), origin_partition=0, origin_offset=0, ordinal=0,
    )  # fmt: skip


def _thing(width_px: float = 160.0, label: str = "car", **more: object) -> DetectedObject:
    box = {"x1": 400.0 - width_px / 2, "x2": 400.0 + width_px / 2, "y1": 300.0, "y2": 420.0}
    return DetectedObject(label=label, score=0.9, **{**box, **more})  # type: ignore[arg-type]


def _sighting(*things: DetectedObject) -> Sighting:
    state, told = CameraTracks(), []
    for seq, thing in enumerate([*things, None]):
        state, pictured = step(SightingRules(), Scene(camera_id="c"), state, _frame(seq, thing))
        told += pictured.sightings
    assert len(told) == 1
    return told[0]


def test_text_and_back() -> None:
    vector = np.linspace(-1, 1, looks.SIZE)
    back = looks.decode(looks.encode(vector))
    assert back is not None
    assert float(back @ vector / np.linalg.norm(back) / np.linalg.norm(vector)) > 0.999
    assert looks.encode(np.zeros(looks.SIZE)) == ""
    assert [looks.decode(text) for text in ("", "%%%", "AAAA")] == [None, None, None]


def test_likeness_is_the_cosine() -> None:
    assert looks.likeness(_look(0), _look(0)) == pytest.approx(1.0)
    assert looks.likeness(_look(0), _look(1)) == 0.0
    assert looks.likeness(_look(0), _look(0, 1)) == pytest.approx(0.707, abs=0.01)
    assert looks.likeness(_look(0), "") == 0.0


def test_near_views_weigh_more() -> None:
    seen = _sighting(*[_thing(160, looks=_look(0))] * 3, _thing(150, looks=_look(1)))
    assert looks.likeness(seen.looks, _look(0)) > 0.9 > looks.likeness(seen.looks, _look(1)) > 0.1
    assert len(seen.looks) == 88


def test_views_cut_off_at_the_edge_do_not_count() -> None:
    whole = _thing(looks=_look(0), x1=10.0, x2=170.0)
    cut = _thing(looks=_look(1), x1=0.0, x2=160.0)
    assert looks.likeness(_sighting(whole, whole, cut, cut, cut).looks, _look(0)) > 0.99


def test_people_have_no_look() -> None:
    assert _sighting(*[_thing(label="person", looks=_look(0))] * 4).looks == ""


def test_colour_is_the_mean_of_what_the_views_say() -> None:
    seen = _sighting(
        *[_thing(colour="red", colour_confidence=0.9)] * 3, _thing(colour="unknown", colour_confidence=0.3)
    )
    assert (seen.colour, seen.colour_confidence) == ("red", pytest.approx(0.675, abs=0.001))
    unsure = _sighting(*[_thing(colour="red", colour_confidence=0.3)] * 4)
    assert (unsure.colour, unsure.colour_confidence) == ("unknown", pytest.approx(0.3, abs=0.001))
    assert _sighting(*[_thing()] * 4).colour == ""


def test_class_confidence_is_what_the_detector_is_sure_of() -> None:
    assert _sighting(*[_thing(label_confidence=0.6)] * 4).label_confidence == pytest.approx(0.6)
    assert _sighting(*[_thing()] * 4).label_confidence == 1.0
