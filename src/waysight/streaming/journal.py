"""Many small facts in a few records: what a step adds is one changelog message, whatever its number.

A segment is a record of up to `SEGMENT` facts. New facts go into the newest segment, or into new ones. A segment
that is mostly dead is given up, and what still lives in it moves to the newest, so that the records
follow the living facts. Which facts share a segment says nothing about them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from waysight.engine import PartitionState

E = TypeVar("E")
SEGMENT = 512
_MIX = 2_654_435_761  # Knuth's multiplicative hash: each step looks at some other segment


class Journal(Generic[E]):
    """The facts of one table of a partition; `kind` is how a segment is decoded, e.g. ``tuple[Seen, ...]``.

    Keep it with `PartitionState.derived`: it holds the segments in memory.
    """

    def __init__(self, state: PartitionState, table: str, kind: type[tuple[E, ...]]) -> None:
        self._table = table
        self._segments = {int(key): facts for key, facts in state.items(table, kind)}

    def __iter__(self) -> Iterator[E]:
        for facts in self._segments.values():
            yield from facts

    def __len__(self) -> int:
        return sum(map(len, self._segments.values()))

    def write(self, state: PartitionState, new: Sequence[E], dead: Callable[[E], bool]) -> list[E]:
        """Add facts and give up mostly dead segments: the oldest, and one more; returns what is gone."""
        moved: list[E] = []
        gone: list[E] = []
        while self._segments and self._give_up(state, next(iter(self._segments)), dead, moved, gone):
            pass
        if self._segments:  # one segment that lives on must not shield those after it
            numbers = list(self._segments)
            self._give_up(state, numbers[(numbers[-1] * _MIX >> 8) % len(numbers)], dead, moved, gone)
        facts = (*moved, *new)
        at = max(self._segments, default=0)
        open_ = self._segments.get(at, ())
        if facts and len(open_) + len(facts) <= SEGMENT:
            self._put(state, at, (*open_, *facts))
        else:
            for n, start in enumerate(range(0, len(facts), SEGMENT)):
                self._put(state, at + 1 + n, tuple(facts[start : start + SEGMENT]))
        return gone

    def clear(self, state: PartitionState) -> None:
        """Forget everything."""
        for number in self._segments:
            state.delete(self._table, _key(number))
        self._segments.clear()

    def _give_up(
        self,
        state: PartitionState,
        number: int,
        dead: Callable[[E], bool],
        moved: list[E],
        gone: list[E],
    ) -> bool:
        facts = self._segments[number]
        ended = [f for f in facts if dead(f)]
        if 2 * len(ended) < len(facts):
            return False
        gone += ended
        if len(ended) < len(facts):
            moved += [f for f in facts if not dead(f)]
        del self._segments[number]
        state.delete(self._table, _key(number))
        return True

    def _put(self, state: PartitionState, number: int, facts: tuple[E, ...]) -> None:
        self._segments[number] = facts
        state.put(self._table, _key(number), facts)


def _key(number: int) -> str:
    return f"{number:012d}"
