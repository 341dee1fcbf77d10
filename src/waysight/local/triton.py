"""Triton Inference Server as a child."""

from __future__ import annotations

import hashlib
from pathlib import Path


def shared_memory_prefix(state_dir: Path) -> str:
    """How the names of this stack's shared-memory files begin, so that only ours are ever deleted."""
    digest = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:10]
    return f"triton_python_backend_shm_region_{digest}_"
