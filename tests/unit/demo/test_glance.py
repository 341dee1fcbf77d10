"""The officer's glance tells coloured paint from none and one colour from another; light may turn white into grey."""

from __future__ import annotations

import numpy as np
import pytest

from waysight.demo.glance import shows

PAINTS = {
    "white": (225, 228, 228), "grey": (110, 108, 106), "black": (30, 28, 28), "red": (46, 40, 190), "blue": (160, 80, 38),
    "green": (66, 112, 44), "yellow": (44, 200, 236), "orange": (36, 120, 236),
}  # fmt: skip


def _rear(paint: str, window: tuple[int, int, int] = (60, 58, 56)) -> np.ndarray:
    """A vehicle from behind: paint, a window, red lamps and a white plate."""
    picture = np.full((200, 260, 3), PAINTS[paint], np.uint8)
    picture[40:80, 40:220] = window
    picture[100:120, 10:40] = picture[100:120, 220:250] = (30, 30, 200)
    picture[150:170, 90:170] = 245
    return picture


@pytest.mark.parametrize("paint", PAINTS)
def test_its_own_colour_is_shown_and_no_other_hue(paint: str) -> None:
    plain = {"white", "grey", "black", "silver"}
    for entered in (*PAINTS, "silver", "brown"):
        if {paint, entered} == {"orange", "brown"}:
            continue  # dark orange is brown
        assert shows([_rear(paint)], entered) is (paint == entered or {paint, entered} <= plain), entered


def test_a_blue_sky_in_the_window_is_no_blue_paint() -> None:
    dusk, day = _rear("white", (150, 90, 40)), _rear("white")
    dusk[40:140, 30:230] = (150, 90, 40)
    assert shows([dusk], "blue")
    assert not shows([day, dusk], "blue")
    assert shows([day, dusk], "white")


def test_without_a_picture_nothing_is_shown() -> None:
    assert not shows([], "white")
