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
from waysight.domain.confirming import confirmation_of, unsure_values
from waysight.domain.counting import CountingRules
from waysight.domain.enforcement.case import Law
from waysight.domain.exemptions import Exemptions
from waysight.engine import Logic, Message
from waysight.evaluation.feed import Feed
from waysight.evaluation.month_score import Found, Score, scored
from waysight.messages import (
    Confirmation,
    Exemption,
    Fine,
    FineAction,
    Payment,
    Referral,
    Review,
    Vehicle,
    Violation,
)
from waysight.processing import PROCESSORS
from waysight.replaying.scratch import Scratch
from waysight.settings import Settings
from waysight.simulate.month import habits
from waysight.simulate.month.streets import Streets
from waysight.simulate.month.tariffs import NATIONS
from waysight.simulate.month.traffic import Event, Traffic
from waysight.simulate.month.truth import Truth
from waysight.simulate.sightings import Event as Seen
from waysight.topics import partition_for

PARTITIONS = 4
FLUSH_MS = 600_000
TWICE_EVERY = 50  # one in so many messages is delivered again
SLICE_MS = 3_600_000  # processors answer before so much time has passed: no officer decides sooner
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

    def __init__(self, codec: Codec, truth: Truth, partitions: int) -> None:
        self._codec, self._truth, self._nation, self._partitions = codec, truth, truth.nation, partitions
        self._later: list[tuple[int, int, str, str, Any]] = []
        self._ends: Counter[tuple[str, int]] = Counter()
        self._back: deque[Message] = deque()
        self._traffic: Iterator[tuple[int, Message]] = iter(())
        self._next: tuple[int, Message] | None = None
        self._slice_ms, self._looping = 0, False
        self.violations: dict[str, Violation] = {}
        self.fines: dict[str, Fine] = {}
        self.referrals: dict[str, Referral] = {}
        self.exemptions = Exemptions()
        self.letters: Counter[str] = Counter()

    def open(self, traffic: Traffic, file: CameraFile) -> None:
        """Begin the month."""
        feed = Feed(self._codec, file, self._partitions, FLUSH_MS)
        self._traffic = self._told(feed, traffic)
        self._next = next(self._traffic, None)

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        """The next message; it also ends, for a moment, where the processors should first do what they have."""
        if self._back:
            self._looping = True
            return self._back.popleft()
        if self._looping:
            self._looping = False
            raise StopIteration
        at_ms = min(
            (t for t in (self._later[0][0] if self._later else None, self._next and self._next[0]) if t),
            default=0,
        )
        if self._slice_ms and at_ms >= self._slice_ms:
            self._slice_ms = 0
            raise StopIteration
        self._slice_ms = self._slice_ms or at_ms + SLICE_MS
        if self._later and (self._next is None or self._later[0][0] <= self._next[0]):
            due_ms, _, topic, key, record = heapq.heappop(self._later)
            return self._message(topic, key, self._codec.encode(topic, record), due_ms)
        if self._next is None:
            raise StopIteration
        message, self._next = self._next[1], next(self._traffic, None)
        return message

    def keep(self, made: list[Message]) -> None:
        """Take what the processors put out; the processors' own loops come back to them."""
        for message in made:
            if message.topic == "violations":
                self._violation(self._codec.decode("violations", message.value))
            elif message.topic == "fines":
                self._fine(self._codec.decode("fines", message.value))
            elif message.topic == "referrals":
                referral: Referral = self._codec.decode("referrals", message.value)
                self.referrals[referral.referral_id] = referral
            elif message.topic == "dead-letters":
                self.letters[str(self._codec.decode("dead-letters", message.value).reason)] += 1
            elif message.topic.endswith("penalties"):
                self._back.append(message)

    def _violation(self, found: Violation) -> None:
        known = found.violation_id in self.violations
        self.violations[found.violation_id] = found
        if known or not found.enforceable:
            return
        seen = found.sighting_ids[-1]
        at_ms, officers = habits.reviewed_ms(seen, found.occurred_ms), habits.officers(seen)
        for n, officer in enumerate(officers if found.offence in self._nation.two_officers else officers[:1]):
            review = Review(
                review_id=f"r{n}-{found.violation_id}", violation_id=found.violation_id, plate=found.plate,
                decision="accepted", reason="", officer=officer, reviewed_ms=at_ms + n, evidence_sha256="0" * 64,
                stage=("first", "second")[n],
            )  # fmt: skip
            self._add(at_ms + n, "reviews", found.plate, review)

    def _fine(self, fine: Fine) -> None:
        before = self.fines.get(fine.fine_id)
        if before is None or before.version < fine.version:
            self.fines[fine.fine_id] = fine
        violation = self.violations[fine.violation_id]
        deed = self._truth.deeds.get((str(violation.offence), tuple(violation.sighting_ids)))
        ruling = self._truth.ruling(deed) if deed and before is None else None
        if ruling is None:
            return
        served_ms = habits.served_ms(ruling.deed.sightings[-1], fine.issued_ms)
        served = FineAction(
            action_id=f"s-{fine.fine_id}", fine_number=fine.number, plate=fine.plate, kind="served", at_ms=served_ms,
            by="Post", channel="post", proof=f"R-{fine.number}",
        )  # fmt: skip
        self._add(served_ms, "fine-actions", fine.plate, served)
        for n, part in enumerate(ruling.parts):
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
            elif isinstance(event, Exemption):
                self.exemptions.apply(event.exemption_id, event)
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
    streets = Streets(NATIONS[order.country], order.start)
    traffic = Traffic(streets, order.passes, order.days, order.seed)
    file = CameraFile.model_validate(streets.camera_file())
    codec = Codec(MemoryRegistry())
    clerk = _Clerk(codec, traffic.truth, PARTITIONS)
    clerk.open(traffic, file)
    run = Scratch(_logics(settings, codec, Scenes.of_file(file), clerk.exemptions), _Same())

    def keep(made: list[Message]) -> None:
        clerk.keep(made)
        progress(traffic.truth.passes, order.passes)

    asyncio.run(run.run(clerk, keep))
    found = Found(list(clerk.violations.values()), list(clerk.fines.values()), list(clerk.referrals.values()))
    return scored(traffic.truth, found, clerk.letters)


class _Same(dict[str, int]):
    """Every topic has as many partitions here."""

    def __missing__(self, topic: str) -> int:
        return PARTITIONS


def _confirmations() -> list[Confirmation]:
    """What an authority must confirm before a country's fines can be issued, confirmed by an invented person."""
    wanted = {"pe": ("offences.", "tolerances."), "ma": ("offences.", "tolerances.", "repeats.")}
    return [
        confirmation_of(pack, value.path, "", "A. Confirmer", "legal department", "simulation", 0)
        for pack in all_packs().values()
        for value in unsure_values(pack)
        if value.path.startswith(wanted.get(pack.country, ("-",))) and ".points" not in value.path
    ]


def _logics(settings: Settings, codec: Codec, scenes: Scenes, exemptions: Exemptions) -> list[Logic]:
    law = Law(packs=all_packs(), formats=plate_formats(), enforcement_gate=settings.enforcement_gate)
    names = ("enforce", "papers", "fine", "count")
    enforce, papers, fine, count = (import_module(PROCESSORS[n][0]) for n in names)
    return [
        enforce.EnforceLogic(codec, scenes, law, PARTITIONS, exemptions=exemptions),
        papers.PapersLogic(codec, scenes, law, exemptions=exemptions),
        fine.FineLogic(codec, laws_of(settings, _confirmations())),
        count.CountLogic(codec, CountingRules(), PARTITIONS, scene=scenes.scene),
    ]
