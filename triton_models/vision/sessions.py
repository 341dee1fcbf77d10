"""Networks in this process: ONNX files run by onnxruntime on one CPU thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from .large import fold_characters

Floats = npt.NDArray[np.float32]
_ERRORS = (
    runtime.EPFail, runtime.Fail, runtime.InvalidArgument, runtime.InvalidGraph, runtime.InvalidProtobuf,
    runtime.NoSuchFile, runtime.NotImplemented, runtime.RuntimeException,
)  # fmt: skip


class NetworkFailed(RuntimeError):
    """onnxruntime could not open a file, or not run what it was given; the message is its own."""


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A session on one thread that does not spin while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _ERRORS as error:
        raise NetworkFailed(str(error)) from error


def _run(session: onnxruntime.InferenceSession, name: str, batch: Floats) -> Floats:
    try:
        return np.asarray(session.run(None, {name: batch})[0], np.float32)
    except _ERRORS as error:
        raise NetworkFailed(str(error)) from error


def open_network(path: Path, most: int = 16) -> Callable[[Floats], Floats]:
    """An ONNX file with one input and one output as a function; batches above `most` are run in parts.

    Files made for one batch size only are run in parts of that size (a part that is too small is filled up).
    """
    session = open_session(path)
    name, fixed = session.get_inputs()[0].name, _whole(session.get_inputs()[0].shape[0])
    if fixed:
        return _in_parts_of(session, name, fixed)

    def run(batch: Floats) -> Floats:
        parts = [_run(session, name, batch[k : k + most]) for k in range(0, len(batch), most)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return run


def _in_parts_of(session: onnxruntime.InferenceSession, name: str, size: int) -> Callable[[Floats], Floats]:
    def run(batch: Floats) -> Floats:
        missing = -len(batch) % size
        full = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
        parts = [_run(session, name, full[k : k + size]) for k in range(0, len(full), size)]
        return np.concatenate(parts)[: len(batch)]

    return run


def shape_of_input(path: Path) -> list[int | None]:
    """The shape that an ONNX file states for its first input; None for a side that is free."""
    return [_whole(side) for side in open_session(path).get_inputs()[0].shape]


def _whole(side: object) -> int | None:
    return side if isinstance(side, int) and side > 0 else None


def open_recogniser(path: Path) -> Callable[[Floats], Floats]:
    """A PP-OCR recogniser, its alphabet inside the file, as a function from crops to probabilities (n, t, 37)."""
    session = open_session(path)
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    name = session.get_inputs()[0].name

    def run(batch: Floats) -> Floats:
        # One at a time: its widest layer makes larger batches slower on a CPU.
        return np.concatenate([fold_characters(_run(session, name, one[None]), characters) for one in batch])

    return run


def large_reader_path() -> Path:
    """The PP-OCR recogniser in the rapidocr wheel; raises FileNotFoundError when there is not exactly one."""
    found = [p for p in resources.files("rapidocr").joinpath("models").iterdir() if "_rec_" in p.name]
    if len(found) != 1:
        raise FileNotFoundError(f"expected one recogniser in the rapidocr wheel, found {len(found)}")
    return Path(str(found[0]))


def version_of(path: Path) -> str:
    """First twelve hex digits of a weights file's sha256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
