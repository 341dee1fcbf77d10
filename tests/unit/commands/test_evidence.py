"""What `evidence verify` says of folders that are something else."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from waysight.commands import evidence
from waysight.errors import BadMessage
from waysight.settings import Settings, using


def test_a_folder_that_is_no_package_and_one_that_is_no_ring_are_called_that(tmp_path: Path) -> None:
    app = typer.Typer()
    evidence.register(app)
    other = tmp_path / "other"
    other.mkdir()
    for number in range(12):
        (other / f"{number}.txt").write_text("x")
    verify = ["evidence", "verify", str(other)]
    with using(Settings(state_dir=tmp_path / "state")):
        told = CliRunner().invoke(app, verify)
        ring = CliRunner().invoke(app, [*verify, "--ring", str(other)])
    assert told.exit_code == 1
    assert "FAULT manifest.json is missing" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("NOT an evidence package")
    assert isinstance(ring.exception, BadMessage)
    assert str(ring.exception).count("does not belong to it") == 4
    assert str(ring.exception).endswith("; and 8 more")
