"""Plates drawn from designs: deterministic, in proportion, every design and text drawable."""

import numpy as np
import pytest

from waysight.errors import BadConfiguration
from waysight.simulate.plates import (
    field_text,
    list_designs,
    load_designs,
    plate_size_m,
    random_text,
    render_plate,
    separated,
)


@pytest.mark.parametrize("design", list_designs())
def test_a_plate_is_the_same_each_time_and_in_proportion(design: str) -> None:
    text = random_text(design, np.random.default_rng(3))
    first, second = render_plate(design, text, 80), render_plate(design, text, 80)
    assert (first == second).all()
    width_m, height_m = plate_size_m(design)
    assert first.shape == (80, round(80 * width_m / height_m), 3)
    assert first.dtype == np.uint8


@pytest.mark.parametrize("design", list_designs())
def test_two_texts_of_a_design_differ_visibly(design: str) -> None:
    rng = np.random.default_rng(4)
    one, other = random_text(design, rng), random_text(design, rng)
    assert one != other
    difference = np.abs(render_plate(design, one).astype(int) - render_plate(design, other).astype(int))
    assert (difference > 100).mean() > 0.01


@pytest.mark.parametrize("design", list_designs())
def test_texts_are_canonical_and_every_character_is_shown_once(design: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        text = random_text(design, rng)
        assert text.isascii()
        assert text.isalnum()
        assert text.upper() == text
        shown = "".join(field_text(part["chars"], text) for part in load_designs()[design].fields)
        assert shown == text


def test_an_unknown_design_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadConfiguration, match=r"'xx_1900'.*kz_2012"):
        render_plate("xx_1900", "A1")


def test_separators_stand_between_letters_and_digits_only() -> None:
    assert separated("AB12C", "-") == "AB-12-C"
    assert separated("AB12C", "") == "AB12C"
