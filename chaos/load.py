"""The load of a campaign: the town's traffic at its pace, some of it sent twice, some garbage; and an officer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from waysight.adapters.kafka import Publisher, plain_consumer, to_message
from waysight.cameras.models import CameraFile
from waysight.codec import Codec
from waysight.domain.ids import derive_id
from waysight.errors import EngineDown
from waysight.evaluation.feed import Feed
from waysight.messages import Fine, Payment, Review, Violation
from waysight.processing import INPUTS
from waysight.settings import Settings
from waysight.simulate.sightings import Traffic

TWICE, GARBAGE_EVERY_S, PAID_EVERY = 0.02, 6.0, 3
PATIENCE_S = 900.0  # a broker may be away again and again
POISONED = ("sightings", "passes", "signals", "violations", "reviews", "payments")
HOUR_MS = 3_600_000


class Worker(threading.Thread):
    """Runs `work` beside the campaign; a failure is printed by its thread, and `check` ends the campaign."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._done = False

    def work(self) -> None:
        """What there is to do, to its end."""

    def run(self) -> None:
        """Work, and note that it came to its end."""
        self.work()
        self._done = True

    def check(self) -> None:
        """Raise EngineDown when the thread has ended before its work."""
        if not self._done and not self.is_alive():
            raise EngineDown(f"the {self.name} of the campaign failed; its error stands above")


class Sender(Worker):
    """Publishes the traffic, `speed` times as fast as it happens; `sent` counts messages, `garbage` bad ones."""

    def __init__(
        self, settings: Settings, codec: Codec, file: CameraFile, traffic: Traffic, speed: float
    ) -> None:
        super().__init__("sender")
        self._publisher = Publisher(settings, codec, linger_ms=20, patience_s=PATIENCE_S)
        self._feed = Feed(codec, file, settings.partitions, flush_ms=2000)
        self._settings, self._traffic, self._speed = settings, traffic, speed
        self._chance = random.Random(f"load{traffic.town.seed}")
        self.sent = self.twice = 0
        self.garbage: list[tuple[str, bytes]] = []

    def work(self) -> None:
        """Until all is sent and acknowledged."""
        began, poison_s = time.monotonic(), GARBAGE_EVERY_S
        start_ms = self._traffic.town.start_ms
        recent: list[Any] = []
        for event_ms, output in self._feed.outputs(self._traffic.events()):
            due_s = (event_ms - start_ms) / 1000 / self._speed
            while (wait_s := began + due_s - time.monotonic()) > 0:
                self._publisher.poll(min(wait_s, 0.2))
            recent = [*recent[-50:], output]
            again = [self._chance.choice(recent)] if self._chance.random() < TWICE else []
            for one in (output, *again):
                key = one.key.encode()
                self._publisher.publish_bytes(one.topic, key, one.value, partition=one.partition)
            self.sent += 1 + len(again)
            self.twice += len(again)
            if due_s >= poison_s:
                poison_s += GARBAGE_EVERY_S
                self._poison()
        self._publisher.flush(PATIENCE_S)

    def _poison(self) -> None:
        topic = POISONED[len(self.garbage) % len(POISONED)]
        value = b"\xff garbage %d of %d" % (len(self.garbage), self._traffic.town.seed)
        self.garbage.append((topic, value))
        self._publisher.publish_bytes(
            topic, b"garbage", value, partition=self._chance.randrange(self._settings.partitions)
        )

    def letters(self, names: tuple[str, ...]) -> set[tuple[bytes, str]]:
        """Which dead letters the garbage must give: one of each reader of its topic."""
        return {(v, name) for topic, v in self.garbage for name in names if topic in INPUTS[name]}


class Officer(Worker):
    """Accepts each violation once, at a time that follows from it; has each third fine paid in full."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        super().__init__("officer")
        self._settings, self._codec = settings, codec
        self._publisher = Publisher(settings, codec, patience_s=PATIENCE_S)
        self._over = threading.Event()
        self.reviewed: set[str] = set()
        self.paid: set[str] = set()

    def finish(self) -> None:
        """Stop reading, and have everything acknowledged."""
        self._over.set()
        self.join(60.0)
        self.check()
        self._publisher.flush(PATIENCE_S)

    def work(self) -> None:
        """Until `finish`."""
        acts: dict[str, Callable[[Any], None]] = {"violations": self._review, "fines": self._pay}
        consumer = plain_consumer(self._settings)
        partitions = range(self._settings.partitions)
        consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t in acts for p in partitions])
        while not self._over.is_set():
            for raw in consumer.consume(200, 0.2):
                if raw.error() is None and not (raw.value() or b"").startswith(b"\xff"):
                    message = to_message(raw)
                    acts[message.topic](self._codec.decode(message.topic, message.value))
            self._publisher.poll()
        consumer.close()

    def _review(self, violation: Violation) -> None:
        if violation.violation_id in self.reviewed:
            return
        self.reviewed.add(violation.violation_id)
        review = Review(
            review_id=derive_id("review", violation.violation_id),
            violation_id=violation.violation_id,
            plate=violation.plate,
            decision="accepted",
            reason="",
            officer="chaos-officer",
            reviewed_ms=violation.occurred_ms + HOUR_MS,
            evidence_sha256="",
        )
        self._publisher.publish("reviews", violation.plate or violation.violation_id, review)

    def _pay(self, fine: Fine) -> None:
        if fine.fine_id in self.paid or int(fine.fine_id[:8], 16) % PAID_EVERY:
            return
        self.paid.add(fine.fine_id)
        payment = Payment(
            payment_id=f"pay-{fine.fine_id}",
            fine_number=fine.number,
            plate=fine.plate,
            amount=fine.amount,
            currency=fine.currency,
            paid_ms=fine.issued_ms + HOUR_MS,
        )
        self._publisher.publish("payments", fine.plate, payment)
