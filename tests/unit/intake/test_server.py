"""The endpoint: who may send what, what is answered, and that nothing is called accepted before Kafka has it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from waysight.adapters.evidence import EvidenceStore
from waysight.errors import BadConfiguration
from waysight.intake import server
from waysight.intake.rate import Bucket
from waysight.intake.reception import Reception
from waysight.intake.server import MOST_RECORDS, Intake, Limits
from waysight.intake.tokens import TokenFile
from waysight.messages import ExternalRead

Talk = Callable[[TestClient[Any, Any]], Awaitable[None]]
JPEG = b"\xff\xd8\xff\xe0picture"


class Kafka:
    """Takes everything, or says that it failed."""

    def __init__(self, failure: str | None = None) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.failure = failure

    def publish(
        self, topic: str, key: str, record: object, *, delivered: Callable[[str | None], None] | None = None
    ) -> None:
        if self.failure is None:
            self.sent.append((topic, key, record))
        if delivered:
            delivered(self.failure)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Nothing waits."""


class Desk:
    """An endpoint with one radar's token."""

    def __init__(self, folder: Path, kafka: Kafka | None = None, **more: Any) -> None:
        self.kafka = kafka or Kafka()
        self.tokens = TokenFile(folder / "tokens.json")
        self.token = self.tokens.add(
            "radar-7", ("radar", "signals"), ("camera:gate", "junction:j1"), 1, "officer"
        )
        self.evidence = EvidenceStore((folder / "evidence").as_uri())
        self.intake = Intake(Reception(self.kafka, self.evidence), self.tokens, **more)

    def talk(self, conversation: Talk) -> None:
        async def main() -> None:
            headers = {"Authorization": f"Bearer {self.token}"}
            async with TestClient(TestServer(self.intake.app()), headers=headers) as client:
                await conversation(client)

        asyncio.run(main())


def _read(number: int = 1, **change: Any) -> dict[str, Any]:
    return {
        "read_id": f"r{number}", "device_id": "radar-7", "device_kind": "radar", "camera_id": "gate",
        "captured_ms": time.time_ns() // 1_000_000, "clock_error_ms": 20, "speed_kmh": 91.5, "speed_error_kmh": 1.0, **change,
    }  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_reads_are_answered_when_kafka_has_them(desk: Desk) -> None:
    async def conversation(client: TestClient[Any, Any]) -> None:
        answer = await client.post("/v1/reads", json=[_read(1), _read(2)])
        assert answer.status == 200
        assert await answer.json() == {"accepted": ["r1", "r2"], "known": 0, "refused": [], "notes": []}

    desk.talk(conversation)
    assert [(topic, key, r.read_id) for topic, key, r in desk.kafka.sent] == [
        ("external-reads", "camera:gate", "r1"), ("external-reads", "camera:gate", "r2"),
    ]  # fmt: skip


def test_what_a_device_kept_back_is_sent_on_in_order_of_time(desk: Desk) -> None:
    now_ms = time.time_ns() // 1_000_000
    newest_first = [_read(n, captured_ms=now_ms - n * 20_000) for n in range(3)]

    async def conversation(client: TestClient[Any, Any]) -> None:
        answer = await client.post("/v1/reads", json=newest_first)
        assert (await answer.json())["accepted"] == ["r0", "r1", "r2"], "answered as they were given"

    desk.talk(conversation)
    assert [r.read_id for _, _, r in desk.kafka.sent] == ["r2", "r1", "r0"]


def test_what_is_wrong_is_refused_one_by_one(desk: Desk) -> None:
    async def conversation(client: TestClient[Any, Any]) -> None:
        wrong = [_read(1), _read(2, speed_kmh=900), _read(3, device_id="radar-8"), _read(4, camera_id="bridge"),
                 _read(5, device_kind="anpr"), "text"]  # fmt: skip
        lines = "\n".join([*map(json.dumps, wrong), "{"])
        answer = await client.post("/v1/reads", data=lines, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status == 207
        found = await answer.json()
        assert found["accepted"] == ["r1"]
        assert [(r["index"], r["field"]) for r in found["refused"]] == [
            (1, "speed_kmh"), (2, "device_id"), (3, "camera_id"), (4, "device_kind"), (5, ""), (6, ""),
        ]  # fmt: skip
        assert "line 7" in found["refused"][-1]["reason"]

    desk.talk(conversation)
    assert len(desk.kafka.sent) == 1


def test_a_read_sent_again_is_known_and_a_changed_one_refused(desk: Desk) -> None:
    async def conversation(client: TestClient[Any, Any]) -> None:
        read = _read(1)
        for known in (0, 1):
            found = await (await client.post("/v1/reads", json=read)).json()
            assert (found["accepted"], found["known"]) == (["r1"], known)
        answer = await client.post("/v1/reads", json={**read, "speed_kmh": 130.0})
        assert answer.status == 207
        assert "never changes" in (await answer.json())["refused"][0]["reason"]

    desk.talk(conversation)
    assert len(desk.kafka.sent) == 1


def test_pictures_of_a_multipart_request_are_kept(desk: Desk) -> None:
    async def conversation(client: TestClient[Any, Any]) -> None:
        form = aiohttp.FormData()
        given = _read(1, pictures=[{"captured_ms": 5, "part": "front", "plate_text": "123 abc 02", "x2": 4}])
        form.add_field("reads", json.dumps([given]), content_type="application/json")
        form.add_field("front", JPEG, filename="front.jpg", content_type="image/jpeg")
        assert (await client.post("/v1/reads", data=form)).status == 200

    desk.talk(conversation)
    (frame,) = desk.kafka.sent[0][2].evidence
    assert frame.plate_text == "123ABC02"
    assert desk.evidence.get(frame.evidence_ref) == JPEG
    assert desk.evidence.verify(frame.evidence_ref, frame.sha256)


def test_a_form_that_is_too_large_is_not_read_to_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_BYTES", 10_000)

    async def conversation(client: TestClient[Any, Any]) -> None:
        form = aiohttp.FormData()
        form.add_field("front", JPEG + bytes(20_000), filename="front.jpg", content_type="image/jpeg")
        form.add_field("reads", json.dumps([_read(1)]), content_type="application/json")
        assert (await client.post("/v1/reads", data=form)).status == 413

    desk.talk(conversation)
    assert not desk.kafka.sent


def test_a_body_that_is_not_what_its_headers_say_is_the_sender_s_fault(desk: Desk) -> None:
    async def talk(client: TestClient[Any, Any]) -> None:
        packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        async with client.post("/v1/reads", data=b"no gzip", headers=packed) as answer:
            assert answer.status == 400
            assert "Content-Encoding" in (await answer.json())["error"]

    desk.talk(talk)
    assert desk.kafka.sent == []


def test_kafka_away_is_said_and_the_same_may_come_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Kafka("broker away"))

    async def conversation(client: TestClient[Any, Any]) -> None:
        read = _read(1)
        answer = await client.post("/v1/reads", json=read)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "broker away" in (await answer.json())["error"]
        desk.kafka.failure = None
        assert (await (await client.post("/v1/reads", json=read)).json())["known"] == 0

    desk.talk(conversation)
    assert len(desk.kafka.sent) == 1


def test_strangers_are_turned_away_and_revoked_tokens_end_at_once(desk: Desk) -> None:
    async def conversation(client: TestClient[Any, Any]) -> None:
        for header in ("", "Bearer x", f"Basic {desk.token}"):
            answer = await client.post("/v1/reads", json=_read(), headers={"Authorization": header})
            assert answer.status == 401
        assert (await client.get("/v1/health", headers={"Authorization": ""})).status == 200
        desk.tokens.revoke("radar-7")
        assert (await client.post("/v1/reads", json=_read())).status == 401

    desk.talk(conversation)
    assert not desk.kafka.sent


def test_limits_of_size_and_rate(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits=Limits(per_s=1.0, burst=2.0))

    async def conversation(client: TestClient[Any, Any]) -> None:
        assert (
            await client.post("/v1/reads", data="{", headers={"Content-Type": "application/json"})
        ).status == 400
        assert (await client.post("/v1/reads", json=[{}] * (MOST_RECORDS + 1))).status == 413
        assert (await client.post("/v1/reads", json=[_read(1), _read(2)])).status == 200
        answer = await client.post("/v1/reads", json=[_read(3)])
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")

    desk.talk(conversation)


def test_a_device_that_is_not_registered_is_told_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path, remark=lambda read: f"{read.device_id} is not registered")

    async def conversation(client: TestClient[Any, Any]) -> None:
        found = await (await client.post("/v1/reads", json=_read(1))).json()
        assert found["notes"] == [{"read_id": "r1", "note": "radar-7 is not registered"}]

    desk.talk(conversation)


def test_signals_go_to_their_topic_each_time(desk: Desk) -> None:
    async def conversation(client: TestClient[Any, Any]) -> None:
        now_ms = time.time_ns() // 1_000_000
        light = {"junction_id": "j1", "signal_group": "n", "state": "red", "changed_ms": now_ms, "valid_ms": now_ms,
                 "clock_error_ms": 9}  # fmt: skip
        for _ in range(2):
            assert (await client.post("/v1/signals", json=light)).status == 200
        assert (await client.post("/v1/signals", json={**light, "junction_id": "j2"})).status == 207

    desk.talk(conversation)
    assert [(topic, key) for topic, key, _ in desk.kafka.sent] == [("signals", "junction:j1")] * 2


def test_tokens_are_kept_as_hashes_only(desk: Desk) -> None:
    text = desk.tokens.path.read_text()
    assert desk.token not in text
    assert desk.tokens.path.stat().st_mode & 0o077 == 0
    with pytest.raises(BadConfiguration, match="no token of nobody"):
        desk.tokens.revoke("nobody")
    with pytest.raises(BadConfiguration, match="sonar"):
        desk.tokens.add("d", ("sonar",), (), 1, "officer")
    desk.tokens.path.write_text("{")
    with pytest.raises(BadConfiguration, match="not a file of tokens"):
        TokenFile(desk.tokens.path).grants()


def test_a_bucket_fills_again() -> None:
    bucket = Bucket(per_s=10, most=20)
    assert bucket.wait_s(20, 0.0) == 0
    assert bucket.wait_s(5, 0.0) == pytest.approx(0.5)
    assert bucket.wait_s(5, 0.5) == 0
    assert bucket.wait_s(100, 2.5) == 0, "more than the bucket holds takes a full one"


def test_a_record_is_what_the_topic_wants(desk: Desk) -> None:
    async def conversation(client: TestClient[Any, Any]) -> None:
        await client.post("/v1/reads", json=_read(1))

    desk.talk(conversation)
    assert isinstance(desk.kafka.sent[0][2], ExternalRead)
