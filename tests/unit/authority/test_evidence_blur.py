"""Bystanders are hidden for good; the violation's vehicle, its plate and the kept original stay as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from waysight.adapters.inference import Analysis, MemoryAnalyser
from waysight.adapters.pictures import Picture, encode_jpeg
from waysight.authority.evidence import blur as evidence_blur
from waysight.authority.evidence.blur import Blur, Hidden, blurred, bystanders, find_bystanders
from waysight.errors import BadMessage, EngineDown
from waysight.messages import DetectedObject, PlateRead

Make = Callable[..., Any]


def thing(label: str, x1: float, y1: float, x2: float, y2: float, plate: PlateRead | None = None) -> Any:
    """A detected object."""
    return DetectedObject(label=label, score=0.9, x1=x1, y1=y1, x2=x2, y2=y2, plate=plate)  # type: ignore[arg-type]


def plate_at(x1: float, y1: float, x2: float, y2: float) -> PlateRead:
    """A read plate."""
    return PlateRead(text="999XYZ02", confidence=0.9, confidences=(), candidates=(), x1=x1, y1=y1, x2=x2, y2=y2, score=0.9,
                     reader="r")  # fmt: skip


@pytest.fixture
def picture() -> Picture:
    """Noise: whatever is kept as it was is equal, whatever is hidden is not."""
    return np.random.default_rng(3).integers(0, 255, (360, 640, 3), dtype=np.uint8)


def same(a: Picture, b: Picture, x1: int, y1: int, x2: int, y2: int) -> bool:
    """Whether two pictures are equal in a box."""
    return bool((a[y1:y2, x1:x2] == b[y1:y2, x1:x2]).all())


def differs(a: Picture, b: Picture, x1: int, y1: int, x2: int, y2: int) -> float:
    """Share of values in a box that changed."""
    return float((a[y1:y2, x1:x2] != b[y1:y2, x1:x2]).mean())


OURS = thing("car", 100, 80, 300, 260, plate_at(160, 200, 240, 220))
OTHER = thing("truck", 250, 60, 500, 300, plate_at(270, 240, 330, 256))
PERSON = thing("person", 280, 150, 330, 280)


def test_whom_and_what_is_hidden(frame: Make, picture: Picture) -> None:
    ref, before = frame(), picture.copy()
    hidden = {ref.evidence_ref: bystanders([OURS, OTHER, PERSON], ref)}
    shown = blurred(picture, ref, Blur("bystanders", hidden))
    assert (picture == before).all()
    assert same(shown, picture, 0, 0, 640, 59)
    assert same(shown, picture, 100, 80, 250, 199)
    assert same(shown, picture, 160, 200, 240, 220)
    for box in ((301, 60, 500, 300), (270, 240, 330, 256), (280, 150, 330, 280)):
        assert differs(shown, picture, *box) > 0.9, box


def test_what_is_hidden_cannot_be_brought_back(frame: Make, picture: Picture) -> None:
    # Pictures that differ only in the order of the pixels of a block are hidden alike: the order is gone, not smeared.
    ref, other = frame(), picture.copy()
    hidden = {ref.evidence_ref: Hidden(beside=((400.0, 60.0, 460.0, 120.0),))}
    for y in range(60, 120, 10):
        for x in range(400, 460, 10):
            block = other[y : y + 10, x : x + 10].reshape(100, 3)
            other[y : y + 10, x : x + 10] = block[::-1].reshape(10, 10, 3)
    assert differs(other, picture, 400, 60, 460, 120) > 0.9
    blur = Blur("bystanders", hidden)
    assert (blurred(picture, ref, blur) == blurred(other, ref, blur)).all()


def test_outside_needs_no_detector(frame: Make, picture: Picture) -> None:
    ref = frame(plate_x1=290.0, plate_x2=340.0)
    shown = blurred(picture, ref, Blur("outside"))
    assert same(shown, picture, 100, 80, 300, 260)
    assert same(shown, picture, 290, 200, 340, 220)
    assert differs(shown, picture, 345, 0, 640, 360) > 0.9
    assert same(blurred(picture, ref, Blur()), picture, 0, 0, 640, 360)


def test_a_rider_is_no_bystander_but_a_pedestrian_before_the_car_is(frame: Make) -> None:
    ref = frame()
    inside = thing("person", 150, 90, 200, 200)
    assert bystanders([OURS, inside], ref).upon
    machine = thing("motorcycle", 100, 80, 300, 260)
    assert bystanders([machine, inside], ref) == Hidden()
    assert bystanders([machine, thing("person", 400, 90, 450, 200)], ref).upon
    assert bystanders([OURS, thing("motorcycle", 150, 180, 220, 350)], ref).upon


def test_without_our_vehicle_among_the_detections_every_other_one_is_hidden(frame: Make) -> None:
    far = thing("car", 400, 10, 500, 60)
    assert bystanders([far], frame()).beside == ((400, 10, 500, 60),)


def test_boxes_beyond_the_picture_are_cut(frame: Make, picture: Picture) -> None:
    ref = frame(
        x1=-50.0, y1=-50.0, x2=900.0, y2=900.0, plate_x1=0.0, plate_x2=0.0, plate_y1=0.0, plate_y2=0.0
    )
    assert same(blurred(picture, ref, Blur("outside")), picture, 0, 0, 640, 360)
    away = Hidden(beside=((-90.0, -90.0, -10.0, -10.0), (700.0, 0.0, 900.0, 90.0)))
    assert same(blurred(picture, ref, Blur("bystanders", {ref.evidence_ref: away})), picture, 0, 0, 640, 360)


def test_the_detector_is_asked_for_every_frame(frame: Make, picture: Picture) -> None:
    refs = [frame(evidence_ref=f"frames/c/20261116/e-{n}.jpg") for n in range(2)]
    frames = {r.evidence_ref: encode_jpeg(picture) for r in refs}
    analyser = MemoryAnalyser(lambda _payload, codec: Analysis(640, 360, (OURS, OTHER), f"m {codec}"))
    found, by = asyncio.run(find_bystanders(analyser, refs, frames))
    assert (set(found), by) == (set(frames), "m jpeg")
    blind = MemoryAnalyser(lambda _payload, _codec: Analysis(0, 0, (), "m", "no picture"))
    with pytest.raises(BadMessage, match="no picture"):
        asyncio.run(find_bystanders(blind, refs, frames))


def test_without_triton_the_error_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(MemoryAnalyser):
        async def start(self) -> None:
            await asyncio.sleep(60)

    monkeypatch.setattr(evidence_blur, "_PATIENCE_S", 0.01)
    with pytest.raises(EngineDown, match="--blur-outside"):
        asyncio.run(find_bystanders(Away(lambda _payload, _codec: Analysis(0, 0, (), "")), [], {}))
