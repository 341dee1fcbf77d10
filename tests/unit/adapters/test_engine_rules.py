"""What the Faust engine may not do: go on with a batch after a rebalance, or take a gap for a beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from waysight.adapters.faust_engine import FaustEngine, Tuning
from waysight.adapters.faust_fixes import FetchLog
from waysight.adapters.keyed_state import KeyedState
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.settings import Settings


class Quiet:
    """Reads one topic and says nothing."""

    name, inputs, outputs = "quiet", ("in",), ("out",)
    tables: Sequence[Followed] = ()

    async def start(self) -> None:
        """Nothing."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """Nothing."""
        del state, messages
        return []


class Died(Exception):
    """Instead of the end of the process."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaustEngine:
    made = FaustEngine(Settings(state_dir=tmp_path), Quiet(), Tuning(take=20))

    def die(why: str) -> None:
        raise Died(why)

    monkeypatch.setattr(made, "_die", die)
    made._fetches = FetchLog()
    return made


def _message(offset: int) -> Message:
    return Message("in", 0, offset, b"k", b"v")


def test_a_batch_ends_with_the_rebalance_that_overtakes_it(
    engine: FaustEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = [
        SimpleNamespace(topic="in", partition=0, offset=n, key=b"", value=b"", headers=(), timestamp=0)
        for n in range(60)
    ]
    applied: list[list[int]] = []

    class Stream:
        async def take_events(self, *_: Any, **__: Any) -> AsyncIterator[list[Any]]:
            yield [SimpleNamespace(message=SimpleNamespace(value=raw))]

    async def apply(messages: list[Message]) -> None:
        applied.append([m.offset for m in messages])
        engine._ending = True  # a rebalance begins, and the end of the one before it comes late
        engine._resumed()

    async def run() -> None:
        engine._lock, engine._gate = asyncio.Lock(), asyncio.Event()
        engine._gate.set()
        await engine._work(Stream())

    monkeypatch.setattr(engine, "_apply", apply)
    asyncio.run(run())
    assert applied == [list(range(20))]


@pytest.mark.parametrize(
    ("floor", "first", "lost"), [(-1, 20, True), (-1, 0, False), (19, 20, False), (19, 25, True)]
)
def test_a_gap_before_the_first_message_is_a_loss(
    engine: FaustEngine, floor: int, first: int, lost: bool
) -> None:
    state = KeyedState(0)
    state.put("", "in", floor)
    engine._states = {0: state}
    steps: list[int] = []

    async def all_steps(given: dict[asyncio.Task[None], int]) -> None:
        steps.append(len(given))
        for step in given:
            step.cancel()

    engine._all_steps = all_steps  # type: ignore[method-assign]
    if lost:
        with pytest.raises(Died, match=rf"lost messages of in\[0\] from {floor + 1} to {first}"):
            asyncio.run(engine._apply([_message(first)]))
    else:
        asyncio.run(engine._apply([_message(first)]))
        assert steps == [1]
    assert (state.get("", "in", int) == first) != lost
