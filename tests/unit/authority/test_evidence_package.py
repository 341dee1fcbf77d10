"""Evidence packages: the same facts give the same bytes, and every tampered file is named."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
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
    read = read_package(path)
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
    assert verify_package({**read, "manifest.json": lighter}).faults == (
        "manifest.json is not what was signed",
    )
    for part in ("manifest.json", "manifest.sig", "public_key.pem"):
        assert verify_package({k: v for k, v in read.items() if k != part}).faults == (f"{part} is missing",)
        assert verify_package({**read, part: b"x"}).faults


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
