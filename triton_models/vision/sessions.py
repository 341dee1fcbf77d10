"""Networks in this process: ONNX files run by onnxruntime on one CPU thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from .large import fold_characters

Floats = npt.NDArray[np.float32]


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A session on one thread that does not spin while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def open_network(path: Path, most: int = 16) -> Callable[[Floats], Floats]:
    """An ONNX file with one input and one output as a function; batches above `most` are run in parts."""
    session = open_session(path)
    name = session.get_inputs()[0].name

    def run(batch: Floats) -> Floats:
        parts = [session.run(None, {name: batch[k : k + most]})[0] for k in range(0, len(batch), most)]
        return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts), np.float32)

    return run


def open_recogniser(path: Path) -> Callable[[Floats], Floats]:
    """A PP-OCR recogniser, its alphabet inside the file, as a function from crops to probabilities (n, t, 37)."""
    session = open_session(path)
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    name = session.get_inputs()[0].name

    def run(batch: Floats) -> Floats:
        # One at a time: its widest layer makes larger batches slower on a CPU.
        return np.concatenate(
            [fold_characters(session.run(None, {name: one[None]})[0], characters) for one in batch]
        )

    return run


def version_of(path: Path) -> str:
    """First twelve hex digits of a weights file's sha256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
