"""Labelled vehicles on disk: a CSV `path,type,colour`, with `x,y,w,h` of a box and `vehicle`, an identity, where known."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from waysight.domain.observations import COLOURS
from waysight.errors import BadConfiguration

Bgr = npt.NDArray[np.uint8]
TYPES = ("car", "bus", "truck", "motorcycle", "bicycle")
_BOX = ("x", "y", "w", "h")
_MORE = (*_BOX, "vehicle")


@dataclass(frozen=True, slots=True)
class LabelledVehicle:
    """One vehicle: picture file (`clip@seconds` for a frame of a clip), accepted types and colours, box xyxy px.

    No types or no colours: not labelled, not counted. No box: the picture shows one vehicle. Rows of equal
    `vehicle` (not "") are passes of one vehicle.
    """

    line: int
    path: str
    types: tuple[str, ...]
    colours: tuple[str, ...]
    box: tuple[float, float, float, float] | None
    vehicle: str = ""


def read_labels(path: Path) -> list[LabelledVehicle]:
    """All rows of a CSV; alternatives are joined by |; raises BadConfiguration naming file and line."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names = set(reader.fieldnames or ())
            if not {"path", "type", "colour"} <= names or not names <= {"path", "type", "colour", *_MORE}:
                raise BadConfiguration(
                    f"{path}:1: the columns must be path,type,colour and, for boxes, x,y,w,h"
                )
            rows = [_row(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadConfiguration(f"{path}: not a readable CSV file: {error}") from error
    if not rows:
        raise BadConfiguration(f"{path}: no labelled vehicles below the header")
    return rows


def _row(path: Path, line: int, row: dict[str, Any]) -> LabelledVehicle:
    where = f"{path}:{line}"
    if None in row or not row["path"] or row["type"] is None or row["colour"] is None:
        raise BadConfiguration(f"{where}: expected as many cells as the header has, and a path")
    sides = [(row.get(name) or "").strip() for name in _BOX]
    box = None
    if any(sides):
        try:
            x, y, w, h = (float(side) for side in sides)
        except ValueError:
            raise BadConfiguration(
                f"{where}: x,y,w,h must be four numbers (pixels), not {','.join(sides)}"
            ) from None
        if w <= 0 or h <= 0:
            raise BadConfiguration(f"{where}: a box needs a width and a height above 0")
        box = (x, y, x + w, y + h)
    types, colours = _names(where, row["type"], TYPES), _names(where, row["colour"], COLOURS)
    return LabelledVehicle(line, row["path"], types, colours, box, (row.get("vehicle") or "").strip())


def _names(where: str, cell: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in cell.split("|") if name.strip())
    for name in names:
        if name not in known:
            raise BadConfiguration(f"{where}: {name!r} is none of {', '.join(known)}")
    return names


def open_picture(folder: Path, path: str) -> Bgr:
    """The picture of a row, uint8 BGR (h, w, 3); raises BadConfiguration when it cannot be read."""
    name, _, at_s = path.partition("@")
    if at_s:
        return _frame_of(folder / name, at_s)
    picture = cv2.imread(str(folder / name), cv2.IMREAD_COLOR) if (folder / name).is_file() else None
    if picture is None:
        raise BadConfiguration(f"{folder / name} is no picture that can be read")
    return np.asarray(picture, np.uint8)


def _frame_of(clip: Path, at_s: str) -> Bgr:
    try:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                if frame.time is not None and frame.time >= float(at_s) - 0.002:
                    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadConfiguration(f"{clip} has no frame at {at_s!r} s that can be read: {error}") from error
    raise BadConfiguration(f"{clip} ends before {at_s} s")
