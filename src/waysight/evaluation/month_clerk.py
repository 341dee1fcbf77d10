"""Officers, owners and banks of a simulated month: messages in order of time, answered as the processors find."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from waysight.cameras.models import CameraFile
from waysight.codec import Codec
from waysight.domain.exemptions import Exemptions
from waysight.engine import Message
from waysight.evaluation.feed import Feed
from waysight.messages import Exemption, Fine, FineAction, Payment, Referral, Review, Vehicle, Violation
from waysight.simulate.month import habits
from waysight.simulate.month.traffic import Event, Traffic
from waysight.simulate.month.truth import Truth
from waysight.simulate.sightings import Event as Seen
from waysight.topics import partition_for

FLUSH_MS = 600_000
TWICE_EVERY = 50  # one in so many messages is delivered again
SLICE_MS = 3_600_000  # processors answer before so much time has passed: no officer decides sooner


class Clerk:
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
