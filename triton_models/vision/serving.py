"""The Python backend's models: one class for plain networks, one for the large reader, one for the analysis.

Only Triton imports this module; `triton_python_backend_utils` exists nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb

from .analysis import analyse
from .apart import FAULTS, sentence
from .boxes import Floats
from .loading import LARGE, open_networks
from .sessions import large_reader_path, open_network, open_recogniser


def _folder(args: dict[str, str]) -> Path:
    return Path(args["model_repository"]) / args["model_version"]


class _TensorModel:
    """One float tensor in, one out; requests of one call run as one batch where their shapes agree.

    A shape that the network refuses fails the requests of that shape alone.
    """

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.input, self.output = config["input"][0]["name"], config["output"][0]["name"]
        self.run = self.load(args)

    def load(self, args: dict[str, str]) -> Callable[[Floats], Floats]:
        return open_network(_folder(args) / "model.onnx")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        inputs = [pb.get_input_tensor_by_name(request, self.input).as_numpy() for request in requests]
        responses: list[Any] = [None] * len(requests)
        for shape in {array.shape[1:] for array in inputs}:
            group = [k for k, array in enumerate(inputs) if array.shape[1:] == shape]
            try:
                result = self.run(np.concatenate([inputs[k] for k in group]))
            except FAULTS as problem:
                for k in group:
                    responses[k] = pb.InferenceResponse(error=pb.TritonError(sentence(problem)))
                continue
            start = 0
            for k in group:
                rows = np.ascontiguousarray(result[start : start + len(inputs[k])])
                start += len(inputs[k])
                responses[k] = pb.InferenceResponse([pb.Tensor(self.output, rows)])
        return responses


class NetworkModel(_TensorModel):
    """A network of ours from `model.onnx` beside the model's Python."""


class LargeReaderModel(_TensorModel):
    """The recogniser inside the rapidocr wheel, its characters folded to digits and capitals."""

    def load(self, args: dict[str, str]) -> Callable[[Floats], Floats]:
        del args
        return open_recogniser(large_reader_path())


class AnalysisModel:
    """Whole frames in, JSON out. Our small networks run in this process, the large reader in its own model."""

    def initialize(self, args: dict[str, str]) -> None:
        self.networks = open_networks(Path(args["model_repository"]).parent, self._large, large_reader_path())

    def _large(self, batch: Floats) -> Floats:
        request = pb.InferenceRequest(
            model_name=LARGE, requested_output_names=["probabilities"], inputs=[pb.Tensor("image", batch)]
        )
        response = request.exec()
        if response.has_error():
            # Without a second opinion the small reader's own reading stands.
            pb.Logger.log_warn(f"{LARGE} did not answer: {response.error().message()}")
            return np.tile(np.eye(37, dtype=np.float32)[0], (len(batch), 2, 1))
        return np.asarray(pb.get_output_tensor_by_name(response, "probabilities").as_numpy(), np.float32)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        payloads: list[tuple[bytes, str]] = []
        counts: list[int] = []
        for request in requests:
            bodies = pb.get_input_tensor_by_name(request, "PAYLOAD").as_numpy().reshape(-1)
            codecs = pb.get_input_tensor_by_name(request, "CODEC").as_numpy().reshape(-1)
            payloads += [
                (bytes(b), bytes(c).decode("ascii", "replace")) for b, c in zip(bodies, codecs, strict=True)
            ]
            counts.append(len(bodies))
        texts = [
            json.dumps(result, separators=(",", ":")).encode() for result in analyse(self.networks, payloads)
        ]
        responses, start = [], 0
        for count in counts:
            rows = np.array(texts[start : start + count], dtype=object).reshape(count, 1)
            responses.append(pb.InferenceResponse([pb.Tensor("RESULT", rows)]))
            start += count
        return responses
