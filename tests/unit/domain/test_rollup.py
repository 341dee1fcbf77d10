"""Sums over windows and places: whatever the order, cut, repetition and lateness of the minutes, the same rows."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from waysight.domain.rollup import Cell, PlaceState, RollupRules, step
from waysight.messages import Minute, Rollup

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
START_MS = 500 * HOUR_MS
RULES = RollupRules()
CAMERAS = ("a", "b", "c")


class DictShelf:
    def __init__(self) -> None:
        self.cells: dict[tuple[int, str], tuple[Cell, ...]] = {}

    def get(self, slot_ms: int, camera_id: str) -> tuple[Cell, ...]:
        return self.cells.get((slot_ms, camera_id), ())

    def put(self, slot_ms: int, camera_id: str, cells: tuple[Cell, ...]) -> None:
        self.cells[slot_ms, camera_id] = cells
        if not cells:
            del self.cells[slot_ms, camera_id]


def _minute(
    kind: str, camera: str, at_min: int, value: int = 0, version: int = 0, category: str = "car"
) -> Minute:
    return Minute(
        kind=kind, measure="passes", camera_id=camera, places=("road:A1",), category=category if kind == "value" else "",
        start_ms=START_MS + at_min * MINUTE_MS, value=value, version=version, origin_partition=0, origin_offset=0, ordinal=0,
    )  # type: ignore[arg-type]  # fmt: skip


class Road:
    """A place with its state; keeps the newest version of every row, as a store does."""

    def __init__(self) -> None:
        self.state, self.shelf = PlaceState(), DictShelf()
        self.rows: dict[str, Rollup] = {}
        self.late: list[Minute] = []

    def take(self, *minutes: Minute) -> None:
        rolled = step(RULES, "passes", "road:A1", self.state, self.shelf, minutes)
        self.state = rolled.state
        self.late += rolled.late
        for row in rolled.told:
            known = self.rows.get(row.rollup_id)
            if known is None or row.version > known.version:
                self.rows[row.rollup_id] = row
            else:
                assert (row.version, row.value) == (known.version, known.value), "one version, two values"

    def sums(self) -> set[tuple[int, int, str, int, tuple[str, ...]]]:
        return {
            (r.window_ms, r.window_start_ms, r.category, r.value, r.cameras)
            for r in self.rows.values()
            if r.value
        }


def _true_sums(minutes: list[Minute], until_min: int) -> set[tuple[int, int, str, int, tuple[str, ...]]]:
    """The same sums the slow way: from the newest version of each minute, window by window."""
    newest: dict[tuple[str, str, int], Minute] = {}
    for m in sorted((m for m in minutes if m.kind == "value"), key=lambda m: m.version):
        newest[m.camera_id, m.category, m.start_ms] = m
    totals: dict[tuple[int, int, str], int] = defaultdict(int)
    cameras: dict[tuple[int, int, str], set[str]] = defaultdict(set)
    for kind in RULES.windows:
        for m in newest.values():
            for start in range(START_MS - 2 * HOUR_MS, m.start_ms + 1, kind.step_ms):
                end = start + kind.window_ms
                if start <= m.start_ms < end and end <= START_MS + until_min * MINUTE_MS:
                    totals[kind.window_ms, start, m.category] += m.value
                    cameras[kind.window_ms, start, m.category].add(m.camera_id)
    return {(*at, value, tuple(sorted(cameras[at]))) for at, value in totals.items() if value}


def _stream(rng: random.Random, camera: str) -> list[Minute]:
    """A camera's minutes in an order that a count may give: values, corrections within ten minutes, time."""
    stream: list[Minute] = []
    told: dict[tuple[str, int], Minute] = {}
    for now in range(0, 130, rng.randint(1, 7)):
        for _ in range(rng.randint(0, 2)):
            at, category = now - rng.randint(0, 9), rng.choice(("car", "bus"))
            before = told.get((category, at))
            value, version = (before.value, before.version + 1) if before else (0, 0)
            minute = _minute("value", camera, at, value + rng.randint(1, 5), version, category)
            told[category, at] = minute
            stream.append(minute)
        stream.append(_minute("reached", camera, now))
    return [*stream, _minute(rng.choice(("reached", "end")), camera, 130)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_any_interleaving_cut_and_repetition_gives_the_true_sums(seed: int) -> None:
    rng = random.Random(seed)
    streams = [_stream(rng, camera) for camera in CAMERAS[: rng.randint(1, 3)]]
    every = [m for s in streams for m in s]
    road, left, batch = Road(), [list(s) for s in streams], []
    most = rng.randint(1, 20)
    while any(left):
        # A camera may run ahead of another; never by so much that minutes are forgotten.
        queue = rng.choice([s for s in left if s])
        batch += [queue.pop(0) for _ in range(min(len(queue), rng.randint(1, most)))]
        if rng.random() < 0.4:
            road.take(*batch)
            batch = batch[-rng.randint(1, 9) :] if rng.random() < 0.3 else []
    road.take(*batch)
    ended = all(s[-1].kind == "end" for s in streams)
    until_min = 10_000 if ended else 130
    assert not road.late
    assert {s for s in road.sums() if s[0] + s[1] <= START_MS + until_min * MINUTE_MS} == _true_sums(
        every, until_min
    )


def test_a_correction_replaces_and_does_not_add() -> None:
    road = Road()
    road.take(_minute("value", "a", 3, 5), _minute("reached", "a", 60))
    road.take(_minute("value", "a", 3, 6, 1))
    assert {(r.value, r.version) for r in road.rows.values()} == {(6, 1)}
    road.take(_minute("value", "a", 3, 5))  # the old one again
    assert {r.value for r in road.rows.values()} == {6}


def test_a_road_waits_for_its_slowest_camera_but_not_for_a_silent_or_ended_one() -> None:
    road = Road()
    road.take(_minute("value", "a", 0, 1), _minute("reached", "a", 60), _minute("reached", "b", 55))
    assert not [r for r in road.rows.values() if r.window_ms == HOUR_MS]
    road.take(_minute("reached", "b", 60))
    assert [r.value for r in road.rows.values() if r.window_ms == HOUR_MS] == [1]
    road.take(_minute("value", "a", 60, 2), _minute("end", "b", 61), _minute("reached", "a", 120))
    assert sorted(r.value for r in road.rows.values() if r.window_ms == HOUR_MS) == [1, 2]
    silent = Road()
    silent.take(_minute("value", "a", 0, 1), _minute("reached", "b", 10), _minute("reached", "a", 60))
    assert [r.value for r in silent.rows.values() if r.window_ms == HOUR_MS] == [1]
    silent.take(
        _minute("value", "b", 11, 4), _minute("reached", "b", 12)
    )  # what it brings later is a correction
    assert [r.value for r in silent.rows.values() if r.window_ms == HOUR_MS] == [5]


def test_time_empties_a_place_and_says_what_comes_too_late() -> None:
    road = Road()
    for hour in range(12):
        road.take(*(_minute("value", c, hour * 60 + m, 1) for c in CAMERAS for m in (0, 30)))
        road.take(*(_minute("reached", c, hour * 60 + 60) for c in CAMERAS))
    assert len(road.state.slots) <= 2 * (RULES.keep_ms + RULES.longest_ms) / HOUR_MS + 2
    assert len(road.shelf.cells) == len(road.state.slots) * len(CAMERAS)
    late = _minute("value", "d", 0, 7)
    road.take(late)
    assert road.late == [late]
    assert {
        r.value for r in road.rows.values() if r.window_start_ms == START_MS and r.window_ms == HOUR_MS
    } == {6}


def test_shifted_time_shifts_every_row() -> None:
    here, later = Road(), Road()
    minutes = [
        _minute("value", "a", 3, 5),
        _minute("value", "b", 17, 2),
        _minute("reached", "a", 60),
        _minute("end", "b", 60),
    ]
    here.take(*minutes)
    later.take(*(replace(m, start_ms=m.start_ms + 6 * HOUR_MS) for m in minutes))
    assert {(w, s + 6 * HOUR_MS, *rest) for w, s, *rest in here.sums()} == later.sums()
