"""Officers, owners and banks of a simulated month: messages in order of time, answered as the processors find."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from waysight.authority.review.examination import Circumstances, decide
from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import plate_formats
from waysight.codec import Codec
from waysight.domain.exemptions import Exemptions
from waysight.domain.reviews.correction import corrected
from waysight.engine import Message
from waysight.evaluation.feed import Feed
from waysight.messages import Exemption, ExternalRead, Fine, FineAction, Payment, Violation
from waysight.simulate.month import habits
from waysight.simulate.month.deed import NOBODY, Deed
from waysight.simulate.month.fates import Step
from waysight.simulate.month.streets import person_id, person_name
from waysight.simulate.month.telling import Registered
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
        self._violations: dict[str, Violation] = {}
        self._fined: set[str] = set()
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
            elif message.topic == "dead-letters":
                self.letters[str(self._codec.decode("dead-letters", message.value).reason)] += 1
            elif message.topic.endswith("penalties"):
                self._back.append(message)

    def _violation(self, found: Violation) -> None:
        known = found.violation_id in self._violations
        self._violations[found.violation_id] = found
        deed = self._deed(found)
        if known or deed is None or not (found.enforceable or deed.mended_to):
            return
        for said in habits.reviews(self._nation, deed):
            how, reason = Circumstances(said.stage), "wrong_vehicle" if said.decision == "rejected" else ""
            if said.decision == "returned":
                instead = corrected(found, deed.mended_to, said.officer, plate_formats())
                how = Circumstances(said.stage, original_plate=found.plate, corrected_plate=instead.plate)
                self._add(said.at_ms, "violations", instead.plate, instead)
                self._violation(instead)
            review = decide(found, said.officer, reason, {}, said.at_ms, how)
            self._add(said.at_ms, "reviews", review.plate, review)

    def _fine(self, fine: Fine) -> None:
        if fine.fine_id in self._fined:
            return
        self._fined.add(fine.fine_id)
        deed = self._deed(self._violations[fine.violation_id])
        ruling = self._truth.ruling(deed) if deed else None
        if ruling is None:
            return
        for n, step in enumerate(ruling.acts):
            self._add(step.at_ms, "fine-actions", fine.plate, self._action(fine, n, step))
        for n, part in enumerate(ruling.parts):
            payment = Payment(
                payment_id=f"{fine.fine_id}-{n}", fine_number=fine.fine_id if part.by_id else fine.number,
                plate=fine.plate, amount=part.amount, currency=part.currency or fine.currency, paid_ms=part.at_ms,
            )  # fmt: skip
            for again in range(part.times):
                self._add(part.at_ms + again, "payments", fine.plate, payment)

    def _deed(self, found: Violation) -> Deed | None:
        return self._truth.deeds.get((str(found.offence), tuple(found.sighting_ids), bool(found.corrects)))

    def _action(self, fine: Fine, number: int, step: Step) -> FineAction:
        """An act as its form has it: who did it, why, by what proof."""
        person = step.person
        named = {} if person == NOBODY else {
            "person_id": person_id(self._nation.code, person), "person_name": person_name(person),
        }  # fmt: skip
        return FineAction(
            action_id=f"a{number}-{fine.fine_id}", fine_number=fine.number, plate=fine.plate, at_ms=step.at_ms,
            kind=step.kind, by="Post" if step.kind == "served" else "E. Clerk", reason=step.kind, channel="post",  # type: ignore[arg-type]
            proof=f"R-{fine.number}", amount=step.amount, **named,
        )  # fmt: skip

    def _add(self, due_ms: int, topic: str, key: str, record: Any) -> None:
        heapq.heappush(self._later, (due_ms, sum(self._ends.values()) + len(self._later), topic, key, record))

    def _told(self, feed: Feed, traffic: Traffic) -> Iterator[tuple[int, Message]]:
        for n, (now_ms, output) in enumerate(feed.outputs(self._seen(traffic.events()))):
            for _ in range(2 if n % TWICE_EVERY == 0 else 1):
                yield now_ms, self._message(output.topic, output.key, output.value, now_ms, output.partition)

    def _seen(self, events: Iterator[Event]) -> Iterator[Seen]:
        for event in events:
            if isinstance(event, Registered):
                self._add(event.at_ms, "vehicles", event.vehicle.plate, event.vehicle)
            elif isinstance(event, ExternalRead):
                self._add(event.received_ms, "external-reads", f"camera:{event.camera_id}", event)
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
