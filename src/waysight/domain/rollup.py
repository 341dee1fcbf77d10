"""Sums of minutes over longer windows and wider places, that come out alike in whatever order the minutes come.

A minute's count is absolute and has a version: a correction replaces what it corrects, so that a sum never
counts twice. A place's time is the least of its cameras'; an ended camera, and one that lags behind the
furthest by more than the rules wait, hold nothing up: what they bring later is a correction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, cast

from waysight.domain.counting import Measure
from waysight.domain.ids import derive_id
from waysight.domain.scene import Scene
from waysight.domain.watermarks import Progress, merge
from waysight.messages.enforcement import Minute, Rollup

Cell = tuple[str, int, int, int]  # category, start of the minute (UTC ms), version, value
Scope = Literal["camera", "road", "district"]
SLOT_MS = 300_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class WindowKind:
    """Windows of `window_ms`, one starting each `step_ms`; both are multiples of a slot."""

    window_ms: int
    step_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupRules:
    """Which windows; how long a silent camera is waited for, and how long minutes are kept for corrections, ms.

    `lateness_ms` is that of the counts, `drop_ms` after how long a silent camera is forgotten.
    """

    windows: tuple[WindowKind, ...] = (WindowKind(_HOUR_MS, _HOUR_MS), WindowKind(900_000, SLOT_MS))
    slot_ms: int = SLOT_MS
    idle_ms: int = 600_000
    lateness_ms: int = 600_000
    keep_ms: int = 3 * _HOUR_MS
    drop_ms: int = 24 * _HOUR_MS

    @property
    def longest_ms(self) -> int:
        """Length of the longest window."""
        return max(w.window_ms for w in self.windows)


@dataclass(frozen=True, slots=True)
class PlaceState:
    """One measure of one place: its cameras' time, up to when windows are closed, and the slots that are kept.

    Minutes before `forgotten_ms` are refused: what they would be added to is gone.
    """

    cameras: tuple[tuple[str, Progress], ...] = ()
    closed_ms: int = -1
    slots: tuple[int, ...] = ()
    members: tuple[str, ...] = ()
    forgotten_ms: int = 0


class Shelf(Protocol):
    """Where the minutes of one place and measure lie, by slot and camera."""

    def get(self, slot_ms: int, camera_id: str) -> tuple[Cell, ...]:
        """The minutes of a camera in a slot."""

    def put(self, slot_ms: int, camera_id: str, cells: tuple[Cell, ...]) -> None:
        """Replace them; none removes the entry."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """What follows from some minutes: the state, the sums to tell, and the minutes that came too late."""

    state: PlaceState
    told: tuple[Rollup, ...]
    late: tuple[Minute, ...]


def places_of(scene: Scene) -> tuple[str, ...]:
    """What a camera's counts are summed into, as keys of the topic.

    >>> places_of(Scene(camera_id="c", road="A1"))
    ('camera:c', 'road:A1')
    """
    named = (("camera", scene.camera_id), ("road", scene.road), ("district", scene.district))
    return tuple(f"{scope}:{name}" for scope, name in named if name)


def step(
    rules: RollupRules,
    measure: Measure,
    place: str,
    state: PlaceState,
    shelf: Shelf,
    minutes: Sequence[Minute],
) -> Rolled:
    """Apply minutes of one place and measure, in any order; each sum that changed is told once."""
    progress, late, touched = dict(state.cameras), [], set()
    slots, members = set(state.slots), set(state.members)
    for minute in minutes:
        if minute.kind != "value":
            told = Progress(minute.start_ms, minute.kind == "end")
            progress[minute.camera_id] = merge(progress.get(minute.camera_id), told)
            continue
        slot = minute.start_ms - minute.start_ms % rules.slot_ms
        if slot < state.forgotten_ms:
            late.append(minute)
        elif _placed(shelf, slot, minute):
            slots.add(slot)
            members.add(minute.camera_id)
            touched.add(slot)
    closed_ms = max(state.closed_ms, _reached(rules, progress, slots))
    due = {w for slot in touched for w in _windows(rules, slot) if _end(w) <= closed_ms}
    due |= {w for slot in slots for w in _windows(rules, slot) if state.closed_ms < _end(w) <= closed_ms}
    sums = tuple(
        row
        for window in sorted(due, key=lambda w: (w[1], w[0].window_ms))
        for row in _sums(rules, measure, place, shelf, sorted(members), window)
    )
    after = PlaceState(
        tuple(sorted(progress.items())),
        closed_ms,
        tuple(sorted(slots)),
        tuple(sorted(members)),
        state.forgotten_ms,
    )
    return Rolled(_forgotten(rules, after, shelf), sums, tuple(late))


def _placed(shelf: Shelf, slot_ms: int, minute: Minute) -> bool:
    """Whether a minute is news: not known, or in a lower version."""
    cells = shelf.get(slot_ms, minute.camera_id)
    known = next((c for c in cells if c[:2] == (minute.category, minute.start_ms)), None)
    if known is not None and known[2] >= minute.version:
        return False
    cell = (minute.category, minute.start_ms, minute.version, minute.value)
    shelf.put(slot_ms, minute.camera_id, tuple(sorted((*(c for c in cells if c is not known), cell))))
    return True


def _reached(rules: RollupRules, progress: dict[str, Progress], slots: Iterable[int]) -> int:
    """Up to when a place's windows are complete; all of them once every camera has ended."""
    running = [p.captured_ms for p in progress.values() if not p.end]
    if running:
        furthest = max(running)
        return min(ms for ms in running if ms >= furthest - rules.idle_ms)
    if not progress:
        return -1
    return max([_end(w) for slot in slots for w in _windows(rules, slot)], default=-1)


_Window = tuple[WindowKind, int]


def _end(window: _Window) -> int:
    return window[1] + window[0].window_ms


def _windows(rules: RollupRules, slot_ms: int) -> Iterator[_Window]:
    """The windows that hold a slot."""
    for kind in rules.windows:
        last = slot_ms - slot_ms % kind.step_ms
        for start in range(last, slot_ms + rules.slot_ms - kind.window_ms - 1, -kind.step_ms):
            yield kind, start


def _sums(
    rules: RollupRules, measure: Measure, place: str, shelf: Shelf, members: Sequence[str], window: _Window
) -> Iterator[Rollup]:
    kind, start = window
    values: dict[str, int] = {}
    versions: dict[str, int] = {}
    cameras: dict[str, set[str]] = {}
    for slot in range(start, start + kind.window_ms, rules.slot_ms):
        for camera_id in members:
            for category, _, version, value in shelf.get(slot, camera_id):
                values[category] = values.get(category, 0) + value
                versions[category] = versions.get(category, -1) + version + 1
                cameras.setdefault(category, set()).add(camera_id)
    scope, _, name = place.partition(":")
    for category in sorted(values):
        yield Rollup(
            rollup_id=derive_id("rollup", measure, place, category, start, kind.window_ms, kind.step_ms),
            measure=measure,
            scope=cast(Scope, scope),
            place=name,
            category=category,
            window_start_ms=start,
            window_ms=kind.window_ms,
            step_ms=kind.step_ms,
            value=values[category],
            cameras=tuple(sorted(cameras[category])),
            version=versions[category],
            origin_partition=0,
            origin_offset=0,
            ordinal=0,
        )


def _forgotten(rules: RollupRules, state: PlaceState, shelf: Shelf) -> PlaceState:
    """Drop minutes that no camera corrects any more, and cameras that have been silent for long."""
    if not state.cameras:
        return state
    furthest = max(p.captured_ms for _, p in state.cameras)
    cameras = tuple((c, p) for c, p in state.cameras if p.captured_ms >= furthest - rules.drop_ms)
    least = min((p.captured_ms for _, p in cameras if not p.end), default=furthest)
    oldest = min(least - rules.lateness_ms, furthest - rules.keep_ms) - rules.longest_ms
    gone = [slot for slot in state.slots if slot + rules.slot_ms <= oldest]
    if not gone:
        return replace(state, cameras=cameras)
    for slot in gone:
        for camera_id in state.members:
            shelf.put(slot, camera_id, ())
    kept = tuple(slot for slot in state.slots if slot not in gone)
    held = {c for slot in kept for c in state.members if shelf.get(slot, c)}
    return PlaceState(
        cameras, state.closed_ms, kept, tuple(sorted(held)), max(state.forgotten_ms, gone[-1] + rules.slot_ms)
    )
