"""Holding back keyframes of an empty scene, judged by packet sizes alone.

Between keyframes an encoder spends bytes on what moves, on most cameras; on some its rate control hides
that. So the gate first watches: it pairs the mean size of the pictures between two keyframes with
whether the two keyframes really differ, and opens for business only where size tells motion from rest.
While it works it checks one held keyframe in ten, and retires when it held back motion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from waysight.adapters.pictures import Picture

Thumbnail = NDArray[np.int16]
LEARN_KEYFRAMES = 120
LEAST_OF_EACH = 10
LEAST_AUC = 0.95
ACTIVE_SHARE = 0.002
CHECK_EVERY = 10
MOST_MISSES = 2


def thumbnail(picture: Picture) -> Thumbnail:
    """A grey picture of at most about 160 px a side, int16, for comparing."""
    step = max(1, max(picture.shape[:2]) // 160)
    return np.asarray(picture[::step, ::step, 1], dtype=np.int16)


def differs(a: Thumbnail, b: Thumbnail) -> bool:
    """Whether more than 0.2 % of the pixels of two thumbnails changed by more than 25 grey levels."""
    return a.shape != b.shape or float((np.abs(a - b) > 25).mean()) > ACTIVE_SHARE


def auc(rest: Sequence[float], motion: Sequence[float]) -> float:
    """Probability that a size at motion exceeds one at rest (ties count half); 0.5 when either is missing."""
    if not rest or not motion:
        return 0.5
    difference = np.subtract.outer(np.array(motion), np.array(rest))
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


@dataclass(slots=True)
class MotionGate:
    """One camera's gate; ask `holds` for each keyframe in stream order."""

    state: Literal["learning", "working", "retired"] = "learning"
    threshold_bytes: float = 0.0
    auc: float = 0.5
    held: int = 0
    _sizes: list[int] = field(default_factory=list)
    _seen: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=LEARN_KEYFRAMES))
    _last: Thumbnail | None = None
    _misses: int = 0

    def between(self, size_bytes: int) -> None:
        """Note a picture between keyframes."""
        self._sizes.append(size_bytes)

    def holds(self, picture: Callable[[], Picture]) -> bool:
        """Whether to hold this keyframe back; `picture` decodes it and is called only to learn or to check."""
        mean_bytes = float(np.mean(self._sizes)) if self._sizes else float("inf")
        self._sizes.clear()
        if self.state == "retired":
            return False
        if self.state == "learning":
            self._learn(mean_bytes, thumbnail(picture()))
            return False
        if mean_bytes > self.threshold_bytes:
            self._last = None
            return False
        self.held += 1
        if self.held % CHECK_EVERY <= 1:  # two in a row, so that there is something to compare
            current = thumbnail(picture())
            if self._last is not None and self.held % CHECK_EVERY == 1 and differs(self._last, current):
                self._misses += 1
                if self._misses > MOST_MISSES:
                    self.state = "retired"
                return False
            self._last = current
        return True

    def _learn(self, mean_bytes: float, current: Thumbnail) -> None:
        if self._last is not None and np.isfinite(mean_bytes):
            self._seen.append((mean_bytes, differs(self._last, current)))
        self._last = current
        if len(self._seen) < LEARN_KEYFRAMES:
            return
        rest = [size for size, moved in self._seen if not moved]
        motion = [size for size, moved in self._seen if moved]
        self.auc = auc(rest, motion)
        if len(motion) < LEAST_OF_EACH or len(rest) < LEAST_OF_EACH:
            return  # keep watching: too little of one kind to tell
        self._last = None
        if self.auc < LEAST_AUC:
            self.state = "retired"
            return
        self.threshold_bytes = min(motion) * 0.9
        self.state = "working"
