"""Frame analysis on Triton over gRPC: what is on one picture (tritonclient)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np
import tritonclient.grpc.aio as triton
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from waysight import metrics
from waysight.errors import BadConfiguration, BadMessage, EngineDown
from waysight.messages import DetectedObject, PlateCandidate, PlateRead
from waysight.settings import Settings

MODEL = "frame_analysis"
_CONTRACT = {"inputs": {"PAYLOAD": "BYTES", "CODEC": "BYTES"}, "outputs": {"RESULT": "BYTES"}}
_GIVE_UP_S = 45.0
_START_S = 90.0
_PAUSES_S = (0.1, 0.3, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one picture holds; boxes in pixels of the full frame. `error` is why it could not be analysed."""

    width: int
    height: int
    objects: tuple[DetectedObject, ...]
    models: str
    error: str = ""


class Analyser(Protocol):
    """The port: pictures in, objects out."""

    async def start(self) -> None:
        """Wait until the engine is ready; raises EngineDown, or BadConfiguration for another contract."""

    async def analyse(self, payload: bytes, codec: str) -> Analysis:
        """Analyse one JPEG or one keyframe access unit (`codec`: jpeg, h264, hevc); raises EngineDown."""


class TritonAnalyser:
    """The real one: several servers, a bound on frames in flight, another server tried when one fails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: list[tuple[str, triton.InferenceServerClient]] = []
        self._free = asyncio.Semaphore(settings.triton_in_flight)
        self._next = 0

    async def start(self) -> None:
        """Wait for one ready server and compare its model with what this version expects."""
        self._clients = [(a, triton.InferenceServerClient(a)) for a in self._settings.triton_addresses]
        waited_until = time.monotonic() + _START_S
        while True:
            try:
                _, client = self._pick()
                return _check(await client.get_model_metadata(MODEL, as_json=True, client_timeout=5.0))
            except InferenceServerException as error:
                if time.monotonic() > waited_until:
                    raise self._down(error) from error
                await asyncio.sleep(1.0)

    async def analyse(self, payload: bytes, codec: str) -> Analysis:
        """Analyse one picture, tried again for up to 45 s."""
        inputs = [_bytes_input("PAYLOAD", payload), _bytes_input("CODEC", codec.encode())]
        outputs = [InferRequestedOutput("RESULT")]
        give_up = time.monotonic() + _GIVE_UP_S
        async with self._free:
            for attempt in range(10_000):
                address, client = self._pick()
                try:
                    with metrics.INFERENCE_SECONDS.labels(MODEL).time():
                        answer = await client.infer(
                            MODEL, inputs, outputs=outputs, client_timeout=self._settings.triton_timeout_s
                        )
                    return parse_analysis(bytes(answer.as_numpy("RESULT").reshape(-1)[0]))
                except InferenceServerException as error:
                    metrics.INFERENCE_RETRIES.labels(address).inc()
                    if time.monotonic() > give_up:
                        raise self._down(error) from error
                    await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
        raise EngineDown(f"Triton at {self._settings.triton_addresses}: gave up")

    async def close(self) -> None:
        """End the connections."""
        for _, client in self._clients:
            await client.close()

    def _pick(self) -> tuple[str, triton.InferenceServerClient]:
        self._next += 1
        return self._clients[self._next % len(self._clients)]

    def _down(self, error: Exception) -> EngineDown:
        where = ", ".join(self._settings.triton_addresses)
        return EngineDown(f"Triton at {where} failed: {error}; is it up (`waysight status`)?")


class MemoryAnalyser:
    """For tests: a function in place of the models."""

    def __init__(self, answer: Callable[[bytes, str], Analysis]) -> None:
        self._answer = answer

    async def start(self) -> None:
        """Nothing to wait for."""

    async def analyse(self, payload: bytes, codec: str) -> Analysis:
        """What the function says."""
        await asyncio.sleep(0)
        return self._answer(payload, codec)


class _Plate(msgspec.Struct):
    box: tuple[float, float, float, float]
    score: float
    text: str
    confidences: list[float]
    confidence: float
    candidates: list[dict[str, str | float]]
    reader: str


class _Colour(msgspec.Struct):
    name: str
    confidence: float


class _Object(msgspec.Struct):
    label: str
    score: float
    box: tuple[float, float, float, float]
    colour: _Colour | None = None
    plate: _Plate | None = None
    label_confidence: float = 0.0
    looks: str = ""


class _Result(msgspec.Struct):
    width: int
    height: int
    error: str | None = None
    objects: list[_Object] = []
    orphan_plates: list[_Plate] = []
    models: dict[str, str] = {}


def parse_analysis(raw: bytes) -> Analysis:
    """The model's JSON as an `Analysis`; a plate on no vehicle becomes an object "plate". Raises BadMessage."""
    try:
        result = msgspec.json.decode(raw, type=_Result)
        objects = [_detected(o) for o in result.objects]
        objects += [_detected(_Object("plate", p.score, p.box, plate=p)) for p in result.orphan_plates]
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        raise BadMessage(f"{MODEL} answered what this version cannot read: {error}") from error
    models = " ".join(f"{name}@{version}" for name, version in sorted(result.models.items()))
    return Analysis(result.width, result.height, tuple(objects), models, result.error or "")


def _detected(thing: _Object) -> DetectedObject:
    x1, y1, x2, y2 = thing.box
    fields = {
        "label": thing.label,
        "score": thing.score,
        "label_confidence": thing.label_confidence,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "colour": thing.colour.name if thing.colour else "",
        "colour_confidence": thing.colour.confidence if thing.colour else 0.0,
        "looks": thing.looks,
        "plate": _read(thing.plate) if thing.plate else None,
    }
    return msgspec.convert(fields, DetectedObject)


def _read(plate: _Plate) -> PlateRead:
    x1, y1, x2, y2 = plate.box
    return PlateRead(
        text=plate.text,
        confidence=plate.confidence,
        confidences=tuple(plate.confidences),
        candidates=tuple(
            PlateCandidate(text=str(c["text"]), confidence=float(c["confidence"])) for c in plate.candidates
        ),
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        score=plate.score,
        reader=plate.reader,
    )


def _bytes_input(name: str, value: bytes) -> Any:
    tensor = InferInput(name, [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[value]], dtype=object))
    return tensor


def _check(metadata: dict[str, Any]) -> None:
    for side, wanted in _CONTRACT.items():
        found = {t["name"]: t["datatype"] for t in metadata.get(side, [])}
        if found != wanted:
            raise BadConfiguration(
                f"Triton's model {MODEL} has {side} {found}, this version needs {wanted}; "
                "serve the model repository of this version"
            )
