"""Processors run in memory over retained messages: what they put out goes to the next of them and nowhere else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from waysight.adapters.kafka import read_messages
from waysight.adapters.keyed_state import KeyedState
from waysight.engine import Logic, Message, Output, advance, begin
from waysight.errors import BadConfiguration
from waysight.settings import Settings
from waysight.topics import partition_for

_AT_ONCE = 2000
Keep = Callable[[list[Message]], None]


def in_flow_order(logics: Iterable[Logic]) -> list[Logic]:
    """The logics so that each comes after those whose outputs it reads; raises BadConfiguration for a circle."""
    left, ordered = list(logics), list[Logic]()
    while left:
        ready = [a for a in left if not any(set(a.inputs) & set(b.outputs) for b in left if b is not a)]
        if not ready:
            raise BadConfiguration(
                f"{', '.join(a.name for a in left)} read from each other; replay them singly"
            )
        ordered += ready
        left = [a for a in left if a not in ready]
    return ordered


def retained_inputs(logics: Sequence[Logic]) -> tuple[str, ...]:
    """Topics that the logics read and that none of them makes."""
    made = {topic for logic in logics for topic in logic.outputs}
    return tuple(dict.fromkeys(t for logic in logics for t in logic.inputs if t not in made))


def retained(
    settings: Settings,
    topics: Sequence[str],
    partitions: Mapping[str, int],
    since_ms: int,
    until_ms: int | None,
) -> Iterator[Message]:
    """Messages of the topics that reached Kafka from `since_ms` to before `until_ms`, merged by that time."""
    streams = [
        read_messages(settings, topic, partition, since_ms)
        for topic in topics
        for partition in range(partitions[topic])
    ]
    for message in merge(*streams, key=lambda m: m.timestamp_ms):
        if until_ms is None or message.timestamp_ms < until_ms:
            yield message


class Scratch:
    """Runs logics, in the order given, over one stream of messages; state lives and ends here."""

    def __init__(self, logics: Sequence[Logic], partitions: Mapping[str, int]) -> None:
        self._logics, self._partitions = logics, partitions
        self._states: dict[tuple[str, int], KeyedState] = {}
        self._ends: Counter[tuple[str, int]] = Counter()
        self.read = self.dead_letters = 0

    async def run(self, messages: Iterator[Message], keep: Keep) -> None:
        """Give all messages to the logics; `keep` gets what each step put out. Raises what a logic raises."""
        for logic in self._logics:
            await begin(logic)
        while chunk := list(islice(messages, _AT_ONCE)):
            self.read += len(chunk)
            for logic in self._logics:
                made = await self._step(logic, [m for m in chunk if m.topic in logic.inputs])
                keep(made)
                chunk = sorted((*chunk, *made), key=lambda m: m.timestamp_ms)

    async def _step(self, logic: Logic, messages: Sequence[Message]) -> list[Message]:
        by_partition: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            by_partition[message.partition].append(message)
        made: list[Message] = []
        for partition, batch in sorted(by_partition.items()):
            state = self._states.setdefault((logic.name, partition), KeyedState(partition))
            outputs = await advance(logic, state, batch)
            state.committed(state.changes())
            made += [self._made(output, batch[-1].timestamp_ms) for output in outputs]
        self.dead_letters += sum(m.topic == "dead-letters" for m in made)
        return made

    def _made(self, output: Output, timestamp_ms: int) -> Message:
        count = self._partitions[output.topic]
        at = partition_for(output.key, count) if output.partition is None else output.partition
        offset = self._ends[output.topic, at]
        self._ends[output.topic, at] += 1
        return Message(
            output.topic, at, offset, output.key.encode(), output.value, output.headers, timestamp_ms
        )
