"""The stream engine in memory: the same logic, partitioning and commit rules as on Kafka, for tests.

`MemoryBus` holds the topics; `MemoryEngine` runs logics over them, batch by batch. A seeded engine cuts the
batches at random, picks partitions at random, and now and then "crashes": a step's work is thrown away
before its commit, the state is read back from its committed bytes, and the same messages come again, cut
differently. `MemoryBus.replay` appends old messages once more at new offsets, as an upstream replay would.
State is read back from its encoded form after every commit, so a value that does not survive encoding fails.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from waysight.adapters.keyed_state import KeyedState
from waysight.codec import Codec
from waysight.engine import Logic, Message, Output, advance, begin
from waysight.topics import all_topics, partition_for, topic


class MemoryBus:
    """Topics in memory, partitioned like Kafka's."""

    def __init__(self, partitions: int = 4) -> None:
        self._default = partitions
        self._logs: dict[str, list[list[Message]]] = {}

    def partitions(self, name: str) -> int:
        """How many partitions a topic has: what topics.yaml says, else the bus's default."""
        spec = topic(name) if name in all_topics() else None
        return (spec.partitions if spec else None) or self._default

    def send(
        self,
        name: str,
        key: str,
        value: bytes | None,
        partition: int | None = None,
        headers: Mapping[str, bytes] | None = None,
        timestamp_ms: int = 0,
    ) -> Message:
        """Append one message."""
        logs = self._topic(name)
        at = partition_for(key, len(logs)) if partition is None else partition
        message = Message(name, at, len(logs[at]), key.encode(), value, headers or {}, timestamp_ms)
        logs[at].append(message)
        return message

    def replay(self, name: str, partition: int, last: int) -> None:
        """Append the last messages of a partition again, at new offsets."""
        for old in self._topic(name)[partition][-last:] if last else []:
            self.send(name, (old.key or b"").decode(), old.value, partition, old.headers, old.timestamp_ms)

    def messages(self, name: str, partition: int | None = None) -> list[Message]:
        """What a topic holds, by partition and offset."""
        logs = self._topic(name)
        return [m for p, log in enumerate(logs) if partition in (None, p) for m in log]

    def records(self, codec: Codec, name: str) -> list[Any]:
        """What a topic holds, decoded."""
        return [codec.decode(name, m.value) for m in self.messages(name)]

    def _topic(self, name: str) -> list[list[Message]]:
        return self._logs.setdefault(name, [[] for _ in range(self.partitions(name))])


class MemoryEngine:
    """Runs logics over a bus; with a seed it cuts batches and crashes at random."""

    def __init__(
        self,
        bus: MemoryBus,
        logics: Sequence[Logic],
        seed: int | None = None,
        batch: int = 100,
        crash_rate: float = 0.0,
    ) -> None:
        self._bus, self._logics, self._batch, self._crash_rate = bus, list(logics), batch, crash_rate
        self._random = None if seed is None else random.Random(seed)
        self._states: dict[tuple[str, int], KeyedState] = {}
        self._positions: dict[tuple[str, str, int], int] = {}
        self._started = False

    def state(self, name: str, partition: int) -> KeyedState:
        """The state of one partition of a processor."""
        return self._states.setdefault((name, partition), KeyedState(partition))

    def restart(self, logics: Sequence[Logic]) -> None:
        """Other programs take over where the last commit left: the state is read back, what is committed is not read again."""
        self._logics, self._started = list(logics), False
        for at, state in self._states.items():
            self._states[at] = KeyedState(at[1])
            self._states[at].restore(state.snapshot())

    def run_until_idle(self) -> None:
        """Step until no logic has input left; raises what a logic raises."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        if not self._started:
            self._started = True
            for logic in self._logics:
                await begin(logic)
        while True:
            work = [
                (logic, p, count)
                for logic in self._logics
                for p, count in sorted(
                    {(p, self._bus.partitions(t)) for t in logic.inputs for p in self._range(t)}
                )
                if self._pending(logic, p, count)
            ]
            if not work:
                return
            chosen = work if self._random is None else [self._random.choice(work)]
            for logic, partition, count in chosen:
                await self._step(logic, partition, count)

    async def _step(self, logic: Logic, partition: int, count: int) -> None:
        messages = self._cut(self._pending(logic, partition, count))
        state = self.state(logic.name, partition)
        if self._random is not None and self._random.random() < self._crash_rate:
            await advance(logic, state, messages)
            self._states[logic.name, partition] = fresh = KeyedState(partition)
            fresh.restore(state.snapshot())
            return
        outputs = await advance(logic, state, messages)
        for output in outputs:
            self._check(logic, output)
            self._bus.send(output.topic, output.key, output.value, output.partition, output.headers)
        state.committed(state.changes())
        state.forget_live()
        for message in messages:
            self._positions[logic.name, message.topic, partition] = message.offset + 1

    def _range(self, name: str) -> range:
        return range(self._bus.partitions(name))

    def _pending(self, logic: Logic, partition: int, count: int) -> list[Message]:
        found: list[Message] = []
        for name in logic.inputs:
            if self._bus.partitions(name) == count:
                position = self._positions.get((logic.name, name, partition), 0)
                found += self._bus.messages(name, partition)[position:]
        return found

    def _cut(self, pending: list[Message]) -> list[Message]:
        """A batch: some of the pending messages, of each topic in offset order, topics interleaved at random."""
        if self._random is None:
            return pending[: self._batch]
        queues: dict[str, list[Message]] = {}
        for message in pending:
            queues.setdefault(message.topic, []).append(message)
        size = self._random.randint(1, min(self._batch, len(pending)))
        batch: list[Message] = []
        while len(batch) < size:
            name = self._random.choice([n for n, q in queues.items() if q])
            batch.append(queues[name].pop(0))
        return batch

    @staticmethod
    def _check(logic: Logic, output: Output) -> None:
        if output.topic not in logic.outputs:
            raise AssertionError(
                f"{logic.name} sent to {output.topic}, which is not in its outputs {logic.outputs}"
            )
