"""Detectors as parts: YOLOX heads read with made-up rows, descriptions, doubles, faults kept to one picture."""

import numpy as np
import pytest
from waysight.triton_models.vision.apart import each_apart
from waysight.triton_models.vision.objects import OBJECT_LABELS, distinct, label_of
from waysight.triton_models.vision.yolox import COCO, YoloxDetector, decoded, grid, is_decoded

SIZE = (416, 256)  # width, height: a network need not be square
ROWS = sum((SIZE[0] // s) * (SIZE[1] // s) for s in (8, 16, 32))


def rows_with(*objects: tuple[int, float, tuple[float, float, float, float]], raw: bool) -> np.ndarray:
    """Rows (n, 85) with one object (COCO class, score, cx cy w h in input pixels) in the cell of its centre."""
    rows = np.zeros((ROWS, 85), np.float32)
    cells = grid(*SIZE, ROWS)
    if not raw:
        rows[:, :2], rows[:, 2:4] = (cells[:, :2] + 0.5) * cells[:, 2:], cells[:, 2:]
    for index, score, (cx, cy, w, h) in objects:
        stride = cells[:, 2]
        inside = (cells[:, 0] == cx // stride) & (cells[:, 1] == cy // stride) & (stride == 16)
        row = int(np.nonzero(inside)[0][0])
        box = [cx / 16 - cells[row, 0], cy / 16 - cells[row, 1], np.log(w / 16), np.log(h / 16)]
        rows[row, :4] = box if raw else [cx, cy, w, h]
        rows[row, 4], rows[row, 5 + index] = 1.0, score
    return rows


def detector(rows: np.ndarray, **options: object) -> YoloxDetector:
    return YoloxDetector(lambda batch: np.stack([rows] * len(batch)), SIZE, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [True, False])
def test_a_yolox_box_comes_back_in_picture_pixels_whether_raw_or_decoded(raw: bool) -> None:
    rows = rows_with((2, 0.9, (100, 60, 80, 40)), (3, 0.2, (300, 200, 40, 40)), raw=raw)
    assert is_decoded(rows, *SIZE) is not raw
    picture = np.zeros((512, 832, 3), np.uint8)  # twice the input
    [[car]] = detector(rows, in_pixels=not raw)([picture])
    assert (car.label, car.score) == ("car", pytest.approx(0.9))
    assert car.box == pytest.approx((120, 80, 280, 160), abs=0.01)
    [objects] = detector(rows, in_pixels=not raw)([picture], 0.1)
    assert [thing.label for thing in objects] == ["car", "motorcycle"]


def test_classes_that_are_not_ours_are_left_out_and_three_kinds_are_bags() -> None:
    rows = rows_with(
        (14, 0.9, (40, 40, 30, 30)), (24, 0.8, (100, 60, 30, 30)), (28, 0.7, (300, 60, 30, 30)), raw=True
    )
    [objects] = detector(rows)([np.zeros((256, 416, 3), np.uint8)])
    assert [(thing.label, round(thing.score, 1)) for thing in objects] == [("bag", 0.8), ("bag", 0.7)]
    assert len(COCO) == 80
    assert set(COCO) - {""} == set(OBJECT_LABELS)


def test_a_lorry_called_car_and_truck_is_one_object_and_a_rider_another() -> None:
    boxes = np.array(
        [[10, 10, 110, 110], [12, 10, 112, 110], [14, 12, 110, 112], [300, 10, 302, 90]], np.float32
    )
    scores = np.array([0.5, 0.8, 0.6, 0.9], np.float32)
    found = distinct(["car", "truck", "person", "car"], scores, boxes, 200, 200)
    assert [thing.label for thing in found] == ["truck", "person"]  # the last lies outside the picture


def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="no YOLOX head"):
        grid(416, 256, 1000)


def test_a_wild_width_does_not_overflow() -> None:
    rows = np.full((ROWS, 85), 500.0, np.float32)
    assert np.isfinite(decoded(rows, *SIZE)).all()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("motorbike", "motorcycle"),
        ("Van", "car"),
        ("suv", "car"),
        ("hand bag", ""),
        ("suitcase", "bag"),
        ("train", ""),
    ],
)
def test_names_of_other_data_sets(name: str, label: str) -> None:
    assert label_of(name) == label


def test_one_failing_member_leaves_the_others_their_results() -> None:
    def work(items: list[int]) -> list[int]:
        if 0 in items:
            raise ZeroDivisionError("division by zero")
        return [10 // item for item in items]

    assert each_apart(work, [1, 2]) == [10, 5]
    first, second, third = each_apart(work, [1, 0, 2])
    assert (first, third) == (10, 5)
    assert second == "the analysis failed: ZeroDivisionError: division by zero"
