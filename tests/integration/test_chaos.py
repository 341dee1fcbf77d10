"""A short campaign against the whole pipeline: its ledger balances, its record and its picture are there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def test_a_short_campaign_balances(root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "chaos",
        "--seed",
        "5",
        "--minutes",
        "0.5",
        "--per-second",
        "25",
        "--speed",
        "10",
    ]
    environment = {**os.environ, "WAYSIGHT_OUT_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=1140)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.endswith("the ledger balances\n")
    result = json.loads((tmp_path / "chaos" / "5" / "ledger.json").read_text())
    lines = {(line["kind"], line["where"]): line for line in result["ledger"]}
    assert {kind for kind, _ in lines} >= {
        "alerts",
        "violations",
        "counts",
        "fines",
        "sightings",
        "dead letters",
    }
    assert all(line["truth"] == line["found"] > 0 for line in lines.values())
    assert len(result["harm"]) >= 2
    assert result["sent_twice"] > 0
    assert (tmp_path / "chaos" / "5" / "timeline.png").stat().st_size > 10_000
