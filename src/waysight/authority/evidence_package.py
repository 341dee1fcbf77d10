"""Evidence packages: everything that one violation rests on, hashed, listed and signed, for court or owner."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from waysight.adapters.evidence import frame_kind
from waysight.adapters.pictures import decode_frame, encode_jpeg
from waysight.adapters.signing import Signer, canonical_pem, fingerprint, is_signed
from waysight.authority.evidence_pictures import annotated
from waysight.cameras.files import camera_of
from waysight.errors import BadConfiguration, BadMessage
from waysight.messages import CameraRecord, Fine, Review, Violation

FORMAT = "waysight-evidence/1"
MANIFEST, SIGNATURE, PUBLIC_KEY, README = "manifest.json", "manifest.sig", "public_key.pem", "README.txt"
_HOW_TO = """Evidence package of violation {id}

manifest.json   the violation, its cameras, reviews and models, and the SHA-256 of every other file
manifest.sig    Ed25519 signature of manifest.json by the key in public_key.pem (fingerprint {key})
frames/         the pictures as the cameras sent them
annotated/      the same pictures with what was found drawn on them; made for people, no evidence themselves
rules/          the rule pack that was applied

Check it with `waysight evidence verify`, with `python3 verify_evidence.py` (one file of the waysight project, which
needs nothing but Python), or without any program of ours:
  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json -sigfile manifest.sig
  sha256sum FILE, and compare with manifest.json
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: `faults` in words, the signing key's fingerprint, and whether it is a trusted one.

    `trusted` is None where there was no key to compare with.
    """

    faults: tuple[str, ...]
    violation_id: str
    key: str
    trusted: bool | None

    @property
    def ok(self) -> bool:
        """Intact, and not signed by a stranger."""
        return not self.faults and self.trusted is not False


def build_package(
    violation: Violation,
    frames: Mapping[str, bytes],
    cameras: Sequence[CameraRecord],
    reviews: Sequence[Review],
    fine: Fine | None,
    signer: Signer,
) -> dict[str, bytes]:
    """The files of a package by path; the same facts and key give the same bytes.

    `frames` are the evidence objects by reference. Raises BadMessage when one is gone or was altered.
    """
    content: dict[str, bytes] = {}
    for i, ref in enumerate(sorted(violation.evidence, key=lambda f: (f.captured_ms, f.evidence_ref)), 1):
        data = frames.get(ref.evidence_ref)
        if data is None or hashlib.sha256(data).hexdigest() != ref.sha256:
            what = "is gone" if data is None else "was altered"
            raise BadMessage(f"evidence {ref.evidence_ref!r} of violation {violation.violation_id} {what}")
        content[
            ref.evidence_ref if ref.evidence_ref.startswith("frames/") else f"frames/{ref.evidence_ref}"
        ] = data
        picture = annotated(violation, ref, decode_frame(frame_kind(ref.evidence_ref), data))
        content[f"annotated/{i}.jpg"] = encode_jpeg(picture)
    for name in ("pack.yaml", "plates.yaml"):
        source = files("waysight.rules").joinpath(violation.country, name)
        if source.is_file():
            content[f"rules/{violation.country}/{name}"] = source.read_bytes()
    content[README] = _HOW_TO.format(id=violation.violation_id, key=fingerprint(signer.public_pem)).encode()
    manifest = {
        "format": FORMAT,
        "violation": violation,
        "reviews": list(reviews),
        "fine": fine,
        "cameras": [_camera(c) for c in sorted(cameras, key=lambda c: c.camera_id)],
        "models": violation.models,
        "rule_pack": violation.rule_pack,
        "key": fingerprint(signer.public_pem),
        "files": [
            {"path": p, "bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()}
            for p, d in sorted(content.items())
        ],
    }
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    return {**content, MANIFEST: text, SIGNATURE: signer.sign(text), PUBLIC_KEY: signer.public_pem}


def write_package(package: Mapping[str, bytes], out: Path) -> Path:
    """Write a package as a folder, or as a ZIP file where `out` ends in .zip; raises BadConfiguration if it exists."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise BadConfiguration(f"{out} is already there; evidence is not overwritten: name another place")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".zip":
            with out.open("xb") as file:
                file.write(_zipped(package))
        else:
            for path, data in package.items():
                (out / path).parent.mkdir(parents=True, exist_ok=True)
                (out / path).write_bytes(data)
    except OSError as error:
        raise BadConfiguration(f"{out} cannot be written: {error.strerror}") from error
    return out


@dataclass(frozen=True, slots=True)
class Packed:
    """The files of a package by path, and what is wrong with the ZIP file that held them."""

    files: dict[str, bytes]
    faults: tuple[str, ...] = ()


def read_package(path: Path) -> Packed:
    """A package folder or ZIP file; raises BadConfiguration when it is neither."""
    try:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file())
            return Packed({p.relative_to(path).as_posix(): p.read_bytes() for p in found})
        raw = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _unzipped(archive, raw, path.name)
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError) as error:
        raise BadConfiguration(f"{path} is no evidence package (folder or ZIP): {error}") from error


def _unzipped(archive: zipfile.ZipFile, raw: bytes, name: str) -> Packed:
    package, faults = dict[str, bytes](), []
    for info in archive.infolist():
        try:
            package[info.filename] = archive.read(info)
        except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, OSError) as error:
            faults.append(f"{info.filename} was altered: {error}")
    if not faults and _zipped(package) != raw:
        faults.append(f"{name}: the ZIP file around the evidence was altered")
    return Packed(package, tuple(faults))


def _zipped(package: Mapping[str, bytes]) -> bytes:
    """One package has one ZIP file: order, dates and modes are fixed, so that any other byte shows."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(package.items()):
            info = zipfile.ZipInfo(path)
            info.create_system, info.external_attr = 3, 0o600 << 16
            archive.writestr(info, data)
    return made.getvalue()


def verify_package(package: Mapping[str, bytes], trusted_pem: bytes | None = None) -> Verdict:
    """Check signature, hashes and completeness; every file at fault is named."""
    missing = [name for name in (MANIFEST, SIGNATURE, PUBLIC_KEY) if name not in package]
    if missing:
        return Verdict(tuple(f"{name} is missing" for name in missing), "", "", None)
    pem = package[PUBLIC_KEY]
    key, trusted = (
        fingerprint(pem),
        None if trusted_pem is None else fingerprint(trusted_pem) == fingerprint(pem),
    )
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
    except BadMessage as error:
        return Verdict((f"{PUBLIC_KEY}: {error}",), "", key, trusted)
    except (ValueError, KeyError, TypeError):
        return Verdict((*faults, f"{MANIFEST} is no manifest of {FORMAT}"), "", key, trusted)
    for path, digest in sorted(listed.items()):
        if path not in package:
            faults.append(f"{path} is missing")
        elif hashlib.sha256(package[path]).hexdigest() != digest:
            faults.append(f"{path} was altered")
    extra = sorted(set(package) - set(listed) - {MANIFEST, SIGNATURE, PUBLIC_KEY})
    faults += [f"{path} does not belong to the package" for path in extra]
    return Verdict(tuple(faults), violation_id, key, trusted)


def cameras_of(violation: Violation) -> set[str]:
    """Ids of the cameras and of the section that a violation rests on."""
    seen = {ref.evidence_ref.split("/")[1] for ref in violation.evidence if ref.evidence_ref.count("/") >= 2}
    return {*seen, violation.camera_id, violation.section_id} - {""}


def _camera(record: CameraRecord) -> dict[str, Any]:
    config = json.loads(record.config_json)
    if record.record_kind == "camera":
        config["source"] = camera_of(record).public_source  # a stream's address may hold a password
    return {
        "id": record.camera_id,
        "kind": record.record_kind,
        "version": record.version,
        "config": config,
    }
