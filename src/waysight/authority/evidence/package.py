"""Evidence packages: everything that one violation rests on, hashed, listed and signed, for court or owner."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import Any

from waysight.adapters.evidence import frame_kind
from waysight.adapters.pictures import decode_frame, encode_jpeg
from waysight.adapters.signing import Signer
from waysight.authority.evidence.blur import Blur, blurred
from waysight.authority.evidence.check import FORMAT, MANIFEST, PUBLIC_KEY, SIGNATURE
from waysight.authority.evidence.pictures import annotated
from waysight.authority.evidence.records import Facts, camera_named, measurement, pretty, records
from waysight.authority.evidence.report import report_pdf
from waysight.cameras.files import camera_of
from waysight.errors import BadMessage
from waysight.messages import CameraRecord, Violation

README, REPORT = "README.txt", "report.pdf"
_HOW_TO = """Evidence package of violation {id}

report.pdf      the case for people to read
manifest.json   the violation, its cameras, reviews and models, and the SHA-256 of every other file
manifest.sig    Ed25519 signature of manifest.json by the key in public_key.pem (fingerprint {key})
frames/         the pictures as the cameras sent them{frames}
pictures/       the pictures with bystanders hidden, where that was asked for
annotated/      the pictures with what was found drawn on them; made for people, no evidence themselves
records/        measurement, calibration, clock, sightings and register; device reads, corrections and confirmations
                of the rule pack's values where there are any
rules/          the rule pack that was applied; values that a named person confirmed are in records/confirmations.json

Check it with `waysight evidence verify`, with `python3 verify_evidence.py` (one file of the waysight project, which
needs nothing but Python), or without any program of ours:
  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json -sigfile manifest.sig
  sha256sum FILE, and compare with manifest.json
Whether the key was in force when it signed is in the authority's key ring: get that from the authority, not from here.
"""
_PLAIN = Blur()


def build_package(facts: Facts, signer: Signer, signed_ms: int, blur: Blur = _PLAIN) -> dict[str, bytes]:
    """The files of a package by path; the same facts, key, time (UTC epoch ms) and blur give the same bytes.

    Raises BadMessage when an evidence object is gone or was altered.
    """
    violation = facts.violation
    content: dict[str, bytes] = {}
    shown = []
    for i, ref in enumerate(facts.refs, 1):
        data = facts.frames.get(ref.evidence_ref)
        if data is None or hashlib.sha256(data).hexdigest() != ref.sha256:
            what = "is gone" if data is None else "was altered"
            raise BadMessage(f"evidence {ref.evidence_ref!r} of violation {violation.violation_id} {what}")
        picture = blurred(decode_frame(frame_kind(ref.evidence_ref), data), ref, blur)
        if blur.originals:
            name = ref.evidence_ref
            content[name if name.startswith("frames/") else f"frames/{name}"] = data
        if blur.mode:
            content[f"pictures/{i}.jpg"] = encode_jpeg(picture)
        content[f"annotated/{i}.jpg"] = encode_jpeg(annotated(violation, ref, picture))
        shown.append((ref, content[f"annotated/{i}.jpg"]))
    for name in ("pack.yaml", "plates.yaml"):
        source = files("waysight.rules").joinpath(violation.country, name)
        if source.is_file():
            content[f"rules/{violation.country}/{name}"] = source.read_bytes()
    content |= records(facts)
    frames = (
        ""
        if blur.originals
        else ": left out, the authority keeps them under the SHA-256 that the manifest names"
    )
    content[README] = _HOW_TO.format(id=violation.violation_id, key=signer.key, frames=frames).encode()
    listed = _listed(content)
    content[REPORT] = report_pdf(facts, shown, listed, signer.key, signed_ms, blur)
    manifest = {
        "format": FORMAT,
        "signed_ms": signed_ms,
        "key": signer.key,
        "violation": violation,
        "measurement": measurement(violation),
        "reviews": list(facts.reviews),
        "fine": facts.fine,
        "cameras": [_camera(c) for c in sorted(facts.cameras, key=lambda c: c.camera_id)],
        "models": violation.models,
        "rule_pack": violation.rule_pack,
        "pictures": {"hidden": blur.mode, "found_by": blur.by, "originals": blur.originals},
        "files": [*listed, *_listed({REPORT: content[REPORT]})],
    }
    text = pretty(manifest)
    return {**content, MANIFEST: text, SIGNATURE: signer.sign(text), PUBLIC_KEY: signer.public_pem}


def cameras_of(violation: Violation) -> set[str]:
    """Ids of the cameras and of the section that a violation rests on."""
    seen = {camera_named(ref) for ref in violation.evidence}
    return {*seen, violation.camera_id, violation.section_id} - {""}


def _listed(content: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"path": p, "bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()}
        for p, d in sorted(content.items())
    ]


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
