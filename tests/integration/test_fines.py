"""Fines on real Kafka: a worker is killed in the middle; no number is missing, no sum is wrong, acts reach their fines."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from officers import plates
from workers import eventually, running

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.fine_acts import action_of
from waysight.codec import Codec
from waysight.domain.fines.pricing import fine_id_of
from waysight.messages import Fine, FineEvent, Payment, Review, Vehicle, Violation
from waysight.settings import Settings

pytestmark = pytest.mark.integration
OCCURRED_MS = 1_794_805_210_000
DAY_MS = 86_400_000
COUNT = 60


def publish_vehicle(publisher: Publisher, mine: str, n: int, plate: str) -> None:
    """A registered vehicle with an owner of its own, known before the acceptance: else the fine would be of today."""
    publisher.publish("vehicles", plate, Vehicle(
        plate=plate, country="kz", make="Kia", model="Rio", type="car", colour="white", owner_id=f"{mine}{n}",
        owner_name="A. Owner", owner_address="Astana", owner_kind="person",
    ), timestamp_ms=OCCURRED_MS)  # fmt: skip


def publish(publisher: Publisher, mine: str, n: int, plate: str) -> None:
    """An offence, the acceptance, half of the fine and the proof of service; every third fine is cancelled."""
    name = f"{mine}-{n}"
    publisher.publish("violations", plate, Violation(
        violation_id=name, offence="spot_speed", camera_id="c", country="kz", location="A-1", occurred_ms=OCCURRED_MS,
        plate=plate, plate_country="kz", plate_confidence=0.97, label="car", measured_kmh=132.0, uncertainty_kmh=1.0,
        enforced_kmh=131.0, limit_kmh=110.0, enforceable=True, obstacles=(), certificate="X", sighting_ids=("s",),
        evidence=(), rule_pack="kz", models="m", origin_partition=0, origin_offset=n, ordinal=0,
    ))  # fmt: skip
    publisher.publish("reviews", plate, Review(
        review_id=name, violation_id=name, plate=plate, decision="accepted", reason="", officer="A. Officer",
        reviewed_ms=OCCURRED_MS + DAY_MS, evidence_sha256="0" * 64,
    ))  # fmt: skip
    number = fine_id_of(name)
    publisher.publish("payments", plate, Payment(
        payment_id=name, fine_number=number, plate=plate, amount=Decimal("21625.00"), currency="KZT",
        paid_ms=OCCURRED_MS + 2 * DAY_MS,
    ))  # fmt: skip
    acts = [action_of("served", number, plate, OCCURRED_MS + 2 * DAY_MS, "Post", channel="post", proof=name)]
    if n % 3 == 0:
        acts.append(
            action_of("cancelled", number, plate, OCCURRED_MS + 3 * DAY_MS, "B. Chief", reason="faulty")
        )
    for act in acts:
        publisher.publish("fine-actions", plate, act)


def test_a_killed_worker_leaves_no_gap_and_no_wrong_sum(stack: Settings, unique: str, tmp_path: Path) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher = Publisher(stack, codec)

    def told(topic: str) -> list[Fine | FineEvent]:
        return [r for _, r in read_all(stack, codec, topic) if r.violation_id.startswith(unique)]

    def current() -> dict[str, Fine]:
        newest: dict[str, Fine] = {}
        for fine in told("fines"):
            assert isinstance(fine, Fine)
            known = newest.get(fine.fine_id)
            assert known is None or (known.number, known.version + 1) == (fine.number, fine.version)
            newest[fine.fine_id] = fine
        return newest

    def settled(found: dict[str, Fine]) -> bool:
        done = [
            f
            for f in found.values()
            if f.served_ms and f.paid and (f.status == "cancelled" or "-" in f.number)
        ]
        return len(done) == COUNT and sum(f.status == "cancelled" for f in done) == COUNT // 3

    command = ("process", "fine", "--instance", unique)
    own = plates(COUNT)
    for n, plate in enumerate(own):
        publish_vehicle(publisher, unique, n, plate)
    publisher.flush()
    with running(stack, tmp_path / "first.log", *command) as worker:
        # An owner who becomes known later would move the day of issue behind what is done about the fine.
        assert eventually(lambda: drained(stack, ("fine",)), {"fine": 0}.__eq__) == {"fine": 0}
        for n, plate in enumerate(own):
            publish(publisher, unique, n, plate)
            if n == COUNT // 2:
                publisher.flush()
                eventually(current, bool)
                worker.kill()
                worker.wait(10)
    publisher.flush()
    with running(stack, tmp_path / "second.log", *command):
        found = eventually(current, settled)
    assert settled(found), (tmp_path / "second.log").read_text()[-3000:]
    assert sum(f.paid for f in found.values()) == COUNT * Decimal("21625.00")
    assert sum(f.refund_due or 0 for f in found.values()) == COUNT // 3 * Decimal("21625.00")
    assert {f.status for f in found.values()} == {"paid", "cancelled"}
    series: dict[str, list[int]] = {}
    for fine in [f for _, f in read_all(stack, codec, "fines")]:
        series.setdefault(fine.series, []).append(fine.serial)
    for serials in series.values():
        assert set(serials) == set(range(1, max(serials) + 1))
    kinds = [e.transition for e in told("fine-events") if isinstance(e, FineEvent)]
    assert kinds.count("issued") == COUNT
    assert "refused" not in kinds
