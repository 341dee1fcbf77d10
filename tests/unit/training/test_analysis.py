"""The analysis around the networks, with networks made of plain arithmetic: geometry, pairing, second opinions."""

import json

import cv2
import numpy as np
import pytest
from waysight.triton_models.vision.analysis import (
    Networks,
    analyse,
    could_be_chosen,
    could_be_plate,
    crop_region,
    holder_of,
)
from waysight.triton_models.vision.boxes import place, suppress
from waysight.triton_models.vision.ctc import CODE
from waysight.triton_models.vision.objects import Found
from waysight.triton_models.vision.plates import CROP_PX, distinct_regions, find_plates
from waysight.triton_models.vision.reading import Read, Readers, read_plates, unfold
from waysight.triton_models.vision.vehicles import INPUT_PX, LABELS, cells, own_detector

CAR, PLATE = (400, 200, 640, 400), (480, 340, 580, 362)


def picture(width: int = 1280, height: int = 720) -> np.ndarray:
    """A dark picture with a grey "car" and a white "plate"."""
    image = np.full((height, width, 3), 20, np.uint8)
    image[CAR[1] : CAR[3], CAR[0] : CAR[2]] = 90
    image[PLATE[1] : PLATE[3], PLATE[0] : PLATE[2]] = 255
    return image


def car_network(batch: np.ndarray) -> np.ndarray:
    """Rows whose cells within the grey area point at its edges as a car."""
    rows = np.full((len(batch), len(cells(*INPUT_PX)), len(LABELS) + 4), -9, np.float32)
    for output, image in zip(rows, batch, strict=True):
        grey = (image[0] > 0.3) & (image[0] < 0.4)
        ys, xs = np.nonzero(grey | (image[0] > 0.7))
        if grey.sum() > 200:
            box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
            cell = int(np.abs(cells(*INPUT_PX) - (box[:2] + box[2:]) / 2).sum(1).argmin())
            centre = cells(*INPUT_PX)[cell]
            output[cell, LABELS.index("car")] = 3
            output[cell, -4:] = [*(centre - box[:2]), *(box[2:] - centre)]
    return rows


def plate_network(batch: np.ndarray) -> np.ndarray:
    """Maps whose nearest cell points at the edges of the white area."""
    maps = np.full((len(batch), 5, batch.shape[2] // 8, batch.shape[3] // 8), -9, np.float32)
    for output, image in zip(maps, batch, strict=True):
        ys, xs = np.nonzero(image.min(0) > 0.75)
        if len(xs):
            x, y = (
                min(int(xs.mean() // 8), output.shape[2] - 1),
                min(int(ys.mean() // 8), output.shape[1] - 1),
            )
            cx, cy = 8 * x + 4, 8 * y + 4
            output[:, y, x] = [4, cx - xs.min(), cy - ys.min(), xs.max() + 1 - cx, ys.max() + 1 - cy]
    return maps


def logits_of(text: str, sure: float = 12.0) -> np.ndarray:
    logits = np.zeros((32, 37), np.float32)
    logits[:, 0] = sure
    for index, character in enumerate(text):
        logits[2 + 3 * index] = 0
        logits[2 + 3 * index, CODE[character]] = sure
    return logits


def reader(text: str):
    return lambda batch: np.stack([logits_of(text)] * len(batch))


def networks(text: str = "123ABC02", large=None) -> Networks:
    return Networks(own_detector(car_network), plate_network, reader(text), large, {"plate_reader": "0" * 12})


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()


@pytest.mark.parametrize("size", [(1280, 720), (800, 600), (700, 1100)])
def test_boxes_come_back_in_picture_pixels_and_the_plate_is_its_cars(size: tuple[int, int]) -> None:
    result = analyse(networks(), [(jpeg(picture(*size)), "jpeg")])[0]
    assert json.loads(json.dumps(result)) == result
    [thing] = result["objects"]
    assert thing["label"] == "car"
    assert thing["box"] == pytest.approx(CAR, abs=4)
    assert thing["plate"]["box"] == pytest.approx(PLATE, abs=3)
    assert thing["plate"]["text"] == "123ABC02"
    assert len(thing["plate"]["confidences"]) == 8
    assert result["orphan_plates"] == []


def test_a_bad_payload_spoils_only_its_own_result() -> None:
    results = analyse(networks(), [(b"", "jpeg"), (jpeg(picture()), "jpeg"), (b"x", "h264")])
    assert [bool(result["error"]) for result in results] == [True, False, True]
    assert [len(result["objects"]) for result in results] == [0, 1, 0]


def test_a_plate_without_a_vehicle_is_an_orphan_and_an_illegible_one_is_none() -> None:
    image = picture()
    image[image == 90] = 20
    result = analyse(networks(), [(jpeg(image), "jpeg")])[0]
    assert [plate["text"] for plate in result["orphan_plates"]] == ["123ABC02"]
    assert analyse(networks(""), [(jpeg(picture()), "jpeg")])[0]["objects"][0]["plate"] is None


def test_plates_are_found_where_regions_overlap_only_once() -> None:
    plates = find_plates(plate_network, [picture()], [(0, CAR), (0, (380, 190, 660, 410))], CROP_PX)
    assert len(plates) == 1


def test_a_plate_belongs_to_the_vehicle_low_in_whose_box_it_is() -> None:
    near, far = Found("car", 0.9, (100, 100, 300, 300)), Found("truck", 0.9, (60, 0, 340, 200))
    assert holder_of((180, 230, 220, 250), [far, near]) == 1
    assert holder_of((180, 150, 220, 170), [far]) == 0
    assert holder_of((900, 150, 940, 170), [far, near]) is None
    assert holder_of((180, 230, 220, 250), [Found("person", 0.9, (100, 100, 300, 300))]) is None


def test_of_a_tall_vehicle_the_lower_part_is_searched() -> None:
    x0, y0, x1, y1 = crop_region(Found("bus", 0.9, (100, 0, 300, 500)))
    assert y1 > 500
    assert (y1 - y0) == pytest.approx(176 / 208 * (x1 - x0))


def test_a_region_beyond_the_edge_maps_back_exactly() -> None:
    canvas, placement = place(picture(), (-60, 500, 200, 800), (128, 128))
    assert canvas.shape == (128, 128, 3)
    assert placement.to_picture(np.zeros((1, 4), np.float32))[0, :2] == pytest.approx([0, 500])


def test_suppression_keeps_the_best_of_each_heap() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], np.float32)
    assert suppress(boxes, np.array([0.5, 0.9, 0.4], np.float32), 0.5).tolist() == [1, 2]


def test_a_narrow_plate_is_not_guessed_at() -> None:
    assert read_plates(Readers(reader("A1")), [(picture(), (10, 10, 20, 14))])[0].text == ""


def test_a_two_line_plate_is_laid_out_in_one_line() -> None:
    crop = np.zeros((80, 100), np.uint8)
    crop[:40] = 50
    crop[40:] = 200
    line = unfold(crop, 0.5)
    assert line.shape == (42, 200)
    assert line[20, 50] == 50
    assert line[20, 150] == 200


@pytest.mark.parametrize(
    ("text", "reported"),
    [("123ABC02", True), ("A12", True), ("12345", True), ("2020", False), ("POSTA", False), ("A1", False)],
)
def test_words_and_short_numbers_are_not_reported(text: str, reported: bool) -> None:
    assert could_be_plate(text) is reported


def test_a_picture_that_breaks_the_detector_is_answered_and_so_are_its_neighbours() -> None:
    def fragile(pictures: list[np.ndarray], _: float | None) -> list[list[Found]]:
        if any(image.mean() > 200 for image in pictures):
            raise ValueError("too bright")
        return [[Found("person", 0.9, (1.0, 2.0, 30.0, 40.0))] for _ in pictures]

    networks = Networks(fragile, plate_network, reader(""), None, {})
    white = np.full((300, 400, 3), 255, np.uint8)
    results = analyse(
        networks, [(jpeg(picture()), "jpeg"), (jpeg(white), "jpeg"), (jpeg(picture()), "jpeg;objects")]
    )
    assert [result["error"] for result in results] == [
        None,
        "the analysis failed: ValueError: too bright",
        None,
    ]
    assert [len(result["objects"]) for result in results] == [1, 0, 1]
    assert json.loads(json.dumps(results)) == results


def test_a_vehicle_within_a_vehicle_is_searched_once() -> None:
    regions = [
        (0, (0, 0, 400, 300)),
        (0, (50, 50, 350, 290)),
        (0, (60, 60, 120, 110)),
        (1, (50, 50, 350, 290)),
    ]
    assert distinct_regions(regions) == [0, 2, 3]


def test_chosen_letters_count_only_on_a_vehicle_and_when_sure() -> None:
    assert could_be_chosen(Read("FZRULZ", 0.9, (0.9,) * 6, (("FZRULZ", 0.9),), False))
    assert not could_be_chosen(Read("FZRULZ", 0.5, (0.5,) * 6, (("FZRULZ", 0.5),), False))
    assert not could_be_chosen(Read("TAXI", 0.9, (0.9,) * 4, (("TAXI", 0.9),), False))
