"""Key rings: who signed when, told alike by our check and by the one that needs nothing of ours."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from waysight.adapters import key_folder
from waysight.adapters.key_folder import KeyFolder, read_folder
from waysight.adapters.signing import Signer, key_path, new_signer, open_signer, write_private
from waysight.authority.evidence.check import verify_package
from waysight.authority.evidence.keyring import KeyRing, read_ring, statement
from waysight.authority.evidence.package import build_package
from waysight.authority.evidence.records import Facts
from waysight.errors import BadConfiguration
from waysight.settings import Settings

Make = Callable[..., Any]
DAY_MS = 86_400_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The machine's clock: its only element, UTC epoch ms."""
    now = [1_795_000_000_000]
    monkeypatch.setattr(key_folder, "_now_ms", lambda: now[0])
    return now


@pytest.fixture
def folder(tmp_path: Path, clock: list[int]) -> KeyFolder:
    """A machine's keys, begun on the clock's first day."""
    del clock
    folder = KeyFolder(Settings(state_dir=tmp_path / "state"))
    folder.ring()
    return folder


def signed(violation: Make, signer: Signer, signed_ms: int) -> dict[str, bytes]:
    """A package without pictures."""
    return build_package(Facts(violation=violation(evidence=()), frames={}), signer, signed_ms)


def judged(
    package: dict[str, bytes], folder: KeyFolder, standalone: ModuleType, key: bytes | None = None
) -> str:
    """What both verifiers say against the key; they must agree."""
    verdict = verify_package(package, key, folder.ring())
    assert verdict.faults == ()
    assert verdict.trusted is (not verdict.against)
    other = standalone.check(package, key, standalone.read_ring(folder.files()))
    assert bool(other) == bool(verdict.against), (other, verdict.against)
    if other and "join" not in verdict.against:
        assert other[0].split(";")[0] == verdict.against.split(";")[0]
    return verdict.against


def test_a_key_counts_from_its_beginning_until_its_end(
    folder: KeyFolder, clock: list[int], violation: Make, standalone: ModuleType
) -> None:
    old, begun = folder.signer(), clock[0]
    package = signed(violation, old, begun)
    clock[0] += 30 * DAY_MS
    folder.rotate("K. Keeper")
    new = folder.signer()
    assert new.key != old.key
    # What the old key signed while it was in force stays good; what it signs afterwards, or signed before, is not.
    assert judged(package, folder, standalone) == ""
    assert judged(signed(violation, old, clock[0] - 1), folder, standalone) == ""
    assert "after its end" in judged(signed(violation, old, clock[0]), folder, standalone)
    assert "before its beginning" in judged(signed(violation, old, begun - 1), folder, standalone)
    assert judged(signed(violation, new, clock[0]), folder, standalone) == ""
    assert "before its beginning" in judged(signed(violation, new, clock[0] - 1), folder, standalone)
    assert "not in the key ring" in judged(signed(violation, new_signer(), clock[0]), folder, standalone)
    # Whoever trusts the first key can follow it to the second.
    assert judged(signed(violation, new, clock[0]), folder, standalone, old.public_pem) == ""


def test_the_old_private_key_is_gone_after_a_rotation(folder: KeyFolder, tmp_path: Path) -> None:
    old = folder.signer().private_pem
    folder.rotate("K. Keeper")
    left = [p for p in (tmp_path / "state").rglob("*") if p.is_file()]
    assert all(old not in p.read_bytes() for p in left)
    private = [p for p in left if b"PRIVATE" in p.read_bytes()]
    assert [stat.S_IMODE(p.stat().st_mode) for p in private] == [0o600]
    assert b"PRIVATE" not in b"".join(folder.files().values())


def test_a_lost_key_begins_a_line_of_its_own(
    folder: KeyFolder, clock: list[int], violation: Make, standalone: ModuleType, tmp_path: Path
) -> None:
    first = folder.signer()
    package = signed(violation, first, clock[0])
    key_path(Settings(state_dir=tmp_path / "state")).unlink()
    clock[0] += DAY_MS
    with pytest.raises(BadConfiguration, match="rotate --lost"):
        folder.signer()
    with pytest.raises(BadConfiguration, match="add --lost"):
        folder.rotate("K. Keeper")
    folder.rotate("K. Keeper", lost=True)
    second = folder.signer()
    assert [k.line for k in folder.ring().keys.values()] == [1, 2]
    assert judged(package, folder, standalone) == ""
    later = signed(violation, second, clock[0])
    assert judged(later, folder, standalone) == ""
    assert "does not join" in judged(later, folder, standalone, first.public_pem)
    folder.revoke(first.key, clock[0] - DAY_MS // 2, "lost", "K. Keeper")
    assert judged(package, folder, standalone) == ""
    assert "revoked from" in judged(signed(violation, first, clock[0] - 1), folder, standalone)


def test_a_compromised_key_counts_only_for_what_was_witnessed_before(
    folder: KeyFolder, clock: list[int], violation: Make, standalone: ModuleType
) -> None:
    old = folder.signer()
    package = signed(violation, old, clock[0])
    clock[0] += DAY_MS
    with pytest.raises(BadConfiguration, match="key in force"):
        folder.revoke(old.key, clock[0], "compromised", "K. Keeper")
    folder.rotate("K. Keeper")
    stolen_ms = clock[0] - 1000
    folder.revoke(old.key, stolen_ms, "compromised", "K. Keeper")
    # The thief can write any date into what he signs, so the date in the package is no proof.
    assert "compromised" in judged(package, folder, standalone)
    ring = folder.ring()
    assert verify_package(package, None, ring, witnessed_ms=stolen_ms - 1).ok
    assert not verify_package(package, None, ring, witnessed_ms=stolen_ms).ok
    assert judged(signed(violation, folder.signer(), clock[0]), folder, standalone) == ""
    for key, reason in (("nobody", "lost"), (old.key, "bored")):
        with pytest.raises(BadConfiguration):
            folder.revoke(key, clock[0], reason, "K. Keeper")


def test_every_altered_byte_of_a_ring_is_found(
    folder: KeyFolder, clock: list[int], standalone: ModuleType
) -> None:
    old = folder.signer().key
    clock[0] += DAY_MS
    folder.rotate("K. Keeper")
    folder.revoke(old, clock[0], "lost", "K. Keeper")
    files = folder.files()
    assert read_ring(files).faults == ()
    assert len(standalone.read_ring(files)) == 2
    for path, data in files.items():
        for number in {0, 1, *range(0, len(data), 17), len(data) - 1}:
            altered = bytearray(data)
            altered[number] ^= 1
            changed = {**files, path: bytes(altered)}
            assert read_ring(changed).faults, (path, number)
            with pytest.raises((ValueError, KeyError, TypeError)):
                standalone.read_ring(changed)
        without = {k: v for k, v in files.items() if k != path}
        assert read_ring(without).faults, path
        with pytest.raises(ValueError, match=r"\w"):
            standalone.read_ring(without)
    assert read_ring({**files, "keys/other.pem": b"x"}).faults
    assert read_ring({}).faults


def test_nobody_follows_a_key_that_did_not_sign_for_him(folder: KeyFolder, standalone: ModuleType) -> None:
    ring, stranger = folder.ring(), new_signer()
    assert ring.active is not None
    for kind, reason in (("rotate", ""), ("begin", ""), ("rotate", "lost"), ("revoke", "lost")):
        key = stranger.key
        text = statement(kind, key, ring.active.from_ms + 1, "a thief", ring, reason)
        forged = {**folder.files(), "0002.json": text, f"keys/{key}.pem": stranger.public_pem,
                  f"0002.{key}.sig": stranger.sign(text), f"0002.{ring.active.key}.sig": stranger.sign(text)}  # fmt: skip
        assert read_ring(forged).faults, kind
        with pytest.raises((ValueError, KeyError)):
            standalone.read_ring(forged)


def test_a_crash_in_a_rotation_is_taken_back_or_finished(
    folder: KeyFolder, clock: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = folder.signer().key
    clock[0] += 1
    replace_file = Path.replace

    def crash_at(name: str) -> Callable[[Path, Path], Path]:
        def replace(self: Path, target: Path) -> Path:
            if Path(target).name == name:
                raise OSError("power cut")
            return replace_file(self, target)

        return replace

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash_at("0002.json"))
        with pytest.raises(OSError, match="power"):
            folder.rotate("K. Keeper")
    assert folder.signer().key == first
    assert folder.ring().number == 1
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash_at("evidence-ed25519.pem"))
        with pytest.raises(OSError, match="power"):
            folder.rotate("K. Keeper")
    second = folder.signer().key
    assert second != first
    active = folder.ring().active
    assert active is not None
    assert active.key == second


def test_a_configured_key_is_changed_by_hand(tmp_path: Path, clock: list[int]) -> None:
    old, new = new_signer(), new_signer()
    path = tmp_path / "new.pem"
    write_private(path, new)
    settings = Settings(state_dir=tmp_path / "s", evidence_key=old.private_pem.decode())
    folder = KeyFolder(settings)
    assert folder.signer().key == old.key
    clock[0] += 1
    with pytest.raises(BadConfiguration, match="--to FILE"):
        folder.rotate("K. Keeper")
    folder.rotate("K. Keeper", to=path)
    with pytest.raises(BadConfiguration, match="put that one back"):
        folder.signer()
    changed = KeyFolder(Settings(state_dir=tmp_path / "s", evidence_key=new.private_pem.decode()))
    assert changed.signer().key == new.key
    path.chmod(0o644)
    with pytest.raises(BadConfiguration, match="read by others"):
        changed.rotate("K. Keeper", to=path)


def test_a_first_format_package_counts_while_its_key_is_in_force(
    folder: KeyFolder, clock: list[int], violation: Make, standalone: ModuleType
) -> None:
    signer = folder.signer()
    package = signed(violation, signer, clock[0])
    manifest = json.loads(package["manifest.json"])
    del manifest["signed_ms"]
    text = json.dumps({**manifest, "format": "waysight-evidence/1"}).encode()
    first = {**package, "manifest.json": text, "manifest.sig": signer.sign(text)}
    assert judged(first, folder, standalone) == ""
    clock[0] += 1
    folder.rotate("K. Keeper")
    assert "names no time" in judged(first, folder, standalone)


def test_a_broken_ring_signs_nothing(folder: KeyFolder) -> None:
    (folder.path / "0001.json").write_bytes(b"{}")
    with pytest.raises(BadConfiguration, match="not whole"):
        folder.signer()
    assert KeyRing({}).against("k", 1)
    with pytest.raises(BadConfiguration, match="no folder"):
        read_folder(folder.path / "nothing")


def test_the_ring_begins_with_the_key_that_was_here(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    before = open_signer(settings)
    assert KeyFolder(settings).signer().key == before.key
