"""A model repository's networks, opened for use in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .analysis import Networks
from .boxes import Floats
from .confidence import load_chances
from .detectors import open_detector
from .sessions import open_network, version_of

DETECTOR, PLATES, READER = OWN_NETWORKS = ("vehicle_detector", "plate_detector", "plate_reader")


def open_networks(repository: Path, large: Callable[[Floats], Floats] | None) -> Networks:
    """The networks of a repository with one folder per model; `large` is the large reader, if there is one."""
    folders = {name: repository / name / "1" for name in OWN_NETWORKS}
    corners = repository / "plate_corners" / "1" / "model.onnx"
    return Networks(
        open_detector(folders[DETECTOR]),
        open_network(folders[PLATES] / "model.onnx"),
        open_network(folders[READER] / "model.onnx"),
        large,
        {name: version_of(folder / "model.onnx") for name, folder in folders.items()},
        open_network(corners) if corners.exists() else None,
        load_chances(folders[READER] / "confidence.json"),
    )
