"""Triton's `config.pbtxt`: compared with a contract, and rewritten for a network with other tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from waysight.errors import BadConfiguration
from waysight.modelling.catalogue import Contract, Tensor

CONFIG = "config.pbtxt"
TYPES = {"float32": model_config_pb2.TYPE_FP32, "bytes": model_config_pb2.TYPE_STRING}


def read_config(path: Path) -> Any:
    """The model configuration in a file; raises BadConfiguration with the line at fault."""
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        raise BadConfiguration(f"{path}: {error}") from error


def config_faults(config: Any, name: str, contract: Contract) -> list[str]:
    """How a model configuration differs from the contract, as sentences; empty when it does not."""
    faults = [] if config.name == name else [f"it is named {config.name!r}"]
    for side, found, wanted in (
        ("input", config.input, contract.input),
        ("output", config.output, contract.output),
    ):
        names = wanted.name.split(", ")
        if [tensor.name for tensor in found] != names:
            faults.append(f"{side} {[tensor.name for tensor in found]}, the contract has {names}")
            continue
        faults += [
            f"{side} {t.name} is not {wanted.type}" for t in found if t.data_type != TYPES[wanted.type]
        ]
        shape = dims_of(wanted.shape)
        faults += [
            f"{side} {t.name} has dims {list(t.dims)}, the contract {shape}"
            for t in found
            if list(t.dims) != shape
        ]
    return faults


def dims_of(shape: Sequence[int | str]) -> list[int]:
    """A contract's shape without the batch, sides that are free as -1."""
    return [side if isinstance(side, int) else -1 for side in shape[1:]]


def rewritten(config: Any, name: str, given: Tensor, made: Tensor) -> str:
    """The text of a model configuration with another single input and output."""
    fresh = model_config_pb2.ModelConfig()
    fresh.CopyFrom(config)
    for tensor, wanted in ((fresh.input[0], given), (fresh.output[0], made)):
        tensor.name = wanted.name
        tensor.ClearField("dims")
        tensor.dims.extend(dims_of(wanted.shape))
    fresh.name = name
    return "# Written by `waysight models use`.\n" + str(text_format.MessageToString(fresh))
