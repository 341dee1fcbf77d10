"""Over HTTP through Kafka to a violation: the radar's speed, the ANPR camera's plate and pictures, by the programs themselves."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
import yaml
from workers import eventually, running, said

from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import BadConfiguration
from waysight.local import ports
from waysight.messages import Sighting, Violation
from waysight.settings import Settings

pytestmark = pytest.mark.integration
PAPERS = {"type_approval": "T-1", "type_approved_until": "2999-01-01", "verification": "V-1", "verified_from": "2020-01-01",
          "verified_until": "2999-01-01"}  # fmt: skip
JPEG_TEXT = "/9j/4AAQSkZJRg=="


@pytest.fixture
def place(stack: Settings, unique: str, tmp_path: Path) -> str:
    """A place without video with an ANPR camera and a certified radar, known to the stack."""
    devices = [{"id": f"anpr-{unique}", "kind": "anpr"},
               {"id": f"radar-{unique}", "kind": "radar", "speed_error_kmh": 3, "certificate": PAPERS}]  # fmt: skip
    camera = {"id": unique, "country": "kz", "purposes": ["spot_speed", "count", "hotlist"], "speed_limit_kmh": 60,
              "devices": devices}  # fmt: skip
    file = tmp_path / "cameras.yaml"
    file.write_text(yaml.safe_dump({"cameras": [camera]}))
    said(stack, "cameras", "import", str(file))
    return unique


@pytest.fixture
def endpoint(stack: Settings, place: str, tmp_path: Path) -> Iterator[str]:
    """The running endpoint and workers; its address."""
    port = ports.free_ports(1)[0]
    address = f"http://127.0.0.1:{port}"
    with (
        running(stack, tmp_path / "intake.log", "intake", "--port", str(port)),
        running(stack, tmp_path / "worker.log", "process", "edge", "enforce", "--instance", place),
    ):
        status = eventually(lambda: _get(address + "/v1/health"), lambda s: s == 200)
        assert status == 200, (tmp_path / "intake.log").read_text()
        yield address


def _get(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return int(answer.status)
    except (URLError, ConnectionError):
        return 0


def _post(address: str, token: str, records: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(address + "/v1/reads", json.dumps(records).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def _token(stack: Settings, device: str, kind: str) -> str:
    return str(said(stack, "intake", "token", "add", device, "--kinds", kind)["token"])


def test_a_radars_speed_becomes_a_violation(stack: Settings, place: str, endpoint: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    anpr, radar = f"anpr-{place}", f"radar-{place}"
    of_anpr = {"device_id": anpr, "device_kind": "anpr", "camera_id": place, "clock_error_ms": 20}
    of_radar = {"device_id": radar, "device_kind": "radar", "camera_id": place, "clock_error_ms": 20}
    at_ms, plate = now_ms - 60_000, "777ABC02"
    picture = {"base64": JPEG_TEXT, "plate_text": plate, "plate_confidence": 0.98}
    pictures = [{**picture, "captured_ms": at_ms}, {**picture, "captured_ms": at_ms + 300}]
    anpr_token, radar_token = _token(stack, anpr, "anpr"), _token(stack, radar, "radar")
    seen = {**of_anpr, "read_id": "1", "captured_ms": at_ms, "plate": plate, "plate_country": "kz",
            "plate_confidence": 0.98, "label": "car", "pictures": pictures}  # fmt: skip
    beat = {**of_anpr, "read_id": "2", "captured_ms": now_ms}
    for _ in range(2):  # sent twice, told once
        status, answer = _post(endpoint, anpr_token, [seen, beat])
        assert (status, answer["accepted"], answer["notes"]) == (200, ["1", "2"], [])
    fast = {**of_radar, "read_id": "1", "captured_ms": at_ms + 100, "speed_kmh": 96.5, "speed_error_kmh": 2}
    wrong = {**of_radar, "read_id": "3", "captured_ms": at_ms, "speed_kmh": 960}
    status, answer = _post(
        endpoint, radar_token, [fast, {**of_radar, "read_id": "2", "captured_ms": now_ms}, wrong]
    )
    assert (status, answer["accepted"]) == (207, ["1", "2"])
    assert [(r["index"], r["field"]) for r in answer["refused"]] == [(2, "speed_kmh")]
    assert _post(endpoint, "nonsense", [fast])[0] == 401

    codec = Codec(ConfluentRegistry(stack.registry))

    def told() -> list[Violation]:
        return [v for _, v in read_all(stack, codec, "violations") if v.camera_id == place]

    (found,) = eventually(told, bool)
    assert (found.source, found.plate, found.measured_kmh, found.uncertainty_kmh) == (
        f"radar:{radar}",
        plate,
        96.5,
        3.0,
    )
    assert (found.enforceable, found.obstacles, found.certificate) == (True, (), "T-1, V-1")
    frame = found.evidence[0]
    assert EvidenceStore(stack.evidence).verify(frame.evidence_ref, frame.sha256)
    sightings: list[Sighting] = [
        s for _, b in read_all(stack, codec, "sightings") for s in b.records if s.camera_id == place
    ]
    assert [(s.plate, s.plate_votes) for s in sightings] == [(plate, 2)]


def test_a_file_of_reads_and_who_may_send_are_on_record(stack: Settings, place: str, tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    good = f"read_id,device_id,device_kind,camera_id,captured_ms,clock_error_ms,plate\n9,anpr-{place},anpr,{place},{now_ms},20,123 ABC 02\n"
    file = tmp_path / "reads.csv"
    file.write_text(good + f"10,anpr-{place},anpr,{place},soon,20,\n")
    with pytest.raises(BadConfiguration, match=r"reads.csv:3: captured_ms"):
        said(stack, "intake", "import", str(file))
    file.write_text(good)
    assert said(stack, "intake", "import", str(file))["accepted"] == 1
    codec = Codec(ConfluentRegistry(stack.registry))
    reads = [r for _, r in read_all(stack, codec, "external-reads") if r.camera_id == place]
    assert [(r.read_id, r.plate) for r in reads] == [("9", "123ABC02")]
    details = [
        e.action for _, e in read_all(stack, codec, "audit") if place in e.detail or "reads.csv" in e.detail
    ]
    assert "intake.import" in details
