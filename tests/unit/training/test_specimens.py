"""Plates drawn for training: texts that are shown, lines where they are, the same for the same seed."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from waysight.triton_models.vision.ctc import ALPHABET

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from training.layouts import LAYOUTS, Hand, foreign_plate, groups_of, random_format, write_line
from training.reader_crops import contrast, corner_crop, reader_crop, sight
from training.specimens import designed_plate, inked_lines, specimen
from training.strokes import SKELETONS, stroke_faces, stroke_mask
from waysight.simulate.plates import PlateStyle, draw_plate, load_designs

SURFACES = [np.full((400, 500, 3), 120, np.uint8)]


def test_every_character_of_a_drawn_face_is_its_own() -> None:
    assert set(SKELETONS) == set(ALPHABET)
    for face in stroke_faces()[:4]:
        masks = [
            cv2.resize(stroke_mask(face, c), (48, 96)).astype(int) for c in ALPHABET if c not in "0O1IDQ"
        ]
        alike = [np.abs(a - b).mean() for k, a in enumerate(masks) for b in masks[:k]]
        assert min(alike) > 6
        assert (stroke_mask(face, "8") == stroke_mask.__wrapped__(face, "8")).all()


def test_the_box_of_a_line_holds_its_ink() -> None:
    rng = np.random.default_rng(2)
    image = np.full((80, 400, 3), 255, np.uint8)
    hand = Hand(stroke_faces()[3], 1.0, 0.2, False, (0, 0, 0), "")
    left, top, right, bottom = write_line(image, "AB12CD", (20, 10, 380, 70), hand, rng, [])
    rows, columns = np.nonzero(image.min(2) < 128)
    assert abs(columns.min() - left) < 3
    assert abs(columns.max() + 1 - right) < 3
    assert abs(rows.min() - top) < 3
    assert abs(rows.max() + 1 - bottom) < 3


@pytest.mark.parametrize("seed", range(6))
def test_a_foreign_plate_shows_its_text_where_it_says(seed: int) -> None:
    plate, again = (foreign_plate(np.random.default_rng(seed), 60) for _ in range(2))
    assert (plate.image == again.image).all()
    assert plate.text == again.text
    assert 4 <= len(plate.text) <= 8
    assert set(plate.text) <= set(ALPHABET)
    height, width = plate.image.shape[:2]
    assert len(plate.lines) in (1, 2)
    for left, top, right, bottom in plate.lines:
        assert -1 <= left < right <= width + 1
        assert -1 <= top < bottom <= height + 1
        assert bottom - top > 0.2 * height


def test_formats_are_followed_and_groups_lie_inside() -> None:
    rng = np.random.default_rng(4)
    for _, formats, _ in LAYOUTS.values():
        for _ in range(30):
            text = random_format(formats, rng)
            assert all(1 < place < len(text) - 1 for place in groups_of(text, rng))
            if formats == "br":
                assert text[:3].isalpha()
                assert text[3].isdigit()


@pytest.mark.parametrize("name", ["kz_2012", "kz_2012_two_line", "ma_2000", "pe_2010"])
def test_inked_lines_are_those_of_the_designs_fields(name: str) -> None:
    design = load_designs()[name]
    text = {"k": "482KTA05", "m": "48213B6", "p": "B7X413"}[name[0]]
    style = PlateStyle()
    blank = draw_plate(design, "", 100, style)
    lines = inked_lines(design, draw_plate(design, text, 100, style), blank)
    assert len(lines) == 1 + design.two_line
    scale = 100 / design.size_mm[1]
    boxes = np.array([part["box"] for part in design.fields]) * scale
    ends = np.array(lines)
    assert ends[:, 0].min() >= boxes[:, 0].min() - 2
    assert ends[:, 2].max() <= boxes[:, 2].max() + 2
    assert ends[-1, 3] == pytest.approx(boxes[:, 3].max(), abs=3)


def test_specimens_without_legible_text_have_no_lines() -> None:
    rng = np.random.default_rng(6)
    assert specimen(rng, 50, legible=False).lines == ()
    assert designed_plate(rng, 50).lines


def test_lines_of_a_sight_lie_on_the_plate_and_have_contrast() -> None:
    rng = np.random.default_rng(8)
    legible = 0
    for _ in range(25):
        seen = sight(rng, SURFACES)
        assert bool(seen.text) == bool(len(seen.quads))
        height, width = seen.crop.shape
        for quad in seen.quads:
            legible += 1
            assert (quad > -0.2 * height).all()
            assert (quad < np.array([width, height]) * 1.2).all()
            assert contrast(seen.crop, quad) > 5
    assert legible > 12


def test_crops_have_the_networks_inputs_sizes() -> None:
    rng = np.random.default_rng(9)
    assert all(reader_crop(rng, SURFACES)[0].shape == (40, 128) for _ in range(8))
    assert corner_crop(rng, [])[0].shape == (64, 128)
