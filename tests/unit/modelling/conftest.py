"""Settings of an empty state folder, and a small model repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from waysight.digests import sha256_of, sha256_of_folder
from waysight.modelling.overlay import Replacement
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


def put_files(folder: Path, weights: bytes = b"other weights") -> Replacement:
    """Files of a replacement for `eye`, and their record."""
    files = folder / "eye-1"
    (files / "1").mkdir(parents=True)
    (files / "1" / "model.onnx").write_bytes(weights)
    (files / "1" / "detector.json").write_text('{"kind": "yolox"}')
    (files / "config.pbtxt").write_text('name: "eye" # other\n')
    digest, whole = sha256_of(files / "1" / "model.onnx"), sha256_of_folder(files)
    return Replacement(
        "yolox",
        "eye-1",
        digest,
        whole,
        "Apache-2.0",
        "a shop",
        "COCO",
        1_700_000_000_000,
        "ayan",
        "images",
        "output",
    )


@pytest.fixture
def put() -> Callable[..., Replacement]:
    """Writes the files of a replacement for `eye` into a models folder, and gives their record."""
    return put_files
