"""Boxes over time from files: MOTChallenge detections and truth, KITTI tracking labels."""

from __future__ import annotations

import configparser
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from waysight.domain.geometry import Box
from waysight.errors import BadConfiguration
from waysight.messages.perception import ObjectLabel

TruthFormat = Literal["auto", "mot", "kitti"]
PEDESTRIAN = "Pedestrian"
KITTI_LABELS: Mapping[str, ObjectLabel] = {
    "Pedestrian": "person",
    "Person": "person",
    "Person_sitting": "person",
    "Cyclist": "bicycle",
    "Car": "car",
    "Van": "car",
    "Truck": "truck",
    "Tram": "bus",
    "Misc": "car",
}
MOT_CLASSES: Mapping[str, tuple[str, ObjectLabel]] = {
    "1": ("Pedestrian", "person"),
    "2": ("Rider", "person"),
    "3": ("Car", "car"),
    "4": ("Cyclist", "bicycle"),
    "5": ("Motorcycle", "motorcycle"),
    "6": ("Cart", "bicycle"),
    "7": ("Person_static", "person"),
}
_KITTI_COLUMNS = 10  # up to the box; what follows describes it in space
_MOT_COLUMNS = 6
_KITTI_HZ, _MOT_HZ = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class Boxed:
    """One box of one frame (px): whose it is (-1 in detections), its class, and how sure (0..1)."""

    identity: int
    label: ObjectLabel
    box: Box
    score: float = 1.0


Frames: TypeAlias = dict[int, tuple[Boxed, ...]]
"""Boxes by frame number, from 1."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Labelled boxes by frame, the format they came in, and the classes that were taken."""

    frames: Frames
    format: Literal["mot", "kitti"]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SequenceInfo:
    """Frame rate (Hz) and picture size (px)."""

    fps: float
    width: int
    height: int


def read_detections(path: Path, label: ObjectLabel = "person") -> Frames:
    """Detections of a MOTChallenge sequence: its folder (with det/det.txt), the folder of det.txt, or the file.

    Scores are brought to 0..1 where the detector's were not (logits and percentages occur). Raises
    BadConfiguration with file and line.
    """
    places = (path / "det" / "det.txt", path / "det.txt", path)
    file = next((p for p in places if p.is_file()), None)
    if file is None:
        raise BadConfiguration(f"no det/det.txt or det.txt in {path}: name a MOTChallenge sequence's folder")
    found: Frames = {}
    rows = _rows(file, ",", _MOT_COLUMNS)
    for number, row in rows:
        score = _number(file, number, row, 6) if len(row) > 6 else 1.0
        _add(found, _frame(file, number, row), Boxed(-1, label, _corners(file, number, row), score))
    return _scores_in_range(found)


def read_truth(path: Path, form: TruthFormat = "auto", classes: Sequence[str] = ()) -> Truth:
    """Labelled boxes with identities; KITTI frames, which start at 0, become MOTChallenge's, which start at 1.

    `classes` are names as in KITTI (Pedestrian, Car, Cyclist …); by default Pedestrian. A MOTChallenge file
    without a class column has pedestrians only; rows that are marked as not to be considered (seventh column
    0) are left out. Raises BadConfiguration with file and line.
    """
    if not path.is_file():
        raise BadConfiguration(f"no truth file {path}: name a gt.txt (MOTChallenge) or a KITTI label file")
    kind = _format(path) if form == "auto" else form
    wanted = tuple(classes) or (PEDESTRIAN,)
    read: Callable[[Path, Sequence[str]], Frames] = _kitti if kind == "kitti" else _mot
    frames = read(path, wanted)
    if not frames:
        known = KITTI_LABELS if kind == "kitti" else [name for name, _ in MOT_CLASSES.values()]
        raise BadConfiguration(
            f"{path} has no box of {', '.join(wanted)}: choose --classes among {', '.join(known)}"
        )
    return Truth(frames, kind, wanted)


def sequence_info(folder: Path | None, truth: Truth, frames: Frames) -> SequenceInfo:
    """What seqinfo.ini says; without one the format's usual rate, and a picture just large enough."""
    boxes = [b.box for f in (frames, truth.frames) for row in f.values() for b in row]
    width = math.ceil(max((b[2] for b in boxes), default=1.0))
    height = math.ceil(max((b[3] for b in boxes), default=1.0))
    usual = SequenceInfo(_KITTI_HZ if truth.format == "kitti" else _MOT_HZ, width, height)
    places = [p / "seqinfo.ini" for p in (folder, folder.parent, folder.parent.parent)] if folder else []
    file = next((p for p in places if p.is_file()), None)
    if file is None:
        return usual
    parser = configparser.ConfigParser()
    try:
        parser.read_string(file.read_text())
        part = parser["Sequence"]
        return SequenceInfo(
            float(part.get("frameRate", str(usual.fps))),
            int(part.get("imWidth", str(width))),
            int(part.get("imHeight", str(height))),
        )
    except (configparser.Error, KeyError, ValueError) as error:
        raise BadConfiguration(f"{file}: {error}; mend it or remove it") from error


def _kitti(path: Path, wanted: Sequence[str]) -> Frames:
    found: Frames = {}
    for number, row in _rows(path, None, _KITTI_COLUMNS):
        name = row[2]
        if name not in wanted:
            continue
        box = tuple(_number(path, number, row, i) for i in range(6, 10))
        thing = Boxed(
            _whole(path, number, row, 1), KITTI_LABELS.get(name, "person"), (box[0], box[1], box[2], box[3])
        )
        _add(found, _whole(path, number, row, 0) + 1, thing)
    return found


def _mot(path: Path, wanted: Sequence[str]) -> Frames:
    rows = _rows(path, ",", _MOT_COLUMNS)
    # From MOT16 on the eighth column is a class; before, it is a place in space (-1 where unknown).
    classed = all(len(row) == 9 and row[7].strip() in _MOT_NUMBERS for _, row in rows)
    found: Frames = {}
    for number, row in rows:
        if len(row) > 6 and _number(path, number, row, 6) == 0:
            continue
        name, label = MOT_CLASSES.get(row[7].strip(), ("", "person")) if classed else (PEDESTRIAN, "person")
        if name in wanted:
            thing = Boxed(_whole(path, number, row, 1), label, _corners(path, number, row))
            _add(found, _frame(path, number, row), thing)
    return found


_MOT_NUMBERS = frozenset(str(n) for n in range(1, 14))


def _format(path: Path) -> Literal["mot", "kitti"]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        first = next((line for line in lines if line.strip()), "")
    return "mot" if "," in first else "kitti"


def _rows(path: Path, separator: str | None, least: int) -> list[tuple[int, list[str]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path} is no text: {error}") from error
    rows = [(n, line.strip().split(separator)) for n, line in enumerate(lines, 1) if line.strip()]
    for number, row in rows:
        if len(row) < least:
            raise BadConfiguration(f"{path}, line {number}: {len(row)} columns where at least {least} belong")
    return rows


def _number(path: Path, line: int, row: Sequence[str], column: int) -> float:
    try:
        value = float(row[column])
    except ValueError as error:
        raise BadConfiguration(
            f"{path}, line {line}, column {column + 1}: {row[column]!r} is no number"
        ) from error
    if not math.isfinite(value):
        raise BadConfiguration(f"{path}, line {line}, column {column + 1}: {row[column]} is not finite")
    return value


def _whole(path: Path, line: int, row: Sequence[str], column: int) -> int:
    return int(_number(path, line, row, column))


def _frame(path: Path, line: int, row: Sequence[str]) -> int:
    frame = _whole(path, line, row, 0)
    if frame < 1:
        raise BadConfiguration(f"{path}, line {line}: frame {frame}; MOTChallenge frames start at 1")
    return frame


def _corners(path: Path, line: int, row: Sequence[str]) -> Box:
    x, y, w, h = (_number(path, line, row, i) for i in range(2, 6))
    return x, y, x + w, y + h


def _add(frames: Frames, frame: int, thing: Boxed) -> None:
    frames[frame] = (*frames.get(frame, ()), thing)


def _scores_in_range(frames: Frames) -> Frames:
    scores = [b.score for row in frames.values() for b in row]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    if low >= 0 and high <= 1:
        return frames
    if low >= 0 and high <= 100:
        turned: Callable[[float], float] = lambda s: s / 100.0  # noqa: E731
    else:
        turned = lambda s: 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, s))))  # noqa: E731
    return {
        frame: tuple(Boxed(b.identity, b.label, b.box, turned(b.score)) for b in row)
        for frame, row in frames.items()
    }
