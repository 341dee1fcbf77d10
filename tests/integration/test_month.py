"""A simulated month, stored and exported by real parts: from one process, and through Kafka and worker processes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from waysight.cli import build
from waysight.commands.simulate_month import LAST_START

pytestmark = pytest.mark.integration
COMMAND = ("simulate", "--days", "1", "--level", "sightings", "--check", "--json")


def _said(*words: str) -> dict[str, dict[str, int]]:
    done = CliRunner().invoke(build("simulate"), [*COMMAND, *words])
    assert done.exit_code == 0, done.output
    said: dict[str, dict[str, int]] = json.loads(done.stdout)
    return said


def test_what_was_found_is_exported_from_clickhouse(tmp_path: Path) -> None:
    said = _said("--passes", "300", "--seed", "3", "--out", str(tmp_path))
    for part in ("violations", "fines", "referrals", "counts"):
        assert said[part]["truth"] == said[part]["found"]
        assert said[part]["false"] == 0
        assert (tmp_path / f"{part}.parquet.manifest.json").exists()
    assert said["fines"]["sum_truth"] == said["fines"]["sum_found"]
    assert said["counts"]["truth"] == said["passes"]
    written = json.loads((tmp_path / "truth.json").read_text())
    assert len(written["violations"]) == said["violations"]["truth"] > 20
    assert len(written["fines"]) == said["fines"]["truth"] > 10


def test_the_same_through_kafka_and_workers() -> None:
    start = min(date.today() - timedelta(days=60), LAST_START)  # workers forget what is long closed
    said = _said("--passes", "150", "--seed", "1", "--start", f"{start}", "--real")
    assert said["violations"]["found"] == said["violations"]["truth"] > 5
    assert said["fines"]["found"] == said["fines"]["truth"] > 3
    assert said["counts"]["found"] == said["counts"]["truth"] == said["passes"]
