"""Frame analysis on Triton over gRPC: what is on one picture (tritonclient)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np
import tritonclient.grpc.aio as triton
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from waysight import metrics
from waysight.adapters.servers import Servers
from waysight.errors import BadConfiguration, BadMessage, EngineDown
from waysight.messages import DetectedObject, PlateCandidate, PlateRead
from waysight.settings import Settings

_log = logging.getLogger(__name__)
MODEL = "frame_analysis"
_CONTRACT = {"inputs": {"PAYLOAD": "BYTES", "CODEC": "BYTES"}, "outputs": {"RESULT": "BYTES"}}
_PERSON_S = 45.0
_START_S = 90.0
_PROBE_S = 2.5
_REFUSALS = 3
_SERVERS_FAULT = (
    "StatusCode.UNAVAILABLE",
    "StatusCode.DEADLINE_EXCEEDED",
    "StatusCode.CANCELLED",
    "StatusCode.RESOURCE_EXHAUSTED",
)
_CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 250),
    ("grpc.max_reconnect_backoff_ms", 2000),  # by default two minutes after a long outage
]


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
    """The real one, on one Triton server or several (`Servers`).

    `patience_s` bounds how long a picture waits for a server: None, as for a worker, is for ever.
    """

    def __init__(self, settings: Settings, patience_s: float | None = _PERSON_S) -> None:
        self._timeout_s, self._patience_s = settings.triton_timeout_s, patience_s
        self._addresses = settings.triton_addresses
        self._clients: dict[str, triton.InferenceServerClient] = {}
        self._servers = Servers(self._addresses, settings.triton_in_flight, self._probe)

    async def start(self) -> None:
        """Wait for one ready server and compare its model with what this version expects."""
        for address in self._addresses:
            self._clients[address] = triton.InferenceServerClient(address, channel_args=_CHANNEL)
        await self._servers.start(_START_S)

    async def analyse(self, payload: bytes, codec: str) -> Analysis:
        """Analyse one picture; raises BadMessage when servers that answer others refuse it three times."""
        with metrics.INFERENCE_SECONDS.labels(MODEL).time():
            for _ in range(_REFUSALS - 1):
                try:
                    return await self._servers.call(
                        lambda address: self._infer(address, payload, codec), self._patience_s
                    )
                except BadMessage as error:
                    _log.warning("%s", error)
            return await self._servers.call(
                lambda address: self._infer(address, payload, codec), self._patience_s
            )

    async def close(self) -> None:
        """End the connections."""
        await self._servers.close()
        for client in self._clients.values():
            await client.close()

    async def _infer(self, address: str, payload: bytes, codec: str) -> Analysis:
        """One call; raises EngineDown when the server cannot work, BadMessage when it refuses just this."""
        try:
            return parse_analysis(await self._call(address, payload, codec, self._timeout_s))
        except InferenceServerException as error:
            if error.status() not in _SERVERS_FAULT:
                await self._probe(address, True)
                raise BadMessage(f"{MODEL} at {address} failed on this picture: {error.message()}") from error
            raise _down(address, error) from error

    async def _call(self, address: str, payload: bytes, codec: str, timeout_s: float) -> bytes:
        inputs = [_bytes_input("PAYLOAD", payload), _bytes_input("CODEC", codec.encode())]
        outputs = [InferRequestedOutput("RESULT")]
        answer = await self._clients[address].infer(MODEL, inputs, outputs=outputs, client_timeout=timeout_s)
        return bytes(answer.as_numpy("RESULT").reshape(-1)[0])

    async def _probe(self, address: str, whole: bool) -> None:
        """Ask for the model's contract and, when `whole`, for an answer to an empty picture."""
        try:
            client = self._clients[address]
            _check(await client.get_model_metadata(MODEL, as_json=True, client_timeout=_PROBE_S))
            if whole:
                await self._call(address, b"", "jpeg", self._timeout_s)
        except InferenceServerException as error:
            raise _down(address, error) from error


def _down(address: str, error: InferenceServerException) -> EngineDown:
    return EngineDown(f"Triton at {address} failed: {error}; is it up (`waysight status`)?")


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
