"""Checks an evidence package of waysight with nothing but Python: no waysight, no library, no network.

python3 verify_evidence.py PACKAGE [--key PUBLIC.pem] [--ring FOLDER]

PACKAGE is the folder or the ZIP file. Signature (Ed25519, RFC 8032), every file's SHA-256, missing and foreign files,
and the bytes of the ZIP file itself are checked; each fault is named. With --key the package must be signed by that
key, with --ring by a key that was in force when it signed (the folder that `waysight evidence keys export` writes),
with both by one that the ring joins to that key without a break. Get key and ring from the authority, not from the
package. Exit code 0: intact; 1: not; 2: it could not be read.
"""

import argparse
import base64
import hashlib
import io
import json
import sys
import time
import zipfile
import zlib
from pathlib import Path

MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public_key.pem"
_DER = bytes.fromhex(
    "302a300506032b6570032100"
)  # SubjectPublicKeyInfo of an Ed25519 key, before its 32 bytes

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # a square root of -1
NEUTRAL = (0, 1, 1, 0)


def add(a, b):
    """Sum of two points in extended coordinates (RFC 8032, 5.1.4)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P


def times(factor, point):
    """A point added to itself `factor` times."""
    total = NEUTRAL
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    return total


def decoded(raw):
    """The point of 32 bytes, or None when they are none (RFC 8032, 5.1.3)."""
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def same(a, b):
    """Whether two points are equal."""
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


BASE = decoded((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(public, signature, data):
    """Whether 64 bytes are the signature of `data` by a public key of 32 bytes (RFC 8032, 5.1.7)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, point = decoded(public), decoded(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or point is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + data).digest()
    factor = int.from_bytes(digest, "little") % ORDER
    return same(times(scalar, BASE), add(point, times(factor, key)))


def public_bytes(pem):
    """The 32 bytes of an Ed25519 public key in PEM, written in the one way that waysight writes it; else b""."""
    lines = pem.decode("ascii", "replace").splitlines()
    try:
        raw = base64.b64decode(lines[1], validate=True) if len(lines) == 3 else b""
    except ValueError:
        return b""
    text = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(raw).decode()}\n-----END PUBLIC KEY-----\n"
    fits = raw.startswith(_DER) and len(raw) == len(_DER) + 32 and text.encode() == pem
    return raw[len(_DER) :] if fits else b""


def fingerprint(pem):
    """The short name of a public key that manifests use."""
    return hashlib.sha256(pem.strip()).hexdigest()[:32]


def zipped(package):
    """The bytes of the ZIP file that waysight makes of these files: one file can have only one form."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(package.items()):
            info = zipfile.ZipInfo(path)
            info.create_system, info.external_attr = 3, 0o600 << 16
            archive.writestr(info, data)
    return made.getvalue()


def read(path):
    """The files of a package by path, and what is wrong with its container."""
    if path.is_dir():
        return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}, []
    raw = path.read_bytes()
    faults, package = [], {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in archive.infolist():
            try:
                package[info.filename] = archive.read(info)
            except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, OSError) as error:
                faults.append(f"{info.filename} was altered: {error}")
    if not faults and zipped(package) != raw:
        faults.append(f"{path.name}: the ZIP file around the evidence was altered")
    return package, faults


def day(at_ms):
    """UTC epoch ms as text."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at_ms // 1000))


# Kind, whether a key is in force, whether a reason is given.
BEGINNINGS = (("begin", False, False), ("begin", True, True), ("rotate", True, False))


def read_ring(files):
    """The keys of a ring by id, from its files by path; raises ValueError where it is not whole."""
    keys, used, head, number, active = {}, set(), "", 1, None
    while f"{number:04}.json" in files:
        name = f"{number:04}.json"
        text = files[name]
        said = json.loads(text)
        kind, key = said["kind"], said["key"]
        if (said["format"], said["number"], said["previous"]) != ("waysight-keyring/1", number, head):
            raise ValueError(f"{name} does not follow the statement before it")
        if kind == "revoke":
            if key not in keys or key == active or said["reason"] not in ("lost", "compromised"):
                raise ValueError(f"{name} revokes no former key for a known reason")
            keys[key].update(revoked=int(said["from_ms"]), reason=said["reason"])
            signers = [active]
        elif (kind, bool(active), bool(said["reason"])) in BEGINNINGS:
            path = f"keys/{key}.pem"
            pem = files.get(path, b"")
            used.add(path)
            if not public_bytes(pem) or fingerprint(pem) != key or key in keys:
                raise ValueError(f"{path} is missing, altered or not new")
            line = keys[active]["line"] + (kind == "begin") if active else 1
            signers = [key, active] if kind == "rotate" else [key]
            if active:
                if int(said["from_ms"]) <= keys[active]["from"]:
                    raise ValueError(f"{name} begins before the key that it follows")
                keys[active]["end"] = int(said["from_ms"])
            keys[key] = {
                "pem": pem,
                "line": line,
                "from": int(said["from_ms"]),
                "end": None,
                "revoked": None,
                "reason": "",
            }
            active = key
        else:
            raise ValueError(f"{name} is no statement of a known kind")
        for signer in signers:
            path = f"{number:04}.{signer}.sig"
            used.add(path)
            if not is_signed(public_bytes(keys[signer]["pem"]), files.get(path, b""), text):
                raise ValueError(f"{path} is no signature of {name} by key {signer}")
        used.add(name)
        number, head = number + 1, hashlib.sha256(text).hexdigest()
    if not keys or set(files) != used:
        raise ValueError(f"missing or foreign files: {', '.join(sorted(set(files) - used)) or '0001.json'}")
    return keys


def against(ring, key, signed_ms):
    """Why a signature by a key at a time (UTC epoch ms, or None) is not to be relied on; empty when it is."""
    held = ring.get(key)
    if held is None:
        return f"key {key} is not in the key ring"
    if held["reason"] == "compromised":
        return (
            f"key {key} was compromised from {day(held['revoked'])} on, and whoever has it can write any date; "
            "ask the authority whether its audit log noted this manifest before"
        )
    if signed_ms is None:
        return "" if held["end"] is None else f"key {key} has ended, and the package names no time of signing"
    if signed_ms < held["from"]:
        return f"key {key} was used before its beginning on {day(held['from'])}"
    if held["end"] is not None and signed_ms >= held["end"]:
        return f"key {key} was used after its end on {day(held['end'])}"
    if held["revoked"] is not None and signed_ms >= held["revoked"]:
        return f"key {key} was revoked from {day(held['revoked'])} on"
    return ""


def check(package, trusted=None, ring=None):
    """Everything wrong with the files of a package, in words.

    `trusted` is the PEM that must have signed, or with `ring` (from `read_ring`) must lead to the key that did.
    """
    missing = [f"{name} is missing" for name in (MANIFEST, SIGNATURE, PUBLIC_KEY) if name not in package]
    if missing:
        return missing
    faults, pem, text = [], package[PUBLIC_KEY], package[MANIFEST]
    if not public_bytes(pem):
        faults.append(f"{PUBLIC_KEY} is no Ed25519 public key")
    elif not is_signed(public_bytes(pem), package[SIGNATURE], text):
        faults.append(f"{MANIFEST}, {SIGNATURE} or {PUBLIC_KEY} was altered: the signature does not fit")
    pinned = None if trusted is None else fingerprint(trusted)
    if ring is None and pinned not in (None, fingerprint(pem)):
        faults.append(f"{PUBLIC_KEY} is not the key that was expected")
    if ring is not None and pinned is not None:
        lines = [ring.get(key, {}).get("line") for key in (pinned, fingerprint(pem))]
        if None in lines or lines[0] != lines[1]:
            faults.append(f"the key ring does not join {PUBLIC_KEY} to the key that was expected")
    try:
        manifest = json.loads(text)
        listed = {str(f["path"]): str(f["sha256"]) for f in manifest["files"]}
        named = str(manifest["key"])
        first = manifest["format"] == "waysight-evidence/1"
        signed_ms = None if first else int(manifest["signed_ms"])
        if not first and manifest["format"] != "waysight-evidence/2":
            raise ValueError(manifest["format"])
    except (ValueError, KeyError, TypeError):
        return [*faults, f"{MANIFEST} is no manifest"]
    if named != fingerprint(pem):
        faults.append(f"{PUBLIC_KEY} is not the key that {MANIFEST} names")
    if ring is not None and against(ring, fingerprint(pem), signed_ms):
        faults.append(against(ring, fingerprint(pem), signed_ms))
    for path, digest in sorted(listed.items()):
        if path not in package:
            faults.append(f"{path} is missing")
        elif hashlib.sha256(package[path]).hexdigest() != digest:
            faults.append(f"{path} was altered")
    extra = sorted(set(package) - set(listed) - {MANIFEST, SIGNATURE, PUBLIC_KEY})
    return faults + [f"{path} does not belong to the package" for path in extra]


def main(words):
    """Check and print; returns the exit code."""
    parser = argparse.ArgumentParser(description="Check an evidence package of waysight.")
    parser.add_argument("package", type=Path, help="folder or ZIP file")
    parser.add_argument("--key", type=Path, help="public key (PEM) that must have signed")
    parser.add_argument("--ring", type=Path, help="folder of the authority's key ring")
    given = parser.parse_args(words)
    try:
        package, faults = read(given.package)
        ring = read_ring(read(given.ring)[0]) if given.ring else None
        faults += check(package, given.key.read_bytes() if given.key else None, ring)
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError, KeyError, TypeError) as error:
        print(f"{given.package} or its key or key ring cannot be read: {error}", file=sys.stderr)
        return 2
    for fault in faults:
        print(f"FAULT {fault}")
    key = fingerprint(package.get(PUBLIC_KEY, b""))
    whose = "compare it with the authority's"
    if given.key or given.ring:
        whose = "as expected" if not faults else "see above"
    print(f"{given.package}: {'NOT intact' if faults else 'intact'}, key {key} ({whose})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
