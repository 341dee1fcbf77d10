"""detect: frames → Triton → evidence store → detections, in the order of the frames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.evidence import EvidenceStore, frame_key
from waysight.adapters.inference import Analyser, Analysis, TritonAnalyser
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.errors import BadMessage
from waysight.messages import Detections, Frame
from waysight.settings import Settings

_NOTHING = Analysis(0, 0, (), "")


def build(settings: Settings) -> Detect:
    """The processor on the configured engines."""
    codec = Codec(ConfluentRegistry(settings.registry))
    batch = max(Detect.batch, settings.triton_in_flight * len(settings.triton_addresses))
    analyser = TritonAnalyser(settings, patience_s=None)
    return Detect(codec, analyser, EvidenceStore(settings.evidence), batch)


class Detect:
    """Analyses frames side by side and answers in their order; a watermark passes without a picture.

    A frame that the models refuse becomes a dead letter and empty detections, so that time goes on. A frame
    with objects is kept as evidence, byte for byte as it was received.
    """

    name, inputs, outputs, batch = "detect", ("frames",), ("detections", "dead-letters"), 16
    prompt = ("detections",)
    tables: Sequence[Followed] = ()

    def __init__(self, codec: Codec, analyser: Analyser, evidence: EvidenceStore, batch: int = batch) -> None:
        self._codec, self._analyser, self._evidence, self.batch = codec, analyser, evidence, batch

    async def start(self) -> None:
        """Wait for the models."""
        await self._analyser.start()

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """One `Detections` a frame; waits while no model server answers; raises EngineDown without evidence store."""
        del state
        found = await asyncio.gather(*(self._one(message) for message in messages))
        return [output for outputs in found for output in outputs]

    async def _one(self, message: Message) -> list[Output]:
        try:
            frame: Frame = self._codec.decode("frames", message.value)
        except BadMessage as error:
            return [dead_letter_output(self._codec, message, error.reason, self.name)]
        if frame.kind in ("watermark", "end"):
            return [self._output(message, frame, _NOTHING, "", "")]
        try:
            analysis = await self._analyser.analyse(frame.payload, frame.kind)
            if analysis.error:
                raise BadMessage(f"the picture cannot be analysed: {analysis.error}")
            key = sha256 = ""
            if analysis.objects:
                key = frame_key(frame.camera_id, frame.captured_ms, frame.epoch, frame.seq, frame.kind)
                sha256 = await self._evidence.aput(key, frame.payload)
        except BadMessage as error:
            return [
                dead_letter_output(
                    self._codec, message, f"camera {frame.camera_id}: {error.reason}", self.name
                ),
                self._output(message, frame, _NOTHING, "", ""),
            ]
        return [self._output(message, frame, analysis, key, sha256)]

    def _output(self, message: Message, frame: Frame, analysis: Analysis, key: str, sha256: str) -> Output:
        detections = Detections(
            camera_id=frame.camera_id,
            epoch=frame.epoch,
            seq=frame.seq,
            kind=frame.kind if frame.kind in ("watermark", "end") else "frame",
            captured_ms=frame.captured_ms,
            clock_error_ms=frame.clock_error_ms,
            received_ms=frame.received_ms,
            width=analysis.width or frame.width,
            height=analysis.height or frame.height,
            evidence_ref=key,
            evidence_sha256=sha256,
            analysed_ms=time.time_ns() // 1_000_000,
            models=analysis.models,
            objects=analysis.objects,
            origin_partition=message.partition,
            origin_offset=message.offset,
            ordinal=0,
        )
        return Output("detections", frame.camera_id, self._codec.encode("detections", detections))
