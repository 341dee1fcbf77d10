"""Evidence packages: the same facts give the same bytes, and every tampered file is named."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from waysight.adapters.pictures import encode_jpeg
from waysight.adapters.signing import key_path, open_signer
from waysight.authority.evidence.archive import read_package, write_package
from waysight.authority.evidence.blur import Blur
from waysight.authority.evidence.check import verify_package
from waysight.authority.evidence.package import build_package, cameras_of
from waysight.authority.evidence.records import Facts
from waysight.errors import BadConfiguration, BadMessage
from waysight.messages import CameraRecord, ClockCheck, Confirmation, ExternalRead
from waysight.settings import Settings

Make = Callable[..., Any]
REF = "frames/kz-a1-exit/20261116/e-000000001.jpg"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a state folder of their own."""
    return Settings(state_dir=tmp_path / "state")


SIGNED_MS = 1_795_000_000_000
CAMERA = {
    "id": "kz-a1-exit",
    "source": "rtsp://user:secret@host/live",
    "timezone": "Asia/Almaty",
    "calibration": {
        "image_size": [640, 360],
        "surveyed_on": "2026-02-01",
        "surveyed_by": "Geo LLP",
        "points": [
            {"image": [200, 350], "ground": [-3.5, 12.0]},
            {"image": [440, 350], "ground": [3.5, 12.0]},
            {"image": [290, 200], "ground": [-3.5, 40.0]},
            {"image": [350, 200], "ground": [3.5, 40.0]},
        ],
    },
}


@pytest.fixture
def facts(violation: Make, frame: Make, review: Make, vehicle: Make) -> Facts:
    """A corrected violation of one frame that a radar measured, with everything that a package can hold."""
    data = encode_jpeg(np.random.default_rng(1).integers(0, 255, (360, 640, 3), dtype=np.uint8))
    ref = frame(evidence_ref=REF, sha256=hashlib.sha256(data).hexdigest())
    camera = CameraRecord(
        camera_id="kz-a1-exit", record_kind="camera", version="1", config_json=json.dumps(CAMERA)
    )
    found = violation(evidence=(ref,), source="radar:r-7", tolerance_kmh=0.5, corrects="v0", read_plate="128ABC02",
                      corrected_by="B. Clerk")  # fmt: skip
    assert cameras_of(found) == {"kz-a1-exit", "a1-112-113"}
    at_ms = found.occurred_ms
    checks = [
        ClockCheck(check_id=f"c{n}", camera_id="kz-a1-exit", checked_ms=at_ms + n * 60_000, offset_ms=n * 5.0, error_ms=2.0,
                   reference="gps", by="T. Tech")
        for n in (-2, -1, 1, 2)
    ]  # fmt: skip
    read = ExternalRead(read_id="x1", device_id="r-7", device_kind="radar", camera_id="kz-a1-exit", captured_ms=at_ms,
                        clock_error_ms=5, speed_kmh=132.2, received_ms=at_ms + 100)  # fmt: skip
    return Facts(
        violation=found, frames={REF: data}, cameras=[camera], vehicle=vehicle(), clock_checks=checks,
        reviews=[review(decision="returned", reason="plates_differ", corrected_plate="123ABC02"), review(review_id="r2")],
        confirmations=[Confirmation(confirmation_id="k1", pack="kz@2026.12", path="offences.x", value="3", by="C. Counsel",
                                    role="lawyer", source="code", confirmed_ms=at_ms, revoked=False)],
        device_reads=[read], corrected=[violation(violation_id="v0", plate="128ABC02", evidence=(ref,))],
    )  # fmt: skip


@pytest.fixture
def package(facts: Facts, settings: Settings) -> dict[str, bytes]:
    """A package of one frame."""
    return build_package(facts, open_signer(settings), SIGNED_MS)


RECORDS = (
    "calibration",
    "clock",
    "confirmations",
    "corrections",
    "device_reads",
    "measurement",
    "register",
    "sightings",
)


def test_a_package_holds_what_the_violation_rests_on(package: dict[str, bytes], settings: Settings) -> None:
    assert set(package) == {"README.txt", "annotated/1.jpg", REF, "manifest.json", "manifest.sig", "public_key.pem",
                            "report.pdf", "rules/kz/pack.yaml", "rules/kz/plates.yaml",
                            *(f"records/{name}.json" for name in RECORDS)}  # fmt: skip
    manifest = json.loads(package["manifest.json"])
    assert manifest["violation"]["plate"] == "123ABC02"
    assert manifest["reviews"][0]["officer"] == "A. Officer"
    assert manifest["signed_ms"] == SIGNED_MS
    assert b"secret" not in b"".join(package.values())
    verdict = verify_package(package, open_signer(settings).public_pem)
    assert verdict.ok
    assert (verdict.violation_id, verdict.trusted, verdict.signed_ms) == ("v1", True, SIGNED_MS)


def test_the_records_say_how_it_was_measured_and_by_what(package: dict[str, bytes]) -> None:
    said = {name: json.loads(package[f"records/{name}.json"]) for name in RECORDS}
    measured = said["measurement"]
    assert (measured["uncertainty_kmh"], measured["tolerance_kmh"], measured["source"]) == (
        1.2,
        0.5,
        "radar:r-7",
    )
    assert "radar:r-7" in measured["how"]
    (calibration,) = said["calibration"]
    own = calibration["calibration"]
    assert (own["surveyed_on"], own["surveyed_by"], len(own["residuals"])) == ("2026-02-01", "Geo LLP", 4)
    (clock,) = said["clock"]
    assert (clock["before"]["check_id"], clock["after"]["check_id"]) == ("c-1", "c1")
    assert (clock["stated_ms"], clock["seen_ms"]) == (40, 7.0)
    assert said["device_reads"][0]["read_id"] == "x1"
    corrections = said["corrections"]
    assert (corrections["read_plate"], corrections["corrected_by"]) == ("128ABC02", "B. Clerk")
    assert [v["violation_id"] for v in corrections["replaced"]] == ["v0"]
    assert [r["decision"] for r in corrections["decisions"]] == ["returned"]
    assert said["register"]["registered"]["colour"] == "white"
    assert "Қасымова" not in package["records/register.json"].decode()
    assert said["confirmations"][0]["by"] == "C. Counsel"
    assert said["sightings"]["no_longer_kept"] == ["s1", "s2"]


def test_without_device_correction_or_checks_the_package_says_so(
    facts: Facts, violation: Make, settings: Settings
) -> None:
    plain = replace(
        facts, violation=violation(evidence=facts.violation.evidence), clock_checks=(), vehicle=None
    )
    package = build_package(plain, open_signer(settings), SIGNED_MS)
    assert "records/corrections.json" not in package
    assert "records/device_reads.json" not in package
    (clock,) = json.loads(package["records/clock.json"])
    assert clock["verdict"].startswith("never compared with a reference")
    assert json.loads(package["records/register.json"])["registered"] is None
    assert verify_package(package).faults == ()


def test_the_report_reads_as_the_case_does(printed: list[str], package: dict[str, bytes]) -> None:
    text = "\n".join(printed)
    assert package["report.pdf"].startswith(b"%PDF-")
    for words in ("average speed", "132.20 km/h", "131.00 km/h", "tolerance of the law", "0.50 km/h", "radar:r-7", "Geo LLP",
                  "A. Officer", "returned", "T. Tech", "B. Clerk", "128ABC02", "KZ.02.03"):  # fmt: skip
        assert words in text, words
    assert hashlib.sha256(package[REF]).hexdigest() in text


def test_a_calibration_made_after_the_violation_is_called_that(
    printed: list[str], facts: Facts, settings: Settings
) -> None:
    later = {**CAMERA, "calibration": {**CAMERA["calibration"], "surveyed_on": "2026-11-17"}}  # type: ignore[dict-item]
    (camera,) = facts.cameras
    again = replace(facts, cameras=[replace(camera, config_json=json.dumps(later))])
    package = build_package(again, open_signer(settings), SIGNED_MS)
    assert json.loads(package["records/calibration.json"])[0]["calibration"]["surveyed_after"] is True
    assert "AFTER the violation" in "\n".join(printed)
    printed.clear()
    build_package(facts, open_signer(settings), SIGNED_MS)
    assert "AFTER" not in "\n".join(printed)


def test_an_offence_by_the_register_names_what_the_register_says(
    printed: list[str],
    facts: Facts,
    violation: Make,
    vehicle: Make,
    at_ms: Callable[[str], int],
    settings: Settings,
) -> None:
    found = violation(evidence=facts.violation.evidence, offence="no_insurance", source="register", measured_kmh=None,
                      uncertainty_kmh=None, enforced_kmh=None, limit_kmh=None, distance_m=None, duration_ms=None)  # fmt: skip
    lapsed = replace(facts, violation=found, vehicle=vehicle(insured_until_ms=at_ms("2026-10-01")))
    package = build_package(lapsed, open_signer(settings), SIGNED_MS)
    assert "records/device_reads.json" not in package
    assert "register's entry" in json.loads(package["records/measurement.json"])["how"]
    text = "\n".join(printed)
    assert "2026-10-01 05:00" in text
    assert "register: inspected until\nтіркелім: техникалық байқау мерзімі" in text
    assert "not on record\nтіркелімде жоқ\nв реестре нет" in text


def test_a_parking_is_proved_by_as_many_frames_as_there_are(
    facts: Facts, violation: Make, frame: Make, settings: Settings
) -> None:
    refs, frames = [], {}
    for n in range(5):
        data = encode_jpeg(np.full((360, 640, 3), 40 + n, dtype=np.uint8))
        key = f"frames/kz-a1-exit/20261116/e-{n:09}.jpg"
        frames[key] = data
        refs.append(
            frame(
                evidence_ref=key,
                sha256=hashlib.sha256(data).hexdigest(),
                captured_ms=1_794_800_000_000 + n * 90_000,
            )
        )
    stood = violation(offence="illegal_parking", evidence=tuple(reversed(refs)), dwell_ms=360_000, zone_id="p-1", measured_kmh=None,
                      uncertainty_kmh=None, enforced_kmh=None, limit_kmh=None, distance_m=None, duration_ms=None)  # fmt: skip
    package = build_package(replace(facts, violation=stood, frames=frames), open_signer(settings), SIGNED_MS)
    assert set(frames) | {f"annotated/{n}.jpg" for n in range(1, 6)} <= set(package)
    assert "stood" not in package["records/measurement.json"].decode().split('"how"')[0]
    assert json.loads(package["records/measurement.json"])["dwell_ms"] == 360_000
    assert verify_package(package).faults == ()


def test_with_a_blur_the_originals_stay_out_unless_asked_for(facts: Facts, settings: Settings) -> None:
    signer = open_signer(settings)
    without = build_package(facts, signer, SIGNED_MS, Blur("outside", originals=False))
    assert REF not in without
    assert "pictures/1.jpg" in without
    said = json.loads(without["manifest.json"])
    assert said["pictures"] == {"hidden": "outside", "found_by": "", "originals": False}
    assert said["violation"]["evidence"][0]["sha256"] == hashlib.sha256(facts.frames[REF]).hexdigest()
    assert b"left out" in without["README.txt"]
    assert REF in build_package(facts, signer, SIGNED_MS, Blur("outside", originals=True))
    assert verify_package(without).faults == ()


def test_the_key_is_made_once_and_for_the_owner_only(settings: Settings) -> None:
    first = open_signer(settings).public_pem
    assert open_signer(settings).public_pem == first
    assert stat.S_IMODE(key_path(settings).stat().st_mode) == 0o600
    key_path(settings).chmod(0o644)
    with pytest.raises(BadConfiguration, match="read by others"):
        open_signer(settings)
    key_path(settings).write_text("no key")
    key_path(settings).chmod(0o600)
    with pytest.raises(BadConfiguration, match="private key"):
        open_signer(settings)


@pytest.mark.parametrize("name", ["package", "package.zip"])
def test_every_tampered_file_is_named(package: dict[str, bytes], tmp_path: Path, name: str) -> None:
    path = write_package(package, tmp_path / name)
    read = read_package(path).files
    assert read_package(path).faults == ()
    assert verify_package(read).faults == ()
    for victim in sorted(set(package) - {"manifest.json", "manifest.sig", "public_key.pem"}):
        changed = {**read, victim: read[victim][:-1] + bytes([read[victim][-1] ^ 1])}
        assert verify_package(changed).faults == (f"{victim} was altered",)
        assert verify_package({k: v for k, v in read.items() if k != victim}).faults == (
            f"{victim} is missing",
        )
    assert verify_package({**read, "extra.txt": b""}).faults == ("extra.txt does not belong to the package",)
    lighter = read["manifest.json"].replace(b'"enforced_kmh": 131.0', b'"enforced_kmh": 119.0')
    assert lighter != read["manifest.json"]
    (fault,) = verify_package({**read, "manifest.json": lighter}).faults
    assert fault.startswith("manifest.json, ")
    for part in ("manifest.json", "manifest.sig", "public_key.pem"):
        assert verify_package({k: v for k, v in read.items() if k != part}).faults == (f"{part} is missing",)
        assert verify_package({**read, part: b"x"}).faults


def test_every_altered_byte_of_an_archive_is_found_by_both_verifiers(
    package: dict[str, bytes], settings: Settings, standalone: ModuleType, tmp_path: Path
) -> None:
    trusted = open_signer(settings).public_pem
    whole = write_package(package, tmp_path / "whole.zip").read_bytes()
    intact = read_package(tmp_path / "whole.zip")
    assert verify_package(intact.files, trusted).ok
    files, faults = standalone.read(tmp_path / "whole.zip")
    assert (files, faults, standalone.check(files, trusted)) == (intact.files, [], [])
    # Bytes all over what is no picture, and some of each picture: headers, manifest, signature, key, directory.
    pictures = [data for name, data in package.items() if name.endswith((".jpg", ".pdf"))]
    spans = [(whole.index(data), whole.index(data) + len(data)) for data in pictures]
    some = [n for n in range(len(whole)) if n % 211 == 0 and not any(a + 9 < n < b - 9 for a, b in spans)]
    some += [n for a, b in spans for n in range(a, b, (b - a) // 40)]
    for number in some:
        altered = bytearray(whole)
        altered[number] ^= 1 << number % 8
        path = tmp_path / "altered.zip"
        path.write_bytes(bytes(altered))
        try:
            read = read_package(path)
        except BadConfiguration:
            with pytest.raises((OSError, zipfile.BadZipFile, RuntimeError, ValueError)):
                standalone.read(path)
            continue
        assert read.faults or not verify_package(read.files, trusted).ok, number
        files, faults = standalone.read(path)
        assert [*faults, *standalone.check(files, trusted)], number


def test_every_altered_byte_of_key_and_signature_is_named(
    package: dict[str, bytes], standalone: ModuleType
) -> None:
    for name in ("manifest.sig", "public_key.pem"):
        for number in range(len(package[name])):
            altered = bytearray(package[name])
            altered[number] ^= 1
            changed = {**package, name: bytes(altered)}
            assert any(name in fault for fault in verify_package(changed).faults), (name, number)
            assert any(name in fault for fault in standalone.check(changed)), (name, number)


def test_the_standalone_verifier_needs_nothing_of_ours(
    package: dict[str, bytes], root: Path, tmp_path: Path
) -> None:
    folder = write_package(package, tmp_path / "package")
    key = tmp_path / "key.pem"
    key.write_bytes(package["public_key.pem"])
    program = [sys.executable, "-I", "-S", str(root / "examples/verify_evidence.py"), str(folder)]
    intact = subprocess.run([*program, "--key", str(key)], capture_output=True, text=True, check=False)
    assert (intact.returncode, intact.stderr) == (0, "")
    assert "as expected" in intact.stdout
    (folder / "rules/kz/pack.yaml").write_text("units: 1")
    altered = subprocess.run(program, capture_output=True, text=True, check=False)
    assert altered.returncode == 1
    assert "FAULT rules/kz/pack.yaml was altered" in altered.stdout
    nothing = [*program[:-1], str(tmp_path / "nothing")]
    assert subprocess.run(nothing, capture_output=True, check=False).returncode == 2


def test_a_stranger_s_signature_is_not_trusted(package: dict[str, bytes], tmp_path: Path) -> None:
    stranger = open_signer(Settings(state_dir=tmp_path / "other"))
    verdict = verify_package(package, stranger.public_pem)
    assert (verdict.faults, verdict.trusted, verdict.ok) == ((), False, False)
    assert verify_package(package).trusted is None


def test_the_same_facts_give_the_same_archive(
    facts: Facts, package: dict[str, bytes], settings: Settings, tmp_path: Path
) -> None:
    assert build_package(facts, open_signer(settings), SIGNED_MS) == package
    first, second = (write_package(package, tmp_path / f"{n}.zip").read_bytes() for n in "ab")
    assert first == second
    with pytest.raises(BadConfiguration, match="already there"):
        write_package(package, tmp_path / "a.zip")


def test_altered_or_missing_evidence_gives_no_package(violation: Make, settings: Settings) -> None:
    signer, found = open_signer(settings), violation()
    with pytest.raises(BadMessage, match="is gone"):
        build_package(Facts(violation=found, frames={}), signer, SIGNED_MS)
    altered = {r.evidence_ref: b"x" for r in found.evidence}
    with pytest.raises(BadMessage, match="was altered"):
        build_package(Facts(violation=found, frames=altered), signer, SIGNED_MS)
