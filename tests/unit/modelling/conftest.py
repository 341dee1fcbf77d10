"""Settings of an empty state folder, and a small model repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from waysight.settings import Settings, get_settings, using


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    chosen = get_settings().model_copy(
        update={
            "state_dir": tmp_path / "state",
            "models_dir": None,
            "kafka_bootstrap": "",
            "registry_url": "",
        }
    )
    with using(chosen):
        yield chosen


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A repository with one model, `eye`, with weights of no meaning."""
    folder = tmp_path / "shipped"
    (folder / "eye" / "1").mkdir(parents=True)
    (folder / "eye" / "config.pbtxt").write_text('name: "eye"\n')
    (folder / "eye" / "1" / "model.py").write_text("# ours\n")
    (folder / "eye" / "1" / "model.onnx").write_bytes(b"our weights")
    return folder
