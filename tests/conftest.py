"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# A busy machine must not fail a property, and a failure must come again in the next run.
hypothesis.settings.register_profile(
    "waysight",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("waysight")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real footage and photographs beside the checkout; the one reason for which a test may skip."""
    folder = Path(os.environ.get("WAYSIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}: set WAYSIGHT_SHARED_DATA to a folder that has it")
    return folder
