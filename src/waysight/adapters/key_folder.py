"""This machine's key ring: the folder of statements, and the one private key that signs now."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waysight.adapters.signing import Signer, key_path, new_signer, open_signer, read_signer, write_private
from waysight.authority.evidence.keyring import REASONS, KeyRing, read_ring, statement
from waysight.errors import BadConfiguration
from waysight.settings import Settings


class KeyFolder:
    """`keys/ring/` in the state folder; the private key lies beside it, or in WAYSIGHT_EVIDENCE_KEY."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key_path = key_path(settings)
        self.path = self._key_path.parent / "ring"
        self._next = self._key_path.with_name("evidence-next.pem")

    @property
    def exists(self) -> bool:
        """Whether anything was signed here yet."""
        return bool(self._configured) or self._key_path.exists() or self.path.exists()

    def ring(self) -> KeyRing:
        """The ring; begun with this machine's key on first use. Raises BadConfiguration when it is not whole."""
        with self._locked():
            return self._load()

    def signer(self) -> Signer:
        """What signs now; raises BadConfiguration where the private key is not the ring's key in force."""
        ring, signer = self.ring(), open_signer(self._settings)
        if ring.active is None or ring.active.key != signer.key:
            raise BadConfiguration(
                f"the private key here is {signer.key}, the ring's key in force is {ring.active and ring.active.key}: "
                "put that one back, or, if it is lost, run `waysight evidence keys rotate --lost`"
            )
        if against := ring.against(signer.key, _now_ms()):
            raise BadConfiguration(f"{against}: correct this machine's clock")
        return signer

    def rotate(self, by: str, lost: bool = False, to: Path | None = None) -> KeyRing:
        """A new key from now on, made here or read from `to`; the old private key signs that and is destroyed.

        `lost`: the old private key is gone, nobody vouches for the new one. Raises BadConfiguration.
        """
        with self._locked():
            ring = self._load()
            active = ring.active
            assert active is not None
            now_ms = max(_now_ms(), active.from_ms + 1)
            held = open_signer(self._settings)
            if lost:
                fresh = held if held.key != active.key else self._fresh(to)
                self._keep(fresh, held)
                self._begin(fresh, ring, now_ms, by, "lost")
            else:
                if held.key != active.key:
                    raise BadConfiguration(
                        f"the private key of {active.key} is not here; put it back, or add --lost if it is gone"
                    )
                fresh = self._fresh(to)
                self._keep(fresh, held)
                self._write(ring, statement("rotate", fresh.key, now_ms, by, ring), fresh, held)
            self._settle()
            return self._read()

    def revoke(self, key: str, from_ms: int, reason: str, by: str) -> KeyRing:
        """Say that a former key is not to be relied on; raises BadConfiguration for the one in force."""
        signer = self.signer()
        with self._locked():
            ring = self._load()
            if key == signer.key:
                raise BadConfiguration(f"{key} is the key in force; `waysight evidence keys rotate` first")
            if key not in ring.keys:
                raise BadConfiguration(f"no key {key} in the ring; `waysight evidence keys list` shows them")
            if reason not in REASONS:
                raise BadConfiguration(f"reason {reason!r} is none; there are {', '.join(REASONS)}")
            self._write(ring, statement("revoke", key, from_ms, by, ring, reason), signer)
            return self._read()

    def files(self) -> dict[str, bytes]:
        """The ring's files by path: all public."""
        return read_folder(self.path)

    @property
    def _configured(self) -> str:
        return self._settings.evidence_key.get_secret_value()

    def _fresh(self, to: Path | None) -> Signer:
        if to is not None:
            return read_signer(to)
        if self._configured:
            raise BadConfiguration(
                "the private key comes from WAYSIGHT_EVIDENCE_KEY: give the new one with --to FILE, then set the variable"
            )
        return new_signer()

    def _keep(self, fresh: Signer, held: Signer) -> None:
        """The next key lies beside the old one until the ring says that it signs: no moment without a key."""
        if not self._configured and fresh.key != held.key:
            write_private(self._next, fresh)

    def _load(self) -> KeyRing:
        if not (self.path / "0001.json").exists():
            self._begin(open_signer(self._settings), KeyRing({}), _now_ms(), self._settings.user, "")
        self._settle()
        return self._read()

    def _settle(self) -> None:
        """Finish or take back what a crash left half done."""
        last = len(list(self.path.glob("[0-9]*.json")))
        for path in (*self.path.glob("*.sig"), *self.path.glob("*.draft")):
            if int(path.name[:4]) > last:
                path.unlink()
        said = b"".join(p.read_bytes() for p in self.path.glob("[0-9]*.json"))
        for path in self.path.glob("keys/*.pem"):
            if path.stem.encode() not in said:
                path.unlink()
        if self._next.exists():
            active = self._read().active
            if active is not None and read_signer(self._next).key == active.key:
                self._next.replace(self._key_path)
            else:
                self._next.unlink()

    def _begin(self, signer: Signer, ring: KeyRing, from_ms: int, by: str, reason: str) -> None:
        self._write(ring, statement("begin", signer.key, from_ms, by, ring, reason), signer)

    def _write(self, ring: KeyRing, text: bytes, *signers: Signer) -> None:
        """The statement itself comes last: without it its signatures and its key, the first signer's, say nothing."""
        number = f"{ring.number + 1:04}"
        (self.path / "keys").mkdir(parents=True, exist_ok=True)
        (self.path / "keys" / f"{signers[0].key}.pem").write_bytes(signers[0].public_pem)
        for signer in signers:
            (self.path / f"{number}.{signer.key}.sig").write_bytes(signer.sign(text))
        draft = self.path / f"{number}.draft"
        draft.write_bytes(text)
        draft.replace(self.path / f"{number}.json")

    def _read(self) -> KeyRing:
        ring = read_ring(self.files())
        if ring.faults:
            raise BadConfiguration(
                f"{self.path} is not whole: {'; '.join(ring.faults)}; restore it from a copy"
            )
        return ring

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._key_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._key_path.parent / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def read_folder(path: Path) -> dict[str, bytes]:
    """Every file under a folder by its path within; raises BadConfiguration when it is no folder."""
    if not path.is_dir():
        raise BadConfiguration(f"{path} is no folder")
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
