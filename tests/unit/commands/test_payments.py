"""Lines of a bank's file that are set aside: nothing that lay there before is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from waysight.commands.payments import set_aside
from waysight.errors import BadConfiguration

WRONG = [(6, "amount '12,5' is no amount", {"payment_id": "P-1", "amount": "12,5"})]


def test_lines_set_aside_never_replace_another_file(tmp_path: Path) -> None:
    bank, aside = tmp_path / "bank.csv", tmp_path / "aside.csv"
    bank.write_text("payment_id\nP-1\n")
    for _ in range(2):  # the same again is no other content
        set_aside(aside, WRONG)
    assert "6,\"amount '12,5' is no amount\",P-1" in aside.read_text()
    for path, wrong in ((bank, WRONG), (aside, [])):
        before = path.read_bytes()
        with pytest.raises(BadConfiguration, match="name another --quarantine"):
            set_aside(path, wrong)
        assert path.read_bytes() == before
    with pytest.raises(BadConfiguration, match="cannot be written"):
        set_aside(tmp_path / "nowhere" / "aside.csv", WRONG)
