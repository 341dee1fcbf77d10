"""The port between processors and the engine that runs them.

A processor is a `Logic`: it gets batches of raw messages of one partition, reads and writes the keyed
state of that partition, and returns outputs. The engine commits state, outputs and input offsets
together. `adapters/faust_engine.py` is the real one; `adapters/memory_engine.py` runs the same logic in
memory and is what logic tests and users' own tests take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """One Kafka message as it was read; `value` is undecoded."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """One message to send; without `partition` the key decides, as Kafka's own partitioner would."""

    topic: str
    key: str
    value: bytes | None
    partition: int | None = None
    headers: Mapping[str, bytes] = field(default_factory=dict)


class PartitionState(Protocol):
    """The keyed state of one partition: tables of string key → msgspec-encodable frozen value."""

    partition: int

    def get(self, table: str, key: str, kind: type[T]) -> T | None:
        """The value, or None."""

    def put(self, table: str, key: str, value: Any) -> None:
        """Write; becomes durable together with the step's outputs."""

    def delete(self, table: str, key: str) -> None:
        """Remove; a missing key is no error."""

    def items(self, table: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        """All entries of a table, in key order."""

    def derived(self, name: str, build: Callable[[], T]) -> T:
        """What is made from the state and kept in memory only; `build` makes it again after each restore."""


class Followed(Protocol):
    """What a logic reads beside its inputs (a watchlist, the cameras), kept up to date from outside."""

    def start(self) -> None:
        """Load all of it; returns when it is loaded."""

    def check(self) -> None:
        """Raise what ended the updates: a worker must not go on with what was true once."""


class Logic(Protocol):
    """What a processor is. `inputs` are co-partitioned; `step` may await engines (inference, storage).

    The engine starts `tables` before the logic and checks them before every step (`begin`, `advance`).
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tables: Sequence[Followed]

    async def start(self) -> None:
        """Open what the logic needs (clients, models); runs once, its tables loaded, before the first step."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """Apply one batch of one partition; raises only for reasons that must stop the worker."""


async def begin(logic: Logic) -> None:
    """Load a logic's tables, then start it."""
    for table in logic.tables:
        table.start()
    await logic.start()


async def advance(logic: Logic, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
    """One step, if every table is still followed."""
    for table in logic.tables:
        table.check()
    return await logic.step(state, messages)
