"""The evidence store keeps bytes once and never changes them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from waysight.adapters.evidence import EvidenceStore, frame_key, frame_kind
from waysight.errors import BadConfiguration, BadMessage, EngineDown

DATA = b"\x00\x00\x00\x01g picture"


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> EvidenceStore:
    return EvidenceStore("memory:///" if request.param == "memory" else (tmp_path / "a folder").as_uri())


def test_the_same_bytes_twice_are_one_object(store: EvidenceStore) -> None:
    key = frame_key("kz-a1", 1_795_000_000_000, "e1", 7, "jpeg")
    assert key == "frames/kz-a1/20261118/e1-000000007.jpg"
    assert frame_kind(key) == "jpeg"
    assert store.put(key, DATA) == store.put(key, DATA) == hashlib.sha256(DATA).hexdigest()
    assert store.get(key) == DATA
    assert list(store.keys("frames")) == [key]


def test_other_bytes_under_a_kept_key_are_refused(store: EvidenceStore) -> None:
    store.put("a/b", DATA)
    with pytest.raises(BadMessage, match="never overwritten"):
        store.put("a/b", b"other")
    assert store.get("a/b") == DATA


def test_async_is_the_same(store: EvidenceStore) -> None:
    async def both() -> bytes:
        await store.aput("a", DATA)
        await store.aput("a", DATA)
        with pytest.raises(BadMessage, match="never overwritten"):
            await store.aput("a", b"other")
        return await store.aget("a")

    assert asyncio.run(both()) == DATA


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/./b"])
def test_keys_stay_inside_the_store(store: EvidenceStore, key: str) -> None:
    with pytest.raises(BadMessage, match="relative path"):
        store.put(key, DATA)


def test_verify_sees_a_changed_file(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path.as_uri())
    sha256 = store.put("a/b.jpg", DATA)
    assert store.verify("a/b.jpg", sha256)
    (tmp_path / "a/b.jpg").write_bytes(DATA + b"!")
    assert not store.verify("a/b.jpg", sha256)
    with pytest.raises(BadMessage, match="is not in"):
        store.verify("a/gone.jpg", sha256)


def test_a_store_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="WAYSIGHT_EVIDENCE_URL"):
        EvidenceStore("nonsense://x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((BadConfiguration, EngineDown), match="file"):
        EvidenceStore((tmp_path / "file").as_uri()).put("a/b", DATA)


def test_a_frame_without_a_picture_has_no_key() -> None:
    with pytest.raises(BadMessage, match="watermark"):
        frame_key("c", 0, "e", 0, "watermark")
    with pytest.raises(BadMessage, match="no frame"):
        frame_kind("notices/x.pdf")
