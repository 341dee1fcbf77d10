"""A vehicle whose plate cannot be read though it is large, long and clearly in view: for people to look at only.

Such a violation never becomes a fine by itself: nobody knows whose vehicle it is, and mud is not always fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from waysight.domain.enforcement.case import Law, of_pass
from waysight.domain.scene import Scene
from waysight.messages.enforcement import Violation
from waysight.messages.perception import FrameRef, Sighting

PURPOSE: Final = "no_plate"
LABELS = frozenset(("car", "truck", "bus"))
LEAST_FRAMES = 5
LEAST_WIDTH_PX = 200.0  # a plate of 0.52 m on a car of 1.8 m is then 58 px wide
LEAST_LABEL = 0.8
_MOST_CANDIDATE = 0.3  # a reader that was surer than this did see a plate


def judge(law: Law, scene: Scene, sighting: Sighting) -> Iterator[Violation]:
    """The violation of a pass of which two large views show no legible plate."""
    frames = sighting.best_frame, sighting.second_frame
    if sighting.plate or sighting.label not in LABELS or sighting.label_confidence < LEAST_LABEL:
        return
    if sighting.frames < LEAST_FRAMES or not all(map(_large, frames)):
        return
    if any(c.confidence > _MOST_CANDIDATE for c in sighting.plate_candidates):
        return
    best = sighting.best_frame
    at_ms = best.captured_ms if best else sighting.last_ms
    yield of_pass(law, PURPOSE, scene, sighting, at_ms, obstacles=("review_only",))


def _large(frame: FrameRef | None) -> bool:
    return frame is not None and frame.x2 - frame.x1 >= LEAST_WIDTH_PX and not frame.plate_text
