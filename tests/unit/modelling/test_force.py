"""A change of models that Triton refuses leaves everything as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from waysight.errors import EngineDown
from waysight.local import triton
from waysight.modelling import force
from waysight.modelling.overlay import Replacement, read_overlay
from waysight.settings import Settings


@pytest.fixture
def served(settings: Settings, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository of a Triton that seems to run."""
    for name in ("frame_analysis", "vision"):
        (shipped / name).mkdir()
    monkeypatch.setattr(triton, "repository", lambda: shipped)
    folder = triton.served_repository(settings)
    folder.mkdir(parents=True)
    return folder


def test_without_a_running_triton_a_change_is_only_recorded(settings: Settings) -> None:
    assert force.put_in_force(settings, {}, "eye") is False
    assert read_overlay(settings.models_folder) == {}
    assert force.served_states(settings) == {}
    assert not force.records_acts(settings)


def test_a_refused_change_is_taken_back(
    settings: Settings, served: Path, put: Callable[[Path], Replacement], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[bytes] = []

    def load(_address: str, names: tuple[str, ...]) -> None:
        assert names == ("eye", "frame_analysis")
        loaded.append((served / "eye" / "1" / "model.onnx").read_bytes())
        if loaded[-1] == b"other weights":
            raise EngineDown("Triton did not load eye")

    monkeypatch.setattr(force, "load_models", load)
    monkeypatch.setattr(force, "runs_triton", lambda _settings: True)
    with pytest.raises(EngineDown, match="did not load eye"):
        force.put_in_force(settings, {"eye": put(settings.models_folder)}, "eye")
    assert loaded == [b"other weights", b"our weights"]
    assert read_overlay(settings.models_folder) == {}
    assert force.put_in_force(settings, {}, "eye") is True
