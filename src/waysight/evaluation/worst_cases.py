"""Pictures of what went worst: plates as a sheet of crops, objects drawn on their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from waysight.adapters.pictures import (
    AMBER,
    GREEN,
    RED,
    Colour,
    Picture,
    crop,
    draw_box,
    draw_text,
    fit_inside,
    grid,
)
from waysight.evaluation.plate_scores import Outcome, Seen
from waysight.evaluation.plates import picture_of
from waysight.evaluation.simulated_plates import Verdict

CELL_W, CELL_H, LINE_PX, COLUMNS, MOST = 320, 190, 22, 5, 40
SCENE_W, SCENE_H, SCENE_COLUMNS, MOST_SCENES = 640, 400, 3, 12
Boxes = Sequence[tuple[Sequence[float], str, Colour]]


def worst_plates(seen: Sequence[Seen]) -> list[Outcome]:
    """Wrong outcomes, those stated with most confidence first, then missed plates; look-alikes come last."""
    wrong = [outcome for one in seen for outcome in one.outcomes if not outcome.exact]
    return sorted(wrong, key=lambda o: (o.exact_merged, -o.confidence))[:MOST]


def plate_sheet(seen: Sequence[Seen], path: Path) -> int:
    """Write a PNG of the worst plates with what was read and what they say; returns how many it shows."""
    worst = worst_plates(seen)
    cells = [_plate_cell(outcome) for outcome in worst] or [_nothing(CELL_W, CELL_H)]
    cv2.imwrite(str(path), grid(cells, COLUMNS))
    return len(worst)


def pass_sheet(wrong: Sequence[Verdict], path: Path) -> int:
    """Write a PNG of accepted passes that were read wrong, two frames each; returns how many it shows."""
    cells = []
    for verdict in wrong[:MOST]:
        cell = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
        frames = [fit_inside(image, CELL_W // 2, CELL_H - 2 * LINE_PX) for image in verdict.seen.crops[:2]]
        cell[: CELL_H - 2 * LINE_PX] = grid(frames, 2)
        draw_text(cell, (4, CELL_H - LINE_PX), f"{verdict.voted.text} {verdict.voted.confidence:.3f}", RED)
        draw_text(cell, (4, CELL_H - 1), verdict.seen.text, GREEN)
        cells.append(cell)
    cv2.imwrite(str(path), grid(cells or [_nothing(CELL_W, CELL_H)], COLUMNS))
    return len(cells)


def scene_sheet(scenes: Sequence[tuple[Path, str, Boxes]], path: Path) -> int:
    """Write a PNG of pictures (file, heading, boxes xyxy with words and colour); returns how many it shows."""
    cells = []
    for file, heading, boxes in scenes[:MOST_SCENES]:
        picture = _load(file)
        for box, words, colour in boxes:
            draw_box(picture, box, words, colour)
        cell = fit_inside(picture, SCENE_W, SCENE_H)
        draw_text(cell, (4, LINE_PX), heading, AMBER)
        cells.append(cell)
    cv2.imwrite(str(path), grid(cells or [_nothing(SCENE_W, SCENE_H)], SCENE_COLUMNS))
    return len(cells)


def _plate_cell(outcome: Outcome) -> Picture:
    picture = _load(outcome.picture.path)
    view = picture if outcome.box is None else crop(picture, outcome.box, margin=0.35)
    cell = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
    cell[: CELL_H - 2 * LINE_PX] = fit_inside(view, CELL_W, CELL_H - 2 * LINE_PX)
    if outcome.reading is None:
        words, colour = "not found", AMBER
    else:
        words = f"{outcome.reading.text} {outcome.confidence:.2f}"
        colour = AMBER if outcome.exact_merged else RED
    draw_text(cell, (4, CELL_H - LINE_PX), words, colour)
    draw_text(cell, (4, CELL_H - 1), f"{outcome.truth}  {outcome.picture.path.stem[:16]}", GREEN)
    return cell


def _load(path: Path) -> Picture:
    picture = picture_of(path.read_bytes())
    return np.full((64, 64, 3), 24, dtype=np.uint8) if picture is None else picture


def _nothing(width: int, height: int) -> Picture:
    cell = np.full((height, width, 3), 24, dtype=np.uint8)
    draw_text(cell, (10, height // 2), "nothing went wrong", GREEN)
    return cell
