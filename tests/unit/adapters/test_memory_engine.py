"""The in-memory engine keeps the rules that the real one keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.engine import Message, Output, PartitionState
from waysight.topics import partition_for


@dataclass(frozen=True, slots=True)
class Total:
    value: int
    seen: tuple[str, ...] = ()


class Adder:
    """Counts messages per key and says each new total."""

    name, inputs, outputs, tables = "adder", ("in-a", "in-b"), ("out",), ()

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def start(self) -> None:
        return None

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        self.batches.append(len(messages))
        outputs = []
        for message in messages:
            assert message.partition == state.partition
            key = (message.key or b"").decode()
            old = state.get("totals", key, Total) or Total(0)
            new = Total(old.value + 1, (*old.seen, f"{message.topic}:{message.offset}"))
            state.put("totals", key, new)
            outputs.append(Output("out", key, f"{key}={new.value}".encode()))
        return outputs


def _filled() -> tuple[MemoryBus, Counter[str]]:
    bus, truth = MemoryBus(), Counter[str]()
    for n in range(200):
        key = f"k{n % 7}"
        bus.send(("in-a", "in-b")[n % 2], key, b"x")
        truth[key] += 1
    return bus, truth


@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_any_cut_and_crash_gives_the_same_totals(seed: int | None) -> None:
    bus, truth = _filled()
    logic = Adder()
    engine = MemoryEngine(bus, [logic], seed=seed, batch=20, crash_rate=0.3 if seed else 0.0)
    engine.run_until_idle()
    found = {k: v.value for p in range(4) for k, v in engine.state("adder", p).items("totals", Total)}
    assert found == truth
    assert sorted(m.value or b"" for m in bus.messages("out")) == sorted(
        f"{k}={n}".encode() for k, total in truth.items() for n in range(1, total + 1)
    )
    if seed:
        assert sum(logic.batches) > 200, "no crash was simulated"
        for p in range(4):
            for _, total in engine.state("adder", p).items("totals", Total):
                offsets = [int(s.split(":")[1]) for s in total.seen if s.startswith("in-a")]
                assert offsets == sorted(offsets)


def test_replay_comes_at_new_offsets() -> None:
    bus = MemoryBus(1)
    for n in range(3):
        bus.send("in-a", "k", str(n).encode())
    bus.replay("in-a", 0, 2)
    assert [(m.offset, m.value) for m in bus.messages("in-a")] == [
        (0, b"0"),
        (1, b"1"),
        (2, b"2"),
        (3, b"1"),
        (4, b"2"),
    ]


def test_an_undeclared_output_is_refused() -> None:
    bus, _ = _filled()
    logic = Adder()
    logic.outputs = ("elsewhere",)
    with pytest.raises(AssertionError, match="not in its outputs"):
        MemoryEngine(bus, [logic]).run_until_idle()


def test_state_that_cannot_be_encoded_fails() -> None:
    class Bad(Adder):
        async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
            state.put("t", "k", object())
            return await super().step(state, messages)

    bus, _ = _filled()
    with pytest.raises(TypeError):
        MemoryEngine(bus, [Bad()]).run_until_idle()


def test_keyed_state_reads_its_writes_and_its_changelog() -> None:
    state = KeyedState(0)
    state.put("t", "b", Total(2))
    state.put("t", "a", Total(1))
    state.put("u", "a", Total(9))
    assert [k for k, _ in state.items("t", Total)] == ["a", "b"]
    changes = state.changes()
    state.committed(changes)
    state.delete("t", "a")
    state.delete("t", "nothing")
    assert state.get("t", "a", Total) is None
    assert [k for k, _ in state.items("t", Total)] == ["b"]
    state.put("t", "b", Total(3))
    more = state.changes()
    assert [(k, v is None) for k, v in more] == [(b"t\x1fa", True), (b"t\x1fb", False)]
    state.committed(more)
    again = KeyedState(0)
    for key, value in [*changes, *more]:
        again.load(key, value)
    assert again.snapshot() == state.snapshot()
    assert list(again.items("t", Total)) == [("b", Total(3))]
    state.put("t", "z", Total(1))
    state.delete("t", "z")
    assert state.changes() == []


def test_partitions_are_kafkas_own() -> None:
    # Values of Java's Utils.murmur2 for these strings, as in Kafka's own tests.
    signed = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
    for text, value in signed.items():
        assert partition_for(text, 4) == (value & 0x7FFFFFFF) % 4
