"""`evaluate tracking`: formats with clear errors, figures that are known by hand, production's tracker underneath."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from waysight.commands import evaluate as commands
from waysight.errors import BadConfiguration
from waysight.evaluation.tracking import evaluate, measure
from waysight.evaluation.tracking_formats import (
    Boxed,
    Frames,
    SequenceInfo,
    read_detections,
    read_truth,
    sequence_info,
)
from waysight.evaluation.tracking_scores import hota, score

INFO = SequenceInfo(10.0, 1000, 500)
KITTI = "{frame} {identity} {name} 0 0 -1.5 {x} 100.0 {right} 180.0 1.8 0.5 0.9 1.0 1.6 20.0 -1.5\n"


def _walk(frames: int, *starts: float, step: float = 4.0) -> Frames:
    return {
        f: tuple(
            Boxed(i, "person", (x + step * f, 100.0, x + step * f + 40.0, 200.0))
            for i, x in enumerate(starts)
        )
        for f in range(1, frames + 1)
    }


def _kitti(path: Path, frames: int, name: str = "Pedestrian") -> Path:
    rows = [
        KITTI.format(frame=f, identity=7, name=name, x=50.0 + 3 * f, right=80.0 + 3 * f)
        for f in range(frames)
    ]
    path.write_text("".join(rows))
    return path


def test_kitti_frames_start_at_one_and_classes_are_chosen(tmp_path: Path) -> None:
    file = _kitti(tmp_path / "0001.txt", 3)
    with file.open("a") as more:
        more.write(KITTI.format(frame=0, identity=8, name="Car", x=1.0, right=90.0))
    truth = read_truth(file)
    assert truth.format == "kitti"
    assert sorted(truth.frames) == [1, 2, 3]
    assert truth.frames[1] == (Boxed(7, "person", (50.0, 100.0, 80.0, 180.0)),)
    assert [b.label for b in read_truth(file, classes=("Car",)).frames[1]] == ["car"]


def test_mot_truth_leaves_out_what_is_not_to_be_considered_and_knows_classes(tmp_path: Path) -> None:
    file = tmp_path / "gt.txt"
    file.write_text("1,1,10,20,30,40,1,1,1\n1,2,10,20,30,40,0,1,1\n1,3,10,20,30,40,1,3,0.5\n")
    assert [b.identity for b in read_truth(file).frames[1]] == [1]
    assert [b.label for b in read_truth(file, classes=("Car",)).frames[1]] == ["car"]
    old = tmp_path / "old.txt"
    old.write_text("1,1,10,20,30,40,1,-1,-1,-1\n")
    assert read_truth(old).frames[1][0].box == (10.0, 20.0, 40.0, 60.0)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1,-1,a,20,30,40,0.5", "line 2, column 3: 'a' is no number"),
        ("1,-1,10", "line 2: 3 columns"),
        ("0,-1,10,20,30,40,0.5", "line 2: frame 0"),
        ("1,-1,nan,20,30,40,0.5", "not finite"),
    ],
)
def test_bad_detections_are_named_by_line(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "det").mkdir()
    (tmp_path / "det" / "det.txt").write_text(f"1,-1,10,20,30,40,0.5\n{line}\n")
    with pytest.raises(BadConfiguration, match=complaint):
        read_detections(tmp_path)


def test_scores_of_other_scales_come_into_range(tmp_path: Path) -> None:
    file = tmp_path / "det.txt"
    file.write_text("1,-1,10,20,30,40,80\n2,-1,10,20,30,40,40\n")
    assert [r[0].score for r in read_detections(file).values()] == [0.8, 0.4]
    file.write_text("1,-1,10,20,30,40,-2.0\n2,-1,10,20,30,40,2.0\n")
    low, high = (r[0].score for r in read_detections(tmp_path).values())
    assert low == pytest.approx(1 - high)


def test_seqinfo_gives_rate_and_size(tmp_path: Path) -> None:
    truth = read_truth(_kitti(tmp_path / "0001.txt", 2))
    assert sequence_info(tmp_path, truth, {}) == SequenceInfo(10.0, 83, 180)
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=25\nimWidth=640\nimHeight=480\n")
    assert sequence_info(tmp_path, truth, {}) == SequenceInfo(25.0, 640, 480)
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=fast\n")
    with pytest.raises(BadConfiguration, match=r"seqinfo.ini"):
        sequence_info(tmp_path, truth, {})


def test_a_change_of_identity_half_way_is_known_by_hand() -> None:
    truth = {f: [("a", (0.0, 0.0, 10.0, 10.0))] for f in range(1, 11)}
    told = {f: [("x" if f <= 5 else "y", (0.0, 0.0, 10.0, 10.0))] for f in range(1, 11)}
    figures = score(truth, told, range(1, 11), 2).figures
    assert (figures["id_switches"], figures["mota"], figures["idf1"]) == (1, 0.9, 0.5)
    assert hota(truth, told, range(1, 11)) == (pytest.approx(0.7071, abs=1e-4), 1.0, 0.5)
    low, high = figures["mota_interval"]
    assert low <= 0.9 <= high


def test_nothing_told_is_nothing_found() -> None:
    truth = {1: [("a", (0.0, 0.0, 10.0, 10.0))]}
    figures = score(truth, {}, [1], 1).figures
    assert (figures["mota"], figures["hota"], figures["misses"]) == (0.0, 0.0, 1)


def test_plain_walks_are_followed_without_a_fault_at_full_and_keyframe_rate() -> None:
    truth = _walk(100, 50.0, 300.0, 500.0)
    for every in (1, 5):
        found = evaluate(truth, truth, INFO, every)
        assert (found["mota"], found["idf1"], found["hota"], found["id_switches"]) == (1.0, 1.0, 1.0, 0)
        assert found["fps"] == 10.0 / every


def test_identity_is_kept_through_a_short_occlusion() -> None:
    truth = _walk(60, 50.0, 500.0)
    seen = {f: row[:1] if 25 <= f < 33 else row for f, row in truth.items()}
    found = evaluate(seen, truth, INFO)
    assert (found["id_switches"], found["tracks"]) == (0, 2)


def test_flicker_is_not_told() -> None:
    truth = _walk(40, 50.0)
    false = Boxed(-1, "person", (800.0, 100.0, 840.0, 200.0), 0.6)
    seen = {f: (*row, false) if f in (10, 11, 25) else row for f, row in truth.items()}
    assert evaluate(seen, truth, INFO)["false_positives"] == 0


def test_the_command_prints_and_draws(tmp_path: Path) -> None:
    truth = _kitti(tmp_path / "0001.txt", 30)
    words = ["evaluate", "tracking", "--truth", str(truth), "--out", str(tmp_path / "o"), "--json"]
    app = typer.Typer()
    commands.register(app)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert (found["mota"], found["idf1"], found["id_switches"]) == (1.0, 1.0, 0)
    assert found["state_bytes_per_track"] > 0
    assert (tmp_path / "o" / "tracking.png").stat().st_size > 0
    assert json.loads((tmp_path / "o" / "report.json").read_text())["classes"] == ["Pedestrian"]


def test_pedestrians_of_kitti_13_are_followed_better_than_by_sort_and_bytetrack(shared_data: Path) -> None:
    folder = shared_data / "tracking"
    truth = read_truth(folder / "kitti-labels" / "0013.txt")
    boxes = read_detections(folder / "KITTI-13")
    found = evaluate(boxes, truth.frames, sequence_info(folder / "KITTI-13", truth, boxes))
    assert found["mota"] >= 0.15  # SORT 0.135, ByteTrack 0.096
    assert found["idf1"] >= 0.43  # SORT 0.405, ByteTrack 0.413


def test_labelled_people_keep_their_identity_at_two_frames_a_second(shared_data: Path) -> None:
    file = shared_data / "tracking" / "kitti-labels" / "0013.txt"
    truth = read_truth(file).frames
    full, sparse = (measure(truth, truth, SequenceInfo(10.0, 1242, 375), n)[2].figures for n in (1, 5))
    assert sparse["idf1"] >= 0.8 * full["idf1"]
