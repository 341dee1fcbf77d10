"""Speeds of real, laser-measured traffic (BrnoCompSpeed), through the command; accuracy asserted loosely."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from waysight.cli import build

pytestmark = pytest.mark.integration


def test_laser_speeds_of_one_view(shared_data: Path, tmp_path: Path) -> None:
    words = [
        "evaluate",
        "speed",
        "--tracks",
        str(shared_data / "speed" / "session0_left"),
        "--out",
        str(tmp_path),
    ]
    result = CliRunner().invoke(build("evaluate"), [*words, "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    assert report["vehicles"] >= 95
    assert report["mae_kmh"] < 1.5
    assert report["within_3kmh"] >= 0.95
    assert report["covered_95"] >= 0.95
    assert report["bound_kmh_mean"] < 4.0
    assert report["views"]["session0_left"]["calibration"] == "markings"
    assert (tmp_path / "worst.png").is_file()
