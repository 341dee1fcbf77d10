"""A simulated month through the real processors, in this process: what they found against what truly happened."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any

from waysight.adapters.registry import MemoryRegistry
from waysight.authority.laws import laws_of
from waysight.authority.rulepacks import all_packs
from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.counting import CountingRules
from waysight.domain.enforcement.case import Law
from waysight.engine import Logic, Message
from waysight.evaluation.feed import Feed
from waysight.evaluation.month_score import Score, scored
from waysight.messages import Fine, Payment, Review, Vehicle, Violation
from waysight.processing import PROCESSORS
from waysight.replaying.scratch import Scratch
from waysight.settings import Settings
from waysight.simulate.month import habits
from waysight.simulate.month.court import local_day
from waysight.simulate.month.streets import Streets
from waysight.simulate.month.tariffs import NATIONS, Nation
from waysight.simulate.month.traffic import Event, Traffic
from waysight.simulate.sightings import Event as Seen
from waysight.topics import partition_for

PARTITIONS = 4
FLUSH_MS = 600_000
TWICE_EVERY = 50  # one in so many messages is delivered again
SETTLED_ROUNDS = 12  # steps of processors after which a fine is no more repriced by an earlier penalty
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Order:
    """Which month of which city."""

    country: str
    start: date
    days: int
    passes: int
    seed: int


class _Clerk:
    """Messages in order of time: traffic as it is told, and what officers, owners and banks answer to what was found."""

    def __init__(self, codec: Codec, nation: Nation, partitions: int) -> None:
        self._codec, self._nation, self._partitions = codec, nation, partitions
        self._later: list[tuple[int, int, str, str, Any]] = []
        self._ends: Counter[tuple[str, int]] = Counter()
        self._back: deque[Message] = deque()
        self._traffic: Iterator[tuple[int, Message]] = iter(())
        self._next: tuple[int, Message] | None = None
        self.violations: dict[str, Violation] = {}
        self.fines: dict[str, Fine] = {}
        self._notices: deque[tuple[int, str]] = deque()
        self._round = 0
        self.letters: Counter[str] = Counter()

    def open(self, traffic: Traffic, file: CameraFile) -> None:
        """Begin the month."""
        feed = Feed(self._codec, file, self._partitions, FLUSH_MS)
        self._traffic = self._told(feed, traffic)
        self._next = next(self._traffic, None)

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        if self._back:
            return self._back.popleft()
        if self._later and (self._next is None or self._later[0][0] <= self._next[0]):
            due_ms, _, topic, key, record = heapq.heappop(self._later)
            return self._message(topic, key, self._codec.encode(topic, record), due_ms)
        if self._next is None:
            if self._read(self._round):
                return next(self)
            raise StopIteration
        message, self._next = self._next[1], next(self._traffic, None)
        return message

    def keep(self, made: list[Message]) -> None:
        """Take what the processors put out; the processors' own loops come back to them."""
        self._round += 1
        self._read(self._round - SETTLED_ROUNDS)
        for message in made:
            if message.topic == "violations":
                self._violation(self._codec.decode("violations", message.value))
            elif message.topic == "fines":
                self._fine(self._codec.decode("fines", message.value))
            elif message.topic == "dead-letters":
                self.letters[str(self._codec.decode("dead-letters", message.value).reason)] += 1
            elif message.topic.endswith("penalties"):
                self._back.append(message)

    def _violation(self, found: Violation) -> None:
        known = found.violation_id in self.violations
        self.violations[found.violation_id] = found
        if known or not found.enforceable:
            return
        at, seen = habits.reviewed_ms(found.sighting_ids[-1], found.occurred_ms), found.sighting_ids[-1]
        review = Review(
            review_id=f"r-{found.violation_id}", violation_id=found.violation_id, plate=found.plate,
            decision="accepted", reason="", officer=habits.officer(seen), reviewed_ms=at, evidence_sha256="0" * 64,
        )  # fmt: skip
        self._add(at, "reviews", found.plate, review)

    def _fine(self, fine: Fine) -> None:
        before = self.fines.get(fine.fine_id)
        if before is None or before.version < fine.version:
            self.fines[fine.fine_id] = fine
        if before is None:
            self._notices.append((self._round, fine.fine_id))

    def _read(self, until: int) -> bool:
        """Addressees read their notices and decide to pay, once nothing on its way can change them."""
        found = False
        while self._notices and self._notices[0][0] <= until:
            found = True
            self._pay(self.fines[self._notices.popleft()[1]])
        return found

    def _pay(self, fine: Fine) -> None:
        seen = self.violations[fine.violation_id].sighting_ids[-1]
        issued = local_day(self._nation, fine.issued_ms)
        until = date.fromisoformat(fine.discount_until) if fine.discount_amount < fine.amount else None
        parts = habits.payments(self._nation, seen, issued, fine.amount, fine.discount_amount, until)
        for n, part in enumerate(parts):
            payment = Payment(
                payment_id=f"{fine.fine_id}-{n}", fine_number=fine.number, plate=fine.plate, amount=part.amount,
                currency=fine.currency, paid_ms=part.at_ms,
            )  # fmt: skip
            for again in range(part.times):
                self._add(part.at_ms + again, "payments", fine.plate, payment)

    def _add(self, due_ms: int, topic: str, key: str, record: Any) -> None:
        heapq.heappush(self._later, (due_ms, sum(self._ends.values()) + len(self._later), topic, key, record))

    def _told(self, feed: Feed, traffic: Traffic) -> Iterator[tuple[int, Message]]:
        for n, (now_ms, output) in enumerate(feed.outputs(self._seen(traffic.events()))):
            for _ in range(2 if n % TWICE_EVERY == 0 else 1):
                yield now_ms, self._message(output.topic, output.key, output.value, now_ms, output.partition)

    def _seen(self, events: Iterator[Event]) -> Iterator[Seen]:
        for event in events:
            if isinstance(event, Vehicle):
                self._add(0, "vehicles", event.plate, event)
            else:
                yield event

    def _message(
        self, topic: str, key: str, value: bytes | None, at_ms: int, partition: int | None = None
    ) -> Message:
        at = partition_for(key, self._partitions) if partition is None else partition
        self._ends[topic, at] += 1
        return Message(topic, at, self._ends[topic, at] - 1, key.encode(), value, {}, at_ms)


def run_month(order: Order, settings: Settings, progress: Progress = lambda _done, _of: None) -> Score:
    """The month of an order, judged; memory does not grow with its passes."""
    nation = NATIONS[order.country]
    streets = Streets(nation, order.start)
    traffic = Traffic(streets, order.passes, order.days, order.seed)
    file = CameraFile.model_validate(streets.camera_file())
    codec = Codec(MemoryRegistry())
    clerk = _Clerk(codec, nation, PARTITIONS)
    clerk.open(traffic, file)
    run = Scratch(_logics(settings, codec, Scenes.of_file(file)), _Same())

    def keep(made: list[Message]) -> None:
        clerk.keep(made)
        progress(traffic.truth.passes, order.passes)

    asyncio.run(run.run(clerk, keep))
    return scored(traffic.truth, list(clerk.violations.values()), list(clerk.fines.values()), clerk.letters)


class _Same(dict[str, int]):
    """Every topic has as many partitions here."""

    def __missing__(self, topic: str) -> int:
        return PARTITIONS


def _logics(settings: Settings, codec: Codec, scenes: Scenes) -> list[Logic]:
    law = Law(packs=all_packs(), formats=plate_formats(), enforcement_gate=settings.enforcement_gate)
    enforce, fine, count = (import_module(PROCESSORS[n][0]) for n in ("enforce", "fine", "count"))
    return [
        enforce.EnforceLogic(codec, scenes, law, PARTITIONS),
        fine.FineLogic(codec, laws_of(settings)),
        count.CountLogic(codec, CountingRules(), PARTITIONS, scene=scenes.scene),
    ]
