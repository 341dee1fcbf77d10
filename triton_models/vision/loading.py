"""A model repository's networks, opened for use in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .analysis import Networks
from .boxes import Floats
from .colour import load_colours
from .confidence import load_chances
from .detectors import open_detector
from .sessions import open_network, version_of

DETECTOR, PLATES, CORNERS, READER, LOOKS = OWN_NETWORKS = (
    "vehicle_detector",
    "plate_detector",
    "plate_corners",
    "plate_reader",
    "vehicle_looks",
)
LARGE = "plate_reader_large"


def open_networks(
    repository: Path, large: Callable[[Floats], Floats] | None, large_weights: Path | None = None
) -> Networks:
    """The networks of a repository with one folder per model; `large` is the large reader, if there is one.

    `large_weights` is its file, named in every result as the others are.
    """
    folders = {name: repository / name / "1" for name in OWN_NETWORKS}
    files = {name: folder / "model.onnx" for name, folder in folders.items()}
    if large_weights is not None:
        files[LARGE] = large_weights
    return Networks(
        open_detector(folders[DETECTOR]),
        open_network(files[PLATES]),
        open_network(files[READER]),
        large,
        {name: version_of(path) for name, path in files.items()},
        open_network(files[CORNERS]),
        load_chances(folders[READER] / "confidence.json"),
        open_network(files[LOOKS]),
        load_colours(folders[LOOKS] / "colours.npz"),
    )
