"""The stream engine on Faust: runs a `Logic` so that state, outputs and input offsets commit together.

One Faust app per logic. For each partition there is one transactional producer; a step's outputs, its state
changes (records of the compacted topic waysight-<name>-state) and its input offsets go into that producer's
transaction, which is committed between batches. The state holds a fence: the last offset applied per input
topic. State is read back from the committed changelog whenever partitions have been assigned, after the
transactional producers have started, which aborts whatever an earlier owner had left open.

Nothing is mended in place: an error, a lost message, a fenced producer or a standstill ends the process with
exit code 3, uncommitted work is aborted by the broker, and the supervisor starts the worker again.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from waysight import metrics
from waysight.adapters.faust_app import make_app
from waysight.adapters.faust_fixes import (
    crash_ends_process,
    messages_of,
    own_commits,
    own_producers,
    use_copartitioned_assignor,
    watch_fetches,
)
from waysight.adapters.kafka import read_messages
from waysight.adapters.kafka_admin import topic_partitions
from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.lag import starts
from waysight.engine import Logic, Message, Output, advance, begin
from waysight.errors import BadConfiguration, WaysightError
from waysight.processing import state_topic
from waysight.settings import Settings
from waysight.topics import is_keyed, partition_for

_log = logging.getLogger(__name__)
_FENCE = ""
_LONG_S = 2.0  # a step that takes longer waits for something outside
_COMMIT_SHARE = 5.0  # how many times as long as a commit takes the work between two takes at least
_WITHIN_S = 0.005  # the parts of one fetch come at once
_BUNDLES = 16  # fetched parts of partitions in one batch, and as many waiting


@dataclass(frozen=True, slots=True)
class Tuning:
    """How one worker trades latency against throughput; `instance` names it for static membership.

    A step takes up to `take` messages; for `gather_s` the broker lets them gather. A transaction is committed after
    `commit_s`. Where people wait for what comes out (a logic with `prompt` topics), messages gather for
    `prompt_gather_s` only, and a transaction that holds such outputs is committed after `prompt_s`, or while there
    is a backlog, five times what the last commit took.
    """

    instance: str = ""
    take: int = 400
    gather_s: float = 0.2
    prompt_gather_s: float = 0.012
    commit_s: float = 1.0
    prompt_s: float = 0.025
    session_s: float = 10.0
    stall_s: float = 30.0


class FaustEngine:
    """Runs one logic until stopped."""

    def __init__(self, settings: Settings, logic: Logic, tuning: Tuning | None = None) -> None:
        self._settings, self._logic, self._tuning = settings, logic, tuning or Tuning()
        self._name = logic.name
        self._take = int(getattr(logic, "batch", self._tuning.take))
        self._counts: dict[str, int] = {}
        self._states: dict[int, KeyedState] = {}
        self._prompt = frozenset(getattr(logic, "prompt", ()))
        self._dirty: dict[str, dict[TopicPartition, int]] = defaultdict(dict)
        self._changes: dict[str, dict[bytes, bytes | None]] = defaultdict(dict)
        self._generation = self._loaded = 0
        self._committed_at = self._moved_at = time.monotonic()
        self._commit_took_s = 0.0
        self._busy = self._ending = self._awaited = self._behind = False
        self._sending: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._advanced: set[int] = set()  # partitions whose step has its outputs and may not be given up

    async def start(self) -> None:
        """Check the topics, join the group, begin to work; raises BadConfiguration, EngineDown."""
        self._counts = await asyncio.to_thread(topic_partitions, self._settings)
        self._check_topics()
        await begin(self._logic)
        self._lock, self._gate = asyncio.Lock(), asyncio.Event()
        tuning = self._tuning
        self._app = make_app(
            self._settings,
            self._name,
            tuning.instance,
            take=self._take,
            bundles=_BUNDLES,
            commit_s=tuning.prompt_s if self._prompt else tuning.commit_s,
            session_s=tuning.session_s,
        )
        gather_s = tuning.prompt_gather_s if self._prompt else tuning.gather_s
        self._fetches = watch_fetches(self._app, getattr(self._logic, "gather_s", gather_s))
        crash_ends_process(self._app, self._die)
        use_copartitioned_assignor(self._app)
        own_producers(self._app)
        own_commits(self._app, self._commit_by_timer, self._end, self._resumed)
        source = self._app.topic(
            *self._logic.inputs,
            key_type=bytes,
            key_serializer="raw",
            value_type=bytes,
            value_serializer="raw",
            acks=False,
        )
        self._app.agent(source, name=f"waysight.{self._name}")(self._work)
        await self._app.start()
        self._watchdog = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Finish the batch, commit, leave the group."""
        self._watchdog.cancel()
        await self._end()
        try:
            await asyncio.wait_for(self._app.stop(), 8.0)
        except TimeoutError:
            _log.warning("%s: Faust did not stop in time; everything is committed", self._name)

    def _check_topics(self) -> None:
        needed = (*self._logic.inputs, *self._logic.outputs, state_topic(self._name))
        missing = [t for t in needed if t not in self._counts]
        if missing:
            lacks = ", ".join(missing)
            raise BadConfiguration(f"{self._name}: the broker lacks {lacks}; run `waysight topics apply`")
        wrong = {
            t: self._counts[t] for t in needed if is_keyed(t) and self._counts[t] != self._settings.partitions
        }
        if wrong:
            raise BadConfiguration(
                f"{self._name}: WAYSIGHT_PARTITIONS is {self._settings.partitions}, but the broker has {wrong}; "
                "every program needs the number that the topics were made with"
            )
        counts = {t: self._counts[t] for t in self._logic.inputs}
        if len(set(counts.values())) != 1 or self._counts[state_topic(self._name)] < max(counts.values()):
            raise BadConfiguration(f"{self._name}: its inputs must have equal partition counts, not {counts}")

    async def _work(self, stream: Any) -> None:
        """The agent: batches in, one transaction per partition out."""
        async for events in stream.take_events(_BUNDLES, within=_WITHIN_S):
            while True:
                await self._gate.wait()
                await self._lock.acquire()
                if self._gate.is_set():
                    break
                self._lock.release()
            try:
                self._busy = True
                with self._or_die():
                    await self._work_off([m for event in events for m in messages_of(event.message)])
            finally:
                self._busy = False
                self._lock.release()

    async def _work_off(self, messages: list[Message]) -> None:
        generation, self._behind = self._generation, len(messages) >= self._take
        for first in range(0, len(messages), self._take):
            # Once a rebalance has begun, what is left comes again, to whoever has the partitions then.
            if not self._ending and self._generation == generation:
                await self._apply(messages[first : first + self._take])
                await self._commit_if_due()

    @contextmanager
    def _or_die(self) -> Iterator[None]:
        """Around whatever leaves a transaction in an unknown state when it fails: only a restart is safe then."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - nothing may be acknowledged after any failure
            self._die_of(error)

    async def _apply(self, messages: list[Message]) -> None:
        if self._loaded != self._generation:
            await self._load()
        by_partition: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            state = self._states.get(message.partition)
            if state is None or message.offset < (expected := _applied(state, message.topic) + 1):
                continue
            if self._fetches.lost_before(message.topic, message.partition, message.offset, expected):
                where = f"{message.topic}[{message.partition}]"
                self._die(f"lost messages of {where} from {expected} to {message.offset}")
            state.put(_FENCE, message.topic, message.offset)
            by_partition[message.partition].append(message)
        self._advanced.clear()
        await self._all_steps({asyncio.create_task(self._step(p, b)): p for p, b in by_partition.items()})

    async def _all_steps(self, steps: dict[asyncio.Task[None], int]) -> None:
        """Wait for the steps; while some of them wait for an engine, commit what the others have done.

        Otherwise the broker would end the open transactions after a minute. A rebalance need not wait either:
        steps that wait are given up, and their messages come again to whoever owns the partition then.
        """
        waiting = set(steps)
        while waiting:
            done, waiting = await asyncio.wait(waiting, timeout=_LONG_S, return_when=asyncio.FIRST_EXCEPTION)
            for step in done:
                if not step.cancelled():
                    step.result()
            if waiting:
                await self._commit()
            for step in waiting if self._ending else ():
                if steps[step] not in self._advanced:
                    step.cancel()
                    self._loaded = -1  # what it did to the state must not stay

    async def _step(self, partition: int, messages: list[Message]) -> None:
        state, began = self._states[partition], time.perf_counter()
        outputs = await advance(self._logic, state, messages)
        self._advanced.add(partition)
        metrics.STEP_SECONDS.labels(self._name).observe(time.perf_counter() - began)
        metrics.BATCH.labels(self._name).observe(len(messages))
        async with self._sending[self._transaction(messages[0].topic, partition)]:
            await self._send(state, messages, outputs)
        self._moved_at = time.monotonic()

    async def _send(self, state: KeyedState, messages: list[Message], outputs: Sequence[Output]) -> None:
        """Put the outputs of a step into the partition's transaction; its changes and offsets follow at the commit."""
        partition = state.partition
        transaction = self._transaction(messages[0].topic, partition)
        send = self._app.producer.send
        sent = []
        for output in outputs:
            where, key = self._partition(output), output.key.encode()
            headers = list(output.headers.items())
            promise = send(
                output.topic, key, output.value, where, None, headers, transactional_id=transaction
            )
            sent.append(await promise)
            metrics.MESSAGES_OUT.labels(self._name, output.topic).inc()
            self._awaited = self._awaited or output.topic in self._prompt
        await asyncio.gather(*sent)
        changes = state.changes()
        state.committed(changes)
        self._changes[transaction].update(changes)
        for message in messages:
            self._dirty[transaction][TopicPartition(message.topic, partition)] = message.offset + 1
            metrics.MESSAGES_IN.labels(self._name, message.topic).inc()

    def _transaction(self, topic: str, partition: int) -> str:
        return f"{self._app.conf.id}-{self._app.assignor.group_for_topic(topic)}-{partition}"

    def _partition(self, output: Output) -> int:
        if output.topic not in self._logic.outputs:
            raise BadConfiguration(f"{self._name} sent to {output.topic}, which is not in its outputs")
        if output.partition is not None:
            return output.partition
        return partition_for(output.key, self._counts[output.topic])

    async def _load(self) -> None:
        """Read the state of all assigned partitions back from the committed changelog."""
        generation = self._generation
        partitions = sorted({tp.partition for tp in self._app.consumer.assignment()})
        for topic in self._logic.inputs:
            owned = {tp.partition for tp in self._app.consumer.assignment() if tp.topic == topic}
            if owned != set(partitions):
                self._die(f"assigned {sorted(owned)} of {topic} but {partitions} of all inputs")
        loaded = await asyncio.gather(*(asyncio.to_thread(self._restore, p) for p in partitions))
        begun = await asyncio.to_thread(starts, self._settings, self._app.conf.id, self._logic.inputs)
        # Every input has a fence before its first message: otherwise the loss of that message would not show.
        for state, topic in itertools.product(loaded, self._logic.inputs):
            if state.get(_FENCE, topic, int) is None:
                state.put(_FENCE, topic, begun.get((topic, state.partition), 0) - 1)
        self._states = {state.partition: state for state in loaded}
        self._loaded = generation
        metrics.RESTORES.labels(self._name).inc(len(partitions))

    def _restore(self, partition: int) -> KeyedState:
        state = KeyedState(partition)
        for message in read_messages(self._settings, state_topic(self._name), partition=partition):
            state.load(message.key or b"", message.value)
        return state

    async def _commit_if_due(self) -> None:
        after_s = self._tuning.commit_s
        if self._awaited:
            patience_s = _COMMIT_SHARE * self._commit_took_s if self._behind else 0.0
            after_s = min(after_s, max(self._tuning.prompt_s, patience_s))
        if time.monotonic() - self._committed_at >= after_s:
            await self._commit()

    async def _commit(self, again: bool = True) -> None:
        """Commit every open transaction; the caller holds the lock."""
        self._committed_at, self._awaited = time.monotonic(), False
        if not self._dirty:
            return
        with metrics.COMMIT_SECONDS.labels(self._name).time():
            await asyncio.gather(*(self._commit_one(t, again) for t in list(self._dirty)))
        self._commit_took_s = time.monotonic() - self._committed_at

    async def _commit_one(self, transaction: str, again: bool) -> None:
        async with self._sending[transaction]:
            offsets, changes = self._dirty.pop(transaction), self._changes.pop(transaction, {})
            send, log = self._app.producer.send, state_topic(self._name)
            partition = next(iter(offsets)).partition
            sent = [
                await send(log, key, value, partition, None, None, transactional_id=transaction)
                for key, value in changes.items()
            ]
            await asyncio.gather(*sent)
            commit = self._app.producer.commit_transactions
            await commit({transaction: offsets}, self._app.conf.id, start_new_transaction=again)

    async def _commit_by_timer(self) -> None:
        async with self._lock:
            with self._or_die():
                await self._commit_if_due()

    async def _end(self) -> None:
        """Before partitions are revoked, and at the end: finish the batch, commit, shut the gate."""
        self._ending = True
        async with self._lock:
            self._gate.clear()
            self._moved_at = time.monotonic()
            with self._or_die():
                await self._commit(again=False)

    def _resumed(self) -> None:
        self._generation += 1
        self._ending = False
        self._moved_at = time.monotonic()
        self._gate.set()

    async def _watch(self) -> None:
        """End the process when fetched messages are not applied, or committed ones not fetched, for too long."""
        while True:
            await asyncio.sleep(5.0)
            try:
                waiting = await asyncio.wait_for(self._waiting(), 10.0)
            except (TimeoutError, KafkaError) as error:
                waiting = f"Kafka does not answer ({error!r})"
            still_s = time.monotonic() - self._moved_at
            if not waiting or self._busy:
                self._moved_at = time.monotonic() if not self._busy else self._moved_at
            elif still_s > self._tuning.stall_s:
                self._die(f"no progress for {still_s:.0f} s although {waiting}")

    async def _waiting(self) -> str:
        if not self._gate.is_set():
            return "a rebalance has not ended"
        consumer = self._app.consumer
        tps = [tp for tp in consumer.assignment() if tp.topic in self._logic.inputs]
        ends = await consumer.highwaters(*tps) if tps else {}
        for tp in tps:
            state = self._states.get(tp.partition)
            applied = -1 if state is None else _applied(state, tp.topic)
            end, fetched = ends.get(tp) or 0, self._fetches.last.get((tp.topic, tp.partition), -1)
            metrics.LAG.labels(self._name, tp.topic).set(max(0, end - 1 - applied))
            if fetched > applied:
                return f"{tp.topic}[{tp.partition}] was fetched to {fetched} and applied to {applied}"
            position = await consumer.position(tp)
            if position is not None and position < end:
                return f"{tp.topic}[{tp.partition}] is committed to {end} and fetched to {position}"
        return ""

    def _die_of(self, error: BaseException) -> NoReturn:
        if not isinstance(error, WaysightError):
            traceback.print_exception(error, file=sys.stderr)
        self._die(f"{type(error).__name__}: {error}")

    def _die(self, why: str) -> NoReturn:
        words = f"{self._name}: {why}; this worker ends, uncommitted work is done again"
        print(words, file=sys.stderr, flush=True)
        os._exit(3)


def _applied(state: KeyedState, topic: str) -> int:
    """The last offset of a topic that is in the state, -1 for none."""
    fence = state.get(_FENCE, topic, int)
    return -1 if fence is None else fence


async def run_engines(
    engines: Sequence[FaustEngine], stopping: asyncio.Event, on_started: Callable[[], None] = lambda: None
) -> None:
    """Run engines side by side until `stopping` is set, then let each finish and commit."""
    await asyncio.gather(*(engine.start() for engine in engines))
    on_started()
    await stopping.wait()
    await asyncio.gather(*(engine.stop() for engine in engines))
