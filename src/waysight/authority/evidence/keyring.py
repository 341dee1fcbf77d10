"""The authority's signing keys over time, as statements that the keys themselves signed.

A ring is a set of files: `keys/<id>.pem`, `NNNN.json` (statements, numbered from 1, each naming the SHA-256 of the one
before) and `NNNN.<id>.sig` (Ed25519 over the statement's bytes). There are three kinds of statement:

    begin    a key starts, with nobody to vouch for it: the first one, and whenever the key before it was lost
    rotate   a key follows another: signed by both
    revoke   a key is not to be relied on from a date on (lost) or at all (compromised): signed by the key in force
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from waysight.adapters.signing import canonical_pem, fingerprint, is_signed
from waysight.errors import BadMessage

FORMAT = "waysight-keyring/1"
KINDS = ("begin", "rotate", "revoke")
REASONS = ("lost", "compromised")
# Kind, whether a key is in force, whether a reason is given.
_BEGINNINGS = (("begin", False, False), ("begin", True, True), ("rotate", True, False))


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key: in force from `from_ms` until before `end_ms` (UTC epoch ms; None: still).

    `line` counts the beginnings without a voucher. `revoked_ms` and `revoked_as` (lost, compromised) say from when
    on and why it is not relied on.
    """

    key: str
    pem: bytes
    line: int
    from_ms: int
    end_ms: int | None = None
    revoked_ms: int | None = None
    revoked_as: str = ""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by id, oldest first, the digest and number of the last statement, and every fault of the files."""

    keys: Mapping[str, RingKey]
    number: int = 0
    head: str = ""
    faults: tuple[str, ...] = ()

    @property
    def active(self) -> RingKey | None:
        """The key in force, or None in an empty ring."""
        return next((k for k in self.keys.values() if k.end_ms is None), None)

    def against(self, key: str, signed_ms: int | None, witnessed_ms: int | None = None) -> str:
        """Why a signature by `key` at `signed_ms` is not to be relied on; empty when it is.

        `signed_ms` is what the signed text says of itself (None: nothing). A thief of a key can write any date:
        for a compromised key only `witnessed_ms` counts, when somebody else noted the signed text.
        """
        if self.faults:
            return f"the key ring is not whole: {self.faults[0]}"
        held = self.keys.get(key)
        if held is None:
            return f"key {key} is not in the key ring"
        revoked_ms = held.revoked_ms
        if (
            held.revoked_as == "compromised"
            and revoked_ms is not None
            and (witnessed_ms or revoked_ms) >= revoked_ms
        ):
            return (
                f"key {key} was compromised from {_day(revoked_ms)} on, and whoever has it can write any date; "
                "only a witness from before counts (the authority: `waysight evidence verify --witness`)"
            )
        if signed_ms is None:
            return (
                ""
                if held.end_ms is None
                else f"key {key} has ended, and the package names no time of signing"
            )
        if signed_ms < held.from_ms:
            return f"key {key} was used before its beginning on {_day(held.from_ms)}"
        if held.end_ms is not None and signed_ms >= held.end_ms:
            return f"key {key} was used after its end on {_day(held.end_ms)}"
        if held.revoked_as == "lost" and held.revoked_ms is not None and signed_ms >= held.revoked_ms:
            return f"key {key} was revoked from {_day(held.revoked_ms)} on"
        return ""

    def vouched(self, pinned: str, key: str) -> bool:
        """Whether an unbroken line of rotations joins a key that one trusts already with another one."""
        a, b = self.keys.get(pinned), self.keys.get(key)
        return not self.faults and a is not None and b is not None and a.line == b.line


def statement(kind: str, key: str, from_ms: int, by: str, ring: KeyRing, reason: str = "") -> bytes:
    """The next statement of a ring, as the bytes to sign."""
    said: dict[str, Any] = {
        "format": FORMAT, "number": ring.number + 1, "kind": kind, "key": key, "from_ms": from_ms, "by": by,
        "reason": reason, "previous": ring.head,
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True).encode()


def read_ring(files: Mapping[str, bytes]) -> KeyRing:
    """The ring of these files by path, with every fault named; what follows a fault is not believed."""
    ring, used = KeyRing({}), set[str]()
    while not ring.faults and (name := f"{ring.number + 1:04}.json") in files:
        try:
            ring = _extended(ring, name, files, used)
        except (ValueError, KeyError, TypeError, BadMessage) as error:
            ring = replace(ring, faults=(f"{name}: {error}",))
    if not ring.faults:
        strange = sorted(set(files) - used)
        empty = () if ring.keys else ("it holds no statement 0001.json",)
        ring = replace(ring, faults=(*empty, *(f"{path} does not belong to it" for path in strange)))
    return ring


def _extended(ring: KeyRing, name: str, files: Mapping[str, bytes], used: set[str]) -> KeyRing:
    text = files[name]
    said = json.loads(text)
    kind, key, from_ms = str(said["kind"]), str(said["key"]), int(said["from_ms"])
    if (said["format"], said["number"], said["previous"]) != (FORMAT, ring.number + 1, ring.head):
        raise ValueError("it does not follow the statement before it")
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}")
    active, keys = ring.active, dict(ring.keys)
    if kind == "revoke":
        if active is None or key not in keys or key == active.key or said["reason"] not in REASONS:
            raise ValueError("it revokes no former key for a known reason")
        signers = {active.key: active.pem}
        keys[key] = replace(keys[key], revoked_ms=from_ms, revoked_as=str(said["reason"]))
    else:
        pem = files.get(f"keys/{key}.pem", b"")
        used.add(f"keys/{key}.pem")
        if not pem or canonical_pem(pem) != pem or fingerprint(pem) != key or key in keys:
            raise ValueError(f"keys/{key}.pem is missing, altered or not new")
        if (kind, active is not None, bool(said["reason"])) not in _BEGINNINGS:
            raise ValueError(
                "only a key in force is followed, and only the first or a lost one's heir begins"
            )
        if active is not None and from_ms <= active.from_ms:
            raise ValueError("it begins before the key that it follows")
        signers = {key: pem}
        line = active.line + (kind == "begin") if active else 1
        if active is not None:
            keys[active.key] = replace(active, end_ms=from_ms)
            signers |= {active.key: active.pem} if kind == "rotate" else {}
        keys[key] = RingKey(key, pem, line, from_ms)
    for signer, signer_pem in signers.items():
        path = f"{name.removesuffix('.json')}.{signer}.sig"
        used.add(path)
        if not is_signed(signer_pem, files.get(path, b""), text):
            raise ValueError(f"{path} is no signature of it by key {signer}")
    used.add(name)
    return KeyRing(keys, ring.number + 1, hashlib.sha256(text).hexdigest())


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
