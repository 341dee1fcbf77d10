"""Trying a model's weights where production runs them: in Triton's environment, in a process of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from waysight.local import triton_venv
from waysight.modelling.catalogue import Contract
from waysight.settings import Settings

TIMEOUT_S = 180.0


class Job(msgspec.Struct, frozen=True):
    """Weights to open (empty: the large reader in its wheel); `contract` as in models.yaml; `description`: text of a detector.json, or empty."""

    weights: str
    contract: dict[str, Any]
    description: str = ""


class Stated(msgspec.Struct, frozen=True):
    """An input or output as the ONNX file states it; free sides are names."""

    name: str
    shape: list[int | str | None]
    type: str


class Outcome(msgspec.Struct, frozen=True):
    """What a trial said; `error` is a sentence, empty when the weights can be used."""

    error: str = ""
    inputs: list[Stated] = []
    outputs: list[Stated] = []
    description: dict[str, Any] | None = None


def job_for(contract: Contract, weights: Path, description: Mapping[str, Any] | str = "") -> Job:
    """The trial of weights for a contract."""
    text = description if isinstance(description, str) else json.dumps(dict(description))
    return Job(
        str(weights) if contract.sha256 else "",
        contract.model_dump(mode="json", include={"input", "output"}),
        text,
    )


def try_weights(settings: Settings, repository: Path, job: Job) -> Outcome:
    """A trial's outcome; weights that crash the runtime give an error, too.

    `repository` is the one whose code opens them. Raises BadConfiguration when Triton's environment is missing.
    """
    python = triton_venv.find(settings) / "bin" / "python"
    own = {"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [str(python), "-m", "vision.inspection"],
            input=msgspec.json.encode([job]),
            capture_output=True,
            env=settings.child_environment() | own,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(f"{job.weights}: the trial took longer than {TIMEOUT_S:.0f} s")
    if done.returncode == 0:
        return msgspec.json.decode(done.stdout, type=list[Outcome])[0]
    last = " ".join(done.stderr.decode(errors="replace").strip().splitlines()[-1:])
    return Outcome(f"{job.weights}: the trial ended with exit code {done.returncode}: {last}")
