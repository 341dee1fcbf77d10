"""Commands that would find nothing say why, before they look; what is written where there is no room says so."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from waysight import cli
from waysight.commands.narrowing import STATUSES, a_place, in_order, offence, one_of, plate
from waysight.errors import BadConfiguration
from waysight.reporting.exports import Export
from waysight.reporting.selection import Selection
from waysight.storage.tables import table

GROUND = ["--purpose", "p", "--case", "c"]


def _run(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr(sys, "argv", ["waysight", *args])
    monkeypatch.setattr("waysight.adapters.clickhouse.clickhouse_connect.get_client", _nobody)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def _nobody(**_: object) -> None:
    raise AssertionError("the command looked before it knew what for")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["export", "fines", "--out", "f.csv", "--status", "open", *GROUND], "'open' is none of issued, paid"),
        (["export", "violations", "--out", "f.csv", "--offence", "speeding", *GROUND], "none of average_speed"),
        (["export", "counts", "--out", "f.csv", "--from", "2026-12-01", "--to", "2026-11-01", *GROUND], "--from and --to"),
        (["fines", "list", "--status", "open", *GROUND], "'open' is none of issued, paid"),
        (["fines", "list", "--plate", "???", *GROUND], "write a whole plate"),
        (["export", "violations", "--out", "f.csv", "--plate", "34A*", *GROUND], "takes wildcards"),
        (["alerts", "list", "--plate", "-", *GROUND], "write a whole plate"),
        (["alerts", "list", "--status", "open", *GROUND], "'open' is none of new"),
        (["watchlist", "list", "--plate", "12%", *GROUND], "write a whole plate"),
        (["exemptions", "list", "--plate", "*", *GROUND], "write a whole plate"),
        (["review", "list", "--offence", "speeding", *GROUND], "none of average_speed"),
        (["review", "accept-all", "--officer", "A", "--offence", "speeding", *GROUND], "none of average_speed"),
        (["review", "list", "--country", "KZ", *GROUND], "'KZ' is none of kz, ma, pe"),
        (["report", "violations", "--from", "2026-12-01", "--to", "2026-11-01"], "--from and --to"),
        (["report", "deterrence", "--place", "cam-1", "--since", "2026-03-01"], "camera:<id>"),
        (["report", "deterrence", "--place", "road:A", "--control", "road:A", "--since", "2026-03-01"], "a control is"),
        (["payments", "report", "--from", "2026-12-01", "--to", "2026-11-01", *GROUND], "--from and --to"),
        (["search", "plate", "34A*", "--from", "2026-12-01", "--to", "2026-11-01", *GROUND], "--from and --to"),
        (["dead-letters", "list", "--topic", "fine"], "'fine' is none of"),
    ],
)  # fmt: skip
def test_a_word_that_cannot_be_found_is_an_error_and_no_empty_list(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], args: list[str], said: str
) -> None:
    assert _run(monkeypatch, *args) == 2
    out, err = capfd.readouterr()
    assert said in err
    assert out == ""


def test_what_is_known_or_left_open_passes() -> None:
    assert offence("red_light") == "red_light"
    assert offence("") == ""
    assert one_of("paid", STATUSES["fines"], "--status") == "paid"
    assert plate("123 abc-02") == "123ABC02"
    assert plate("") == ""
    assert a_place("road:Abay", "--place") == "road:Abay"
    in_order(None, 5)
    in_order(5, None)
    in_order(4, 5)
    with pytest.raises(BadConfiguration, match="nothing lies between"):
        in_order(5, 5)


def test_a_full_disk_is_an_error_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cli, "build", full)
    assert _run(monkeypatch) == 2
    assert capfd.readouterr().err.strip() == (
        "error: a file that is written: No space left on device; make room there and repeat the command"
    )


def test_a_file_of_an_export_is_no_folder_and_a_column_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="is a folder; name a file in it with --out"):
        Export(tmp_path, "csv", table("fines").schema)
    with pytest.raises(BadConfiguration, match="--columns names number twice"):
        _ = Selection(table("fines"), columns=("number", "plate", "number")).schema


def test_a_country_may_be_written_in_capitals(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["waysight", "rules", "list", "KZ", "--unsure", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert '"path"' in capfd.readouterr().out
