"""Looks in the analysis: which crop the network sees, what its rows mean, and who gets a look."""

import base64

import numpy as np
import pytest
from waysight.triton_models.vision.analysis import Networks, look
from waysight.triton_models.vision.boxes import sigmoid
from waysight.triton_models.vision.colour import COLOURS, ColourNetwork, statistics
from waysight.triton_models.vision.looks import SIDE_PX, SIZE, crop, large_enough, looks_of
from waysight.triton_models.vision.objects import Found

from waysight.domain.looks import decode

PLAIN = np.full((SIDE_PX, SIDE_PX, 3), 60, np.uint8)


def row(vector: dict[int, float]) -> np.ndarray:
    values = np.zeros(SIZE + len(COLOURS), np.float32)
    for place, value in vector.items():
        values[place] = value
    return values


def red_network() -> ColourNetwork:
    """Red as far as its first statistic (the lightness of the first field) goes beyond 100."""
    w1 = np.zeros((76, 1), np.float32)
    w1[0] = 1
    w2 = np.zeros((1, len(COLOURS)), np.float32)
    w2[0, COLOURS.index("red")] = 0.1
    zeros = np.zeros(76, np.float32)
    return ColourNetwork(zeros, zeros + 1, w1, np.array([-100], np.float32), w2, np.zeros(10, np.float32))


def test_a_look_is_a_unit_vector_of_int8() -> None:
    [text] = looks_of(lambda batch: np.stack([row({0: 30.0, 5: -40.0, 70: 9.0})] * len(batch)), [PLAIN])
    vector = np.frombuffer(base64.b64decode(text), np.int8)
    assert (vector[0], vector[5], np.abs(vector.astype(int)).sum()) == (76, -102, 178)
    assert decode(text) is not None
    assert looks_of(lambda batch: batch, []) == []


def test_a_colour_that_is_not_sure_is_unknown() -> None:
    light, dark = np.full((64, 64, 3), 240, np.uint8), PLAIN
    (name, sure), (other, unsure) = red_network().colours([light, dark])
    assert name == "red"
    assert sure > 0.95
    assert other == "unknown"
    assert unsure == pytest.approx(0.1, abs=0.01)
    assert red_network().colours([]) == []


def test_statistics_are_of_fields_surroundings_and_hues() -> None:
    red = PLAIN.copy()
    red[8:56, 8:56] = (0, 0, 200)
    figures = statistics(np.stack([PLAIN, red]))
    assert figures.shape == (2, 76)
    assert figures[0, 3:45:3] == pytest.approx(figures[0, 45])  # one grey everywhere
    assert figures[1, 22:45:3] != pytest.approx(0.0)
    assert figures[1, 45] == figures[0, 45]  # the margin stays as it was
    assert figures[0, 61:73].sum() == pytest.approx(0.0, abs=3.0)
    assert figures[1, 61:73].max() > 50


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
        return np.stack([row({0: float(image.mean())}) for image in batch])

    things = [Found("car", 0.9, (10, 10, 110, 90)), Found("person", 0.9, (10, 10, 110, 190)),
              Found("truck", 0.9, (200, 10, 230, 40)), Found("motorcycle", 0.9, (300, 10, 360, 90))]  # fmt: skip
    nothing = Networks(
        lambda pictures, _: [things for _ in pictures],
        lambda batch: np.full((len(batch), 5, batch.shape[2] // 8, batch.shape[3] // 8), -9, np.float32),
        sigmoid, None, {}, looks=network, colours=red_network(),
    )  # fmt: skip
    seen = look(nothing, [np.full((240, 400, 3), 120, np.uint8)] * 2)
    assert batches == [4]
    assert [bool(thing["looks"]) for thing in seen[1][0]] == [True, False, False, True]
    assert [thing["colour"] and thing["colour"]["name"] for thing in seen[0][0]] == ["red", None, None, None]
