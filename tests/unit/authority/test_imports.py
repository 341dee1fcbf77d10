"""Files that authorities hand over: contradictions are refused, repetitions are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from waysight.authority.imports import convert_all, read_rows
from waysight.commands.vehicles import OPTIONAL, REQUIRED, vehicle_of
from waysight.errors import BadConfiguration
from waysight.messages import Vehicle


def _vehicles(path: Path, *lines: str) -> list[Vehicle]:
    path.write_text("\n".join([",".join(REQUIRED), *lines]) + "\n")
    return convert_all(path, read_rows(path, REQUIRED, OPTIONAL), vehicle_of, lambda v: v.plate)


def test_a_plate_with_two_owners_is_refused_and_the_same_line_twice_is_not(tmp_path: Path) -> None:
    first, other = "A123BC01,kz,One,100000000001", "a 123 bc 01,kz,Other,200000000002"
    assert len(_vehicles(tmp_path / "v.csv", first, first)) == 2
    with pytest.raises(BadConfiguration, match=r"v\.csv:3: contradicts line 2 on A123BC01"):
        _vehicles(tmp_path / "v.csv", first, other)


def test_a_column_that_is_there_twice_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text(",".join([*REQUIRED, "plate"]) + "\n")
    with pytest.raises(BadConfiguration, match="a column is there twice"):
        list(read_rows(path, REQUIRED, OPTIONAL))
