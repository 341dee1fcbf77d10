"""A worker that counts partitions differently from the broker would wait for ever for the missing ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from waysight.adapters.faust_engine import FaustEngine
from waysight.errors import BadConfiguration
from waysight.processing import build
from waysight.settings import Settings

COUNTS = {"passes": 4, "tallies": 4, "counts": 4, "minutes": 4, "dead-letters": 1, "waysight-count-state": 4}


def _engine(partitions: int, tmp_path: Path) -> FaustEngine:
    settings = Settings(partitions=partitions, state_dir=tmp_path)
    engine = FaustEngine(settings, build("count", settings))
    engine._counts = dict(COUNTS)
    return engine


def test_the_same_number_is_accepted(tmp_path: Path) -> None:
    _engine(4, tmp_path)._check_topics()


def test_another_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="WAYSIGHT_PARTITIONS is 8, but the broker has"):
        _engine(8, tmp_path)._check_topics()
