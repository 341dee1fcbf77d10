"""Models put in the place of ours: recorded, laid over the repository, refused when they were changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from waysight.errors import BadConfiguration
from waysight.modelling.overlay import (
    FILE,
    HISTORY,
    Replacement,
    build_model,
    build_repository,
    note_change,
    read_overlay,
    write_overlay,
)
from waysight.modelling.replacing import companions

Put = Callable[..., Replacement]


def test_what_is_recorded_is_read_back_and_laid_over_the_shipped_files(
    shipped: Path, tmp_path: Path, put: Put
) -> None:
    folder, served = tmp_path / "models", tmp_path / "served"
    assert read_overlay(folder) == {}
    entry = put(folder)
    write_overlay(folder, {"eye": entry})
    assert read_overlay(folder) == {"eye": entry}
    build_repository(shipped, folder, served)
    assert (served / "eye" / "1" / "model.onnx").read_bytes() == b"other weights"
    assert "other" in (served / "eye" / "config.pbtxt").read_text()
    assert (served / "eye" / "1" / "model.py").read_text() == "# ours\n"
    write_overlay(folder, {})
    build_model(shipped, folder, served, "eye")
    assert (served / "eye" / "1" / "model.onnx").read_bytes() == b"our weights"
    assert not (served / "eye" / "1" / "detector.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "served", "shipped"]


def test_files_that_were_changed_afterwards_are_not_served(shipped: Path, tmp_path: Path, put: Put) -> None:
    folder = tmp_path / "models"
    write_overlay(folder, {"eye": put(folder)})
    (folder / "eye-1" / "1" / "model.onnx").write_bytes(b"tampered")
    with pytest.raises(BadConfiguration, match=r"is not what was put in place for eye.*models use eye own"):
        build_repository(shipped, folder, tmp_path / "served")
    (folder / "eye-1" / "1" / "model.onnx").write_bytes(b"other weights")
    build_repository(shipped, folder, tmp_path / "served")
    (folder / "eye-1" / "1" / "detector.json").write_text('{"kind": "yolox", "score": 0.99}')
    with pytest.raises(BadConfiguration, match="is not what was put in place"):
        build_repository(shipped, folder, tmp_path / "served")


def test_a_calibration_of_our_weights_does_not_stay_with_others(
    shipped: Path, tmp_path: Path, put: Put
) -> None:
    folder = tmp_path / "models"
    (shipped / "eye" / "1" / "confidence.json").write_text("{}")
    write_overlay(folder, {"eye": put(folder)})
    build_repository(shipped, folder, tmp_path / "served")
    assert sorted(file.name for file in (tmp_path / "served" / "eye" / "1").iterdir()) == [
        "detector.json",
        "model.onnx",
        "model.py",
    ]
    (tmp_path / "confidence.json").write_text("{}")
    assert companions(shipped / "eye", tmp_path / "mine.onnx") == [tmp_path / "confidence.json"]
    assert companions(shipped / "eye", tmp_path / "elsewhere" / "mine.onnx") == []


def test_a_replacement_for_no_model_is_refused(shipped: Path, tmp_path: Path, put: Put) -> None:
    folder = tmp_path / "models"
    write_overlay(folder, {"ear": put(folder)})
    with pytest.raises(BadConfiguration, match="no model 'ear'"):
        build_repository(shipped, folder, tmp_path / "served")


@pytest.mark.parametrize("text", ["eye: {kind: yolox}", "eye: [", "- eye"])
def test_a_damaged_record_names_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadConfiguration, match=FILE):
        read_overlay(tmp_path)


def test_changes_are_kept_line_by_line(tmp_path: Path) -> None:
    note_change(tmp_path, {"model": "eye", "by": "ayan"})
    note_change(tmp_path, {"model": "eye", "by": "Dana"})
    lines = (tmp_path / HISTORY).read_text().splitlines()
    assert [json.loads(line)["by"] for line in lines] == ["ayan", "Dana"]
