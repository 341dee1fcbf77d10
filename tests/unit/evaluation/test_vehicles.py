"""Labelled vehicles: what a file may hold, which box is meant, and what the figures count."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from waysight.domain.looks import SIZE, encode
from waysight.errors import BadConfiguration
from waysight.evaluation.vehicle_labels import LabelledVehicle, open_picture, read_labels
from waysight.evaluation.vehicles import Judged, half, on_box, ranks, report, worst_sheet
from waysight.messages import DetectedObject


def _file(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def _thing(
    label: str = "car", x1: float = 0.0, colour: str = "", sure: float = 0.9, looks: str = ""
) -> DetectedObject:
    return DetectedObject(
        label=label, score=0.9, x1=x1, y1=0.0, x2=x1 + 100, y2=80.0, colour=colour, colour_confidence=sure, looks=looks,
    )  # type: ignore[arg-type] # fmt: skip


def _judged(
    found: DetectedObject | None, types: str = "car", colours: str = "red", vehicle: str = ""
) -> Judged:
    row = LabelledVehicle(2, "p.jpg", tuple(types.split("|")), tuple(colours.split("|")), None, vehicle)
    return Judged(row, found, 10.0, 5.0)


def test_a_file_is_read(tmp_path: Path) -> None:
    rows = read_labels(
        _file(
            tmp_path,
            "path,type,colour,x,y,w,h,vehicle\na.jpg,car|truck,white|silver,1,2,30,40,v1\nb.jpg,,,,,,,\n",
        )
    )
    assert rows[0] == LabelledVehicle(
        2, "a.jpg", ("car", "truck"), ("white", "silver"), (1.0, 2.0, 31.0, 42.0), "v1"
    )
    assert (rows[1].types, rows[1].colours, rows[1].box) == ((), (), None)
    assert read_labels(_file(tmp_path, "path,type,colour\na.jpg,bus,red\n"))[0].types == ("bus",)


@pytest.mark.parametrize(
    ("text", "words"),
    [("path,type\na,car\n", ":1: the columns"), ("path,type,colour\n", "no labelled vehicles"),
     ("path,type,colour\na.jpg,tank,red\n", ":2: 'tank' is none of car"),
     ("path,type,colour\na.jpg,car,mauve\n", ":2: 'mauve' is none of white"),
     ("path,type,colour\na.jpg,car\n", ":2: expected as many cells"),
     ("path,type,colour\n,car,red\n", ":2: expected"),
     ("path,type,colour,x,y,w,h\na.jpg,car,red,1,2,,4\n", ":2: x,y,w,h must be four numbers"),
     ("path,type,colour,x,y,w,h\na.jpg,car,red,1,2,0,4\n", ":2: a box needs")],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadConfiguration, match=words):
        read_labels(_file(tmp_path, text))


def test_pictures_and_what_is_none(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((20, 30, 3), 90, np.uint8))
    assert open_picture(tmp_path, "a.png").shape == (20, 30, 3)
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    for path in ("absent.jpg", "bad.jpg", "bad.jpg@1.5", "absent.mp4@0"):
        with pytest.raises(BadConfiguration, match=path.partition("@")[0]):
            open_picture(tmp_path, path)


def test_the_vehicle_on_the_box_is_meant() -> None:
    person, near, far = _thing("person"), _thing(x1=10.0), _thing(x1=200.0)
    assert on_box([person, near, far], (0, 0, 100, 80)) is near
    assert on_box([person, far], (0, 0, 100, 80)) is None
    assert on_box([person, far], None) is far
    assert on_box([person], None) is None


def test_missed_vehicles_count_as_wrong() -> None:
    judged = [_judged(_thing(colour="red")), _judged(_thing(colour="blue", sure=0.4)), _judged(_thing("bus", colour="unknown")),
              _judged(None)]  # fmt: skip
    figures = report(judged)
    counted = {name: (figures[name]["count"], figures[name]["total"]) for name in
               ("found", "type", "type_of_found", "colour", "colour_of_found", "colour_when_told",
                "colour_when_sure")}  # fmt: skip
    assert counted == {"found": (3, 4), "type": (2, 4), "type_of_found": (2, 3), "colour": (1, 4),
                       "colour_of_found": (1, 3), "colour_when_told": (1, 2), "colour_when_sure": (1, 1)}  # fmt: skip
    assert figures["colour_confusion"] == {"red -> blue": 1, "red -> unknown": 1}
    assert figures["cpu_ms_per_image_median"] == 5.0


def test_ranks_count_another_pass_of_the_same_vehicle() -> None:
    def look(degrees: float) -> str:
        vector = np.zeros(SIZE)
        vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return encode(vector)

    passes = [("a", 0), ("a", 5), ("b", 90), ("b", 170), ("", 160)]
    judged = [_judged(_thing(looks=look(d)), vehicle=name) for name, d in passes]
    found = ranks(judged)
    assert found is not None
    assert found["gallery"] == 4
    assert (found["rank_1"]["count"], found["rank_1"]["total"]) == (2, 4)
    assert found["rank_10"]["count"] == 4
    assert found["chance_rank_1"] == 0.25
    lost = ranks([*judged[:1], _judged(None, vehicle="a")])
    assert lost is not None
    assert lost["rank_10"]["count"] == 0
    assert ranks(judged[:1]) is None


def test_halves_and_the_sheet(tmp_path: Path) -> None:
    rows = [LabelledVehicle(n, f"{n}.jpg", (), (), None) for n in range(5)]
    assert [r.line for r in half(rows, "even")] == [0, 2, 4]
    assert [r.line for r in half(rows, "odd")] == [1, 3]
    with pytest.raises(BadConfiguration, match="even, odd"):
        half(rows, "third")
    cv2.imwrite(str(tmp_path / "p.jpg"), np.full((80, 100, 3), 90, np.uint8))
    judged = [_judged(_thing(colour="blue")), _judged(_thing(colour="red"))]
    assert worst_sheet(judged, tmp_path, tmp_path / "worst.png") == 1
    assert cv2.imread(str(tmp_path / "worst.png")).shape == (230, 280, 3)
