"""What a demo refuses before it starts a stack or touches earlier results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from tests.videos import make_video
from waysight.demo import inputs, stage
from waysight.demo.run import Wanted, _sent, run
from waysight.errors import BadConfiguration
from waysight.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", out_dir=tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 100])
def test_footage_that_is_no_video_is_refused_and_earlier_results_stay(
    settings: Settings, tmp_path: Path, content: bytes
) -> None:
    earlier = settings.out_dir / "demo" / "summary.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("{}")
    clip = tmp_path / "мой клип.mp4"
    clip.write_bytes(content)
    with pytest.raises(BadConfiguration, match=r"мой клип\.mp4: not a readable video"):
        run(settings, Wanted(footage=clip), Console(quiet=True))
    assert earlier.exists()
    assert not (settings.state_dir / "demo").exists()


@pytest.mark.parametrize("fps", [1.0, 1000.0, float("nan")])
def test_a_rate_out_of_range_is_refused(tmp_path: Path, fps: float) -> None:
    clip = make_video(tmp_path / "a.mp4", frames=3)
    with pytest.raises(BadConfiguration, match="--fps"):
        inputs.footage(clip, fps, tmp_path)


def test_one_bad_source_of_two_is_told_and_the_other_plays(tmp_path: Path) -> None:
    make_video(tmp_path / "good.mp4", frames=3)
    cameras = [{"id": "good", "source": "good.mp4"}, {"id": "gone", "source": "gone.mp4"}]
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"version": 1, "cameras": cameras}))
    (fault,) = inputs.unusable_sources(tmp_path / "cameras.yaml")
    assert fault.startswith("camera gone: ")
    assert "no such file" in fault


def test_options_that_would_be_ignored_are_refused(tmp_path: Path) -> None:
    some = tmp_path / "some.csv"
    some.write_text("")
    with pytest.raises(BadConfiguration, match="exclude each other"):
        inputs.require_sense(some, some, None, None)
    with pytest.raises(BadConfiguration, match="--hotlist needs"):
        inputs.require_sense(None, None, some, None)
    with pytest.raises(BadConfiguration, match=r"--vehicles .*gone\.csv: there is no such file"):
        inputs.require_sense(some, None, some, tmp_path / "gone.csv")


def test_a_second_demo_in_the_same_folder_is_refused(settings: Settings) -> None:
    with stage.alone(settings), pytest.raises(BadConfiguration, match="another demo runs"):
        stage.alone(settings).__enter__()
    with stage.alone(settings):
        assert (settings.state_dir / "demo.lock").exists()


def test_a_state_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    clip = make_video(tmp_path / "a.mp4", frames=3)
    done = subprocess.run(
        [sys.executable, "-m", "waysight.cli", "demo", "--footage", str(clip)],
        env={**os.environ, "WAYSIGHT_STATE_DIR": str(tmp_path / "file" / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'file' / 'state'}: Not a directory; correct the path")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("source", "cut"), [("a.mp4", False), ("rtsp://127.0.0.1/a", True)])
def test_only_live_cameras_are_watched_for_a_time(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, cut: bool
) -> None:
    path, stopped = tmp_path / "cameras.yaml", list[Settings]()
    path.write_text(yaml.safe_dump({"version": 1, "cameras": [{"id": "a", "source": source}]}))
    monkeypatch.setattr(stage, "producer_finished", lambda _settings: False)
    monkeypatch.setattr(stage, "stop_producer", stopped.append)
    assert _sent(settings, Wanted(cameras=path, seconds=-1.0))() is cut
    assert bool(stopped) is cut
