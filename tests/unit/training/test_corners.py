"""Where a plate's characters are: quadrilaterals in picture pixels, lines cut out straight."""

import cv2
import numpy as np
import pytest
from waysight.triton_models.vision.boxes import Floats
from waysight.triton_models.vision.corners import (
    GROW_X,
    GROW_Y,
    HEIGHT_PX,
    OUTPUTS,
    WIDTH_PX,
    find_lines,
    line_crop,
    look_again,
    straighten,
    widened,
)

CARD = np.kron(np.arange(8, dtype=np.uint8).reshape(2, 4) * 30, np.ones((20, 20), np.uint8))
UPRIGHT = np.array([[0, 0], [80, 0], [80, 40], [0, 40]], np.float32)
ASKEW = np.array([[60, 40], [190, 60], [180, 130], [50, 105]], np.float32)


def set_askew(card: np.ndarray, quad: Floats, size: tuple[int, int] = (260, 180)) -> np.ndarray:
    matrix = cv2.getPerspectiveTransform(UPRIGHT - 0.5, quad - np.float32(0.5))
    return cv2.warpPerspective(card, matrix, size, flags=cv2.INTER_LINEAR, borderValue=255)


def answering(row: Floats) -> tuple[list[Floats], object]:
    seen: list[Floats] = []

    def network(batch: Floats) -> Floats:
        seen.append(batch)
        return np.repeat(row[None], len(batch), 0)

    return seen, network


def test_a_tilted_card_is_cut_out_straight() -> None:
    flat = straighten(set_askew(CARD, ASKEW), ASKEW, (80, 40))
    inside = np.s_[4:-4, 4:-4]
    assert flat.shape == CARD.shape
    assert np.abs(flat.astype(int) - CARD)[inside].mean() < 4


def test_a_large_card_is_averaged_not_sampled() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (400, 400))
    whole = np.array([[0, 0], [800, 0], [800, 400], [0, 400]], np.float32)
    flat = straighten(stripes, whole, (160, 80))
    assert np.abs(flat.astype(int) - 127).max() < 30


def test_margins_are_shares_of_the_height_along_the_lines_own_sides() -> None:
    quad = np.array([[10, 10], [110, 10], [110, 30], [10, 30]], np.float32)
    np.testing.assert_allclose(widened(quad, 0.5, 0.1), [[0, 8], [120, 8], [120, 32], [0, 32]], atol=1e-4)
    turned = quad[:, ::-1] * (-1, 1)
    np.testing.assert_allclose(
        widened(turned, 0.5, 0.1), widened(quad, 0.5, 0.1)[:, ::-1] * (-1, 1), atol=1e-4
    )


@pytest.mark.parametrize("layers", [None, 3])
def test_the_second_line_comes_to_the_right_of_the_first(layers: int | None) -> None:
    picture = np.full((100, 200), 10, np.uint8)
    picture[10:40, 60:120], picture[50:80, 20:180] = 90, 200
    if layers:
        picture = np.dstack([picture] * layers)
    upper = np.array([[60, 10], [120, 10], [120, 40], [60, 40]], np.float32)
    lower = np.array([[20, 50], [180, 50], [180, 80], [20, 80]], np.float32)
    crop = line_crop(picture, [upper, lower], (110, 40), 0.0, 0.0)
    assert crop.shape[:2] == (40, 110)
    assert (crop[4:-4, 3:27] == 90).all()
    assert (crop[4:-4, 34:-3] == 200).all()


def test_corners_come_back_in_picture_pixels() -> None:
    quads = np.array([[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]], [[0, 0]] * 4], np.float32)
    seen, network = answering(np.concatenate([quads.reshape(-1), [-9, 9]]).astype(np.float32))
    picture = np.zeros((400, 600, 3), np.uint8)
    box = (200.0, 100.0, 300.0, 150.0)
    (found,) = find_lines(network, [(picture, box)])  # type: ignore[arg-type]
    assert seen[0].shape == (1, 1, HEIGHT_PX, WIDTH_PX)
    width, height = 100 * (1 + 2 * GROW_X), 50 * (1 + 2 * GROW_Y)
    expected = [[250 - width / 4, 125 - height / 4], [250 + width / 4, 125 + height / 4]]
    np.testing.assert_allclose(found.quads[0, [0, 2]], expected, atol=0.01)
    assert found.two_line < 0.01
    assert found.legible > 0.99


@pytest.mark.parametrize("box", [(-20, -20, 5, 5), (0, 0, 600, 400), (598, 398, 640, 440), (50, 50, 50, 50)])
def test_boxes_at_the_edge_or_without_extent_are_answered(box: tuple[float, ...]) -> None:
    _, network = answering(np.full(OUTPUTS, 0.5, np.float32))
    (found,) = find_lines(network, [(np.zeros((400, 600), np.uint8), box)])  # type: ignore[arg-type]
    assert np.isfinite(found.quads).all()
    assert line_crop(np.zeros((400, 600), np.uint8), [found.quads[0]], (128, 40)).shape == (40, 128)


def test_no_plates_are_no_call() -> None:
    seen, network = answering(np.zeros(OUTPUTS, np.float32))
    assert find_lines(network, []) == []  # type: ignore[arg-type]
    assert not seen


@pytest.mark.parametrize("two_line", [False, True])
def test_the_second_look_is_at_the_lines_found_first(two_line: bool) -> None:
    upper, lower = (
        [[0.4, 0.4], [0.6, 0.4], [0.6, 0.5], [0.4, 0.5]],
        [[0.4, 0.5], [0.6, 0.5], [0.6, 0.6], [0.4, 0.6]],
    )
    row = np.concatenate([np.array([upper, lower]).reshape(-1), [9 if two_line else -9, 9]]).astype(
        np.float32
    )
    _, network = answering(row)
    picture = np.zeros((400, 600), np.uint8)
    plates = [(picture, (200.0, 100.0, 400.0, 200.0))]
    first = find_lines(network, plates)  # type: ignore[arg-type]
    again = look_again(network, plates, first)  # type: ignore[arg-type]
    ends = first[0].quads[: 1 + two_line].reshape(-1, 2)
    middle = (ends.min(0) + ends.max(0)) / 2
    # The network always answers the same shares, so the second answer shows which crop it was asked about.
    shown = again[0].quads.reshape(-1, 2)
    size = (shown.max(0) - shown.min(0)) / 0.2
    height = np.ptp(ends[:, 1])
    np.testing.assert_allclose(size[1], height * 1.7 * (1 + 2 * GROW_Y), atol=1.5)
    np.testing.assert_allclose((shown.min(0) + shown.max(0)) / 2, middle, atol=1.0)
