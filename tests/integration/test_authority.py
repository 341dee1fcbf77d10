"""From a violation to a paid fine on the real parts, through the commands that officers use."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from officers import own_database, plates, write_csv
from workers import eventually, running, said

from waysight.adapters.audit import AuditLog
from waysight.adapters.evidence import EvidenceStore, frame_key
from waysight.adapters.kafka import Publisher
from waysight.adapters.pictures import encode_jpeg
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import FrameRef, Violation
from waysight.settings import Settings

pytestmark = pytest.mark.integration
WHY = ("--purpose", "test", "--case", "KZ-1")
OCCURRED_MS = 1_794_805_210_000
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def settings(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The stack with a database and an evidence folder of this file's own."""
    with own_database(stack, tmp_path_factory.mktemp("authority"), f"t{uuid.uuid4().hex[:12]}") as found:
        yield found


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs a command in this process and gives its JSON, or raises what it raised."""
    return partial(said, settings)


@pytest.fixture
def plate() -> str:
    """A Kazakh plate of this test's own."""
    (own,) = plates(1)
    return own


def publish_violation(settings: Settings, violation_id: str, plate: str) -> Violation:
    """A violation by average speed whose two pictures are in the evidence store."""
    store, refs = EvidenceStore(settings.evidence), []
    for camera, at_ms in (("kz-a1-entry", OCCURRED_MS - 27_480), ("kz-a1-exit", OCCURRED_MS)):
        data = encode_jpeg(
            np.random.default_rng(at_ms % 1000).integers(0, 255, (360, 640, 3), dtype=np.uint8)
        )
        key = frame_key(camera, at_ms, violation_id, 1, "jpeg")
        assert store.put(key, data) == hashlib.sha256(data).hexdigest()
        refs.append(
            FrameRef(captured_ms=at_ms, evidence_ref=key, sha256=hashlib.sha256(data).hexdigest(), x1=100, y1=80, x2=300,
                     y2=260, plate_x1=160, plate_y1=200, plate_x2=240, plate_y2=220, plate_text=plate,
                     plate_confidence=0.97)
        )  # fmt: skip
    violation = Violation(
        violation_id=violation_id, offence="average_speed", camera_id="kz-a1-exit", section_id="a1-112-113", country="kz",
        location="A-1 km 113", occurred_ms=OCCURRED_MS, plate=plate, plate_country="kz", plate_confidence=0.97, label="car",
        measured_kmh=132.2, uncertainty_kmh=1.2, enforced_kmh=131.0, limit_kmh=110.0, distance_m=1000.0, duration_ms=27_480,
        enforceable=True, obstacles=(), certificate="KZ.02.03 / AA-17", sighting_ids=("s1", "s2"), evidence=tuple(refs),
        rule_pack="kz@2026.11", models="m", origin_partition=0, origin_offset=1, ordinal=0,
    )  # fmt: skip
    publisher = Publisher(settings, Codec(ConfluentRegistry(settings.registry)))
    publisher.publish("violations", plate, violation)
    publisher.flush()
    return violation


def test_from_violation_to_paid_fine(
    settings: Settings, run: Run, unique: str, plate: str, tmp_path: Path
) -> None:
    owner = {
        "plate": f"{plate[:3]} {plate[3:6]} {plate[6:]}",
        "country": "KZ",
        "owner_name": "Айгерім Қ.",
        "owner_id": "9001",
    }
    assert run("vehicles", "import", write_csv(tmp_path / "v.csv", owner)) == {"vehicles": 1}
    violation = publish_violation(settings, unique, plate)
    with running(
        settings, tmp_path / "workers.log", "process", "fine", "store", "ledger", "--instance", unique
    ):
        with pytest.raises(NotAllowed, match="--purpose and --case"):
            run("review", "list")

        def waiting() -> list[str]:
            # The topics are shared with other tests, whose violations wait here as well.
            listed = run("review", "list", "--officer", "Officer K.", "--limit", "10000", *WHY)
            return [v["violation_id"] for v in listed if v["violation_id"] == unique]

        assert eventually(waiting, bool) == [unique], (tmp_path / "workers.log").read_text()[-3000:]
        shown = run(
            "review", "show", unique, "--officer", "Officer K.", "--out", str(tmp_path / "pictures"), *WHY
        )
        assert all(f["ok"] for f in shown["findings"]), shown["findings"]
        assert len(shown["pictures"]) == 2
        with pytest.raises(NotAllowed, match="officer's name"):
            run("review", "accept", unique)
        assert run("fines", "list", "--plate", plate, *WHY) == []
        assert run("review", "accept", unique, "--officer", "Officer K.")["decision"] == "accepted"
        (fine,) = eventually(lambda: run("fines", "list", "--plate", plate, *WHY), bool)
        assert (fine["law"], fine["amount"], fine["discount_amount"], fine["status"]) == (
            "592(2)",
            "43250.00",
            "21625.00",
            "issued",
        )
        assert (fine["officer"], fine["owner_name"]) == ("Officer K.", "Айгерім Қ.")
        assert waiting() == []

        notice = tmp_path / "notice.pdf"
        run("fines", "notice", fine["number"], "--out", str(notice))
        assert notice.read_bytes().startswith(b"%PDF-")
        package = tmp_path / "package"
        with pytest.raises(NotAllowed):
            run("evidence", "export", unique, "--out", str(package))
        run("evidence", "export", unique, "--out", str(package), *WHY)
        verdict = run("evidence", "verify", str(package))
        assert (verdict["ok"], verdict["trusted"], verdict["violation_id"]) == (True, True, unique)
        manifest = json.loads((package / "manifest.json").read_text())
        assert manifest["fine"]["number"] == fine["number"]
        victim = package / violation.evidence[0].evidence_ref
        victim.write_bytes(victim.read_bytes() + b"\0")
        verdict = run("evidence", "verify", str(package), code=1)
        assert verdict["faults"] == [f"{violation.evidence[0].evidence_ref} was altered"]

        paid = {"payment_id": unique, "fine_number": fine["number"], "plate": plate, "amount": "43250", "currency": "KZT",
                "paid_at": "2026-11-30T10:00:00Z"}  # fmt: skip
        for _ in range(2):
            run("payments", "import", write_csv(tmp_path / "p.csv", paid))
        (fine,) = eventually(
            lambda: run("fines", "list", "--plate", plate, *WHY), lambda found: found[0]["status"] == "paid"
        )
        assert (fine["status"], fine["paid"], fine["version"]) == ("paid", "43250.00", 1)
        run("review", "reject", unique, "--officer", "Officer K.", "--reason", "emergency_vehicle")
        (fine,) = eventually(
            lambda: run("fines", "list", "--plate", plate, *WHY),
            lambda found: found[0]["status"] == "cancelled",
        )
        assert fine["status"] == "cancelled"
    actions = {
        e["action"]
        for e in run("audit", "list", "--limit", "1000")
        if unique in e["detail"] or plate in e["detail"]
    }
    assert {"review.show", "review.accepted", "review.rejected", "evidence.export", "fines.list"} <= actions


def test_a_watchlist_needs_its_legal_ground(
    settings: Settings, run: Run, plate: str, unique: str, tmp_path: Path
) -> None:
    del settings
    row = {"plate": plate, "kind": "stolen", "legal_basis": "CPC art. 185", "authority": "MIA", "case_number": unique,
           "expires": "2027-11-20", "priority": "1"}  # fmt: skip
    for column, wrong, error in (
        ("legal_basis", "", NotAllowed), ("authority", " ", NotAllowed), ("case_number", "", NotAllowed),
        ("expires", "", NotAllowed), ("expires", "soon", BadConfiguration), ("priority", "12", BadConfiguration),
    ):  # fmt: skip
        path = write_csv(tmp_path / "bad.csv", row, {**row, column: wrong})
        with pytest.raises(error, match=r"bad\.csv:3"):
            run("watchlist", "import", path)
    look = ("watchlist", "list", "--plate", plate, *WHY)
    assert run(*look) == []
    path = write_csv(tmp_path / "good.csv", row)
    assert run("watchlist", "import", path)["changed"] == 1
    assert run("watchlist", "import", path)["changed"] == 0
    (entry,) = run(*look)
    assert (entry["plate"], entry["case_number"], entry["priority"], entry["revoked_ms"]) == (
        plate,
        unique,
        1,
        None,
    )
    with pytest.raises(NotAllowed, match="--purpose"):
        run("watchlist", "list")
    gone = write_csv(tmp_path / "revoked.csv", {"plate": plate, "case_number": unique})
    assert run("watchlist", "revoke", "--file", gone)[0]["entry_id"] == entry["entry_id"]
    assert run("watchlist", "import", path) == {"entries": 1, "changed": 0, "still_revoked": 1}
    assert run(*look)[0]["revoked_by"] == "tester"
    with pytest.raises(NotAllowed, match="was revoked"):
        run("watchlist", "add", "--plate", plate, "--kind", "stolen", "--expires", "2027-11-20", "--legal-basis", "CPC art. 185",
            "--authority", "MIA", "--case", unique)  # fmt: skip


def test_a_hundred_thousand_entries_in_one_import(settings: Settings, run: Run, tmp_path: Path) -> None:
    del settings
    rows = [
        {"plate": f"{n % 1000:03}{a}{b}X{1 + n % 20:02}", "kind": "stolen", "legal_basis": "CPC art. 185", "authority": "MIA",
         "case_number": f"L-{n}", "expires": "2027-11-20"}
        for n, (a, b) in enumerate((a, b) for _ in range(200) for a in "ABCDEFGHJKLMNPRSTUVWXYZ" for b in "ABCDEFGHJKLMNPRSTUVWXY")
        if n < 100_000
    ]  # fmt: skip
    path = write_csv(tmp_path / "large.csv", *rows)
    assert run("watchlist", "import", path)["entries"] == 100_000


def test_the_audit_chain_holds_with_garbage_between(settings: Settings, run: Run, unique: str) -> None:
    log = AuditLog(settings, Codec(ConfluentRegistry(settings.registry)))
    first = log.record("search", "test", unique, {"plate": "34A*"}, 3)
    producer = Producer({"bootstrap.servers": settings.bootstrap})
    producer.produce("audit", b"garbage", partition=0)
    producer.flush()
    second = log.record("export", "test", unique, {"table": "fines"}, 5)
    assert (second.sequence, second.previous) == (first.sequence + 1, first.hash)
    report = run("audit", "verify")
    assert (report["ok"], report["break"]) == (True, None)
    assert report["events"] > second.sequence
    newest = run("audit", "list", "--limit", "2")
    assert [(e["action"], e["rows"], e["actor"]) for e in newest] == [
        ("search", 3, "tester"),
        ("export", 5, "tester"),
    ]


def test_a_forged_event_is_named(settings: Settings) -> None:
    # On a topic of its own, so that the other tests keep an unbroken chain.
    from dataclasses import replace

    from confluent_kafka.admin import AdminClient, NewTopic

    name, codec = f"audit-{settings.clickhouse_database}", Codec(ConfluentRegistry(settings.registry))
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    log = AuditLog(settings, codec, name)
    events = [log.record("search", "test", "C", {"n": n}) for n in range(3)]
    assert log.verify() is None
    producer = Producer({"bootstrap.servers": settings.bootstrap})
    producer.produce(
        name, codec.encode("audit", replace(events[2], purpose="x", sequence=3, previous=events[2].hash))
    )
    producer.flush()
    fault = log.verify()
    assert fault is not None
    assert (fault.offset, fault.sequence) == (3, 3)
    admin.delete_topics([name])[name].result()
