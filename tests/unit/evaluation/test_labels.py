"""Labelled pictures on disk: what is read, and what a broken file is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from waysight.errors import BadConfiguration
from waysight.evaluation.formats import crops, half, photographs
from waysight.evaluation.scenes import coco, mapping, matching, voc


def picture(folder: Path, name: str, labels: str | None = None) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xd8")
    if labels is not None:
        path.with_suffix(".txt").write_text(labels)
    return path


def test_photographs_come_by_name_with_their_plates_in_one_spelling(tmp_path: Path) -> None:
    picture(tmp_path, "eu/b.jpg", "b.jpg\t10\t20\t30\t8\trk-026 aj\nb.jpg\t1\t2\t3\t4\tX1\n\n")
    picture(tmp_path, "eu/a.JPG", "")
    picture(tmp_path, "us/c.png", "c.png\t1\t2\t3\t4\tABC123")
    picture(tmp_path, "us/unlabelled.jpg")
    found = photographs(tmp_path)
    assert [(p.path.name, p.group, len(p.plates)) for p in found] == [
        ("a.JPG", "eu", 0),
        ("b.jpg", "eu", 2),
        ("c.png", "us", 1),
    ]
    assert (found[1].plates[0].text, found[1].plates[0].box) == ("RK026AJ", (10, 20, 40, 28))
    assert not found[1].is_crop


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.jpg\t1\t2\t3", "is not name<TAB>x"),
        ("a.jpg 1 2 3 4 ABC", "is not name<TAB>x"),
        ("a.jpg\tone\t2\t3\t4\tABC", "must be numbers"),
        ("a.jpg\t1\t2\t0\t4\tABC", "above 0"),
        ("a.jpg\t1\t2\t3\t4\t--", "no plate text"),
    ],
)
def test_a_broken_label_is_told_with_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    picture(tmp_path, "a.jpg", f"a.jpg\t1\t2\t3\t4\tGOOD1\n{line}\n")
    with pytest.raises(BadConfiguration, match=r"a\.txt:2: ") as told:
        photographs(tmp_path)
    assert said in str(told.value)


def test_a_folder_without_labels_and_a_folder_that_is_not_there_are_told(tmp_path: Path) -> None:
    picture(tmp_path, "a.jpg")
    with pytest.raises(BadConfiguration, match="holds no picture with a text file"):
        photographs(tmp_path)
    with pytest.raises(BadConfiguration, match="is no folder"):
        photographs(tmp_path / "none")


def test_crops_come_from_a_csv_also_when_only_its_folder_is_named(tmp_path: Path) -> None:
    picture(tmp_path, "one.png")
    picture(tmp_path, "sub/two.jpg")
    (tmp_path / "list.csv").write_text("Name,Region,Plate\nsub/two.jpg,us-ca,7eav033\none.png,eu,RK-1\n")
    found = photographs(tmp_path)
    assert [(p.path.name, p.group, p.plates[0].text, p.is_crop) for p in found] == [
        ("one.png", "eu", "RK1", True),
        ("two.jpg", "us-ca", "7EAV033", True),
    ]


@pytest.mark.parametrize(
    ("row", "said"), [("one.png,eu", "is not name,region,PLATE"), ("no.png,eu,A1", "no picture")]
)
def test_a_broken_csv_is_told_with_file_and_line(tmp_path: Path, row: str, said: str) -> None:
    picture(tmp_path, "one.png")
    (tmp_path / "list.csv").write_text(f"one.png,eu,RK1\n{row}\n")
    with pytest.raises(BadConfiguration, match=r"list\.csv:2: ") as told:
        crops(tmp_path / "list.csv")
    assert said in str(told.value)


def test_halves_are_taken_of_each_folder_and_share_nothing(tmp_path: Path) -> None:
    for name in ("x/a", "x/b", "x/c", "y/a", "y/b"):
        picture(tmp_path, f"{name}.jpg", "n\t1\t2\t3\t4\tA1")
    every = photographs(tmp_path)
    names = {w: [f"{p.group}/{p.path.stem}" for p in half(every, w)] for w in ("all", "even", "odd")}
    assert names["even"] == ["x/a", "x/c", "y/a"]
    assert names["odd"] == ["x/b", "y/b"]
    assert len(names["all"]) == 5
    with pytest.raises(BadConfiguration, match="all, even, odd"):
        half(every, "first")


VOC = (
    "<annotation><object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>1</xmin>"
    "<ymin>2</ymin><xmax>{xmax}</xmax><ymax>9</ymax></bndbox></object></annotation>"
)


def test_voc_names_become_ours_and_difficult_ones_are_ignored(tmp_path: Path) -> None:
    picture(tmp_path, "a.jpg").with_suffix(".xml").write_text(
        VOC.format(name="motorbike", difficult=1, xmax=5)
    )
    picture(tmp_path, "b.jpg").with_suffix(".xml").write_text(VOC.format(name="sheep", difficult=0, xmax=5))
    picture(tmp_path, "c.jpg")
    scenes = voc(tmp_path)
    assert [s.path.name for s in scenes] == ["a.jpg", "b.jpg"]
    [thing] = scenes[0].objects
    assert (thing.label, thing.box, thing.ignored) == ("motorcycle", (1, 2, 5, 9), True)
    assert mapping(scenes) == {
        "motorbike": {"label": "motorcycle", "objects": 1},
        "sheep": {"label": "", "objects": 1},
    }
    assert [s.path.name for s in matching(scenes, "b*", "all")] == ["b.jpg"]
    assert [s.path.name for s in matching(scenes, "*", "odd")] == ["b.jpg"]
    with pytest.raises(BadConfiguration, match="no picture's name fits"):
        matching(scenes, "z*", "all")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<annotation><object>", r"a\.xml:1: not XML"),
        (VOC.format(name="car", difficult=0, xmax="wide"), "object 1 .car. has no bndbox"),
        (VOC.format(name="car", difficult=0, xmax=1), "empty box"),
    ],
)
def test_a_broken_voc_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    picture(tmp_path, "a.jpg").with_suffix(".xml").write_text(text)
    with pytest.raises(BadConfiguration, match=said):
        voc(tmp_path)


def document() -> dict[str, list[dict[str, object]]]:
    return {
        "categories": [{"id": 3, "name": "car"}],
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 20]},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5], "iscrowd": 1},
        ],
    }


def test_coco_boxes_become_corners_and_pictures_without_objects_stay(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        picture(tmp_path, name)
    (tmp_path / "coco.json").write_text(json.dumps(document()))
    scenes = coco(tmp_path / "coco.json")
    assert [(s.path.name, [(o.label, o.box, o.ignored) for o in s.objects]) for s in scenes] == [
        ("a.jpg", [("car", (1, 2, 11, 22), False), ("car", (0, 0, 5, 5), True)]),
        ("b.jpg", []),
    ]


def test_a_broken_coco_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "coco.json"
    file.write_text('{\n"categories": [')
    with pytest.raises(BadConfiguration, match=r"coco\.json:2: not JSON"):
        coco(file)
    broken = document()
    broken["annotations"][1]["category_id"] = 4
    file.write_text(json.dumps(broken))
    with pytest.raises(BadConfiguration, match=r"annotations\[1\]"):
        coco(file)
    file.write_text(json.dumps(document()))
    with pytest.raises(BadConfiguration, match=r"names 2 pictures that are not there"):
        coco(file)
