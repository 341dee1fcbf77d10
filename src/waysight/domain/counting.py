"""Counts per camera in windows of event time, closed by watermarks, corrected when something comes late.

Passes are counted at the time they end, violations at the time they occurred. The windows of each kind
close on the watermarks of their own topic, so that the rows do not depend on how topics interleave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from waysight.domain.ids import derive_id
from waysight.domain.watermarks import Progress, least, merge
from waysight.messages.enforcement import Count

Measure = Literal["passes", "violations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingRules:
    """Window length and how late a fact may still correct a closed window, ms."""

    window_ms: int = 60_000
    lateness_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a category; `version` is the last told, -1 while open; `ids` guard against repeats."""

    start_ms: int
    category: str
    value: int = 0
    version: int = -1
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """The windows of one camera and measure, and how far each source of its facts has come."""

    windows: tuple[Window, ...] = ()
    sources: tuple[tuple[int, Progress], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something to count once: `fact_id` is empty where the caller already fences repeats."""

    camera_id: str
    category: str
    at_ms: int
    fact_id: str = ""


class TooLate(ValueError):
    """A fact for a window that is closed for good."""


def add(
    rules: CountingRules, measure: Measure, state: CameraCounts, fact: Fact, sources: int
) -> tuple[CameraCounts, tuple[Count, ...]]:
    """Count one fact; a correction of a closed window is told at once. Raises TooLate past the lateness.

    `sources` is how many partitions tell watermarks of this measure.
    """
    start = fact.at_ms - fact.at_ms % rules.window_ms
    now = reached(rules, state, sources)
    if now is not None and start + rules.window_ms + rules.lateness_ms <= now:
        late_s = (now - fact.at_ms) / 1000
        raise TooLate(f"{late_s:.1f} s late: window {start} of {fact.camera_id} is closed for good")
    found = next((w for w in state.windows if (w.start_ms, w.category) == (start, fact.category)), None)
    window = found or Window(start, fact.category)
    if fact.fact_id and fact.fact_id in window.ids:
        return state, ()
    window = replace(
        window, value=window.value + 1, ids=(*window.ids, fact.fact_id) if fact.fact_id else window.ids
    )
    told: tuple[Count, ...] = ()
    if now is not None and start + rules.window_ms <= now:
        window = replace(window, version=window.version + 1)
        told = (_count(rules, measure, fact.camera_id, window),)
    rest = tuple(w for w in state.windows if w is not found)
    ordered = tuple(sorted((*rest, window), key=lambda w: (w.start_ms, w.category)))
    return replace(state, windows=ordered), told


def add_many(
    rules: CountingRules, measure: Measure, state: CameraCounts, fact: Fact, times: int, sources: int
) -> tuple[CameraCounts, tuple[Count, ...]]:
    """`add` so many facts of one window that need no id; the same rows, quicker while the window is open."""
    start = fact.at_ms - fact.at_ms % rules.window_ms
    now = reached(rules, state, sources)
    if fact.fact_id or (now is not None and start + rules.window_ms <= now):
        told: list[Count] = []
        for _ in range(times):
            state, more = add(rules, measure, state, fact, sources)
            told += more
        return state, tuple(told)
    state, _ = add(rules, measure, state, fact, sources)
    at = (start, fact.category)
    windows = tuple(
        replace(w, value=w.value + times - 1) if (w.start_ms, w.category) == at else w for w in state.windows
    )
    return replace(state, windows=windows), ()


def advance(
    rules: CountingRules,
    measure: Measure,
    state: CameraCounts,
    camera_id: str,
    source: int,
    progress: Progress,
    sources: int,
) -> tuple[CameraCounts, tuple[Count, ...]]:
    """Apply one source's watermark: close what is complete, forget what can no longer change."""
    known = dict(state.sources)
    known[source] = merge(known.get(source), progress)
    state = replace(state, sources=tuple(sorted(known.items())))
    now = reached(rules, state, sources)
    if now is None:
        return state, ()
    told = tuple(_closed(rules, measure, camera_id, state, now))
    windows = tuple(
        replace(w, version=0) if w.version < 0 and w.start_ms + rules.window_ms <= now else w
        for w in state.windows
        if w.start_ms + rules.window_ms + rules.lateness_ms > now
    )
    return replace(state, windows=windows), told


def _closed(
    rules: CountingRules, measure: Measure, camera_id: str, state: CameraCounts, now: int
) -> Iterator[Count]:
    for window in state.windows:
        if window.version < 0 and window.start_ms + rules.window_ms <= now:
            yield _count(rules, measure, camera_id, replace(window, version=0))


def reached(rules: CountingRules, state: CameraCounts, sources: int) -> int | None:
    """Up to when all facts are in; None before every source has spoken. An end completes its last window."""
    low = least(p for _, p in state.sources) if len(state.sources) >= sources else None
    if low is None:
        return None
    return (
        low.captured_ms + rules.window_ms - low.captured_ms % rules.window_ms if low.end else low.captured_ms
    )


def _count(rules: CountingRules, measure: Measure, camera_id: str, window: Window) -> Count:
    return Count(
        count_id=derive_id("count", measure, camera_id, window.category, window.start_ms, rules.window_ms),
        measure=measure,
        camera_id=camera_id,
        category=window.category,
        window_start_ms=window.start_ms,
        window_ms=rules.window_ms,
        value=window.value,
        version=window.version,
        closed=True,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )
