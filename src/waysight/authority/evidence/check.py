"""Checking an evidence package: signature, hashes, completeness, and whether its key was in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from waysight.adapters.signing import canonical_pem, fingerprint, is_signed
from waysight.authority.evidence.keyring import KeyRing
from waysight.errors import BadMessage

FORMAT = "waysight-evidence/2"
FORMATS = ("waysight-evidence/1", FORMAT)
MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public_key.pem"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: `faults` in words, the signing key's fingerprint, and whether it is to be relied on.

    `trusted` is None where there was nothing to compare with; `against` says why it is False. `signed_ms` is when the
    manifest says that it was signed (UTC epoch ms; None in the first format).
    """

    faults: tuple[str, ...]
    violation_id: str
    key: str
    trusted: bool | None
    signed_ms: int | None = None
    against: str = ""

    @property
    def ok(self) -> bool:
        """Intact, and not signed by a stranger nor by a key out of force."""
        return not self.faults and self.trusted is not False


def verify_package(
    package: Mapping[str, bytes],
    trusted_pem: bytes | None = None,
    ring: KeyRing | None = None,
    witnessed_ms: int | None = None,
) -> Verdict:
    """Check signature, hashes and completeness; every file at fault is named.

    With `ring` the key must have been in force when it signed; with `trusted_pem` it must be that key, or with both
    one that the ring joins to it without a break. `witnessed_ms`: when somebody else noted this manifest.
    """
    missing = [name for name in (MANIFEST, SIGNATURE, PUBLIC_KEY) if name not in package]
    if missing:
        return Verdict(tuple(f"{name} is missing" for name in missing), "", "", None)
    pem = package[PUBLIC_KEY]
    key, violation_id, signed_ms = fingerprint(pem), "", None
    listed: dict[str, str] = {}
    faults = []
    try:
        if not is_signed(pem, package[SIGNATURE], package[MANIFEST]):
            faults.append(f"{MANIFEST}, {SIGNATURE} or {PUBLIC_KEY} was altered: the signature does not fit")
        if canonical_pem(pem) != pem:
            faults.append(f"{PUBLIC_KEY} was altered")
        manifest = json.loads(package[MANIFEST])
        if str(manifest["key"]) != key:
            faults.append(f"{PUBLIC_KEY} is not the key that {MANIFEST} names")
        listed = {str(f["path"]): str(f["sha256"]) for f in manifest["files"]}
        violation_id = str(manifest["violation"]["violation_id"])
        signed_ms = int(manifest["signed_ms"]) if manifest["format"] != FORMATS[0] else None
        if manifest["format"] not in FORMATS:
            raise ValueError
    except BadMessage as error:
        faults = [f"{PUBLIC_KEY}: {error}"]
    except (ValueError, KeyError, TypeError):
        faults.append(f"{MANIFEST} is no manifest of {' or '.join(FORMATS)}")
    else:
        faults += _files(package, listed)
    against = _against(key, signed_ms, trusted_pem, ring, witnessed_ms)
    trusted = None if trusted_pem is None and ring is None else not against
    return Verdict(tuple(faults), violation_id, key, trusted, signed_ms, against)


def _files(package: Mapping[str, bytes], listed: Mapping[str, str]) -> list[str]:
    faults = []
    for path, digest in sorted(listed.items()):
        if path not in package:
            faults.append(f"{path} is missing")
        elif hashlib.sha256(package[path]).hexdigest() != digest:
            faults.append(f"{path} was altered")
    extra = sorted(set(package) - set(listed) - {MANIFEST, SIGNATURE, PUBLIC_KEY})
    return faults + [f"{path} does not belong to the package" for path in extra]


def _against(
    key: str, signed_ms: int | None, trusted_pem: bytes | None, ring: KeyRing | None, witnessed_ms: int | None
) -> str:
    pinned = None if trusted_pem is None else fingerprint(trusted_pem)
    if ring is None:
        return "" if pinned in (None, key) else f"key {key} is ANOTHER KEY than the expected one ({pinned})"
    if pinned is not None and not ring.vouched(pinned, key):
        return f"the key ring does not join key {key} to the expected one ({pinned})"
    return ring.against(key, signed_ms, witnessed_ms)
