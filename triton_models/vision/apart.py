"""A batch of which one member fails: the others are done all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import av
import cv2

Given = TypeVar("Given")
Made = TypeVar("Made")
# What wrong content can raise in numpy, OpenCV, PyAV and the networks.
FAULTS = (
    ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError,
    av.FFmpegError, cv2.error,
)  # fmt: skip


def each_apart(work: Callable[[Sequence[Given]], list[Made]], items: Sequence[Given]) -> list[Made | str]:
    """`work(items)`; when it fails, `work` of each item alone, with a sentence in place of those that fail."""
    try:
        return list(work(items))
    except FAULTS as problem:
        if len(items) == 1:
            return [sentence(problem)]
    return [result for item in items for result in each_apart(work, [item])]


def sentence(problem: BaseException) -> str:
    """What went wrong, for the one who sent it."""
    return f"the analysis failed: {type(problem).__name__}: {' '.join(str(problem).split())[:200]}"
