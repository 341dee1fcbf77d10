"""Looks in the analysis: which crop the network sees, what its rows mean, and who gets a look."""

import base64

import numpy as np
import pytest
from waysight.triton_models.vision.analysis import Networks, look
from waysight.triton_models.vision.boxes import sigmoid
from waysight.triton_models.vision.looks import (
    COLOURS,
    SIDE_PX,
    SIZE,
    appearance_of,
    appearances,
    crop,
    large_enough,
)
from waysight.triton_models.vision.objects import Found

from waysight.domain.looks import decode


def row(vector: dict[int, float], **logits: float) -> np.ndarray:
    values = np.zeros(SIZE + len(COLOURS), np.float32)
    for place, value in vector.items():
        values[place] = value
    for name, value in logits.items():
        values[SIZE + COLOURS.index(name)] = value
    return values


def test_a_row_is_a_unit_vector_and_a_colour() -> None:
    shown = appearance_of(row({0: 30.0, 5: -40.0}, red=9.0))
    vector = np.frombuffer(base64.b64decode(shown.looks), np.int8)
    assert (vector[0], vector[5], np.abs(vector).sum()) == (76, -102, 178)
    assert shown.colour == "red"
    assert shown.colour_confidence > 0.99
    assert decode(shown.looks) is not None
    assert appearance_of(row({0: 1.0})).colour == "unknown"


def test_the_crop_has_a_margin_and_goes_on_beyond_the_picture() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[50:150, 100:200] = 255
    inside = crop(picture, (100, 50, 200, 150))
    assert inside.shape == (SIDE_PX, SIDE_PX, 3)
    assert inside[2, 2, 0] == 0
    assert inside[32, 32, 0] == 255
    whole = np.full((200, 300, 3), 90, np.uint8)
    for box in ((0, 0, 300, 200), (-20, -20, 40, 40), (280, 150, 340, 260), (299, 199, 300, 200)):
        assert (crop(whole, box) == 90).all()


@pytest.mark.parametrize(
    ("box", "enough"), [((0, 0, 40, 20), True), ((0, 0, 39, 60), False), ((0, 0, 90, 19), False)]
)
def test_small_vehicles_have_no_look(box: tuple[float, ...], enough: bool) -> None:
    assert large_enough(box) is enough


def test_only_vehicles_large_enough_get_a_look_and_all_in_one_batch() -> None:
    batches: list[int] = []

    def network(batch: np.ndarray) -> np.ndarray:
        batches.append(len(batch))
        return np.stack([row({0: float(image.mean())}, red=3.0) for image in batch])

    things = [Found("car", 0.9, (10, 10, 110, 90)), Found("person", 0.9, (10, 10, 110, 190)),
              Found("truck", 0.9, (200, 10, 230, 40)), Found("motorcycle", 0.9, (300, 10, 360, 90))]  # fmt: skip
    nothing = Networks(
        lambda pictures, _: [things for _ in pictures],
        lambda batch: np.full((len(batch), 5, batch.shape[2] // 8, batch.shape[3] // 8), -9, np.float32),
        sigmoid, None, {}, looks=network,
    )  # fmt: skip
    seen = look(nothing, [np.full((240, 400, 3), 120, np.uint8)] * 2)
    assert batches == [4]
    assert [bool(thing["looks"]) for thing in seen[1][0]] == [True, False, False, True]
    assert appearances(network, []) == []
