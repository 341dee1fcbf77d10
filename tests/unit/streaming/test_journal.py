"""Facts in packed records: all of them come back, few records are written, and what is dead leaves no trace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from waysight.adapters.keyed_state import KeyedState
from waysight.streaming.journal import SEGMENT, Journal

Facts = tuple[int, ...]


def _journal(state: KeyedState) -> Journal[int]:
    return state.derived("facts", lambda: Journal[int](state, "facts", Facts))


def _commit(state: KeyedState) -> int:
    changes = state.changes()
    state.committed(changes)
    state.forget_live()
    return len(changes)


@given(st.lists(st.lists(st.integers(0, 10_000), max_size=700), max_size=12), st.integers(0, 10_000))
def test_what_lives_comes_back_and_what_is_gone_was_dead(steps: list[list[int]], bar: int) -> None:
    state, written, gone = KeyedState(0), list[int](), list[int]()
    for n, step in enumerate(steps):
        dead = bar if n >= len(steps) // 2 else 0
        gone += _journal(state).write(state, step, lambda fact, dead=dead: fact < dead)  # type: ignore[misc]
        written += step
        _commit(state)
    assert sorted([*_journal(state), *gone]) == sorted(written)
    assert all(fact < bar for fact in gone)


def test_a_step_costs_one_record_and_silence_leaves_none() -> None:
    state = KeyedState(0)
    for step in range(100):
        _journal(state).write(state, range(step * 10, step * 10 + 10), lambda _: False)
        assert _commit(state) == 1
    assert len(list(state.items("facts", Facts))) <= 1000 // SEGMENT + 1
    for _ in range(3):
        _journal(state).write(state, (), lambda _: True)
        _commit(state)
    assert not list(state.items("facts", Facts))


def test_one_dead_camera_does_not_keep_what_comes_after_it() -> None:
    """Facts that never die (a camera that fell silent) hold up neither younger records nor grow."""
    state = KeyedState(0)
    for step in range(200):
        facts = [-1] * SEGMENT if step == 0 else range(step * SEGMENT, (step + 1) * SEGMENT)
        _journal(state).write(state, facts, lambda fact, now=step: 0 <= fact < (now - 5) * SEGMENT)  # type: ignore[misc]
        _commit(state)
    assert sum(fact == -1 for fact in _journal(state)) == SEGMENT
    assert len(_journal(state)) < 60 * SEGMENT


def test_clearing_forgets_everything() -> None:
    state = KeyedState(0)
    _journal(state).write(state, range(2000), lambda _: False)
    _commit(state)
    _journal(state).clear(state)
    _commit(state)
    assert not state.snapshot()
