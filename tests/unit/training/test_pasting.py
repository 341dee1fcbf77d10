"""Training pictures made of parts: drawn people stand in their boxes, nearer things hide farther ones."""

import numpy as np
import pytest

from training.mannequins import person
from training.pasting import PERSON, Cutout, Pool, paste


def block(height: int = 60, width: int = 30, label: int = PERSON) -> Cutout:
    bgra = np.full((height, width, 4), 255, np.uint8)
    boxes = np.array([[0, 0, width, height]], np.float32)
    return Cutout(bgra, np.array([label]), boxes, 1.0)


def test_a_drawn_person_fills_the_box_and_is_the_same_for_the_same_seed() -> None:
    for seed in range(6):
        bgra, objects = person(np.random.default_rng(seed))
        again, _ = person(np.random.default_rng(seed))
        assert (bgra == again).all()
        assert objects[0][0] == "person"
        x0, y0, x1, y1 = objects[0][1].astype(int)
        ys, xs = np.nonzero(bgra[..., 3] > 127)
        assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (x0, y0, x1, y1)
        assert y1 - y0 > 1.3 * (x1 - x0)


def test_some_drawn_people_carry_bags_beside_or_on_them() -> None:
    people = [person(np.random.default_rng([5, seed]))[1] for seed in range(40)]
    bags = [(objects[0][1], box) for objects in people for label, box in objects[1:] if label == "bag"]
    assert 5 < len(bags) < 30
    for body, bag in bags:
        assert (bag[2:] > bag[:2]).all()
        assert bag[2] > body[0] - 60
        assert bag[0] < body[2] + 60


def test_pasted_boxes_hold_what_was_pasted() -> None:
    ground = np.zeros((256, 416, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    pool = Pool({"drawn": [block()]})
    seen = 0
    for seed in range(12):
        image, boxes, labels = paste(np.random.default_rng(seed), ground, pool)
        assert image.shape == (256, 416, 3)
        assert len(boxes) == len(labels)
        outside = np.ones((256, 416), bool)
        for x0, y0, x1, y1 in np.clip(boxes, 0, 500).astype(int):
            outside[max(0, y0 - 1) : y1 + 2, max(0, x0 - 1) : x1 + 2] = False
        seen += len(boxes)
        hidden = ((image.max(2) > 40) & outside).mean()
        assert hidden < 0.1  # only what is hidden for the most part has no box
    assert seen > 30


def test_what_is_covered_by_pasted_things_is_no_longer_asked_for() -> None:
    whole = np.array([[100, 60, 140, 200]], np.float32)
    ground = np.zeros((256, 416, 3), np.uint8), whole, np.array([3])
    wide = Pool({"drawn": [block(60, 400)]})
    ignored = [paste(np.random.default_rng(seed), ground, wide)[2][0] for seed in range(20)]
    assert set(ignored) == {-1, 3}


def test_without_cutouts_the_picture_stays_as_it_is() -> None:
    ground = np.full((64, 64, 3), 7, np.uint8), np.array([[1, 1, 30, 30]], np.float32), np.array([3])
    image, boxes, labels = paste(np.random.default_rng(0), ground, Pool({}))
    assert (image == 7).all()
    assert boxes.tolist() == [[1, 1, 30, 30]]
    assert labels.tolist() == [3]


@pytest.mark.parametrize("people", [True, False])
def test_a_pool_draws_only_the_kind_asked_for(people: bool) -> None:
    pool = Pool({"drawn": [block()], "labelled": [block(label=2), block(label=5)], "moving": [block(20)]})
    drawn = [pool.draw(np.random.default_rng(seed), people) for seed in range(20)]
    assert {bool(entry and entry[1].labels[0] == PERSON) for entry in drawn} == {people}
    assert all(entry and len(entry[1].bgra) >= 40 for entry in drawn)  # the 20 px one is too coarse
