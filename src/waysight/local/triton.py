"""Triton Inference Server (from the nvidia-pytriton wheel, in an environment of its own) as a child."""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import partial
from importlib.resources import files
from pathlib import Path

from waysight.errors import BadConfiguration
from waysight.local import triton_venv
from waysight.local.child import Child
from waysight.local.ports import HOST
from waysight.local.probes import http_ok
from waysight.local.processes import remove_shared_memory
from waysight.modelling.overlay import build_repository
from waysight.settings import Settings

NAME = "triton"
SHARED_MEMORY_BYTES = 16 << 20  # of each model process


def child(settings: Settings) -> Child:
    """The server with every model of the package `waysight.triton_models`, ready once all are loaded.

    Models that a user put in place of ours (`waysight models use`) are laid over the package's.
    """
    folder = settings.state_dir.resolve() / NAME
    home = triton_venv.find(settings)
    packages = triton_venv.packages(home)
    prefix = shared_memory_prefix(settings.state_dir)
    models = model_names(repository())

    def prepare() -> None:
        _copy_backends(packages, home, folder / "backends")
        build_repository(repository(), settings.models_folder, served_repository(settings))

    return Child(
        name=NAME,
        command=(
            str(packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"),
            f"--model-repository={served_repository(settings)}",
            f"--backend-directory={folder / 'backends'}",
            "--model-control-mode=explicit",
            *(f"--load-model={name}" for name in models),
            "--disable-auto-complete-config",
            *(f"--{kind}-address={HOST}" for kind in ("http", "grpc", "metrics")),
            f"--http-port={settings.triton_http_port}",
            f"--grpc-port={settings.triton_grpc_port}",
            f"--metrics-port={settings.triton_metrics_port}",
            "--allow-gpu-metrics=false",
            f"--backend-config=python,shm-default-byte-size={SHARED_MEMORY_BYTES}",
            f"--backend-config=python,shm-region-prefix-name={prefix}",
            "--exit-timeout-secs=5",
        ),
        env={
            # The embedded interpreter finds its packages through the `python` that comes first on PATH.
            "PATH": f"{home / 'bin'}:{settings.child_environment().get('PATH', os.defpath)}",
            "PYTHONPATH": str(packages),
            "LD_LIBRARY_PATH": f"{packages / 'nvidia_pytriton.libs'}:{triton_venv.library_folder(home)}",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        ready=http_ok(settings.triton_http_port, "/v2/health/ready"),
        ports=(
            (settings.triton_http_port, "triton_http_port"),
            (settings.triton_grpc_port, "triton_grpc_port"),
            (settings.triton_metrics_port, "triton_metrics_port"),
        ),
        prepare=prepare,
        cleanup=partial(remove_shared_memory, prefix),
        ready_timeout_s=180.0,
        stop_timeout_s=12.0,
    )


def served_repository(settings: Settings) -> Path:
    """The repository that the local server reads: the installed one with the user's models laid over it."""
    return settings.state_dir.resolve() / NAME / "models"


def repository() -> Path:
    """The installed model repository."""
    return Path(str(files("waysight.triton_models")))


def model_names(folder: Path) -> tuple[str, ...]:
    """Folders with a config.pbtxt; raises BadConfiguration when there are none."""
    names = tuple(sorted(path.parent.name for path in folder.glob("*/config.pbtxt")))
    if not names:
        raise BadConfiguration(
            f"{folder} holds no model (a folder with a config.pbtxt); is waysight installed whole?"
        )
    return names


def shared_memory_prefix(state_dir: Path) -> str:
    """How the names of this stack's shared-memory files begin, so that only ours are ever deleted."""
    digest = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:10]
    return f"triton_python_backend_shm_region_{digest}_"


def _copy_backends(packages: Path, home: Path, target: Path) -> None:
    server = packages / "pytriton" / "tritonserver"
    stub = server / "python_backend_stubs" / triton_venv.python_version(home) / "triton_python_backend_stub"
    if not stub.exists():
        raise BadConfiguration(
            f"{stub} is missing: this Triton has no model process for that Python; rebuild {home}"
        )
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(server / "backends", target)
    shutil.copy2(stub, target / "python" / stub.name)
