"""Exemptions out of files: every fault is named, and lines of one vehicle become its duty periods."""

from __future__ import annotations

from pathlib import Path

import pytest

from waysight.authority.exempting import OPTIONAL, REQUIRED, exemption_of, gathered
from waysight.authority.imports import convert_all, read_rows
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Exemption

HEAD = "plate,kind,legal_basis,authority,case_number,valid_from,valid_until"


def _read(tmp_path: Path, *lines: str) -> list[Exemption]:
    file = tmp_path / "exempt.csv"
    file.write_text("\n".join(lines))
    return gathered(convert_all(file, read_rows(file, REQUIRED, OPTIONAL), exemption_of))


def test_lines_of_one_vehicle_are_its_duty_periods(tmp_path: Path) -> None:
    row = "123 ABC 02,emergency,Law 1 art. 2,fire brigade,C-1,2026-01-01,2026-12-31,yes"
    one, two = _read(
        tmp_path,
        HEAD + ",on_duty_only,duty_from,duty_until,mission",
        row + ",2026-11-17T10:00:00Z,2026-11-17T11:00:00Z,M-2",
        row + ",2026-11-16T10:00:00Z,2026-11-16T11:00:00Z,M-1",
        row.replace("123", "124") + ",2026-11-16T10:00:00Z,2026-11-16T11:00:00Z,M-1",
    )
    assert (one.plate, one.on_duty_only, [p.mission for p in one.duty]) == ("123ABC02", True, ["M-1", "M-2"])
    assert (two.plate, len(two.duty)) == ("124ABC02", 1)
    assert one.exemption_id != two.exemption_id
    (bus,) = _read(
        tmp_path,
        HEAD + ",offences,zones",
        "A1,public_transport,Law,city,C-2,2026-01-01,2026-12-31,bus_lane; red_light,z1",
    )
    assert (bus.offences, bus.zones) == (("bus_lane", "red_light"), ("z1",))


@pytest.mark.parametrize(
    ("row", "reason", "kind"),
    [
        ("A1,taxi,,city,C,2026-01-01,2026-12-31", "nobody is exempt without", NotAllowed),
        ("A1,friend,Law,city,C,2026-01-01,2026-12-31", "kind 'friend' is none of", BadConfiguration),
        ("A1,taxi,Law,city,C,2026-12-31,2026-01-01", "ends before it begins", BadConfiguration),
        ("A1,taxi,Law,city,C,2020-01-01,2036-01-01", "longer than five years", BadConfiguration),
        (",taxi,Law,city,C,2026-01-01,2026-12-31", "the plate is missing", BadConfiguration),
        ("A1,taxi,Law,city,C,someday,2026-12-31", "valid_from 'someday' is no date", BadConfiguration),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, row: str, reason: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=f"exempt.csv:2: .*{reason}"):
        _read(tmp_path, HEAD, row)


def test_lines_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="different things"):
        _read(
            tmp_path,
            HEAD,
            "A1,taxi,Law,city,C,2026-01-01,2026-12-31",
            "A1,taxi,Law,city,C,2026-01-01,2026-11-30",
        )
    with pytest.raises(BadConfiguration, match="needs duty_from, duty_until and mission"):
        _read(tmp_path, HEAD + ",duty_from", "A1,taxi,Law,city,C,2026-01-01,2026-12-31,2026-02-01")
    with pytest.raises(BadConfiguration, match="names no duty period"):
        _read(tmp_path, HEAD + ",on_duty_only", "A1,taxi,Law,city,C,2026-01-01,2026-12-31,yes")
