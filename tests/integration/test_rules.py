"""A value that a named person confirms over real Kafka unblocks the fine that waited for it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from workers import eventually, running, said

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.messages import Review, Vehicle, Violation
from waysight.settings import Settings

pytestmark = pytest.mark.integration
OCCURRED_MS = 1_794_805_210_000  # 16 November 2026
PATH = "offences.overtaking.2025-03-01.184"
WHO = ("--by", "A. Jurist", "--role", "head of law", "--source", "Decree 2.24.655, article 1")


def test_a_confirmation_unblocks_the_fine_that_waited_for_it(
    stack: Settings, unique: str, tmp_path: Path
) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher, plate = Publisher(stack, codec), f"{int(unique[1:6], 16) % 90000 + 10000}B6"
    publisher.publish("vehicles", plate, _vehicle(plate))
    for offence in ("overtaking", "solid_line"):
        publisher.publish("violations", plate, _violation(f"{unique}-{offence}", offence, plate))
        publisher.publish("reviews", plate, _review(f"{unique}-{offence}", plate))
    publisher.flush()

    def records(topic: str) -> list[Any]:
        return [r for _, r in read_all(stack, codec, topic, keys={plate})]

    log = tmp_path / "worker.log"
    with running(stack, log, "process", "fine", "--instance", unique):
        fast = replace(_violation(f"{unique}-fast", "spot_speed", plate), enforced_kmh=125.0, limit_kmh=60.0)
        publisher.publish("violations", plate, fast)
        publisher.publish("reviews", plate, _review(f"{unique}-fast", plate))
        publisher.flush()
        (referral,) = eventually(lambda: records("referrals"), bool)
        assert (referral.violation_id, referral.refer_to) == (f"{unique}-fast", "court"), log.read_text()[
            -3000:
        ]
        assert records("fines") == [], "nothing was confirmed yet"
        (record,) = said(stack, "rules", "confirm", "ma", PATH, *WHO)
        assert (record["path"], record["by"]) == (PATH, "A. Jurist")

        (fine,) = eventually(lambda: records("fines"), bool)  # by itself: nothing else is sent
        assert fine.issued_ms == record["confirmed_ms"]
        assert (fine.violation_id, str(fine.amount), str(fine.discount_amount)) == (
            f"{unique}-overtaking", "700.00", "400.00",
        ), log.read_text()[-3000:]  # fmt: skip
        assert (fine.points, fine.discount_until, fine.caveats) == (4, "", "clock")
    rows = {r["path"]: r for r in said(stack, "rules", "list", "ma", "--confirmed")}
    assert rows[PATH]["confirmed_by"].startswith("A. Jurist, head of law")
    assert rows["offences.solid_line.2025-03-01.184"]["confidence"] == "unsure"
    said(stack, "rules", "revoke", "ma", PATH, "--by", "A. Jurist", "--reason", "end of the test")
    actions = [e["action"] for e in said(stack, "audit", "list")]
    assert {"rules.confirm", "rules.revoke"} <= set(actions)


def _vehicle(plate: str) -> Vehicle:
    return Vehicle(
        plate=plate, country="ma", make="Dacia", model="Logan", type="car", colour="white", owner_id="BE1234",
        owner_name="Fatima El Idrissi", owner_address="Rabat", owner_kind="person",
    )  # fmt: skip


def _violation(violation_id: str, offence: str, plate: str) -> Violation:
    return Violation(
        violation_id=violation_id, offence=offence, camera_id=f"camera-{offence}", country="ma", location="Rabat",
        occurred_ms=OCCURRED_MS + 3_600_000 * len(offence), plate=plate, plate_country="ma", plate_confidence=0.97, label="car",
        enforceable=True, obstacles=(), certificate="MA-1 / 7", sighting_ids=("s1",), evidence=(), rule_pack="ma@2026.12",
        models="m", origin_partition=0, origin_offset=1, ordinal=0,
    )  # fmt: skip


def _review(violation_id: str, plate: str) -> Review:
    return Review(
        review_id=f"r-{violation_id}", violation_id=violation_id, plate=plate, decision="accepted", reason="",
        officer="A. Officer", reviewed_ms=OCCURRED_MS + 86_400_000, evidence_sha256="0" * 64,
    )  # fmt: skip
