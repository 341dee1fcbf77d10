"""A package of evidence on the real parts: clock checks, a radar's read and a correction in it, keys changed after it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from officers import WHY, keep_frame, own_desk
from workers import eventually, said

from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import BadConfiguration, EngineDown, NotAllowed
from waysight.messages import ExternalRead, Review, Vehicle, Violation
from waysight.settings import Settings

pytestmark = pytest.mark.integration
CAMERAS = """
cameras:
  - id: {camera}
    source: rtsp://user:secret@host/live
    timezone: Asia/Almaty
    clock_error_ms: 40
"""


@pytest.fixture
def settings(stack: Settings, unique: str, tmp_path: Path) -> Iterator[Settings]:
    """The stack with a database, keys and an audit chain's head of this test's own."""
    with own_desk(stack, tmp_path, unique, "store", "ledger") as found:
        yield found


def published(settings: Settings, unique: str) -> Violation:
    """A speed that a radar measured, whose plate an officer corrected."""
    occurred_ms, camera = time.time_ns() // 1_000_000 - 60_000, f"c-{unique}"
    refs = tuple(
        keep_frame(settings, camera, occurred_ms + n * 400, f"{unique}{n}", unique) for n in range(2)
    )
    first = Violation(
        violation_id=f"first-{unique}", offence="spot_speed", camera_id=camera, country="kz", location="A-1 km 113",
        occurred_ms=occurred_ms, plate=f"{unique}X", plate_country="kz", plate_confidence=0.9, label="car", measured_kmh=131.0,
        uncertainty_kmh=3.0, enforced_kmh=128.0, limit_kmh=110.0, source="radar:r-7", enforceable=True, obstacles=(),
        certificate="KZ.02.03 / AA-17", sighting_ids=("s1",), evidence=refs, rule_pack="kz@2026.12", models="m;anpr:a-1",
        origin_partition=0, origin_offset=1, ordinal=0,
    )  # fmt: skip
    second = replace(first, violation_id=unique, plate=unique, corrects=first.violation_id, read_plate=first.plate,
                     corrected_by="B. Clerk")  # fmt: skip
    returned = Review(
        review_id=f"{unique}-r", violation_id=first.violation_id, plate=first.plate, decision="returned", reason="plates_differ",
        officer="B. Clerk", reviewed_ms=occurred_ms + 9000, evidence_sha256="0" * 64, original_plate=first.plate,
        corrected_plate=unique,
    )  # fmt: skip
    read = ExternalRead(read_id=f"{unique}-x", device_id="r-7", device_kind="radar", camera_id=camera, captured_ms=occurred_ms + 50,
                        clock_error_ms=5, speed_kmh=131.0, received_ms=occurred_ms + 100)  # fmt: skip
    car = Vehicle(plate=unique, country="kz", make="Kia", model="Rio", type="sedan", colour="white", owner_id="9001",
                  owner_name="Айгерім Қ.", owner_address="Astana", owner_kind="person")  # fmt: skip
    publisher = Publisher(settings, Codec(ConfluentRegistry(settings.registry)))
    publisher.publish("vehicles", unique, car)
    publisher.publish("external-reads", f"camera:{camera}", read)
    publisher.publish(
        "external-reads", f"camera:{camera}", replace(read, read_id=f"{unique}-y", plate="999ZZZ02")
    )
    named = replace(
        read, read_id=f"{unique}-z", device_id="a-1", device_kind="anpr", plate=unique, speed_kmh=None
    )
    publisher.publish("external-reads", f"camera:{camera}", named)
    publisher.publish("reviews", first.plate, returned)
    for violation in (first, second):
        publisher.publish("violations", violation.plate, violation)
    publisher.flush()
    return second


def test_a_package_outlives_its_key(settings: Settings, unique: str, root: Path, tmp_path: Path) -> None:
    run = partial(said, settings)
    violation, file = published(settings, unique), tmp_path / "cameras.yaml"
    file.write_text(CAMERAS.format(camera=violation.camera_id))
    run("cameras", "import", str(file))
    checks(run, violation, tmp_path)

    package = tmp_path / "package.zip"
    export = ("evidence", "export", unique, "--out")
    with pytest.raises(NotAllowed):
        run(*export, str(package))
    stored(settings, unique)
    made = run(*export, str(package), *WHY)
    with zipfile.ZipFile(package) as archive:
        held = json.loads(archive.read("manifest.json"))
    assert {f["path"] for f in held["files"]} == set(made["files"]) - {
        "manifest.json",
        "manifest.sig",
        "public_key.pem",
    }

    folder = tmp_path / "package"
    assert set(run(*export, str(folder), "--blur-outside", *WHY)["files"]).isdisjoint(
        r.evidence_ref for r in violation.evidence
    )
    told = {p.stem: json.loads(p.read_text()) for p in (folder / "records").iterdir()}
    (clock,) = told["clock"]
    assert (clock["before"]["offset_ms"], clock["after"]["offset_ms"], clock["seen_ms"]) == (-3.5, 8.0, 10.0)
    assert [r["read_id"] for r in told["device_reads"]] == [f"{unique}-z", f"{unique}-x"]
    assert [v["plate"] for v in told["corrections"]["replaced"]] == [f"{unique}X"]
    assert [d["officer"] for d in told["corrections"]["decisions"]] == ["B. Clerk"]
    assert told["register"]["registered"]["colour"] == "white"
    assert b"secret" not in b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())

    # The key is changed, and then it turns out that the old one was stolen before: only the audit chain can vouch for it.
    old = made["key"]
    with pytest.raises(NotAllowed, match="--reason"):
        run("evidence", "keys", "rotate")
    keys = run("evidence", "keys", "rotate", "--reason", "yearly", "--by", "K. Keeper")
    assert [(k["key"] == old, k["end_ms"] is None) for k in keys] == [(True, False), (False, True)]
    assert run("evidence", "verify", str(package))["ok"]
    assert standalone(root, package, export_ring(run, tmp_path / "ring-1")) == (0, "")
    run("evidence", "keys", "revoke", old[:8], "--reason", "compromised", "--by", "K. Keeper")
    verdict = run("evidence", "verify", str(package), code=1)
    assert (verdict["faults"], verdict["trusted"]) == ([], False)
    assert "compromised" in verdict["against"]
    code, fault = standalone(root, package, export_ring(run, tmp_path / "ring-2"))
    assert (code, "compromised" in fault) == (1, True)
    assert run("evidence", "verify", str(package), "--witness")["ok"]
    assert run("evidence", "verify", str(package), "--ring", str(tmp_path / "ring-1"))["ok"]

    for name in ("records/clock.json", "report.pdf"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
        assert run("evidence", "verify", str(folder), "--witness", code=1)["faults"] == [
            f"{name} was altered"
        ]
        (folder / name).write_bytes(whole)
    assert run("evidence", "verify", str(folder), "--witness")["ok"]
    actions = {
        e["action"]
        for e in run("audit", "list", "--limit", "1000")
        if unique in e["detail"] or old in e["detail"]
    }
    assert {"cameras.clock", "evidence.export", "evidence.key-rotate", "evidence.key-revoke"} <= actions
    with pytest.raises(BadConfiguration, match="not both"):
        run(*export, str(tmp_path / "x"), "--blur-outside", "--blur-bystanders", *WHY)
    nowhere = settings.model_copy(update={"triton_urls": "127.0.0.1:9"})
    with pytest.raises(EngineDown, match="Triton"):
        said(nowhere, *export, str(tmp_path / "x"), "--blur-bystanders", *WHY)


def checks(run: Any, violation: Violation, tmp_path: Path) -> None:
    """Two comparisons before the violation and one after it."""
    name, at_s = violation.camera_id, violation.occurred_ms // 1000
    lines = [
        f"{name},{stamp(at_s + shift)},{offset},2,gps,T. Tech" for shift, offset in ((-600, 50), (-60, -3.5))
    ]
    path = tmp_path / "checks.csv"
    path.write_text("camera_id,checked_at,offset_ms,error_ms,reference,by\n" + "\n".join(lines))
    run("cameras", "clock", "import", str(path))
    more = ("--offset-ms", "8", "--error-ms", "2", "--reference", "ntp", "--by", "T. Tech")
    run("cameras", "clock", "add", name, "--at", stamp(at_s + 30), *more)
    with pytest.raises(BadConfiguration, match="no camera"):
        run("cameras", "clock", "add", f"{name}-x", *more)
    seen = eventually(lambda: run("cameras", "clock", "list", name), lambda found: len(found) == 3)
    assert [c["offset_ms"] for c in seen] == [8.0, -3.5, 50.0]


def stored(settings: Settings, unique: str) -> None:
    """Waits until the store has the violations and what they rest on; the topics are shared with other tests."""
    client = connect(settings)
    counts = (f"(SELECT uniqExact({name}) FROM {table} WHERE position({name}, {{u:String}}) > 0)"
              for table, name in (("violations", "violation_id"), ("external_reads", "read_id"), ("reviews", "review_id")))  # fmt: skip
    sql, wanted = f"SELECT [{', '.join(counts)}] AS n", [2, 3, 1]
    assert eventually(lambda: client.rows(sql, {"u": unique})[0]["n"], wanted.__eq__) == wanted
    client.close()


def export_ring(run: Any, path: Path) -> Path:
    run("evidence", "keys", "export", "--out", str(path))
    return path


def standalone(root: Path, package: Path, ring: Path) -> tuple[int, str]:
    """Exit code and faults of the verifier that needs nothing of ours."""
    program = [
        sys.executable,
        "-I",
        "-S",
        str(root / "examples/verify_evidence.py"),
        str(package),
        "--ring",
        str(ring),
    ]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    return done.returncode, "\n".join(line for line in done.stdout.splitlines() if line.startswith("FAULT"))


def stamp(at_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
