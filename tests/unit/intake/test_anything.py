"""Whatever is sent is taken or refused in words: no other error, and what is taken fits its topic."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.intake.reception import Reception
from waysight.intake.records import GivenRead, GivenSignal, Refused, read_of, signal_of
from waysight.intake.server import Intake
from waysight.intake.tokens import TokenFile

NOW_MS = 1_794_805_200_000
CODEC = Codec(MemoryRegistry())
GOOD = {
    "read_id": "r1",
    "device_id": "a1",
    "device_kind": "anpr",
    "camera_id": "gate",
    "captured_ms": NOW_MS,
    "clock_error_ms": 5,
}
LIGHT = {
    "junction_id": "j",
    "signal_group": "n",
    "changed_ms": NOW_MS,
    "valid_ms": NOW_MS,
    "clock_error_ms": 5,
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _changed(good: dict[str, Any], kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    change = st.dictionaries(st.sampled_from(kind.__struct_fields__), ANYTHING, max_size=4)
    return change.map(lambda more: {**good, **more})


@given(_changed(GOOD, GivenRead) | ANYTHING)
def test_any_read_is_taken_or_refused(raw: Any) -> None:
    taken = None
    with suppress(Refused):
        taken = read_of(raw, NOW_MS)
    if taken is not None:
        assert CODEC.decode(taken.topic, CODEC.encode(taken.topic, taken.record)).read_id == taken.id


@given(_changed(LIGHT, GivenSignal) | ANYTHING)
def test_any_signal_is_taken_or_refused(raw: Any) -> None:
    taken = None
    with suppress(Refused):
        taken = signal_of(raw, NOW_MS, "c1")
    if taken is not None:
        CODEC.encode(taken.topic, taken.record)


def test_any_body_is_answered(tmp_path: Path) -> None:
    """Bytes that are no JSON, JSON that is no record, text that is no Unicode: 200, 207 or 400, never 500."""
    tokens = TokenFile(tmp_path / "tokens.json")
    token = tokens.add("a1", ("anpr",), (), 1, "officer")
    kafka = _Kafka()
    intake = Intake(Reception(kafka, None), tokens)  # type: ignore[arg-type]
    read = {**GOOD, "captured_ms": NOW_MS}
    bodies = [
        b"", b"\xff", b"[", b"null", b"5", b"[[]]", b'"\\ud800"', json.dumps({**read, "colour": "x"}).encode(),
        json.dumps({**read, "colour": "\ud800"}).encode(), json.dumps({**read, "read_id": "\u0430"}).encode(),
        json.dumps({**read, "speed_kmh": 10**400}).encode(), b"[" * 100_000, b'{"read_id":' * 2000,
    ]  # fmt: skip

    async def main() -> list[int]:
        found = []
        async with TestClient(
            TestServer(intake.app()), headers={"Authorization": f"Bearer {token}"}
        ) as client:
            for body in bodies:
                for kind in (
                    "application/json",
                    "application/x-ndjson",
                    "multipart/form-data; boundary=x",
                    "text/plain",
                ):
                    answer = await client.post("/v1/reads", data=body, headers={"Content-Type": kind})
                    found.append(answer.status)
                    await answer.read()
        return found

    assert set(asyncio.run(main())) <= {200, 207, 400}


class _Kafka:
    """Encodes as the real one does."""

    def publish(self, topic: str, key: str, record: object, *, delivered: Any = None) -> None:
        CODEC.encode(topic, record)
        key.encode()
        delivered(None)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Nothing waits."""
