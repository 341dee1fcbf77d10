"""Evidence packages: the same facts give the same bytes, and every tampered file is named."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from waysight.adapters.pictures import encode_jpeg
from waysight.adapters.signing import key_path, open_signer
from waysight.authority.evidence_package import (
    build_package,
    cameras_of,
    read_package,
    verify_package,
    write_package,
)
from waysight.errors import BadConfiguration, BadMessage
from waysight.messages import CameraRecord
from waysight.settings import Settings

Make = Callable[..., Any]
REF = "frames/kz-a1-exit/20261116/e-000000001.jpg"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a state folder of their own."""
    return Settings(state_dir=tmp_path / "state")


@pytest.fixture
def package(violation: Make, frame: Make, review: Make, settings: Settings) -> dict[str, bytes]:
    """A package of one frame."""
    data = encode_jpeg(np.random.default_rng(1).integers(0, 255, (360, 640, 3), dtype=np.uint8))
    ref = frame(evidence_ref=REF, sha256=hashlib.sha256(data).hexdigest())
    camera = CameraRecord(camera_id="kz-a1-exit", record_kind="camera", version="1",
                          config_json=json.dumps({"id": "kz-a1-exit", "source": "rtsp://user:secret@host/live"}))  # fmt: skip
    found = violation(evidence=(ref,))
    assert cameras_of(found) == {"kz-a1-exit", "a1-112-113"}
    return build_package(found, {REF: data}, [camera], [review()], None, open_signer(settings))


def test_a_package_holds_what_the_violation_rests_on(package: dict[str, bytes], settings: Settings) -> None:
    assert set(package) == {"README.txt", "annotated/1.jpg", REF, "manifest.json", "manifest.sig", "public_key.pem",
                            "rules/kz/pack.yaml", "rules/kz/plates.yaml"}  # fmt: skip
    manifest = json.loads(package["manifest.json"])
    assert manifest["violation"]["plate"] == "123ABC02"
    assert manifest["reviews"][0]["officer"] == "A. Officer"
    assert b"secret" not in b"".join(package.values())
    verdict = verify_package(package, open_signer(settings).public_pem)
    assert verdict.ok
    assert (verdict.violation_id, verdict.trusted) == ("v1", True)


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
    for victim in (REF, "annotated/1.jpg", "rules/kz/pack.yaml", "README.txt"):
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


@pytest.fixture(scope="session")
def standalone(root: Path) -> ModuleType:
    """The verifier that needs no waysight."""
    spec = importlib.util.spec_from_file_location("verify_evidence", root / "examples/verify_evidence.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_altered_byte_of_an_archive_is_found_by_both_verifiers(
    package: dict[str, bytes], settings: Settings, standalone: ModuleType, tmp_path: Path
) -> None:
    trusted = open_signer(settings).public_pem
    whole = write_package(package, tmp_path / "whole.zip").read_bytes()
    intact = read_package(tmp_path / "whole.zip")
    assert verify_package(intact.files, trusted).ok
    files, faults = standalone.read(tmp_path / "whole.zip")
    assert (files, faults, standalone.check(files, trusted)) == (intact.files, [], [])
    # Every byte that is not in a picture, and some of each picture: headers, manifest, signature, key, directory.
    pictures = [data for name, data in package.items() if name.endswith(".jpg")]
    spans = [(whole.index(data), whole.index(data) + len(data)) for data in pictures]
    some = [n for n in range(len(whole)) if n % 23 == 0 and not any(a + 9 < n < b - 9 for a, b in spans)]
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
    assert "the expected key" in intact.stdout
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


def test_the_same_facts_give_the_same_archive(package: dict[str, bytes], tmp_path: Path) -> None:
    first, second = (write_package(package, tmp_path / f"{n}.zip").read_bytes() for n in "ab")
    assert first == second
    with pytest.raises(BadConfiguration, match="already there"):
        write_package(package, tmp_path / "a.zip")


def test_altered_or_missing_evidence_gives_no_package(violation: Make, settings: Settings) -> None:
    signer = open_signer(settings)
    with pytest.raises(BadMessage, match="is gone"):
        build_package(violation(), {}, [], [], None, signer)
    with pytest.raises(BadMessage, match="was altered"):
        build_package(violation(), {r.evidence_ref: b"x" for r in violation().evidence}, [], [], None, signer)


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no archive")
    for path in (tmp_path / "x.zip", tmp_path / "nothing"):
        with pytest.raises(BadConfiguration, match="no evidence package"):
            read_package(path)
