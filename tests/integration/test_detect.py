"""detect: order, evidence, watermarks and dead letters; in memory, and with the real models."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from waysight.processors.detect import Detect

from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.inference import Analyser, Analysis, MemoryAnalyser, TritonAnalyser
from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.errors import EngineDown
from waysight.messages import DetectedObject, Frame
from waysight.settings import Settings

pytestmark = pytest.mark.integration
CAR = DetectedObject(label="car", score=0.9, x1=1.0, y1=2.0, x2=30.0, y2=40.0)
START_MS = 1_700_000_000_000


def _frame(seq: int, kind: str = "jpeg", payload: bytes = b"") -> Frame:
    return Frame(
        camera_id="cam",
        epoch="e1",
        seq=seq,
        kind=kind,  # type: ignore[arg-type]
        captured_ms=START_MS + seq * 200,
        clock_error_ms=40,
        received_ms=7,
        width=64,
        height=48,
        payload=payload,
    )


def _run(
    analyser: Analyser, frames: list[Frame | bytes], folder: Path
) -> tuple[Codec, MemoryBus, EvidenceStore]:
    codec, bus, evidence = Codec(MemoryRegistry()), MemoryBus(), EvidenceStore(folder.as_uri())
    for frame in frames:
        value = frame if isinstance(frame, bytes) else codec.encode("frames", frame)
        bus.send("frames", "cam", value)
    MemoryEngine(bus, [Detect(codec, analyser, evidence)], seed=3).run_until_idle()
    return codec, bus, evidence


def test_frames_keep_their_order_and_their_evidence(tmp_path: Path) -> None:
    class Slow(MemoryAnalyser):
        async def analyse(self, payload: bytes, codec: str) -> Analysis:
            await asyncio.sleep(0.02 / (1 + payload[0]))
            return await super().analyse(payload, codec)

    def answer(payload: bytes, codec: str) -> Analysis:
        assert codec == "jpeg"
        if payload[0] == 3:
            return Analysis(0, 0, (), "m@1", "cut short")
        return Analysis(64, 48, (CAR,) if payload[0] % 2 else (), "m@1")

    frames: list[Frame | bytes] = [_frame(n, payload=bytes([n])) for n in range(6)]
    frames += [_frame(6, "watermark"), b"garbage", _frame(7, "end")]
    codec, bus, evidence = _run(Slow(answer), frames, tmp_path)
    found = bus.records(codec, "detections")
    assert [d.seq for d in found] == list(range(8))
    assert [d.kind for d in found] == ["frame"] * 6 + ["watermark", "end"]
    assert [len(d.objects) for d in found] == [0, 1, 0, 0, 0, 1, 0, 0]
    assert [d.origin_offset for d in found] == [0, 1, 2, 3, 4, 5, 6, 8]
    assert {(d.received_ms, d.clock_error_ms) for d in found} == {(7, 40)}
    for detections in found:
        assert bool(detections.evidence_ref) == bool(detections.objects)
        if detections.objects:
            assert evidence.get(detections.evidence_ref) == bytes([detections.seq])
    letters = bus.records(codec, "dead-letters")
    assert sorted(letter.offset for letter in letters) == [3, 7]
    assert any("camera cam: the picture cannot be analysed: cut short" in letter.reason for letter in letters)


def test_another_picture_under_the_same_number_is_a_dead_letter(tmp_path: Path) -> None:
    analyser = MemoryAnalyser(lambda *_: Analysis(64, 48, (CAR,), "m@1"))
    codec, bus, _ = _run(analyser, [_frame(1, payload=b"a"), replace(_frame(1), payload=b"b")], tmp_path)
    assert [len(d.objects) for d in bus.records(codec, "detections")] == [1, 0]
    assert [letter.offset for letter in bus.records(codec, "dead-letters")] == [1]


def test_a_dead_engine_stops_the_worker_and_loses_nothing(tmp_path: Path) -> None:
    def down(*_: object) -> Analysis:
        raise EngineDown("Triton is away")

    with pytest.raises(EngineDown):
        _run(MemoryAnalyser(down), [_frame(1, payload=b"a")], tmp_path)


def test_real_models_answer_and_refuse(full_stack: Settings) -> None:
    async def ask() -> list[Analysis]:
        analyser = TritonAnalyser(full_stack)
        await analyser.start()
        grey = np.full((360, 640, 3), 127, np.uint8)
        payload = cv2.imencode(".jpg", grey)[1].tobytes()
        cases = [(payload, "jpeg"), (payload[:200], "jpeg"), (b"\x00" * 100, "h264"), (b"", "hevc")]
        answers = list(await asyncio.gather(*(analyser.analyse(p, c) for p, c in cases)))
        await analyser.close()
        return answers

    empty, *refused = asyncio.run(ask())
    assert (empty.width, empty.height, empty.error) == (640, 360, "")
    assert "vehicle_detector@" in empty.models
    assert all(analysis.error and not analysis.objects for analysis in refused)
