"""Types, colours and looks of labelled vehicles, through the production analysis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from waysight.adapters.pictures import (
    AMBER,
    GREEN,
    RED,
    Picture,
    crop,
    draw_text,
    encode_jpeg,
    fit_inside,
    grid,
)
from waysight.domain.geometry import area, iou
from waysight.domain.looks import likeness
from waysight.errors import BadConfiguration
from waysight.evaluation.engine import Engine
from waysight.evaluation.plate_scores import spread
from waysight.evaluation.plates import as_jpeg
from waysight.evaluation.statistics import rate, reliability
from waysight.evaluation.vehicle_labels import TYPES, LabelledVehicle, open_picture
from waysight.messages import DetectedObject

SAME_IOU = 0.45
FRAME_QUALITY = 95
SURE = 0.5  # stated probability from which `colour_when_sure` counts
RANKS = (1, 10)
MOST, CELL_W, CELL_H = 40, 280, 230
_NEVER = 1_000_000_000  # the place of what is not in the gallery


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled vehicle and what the analysis found there (None: nothing), and the picture's cost, ms."""

    row: LabelledVehicle
    found: DetectedObject | None
    wall_ms: float
    cpu_ms: float | None

    @property
    def colour_right(self) -> bool:
        """Whether the colour told is one of those accepted."""
        return self.found is not None and self.found.colour in self.row.colours

    @property
    def type_right(self) -> bool:
        """Whether the class told is one of those accepted."""
        return self.found is not None and self.found.label in self.row.types


def look_at(
    engine: Engine, rows: Sequence[LabelledVehicle], folder: Path, done: Callable[[], None]
) -> list[Judged]:
    """Analyse each picture once, whole, as production does, and take the vehicle on the labelled box."""
    judged, seen = [], dict[str, Any]()
    for row in rows:
        if row.path not in seen:
            seen[row.path] = engine.analyse(_payload(folder, row.path), "jpeg")
        measured = seen[row.path]
        found = on_box(measured.analysis.objects, row.box)
        judged.append(Judged(row, found, measured.wall_ms, measured.cpu_ms))
        done()
    return judged


def on_box(
    objects: Sequence[DetectedObject], box: tuple[float, float, float, float] | None
) -> DetectedObject | None:
    """The vehicle whose box overlaps the labelled one best, or without a label the largest; None when none does."""
    vehicles = [thing for thing in objects if thing.label in TYPES]
    if box is None:
        return max(vehicles, key=lambda t: area(_box(t)), default=None)
    best = max(vehicles, key=lambda t: iou(_box(t), box), default=None)
    return best if best is not None and iou(_box(best), box) >= SAME_IOU else None


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """Rates of right types and colours: of all labelled vehicles (missed ones are wrong), and of those found."""
    typed = [one for one in judged if one.row.types]
    coloured = [one for one in judged if one.row.colours]
    told = [one for one in coloured if one.found is not None and one.found.colour]
    named = [one for one in told if one.found is not None and one.found.colour != "unknown"]
    sure = [one for one in named if one.found is not None and one.found.colour_confidence >= SURE]
    confusion = Counter(
        f"{'|'.join(one.row.colours)} -> {one.found.colour}"
        for one in told
        if one.found and not one.colour_right
    )
    return {
        "vehicles": len(judged),
        "found": rate(sum(one.found is not None for one in judged), len(judged)),
        "type": rate(sum(one.type_right for one in typed), len(typed)),
        "type_of_found": rate(
            sum(one.type_right for one in typed), sum(one.found is not None for one in typed)
        ),
        "colour": rate(sum(one.colour_right for one in coloured), len(coloured)),
        "colour_of_found": rate(sum(one.colour_right for one in told), len(told)),
        "colour_when_told": rate(sum(one.colour_right for one in named), len(named)),
        "colour_when_sure": rate(sum(one.colour_right for one in sure), len(sure)),
        "colour_reliability": reliability(
            [one.found.colour_confidence for one in named if one.found], [one.colour_right for one in named]
        ),
        "colour_confusion": dict(confusion.most_common()),
        **spread("ms", [one.wall_ms for one in judged]),
        **spread("cpu_ms", [one.cpu_ms for one in judged]),
    }


def ranks(judged: Sequence[Judged]) -> dict[str, Any] | None:
    """How often another pass of the same vehicle is the most alike of all others (rank 1), or among ten (rank 10).

    Every row with an identity that another row has is asked for in turn; the gallery is all other rows. None when
    no identity comes twice.
    """
    shown = [(one.row.vehicle, one.found.looks if one.found else "") for one in judged]
    places = []
    for index, (vehicle, looks) in enumerate(shown):
        others = [
            (likeness(looks, other), name) for k, (name, other) in enumerate(shown) if k != index and other
        ]
        if not vehicle or not any(name == vehicle for k, (name, _) in enumerate(shown) if k != index):
            continue
        order = [name for _, name in sorted(others, key=lambda pair: -pair[0])]
        places.append(order.index(vehicle) if looks and vehicle in order else _NEVER)
    if not places:
        return None
    chance = {f"chance_rank_{n}": round(min(1.0, n / max(1, len(shown) - 1)), 4) for n in RANKS}
    found = {f"rank_{n}": rate(sum(place < n for place in places), len(places)) for n in RANKS}
    return {"gallery": len(shown) - 1, **found, **chance}


def half(rows: list[LabelledVehicle], which: str) -> list[LabelledVehicle]:
    """All rows, or those at even or odd places of the file (the first row is even)."""
    if which not in ("all", "even", "odd"):
        raise BadConfiguration(f"--split {which!r} is none of all, even, odd")
    return rows if which == "all" else rows[which == "odd" :: 2]


def worst_sheet(judged: Sequence[Judged], folder: Path, path: Path) -> int:
    """Write a PNG of wrongly named vehicles, the most confident first; returns how many it shows."""
    wrong = [
        one
        for one in judged
        if (one.row.colours and not one.colour_right) or (one.row.types and not one.type_right)
    ]
    wrong.sort(key=lambda one: -(one.found.colour_confidence if one.found else 0.0))
    cells = [_cell(one, folder) for one in wrong[:MOST]]
    cv2.imwrite(str(path), grid(cells or [np.full((CELL_H, CELL_W, 3), 24, np.uint8)], 6))
    return len(cells)


def _cell(one: Judged, folder: Path) -> Picture:
    picture = open_picture(folder, one.row.path)
    view = picture if one.row.box is None else crop(picture, one.row.box, margin=0.15)
    cell = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
    cell[: CELL_H - 44] = fit_inside(view, CELL_W, CELL_H - 44)
    said, colour = "not found", AMBER
    if one.found is not None:
        said, colour = f"{one.found.colour} {one.found.colour_confidence:.2f} {one.found.label}", RED
    draw_text(cell, (4, CELL_H - 23), said, colour)
    draw_text(cell, (4, CELL_H - 2), f"{'|'.join(one.row.colours)} {'|'.join(one.row.types)}", GREEN)
    return cell


def _payload(folder: Path, path: str) -> bytes:
    if "@" in path:
        return encode_jpeg(open_picture(folder, path), FRAME_QUALITY)
    if not (folder / path).is_file():
        raise BadConfiguration(f"{folder / path} does not exist; name the pictures' folder with --pictures")
    return as_jpeg(folder / path)


def _box(thing: DetectedObject) -> tuple[float, float, float, float]:
    return thing.x1, thing.y1, thing.x2, thing.y2
