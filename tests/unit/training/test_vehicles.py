"""Our detector's rows as objects: boxes back in picture pixels, labels with a confidence, seven classes."""

import numpy as np
import pytest
from waysight.triton_models.vision.boxes import Placement
from waysight.triton_models.vision.vehicles import INPUT_PX, LABELS, cells, detect_vehicles, objects_of


def _rows(*things: tuple[str, float, float, tuple[float, float, float, float]]) -> np.ndarray:
    """Rows with one answer each: label, its logit, the logit of all other labels, box xyxy in input pixels."""
    centres = cells(*INPUT_PX)
    rows = np.full((len(centres), len(LABELS) + 4), -9.0, np.float32)
    rows[:, -4:] = 1.0
    for label, logit, others, box in things:
        middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
        row = int(np.abs(centres - middle).sum(1).argmin())
        rows[row, : len(LABELS)] = others
        rows[row, LABELS.index(label)] = logit
        x, y = centres[row]
        rows[row, -4:] = [x - box[0], y - box[1], box[2] - x, box[3] - y]
    return rows


def test_boxes_come_back_in_picture_pixels_and_within_the_picture() -> None:
    rows = _rows(("bag", 2.0, -6.0, (40, 60, 80, 100)), ("car", 2.0, -6.0, (380, 200, 440, 250)))
    found = objects_of(rows, Placement(0.5, (10.0, 20.0)), 830, 500)
    assert [thing.label for thing in found] == ["bag", "car"]
    assert found[0].box == pytest.approx((90, 140, 170, 220))
    assert found[1].box == pytest.approx((770, 420, 830, 500))


def test_the_label_is_as_sure_as_the_other_labels_are_unlikely() -> None:
    rows = _rows(("truck", 1.0, -8.0, (40, 60, 120, 140)), ("bus", 1.0, 0.9, (200, 60, 280, 140)))
    sure, torn = sorted(objects_of(rows, Placement(1.0, (0.0, 0.0)), 416, 256), key=lambda t: t.box)
    assert (sure.label, torn.label) == ("truck", "bus")
    assert sure.score == pytest.approx(torn.score)
    assert sure.label_confidence > 0.95
    assert 1 / len(LABELS) < torn.label_confidence < 0.3


def test_nothing_below_the_asked_score_and_no_objects_in_a_blank_picture() -> None:
    picture = np.zeros((256, 416, 3), np.uint8)
    quiet, loud = _rows(), _rows(("person", 0.5, -6.0, (40, 60, 80, 160)))
    assert detect_vehicles(lambda _: quiet[None], [picture], 0.01) == [[]]
    found = detect_vehicles(lambda _: loud[None], [picture])[0]
    assert len(found) == 1
    assert detect_vehicles(lambda _: loud[None], [picture], found[0].score - 0.01)[0] == found
    assert detect_vehicles(lambda _: loud[None], [picture], (found[0].score + 1) / 2)[0] == []
