"""The models' JSON becomes records, and nothing else gets through."""

from __future__ import annotations

import json

import pytest

from waysight.adapters.inference import parse_analysis
from waysight.errors import BadMessage

PLATE = {
    "box": [5, 6, 7, 8],
    "score": 0.9,
    "text": "123ABC02",
    "confidences": [0.9] * 8,
    "confidence": 0.88,
    "candidates": [{"text": "123ABC02", "confidence": 0.88}],
    "reader": "small",
    "two_line": False,
}
CAR = {
    "label": "car",
    "score": 0.8,
    "box": [1, 2, 3, 4],
    "colour": {"name": "white", "confidence": 0.7},
    "plate": PLATE,
}


def _result(**changes: object) -> bytes:
    whole = {
        "width": 640,
        "height": 360,
        "error": None,
        "objects": [CAR],
        "orphan_plates": [],
        "models": {"m": "1"},
    }
    return json.dumps(whole | changes).encode()


def test_objects_plates_and_models() -> None:
    found = parse_analysis(_result(orphan_plates=[PLATE]))
    car, orphan = found.objects
    assert (car.label, car.colour, car.x2, found.models) == ("car", "white", 3.0, "m@1")
    assert car.plate is not None
    assert (car.plate.text, car.plate.x1, len(car.plate.confidences)) == ("123ABC02", 5.0, 8)
    assert (orphan.label, orphan.plate == car.plate, orphan.x1) == ("plate", True, 5.0)


def test_an_object_without_plate_and_colour() -> None:
    (thing,) = parse_analysis(_result(objects=[CAR | {"plate": None, "colour": None}])).objects
    assert (thing.plate, thing.colour) == (None, "")


def test_the_models_own_error_is_kept() -> None:
    found = parse_analysis(_result(error="not a JPEG", objects=[]))
    assert (found.error, found.objects) == ("not a JPEG", ())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"\xff",
        _result(objects=[CAR | {"box": [1, 2]}]),
        _result(objects=[CAR | {"label": "dragon"}]),
        _result(objects=[CAR | {"plate": {"text": "x"}}]),
        _result(orphan_plates=[PLATE | {"candidates": [{"text": "x"}]}]),
    ],
)
def test_anything_else_is_a_bad_message(raw: bytes) -> None:
    with pytest.raises(BadMessage, match="cannot read"):
        parse_analysis(raw)
