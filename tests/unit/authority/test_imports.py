"""Files that authorities hand over: contradictions are refused, repetitions are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from waysight.authority.imports import amount_of, convert_all, moment_ms, read_rows
from waysight.authority.local_days import local_ms
from waysight.commands.payments import COLUMNS as PAYMENT
from waysight.commands.payments import payment_of
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


def test_spreadsheets_leave_blank_lines_marks_and_tabs(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    for mark, between in (("", ","), ("\ufeff", ";"), ("\ufeff", "\t")):
        lines = [between.join(r) for r in (REQUIRED, ("123 авс 02", "KZ", "One", "1"), ("", "", "", ""))]
        path.write_text(mark + "\r\n".join(lines) + "\r\n", encoding="utf-8")
        (found,) = convert_all(path, read_rows(path, REQUIRED, OPTIONAL), vehicle_of)
        assert (found.plate, found.country) == ("123ABC02", "kz")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "missing"),
        (b"plate,country,owner_name,owner_id\n", "there is no line to import"),
        ("plate,country,owner_name,owner_id\nA1,kz,Иван,1\n".encode("cp1251"), "not in UTF-8"),
        (b'plate,country,owner_name,owner_id\nA1,kz,"x"y,1\n', "after line 1"),
    ],
)
def test_a_file_of_which_nothing_can_be_imported_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "v.csv"
    path.write_bytes(content)
    with pytest.raises(BadConfiguration, match=said):
        convert_all(path, read_rows(path, REQUIRED, OPTIONAL), vehicle_of)


@pytest.mark.parametrize("text", ["21.600", "1,500", "1_000", "1e3", "+5", "0", "0.00", "NaN", "-1", "٣", ""])
def test_an_amount_that_could_be_another_is_refused(text: str) -> None:
    with pytest.raises(BadConfiguration, match="amount"):
        amount_of(text, "amount")


@pytest.mark.parametrize(
    "text", ["20.11.2026", "11/20/2026", "46346", "0026-11-20", "1899-12-30", "2026-02-30", "today"]
)
def test_a_date_that_could_be_another_is_refused(text: str) -> None:
    with pytest.raises(BadConfiguration, match="at"):
        moment_ms(text, "at")


def test_the_last_day_of_papers_ends_where_the_vehicle_is_registered() -> None:
    row = dict.fromkeys(OPTIONAL, "") | {"plate": "A1B234", "owner_name": "One", "owner_id": "1"}
    for country, end in (
        ("pe", "2027-01-01T05:00Z"),
        ("kz", "2026-12-31T19:00Z"),
        ("de", "2027-01-01T05:00Z"),
    ):
        for day in ("2026-12-31", "20261231"):
            vehicle = vehicle_of({**row, "country": country, "insured_until": day})
            assert vehicle.insured_until_ms == moment_ms(end, "end")
    assert local_ms("2026-12-31T10:00+02:00", "at", "pe") == moment_ms("2026-12-31T08:00Z", "at")
    assert local_ms("2026-12-31", "from") == moment_ms("2026-12-30T19:00Z", "from")


def test_one_payment_told_twice_with_two_amounts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    line = "P-1,kz-2026-03-000123-u,123ABC02,{},KZT,2026-11-20"
    path.write_text("\n".join([",".join(PAYMENT), line.format("100"), line.format("100.00")]))
    rows = convert_all(path, read_rows(path, PAYMENT), payment_of, lambda p: p.payment_id)
    assert {(p.payment_id, str(p.amount)) for p in rows} == {("P-1", "100.00")}
    path.write_text("\n".join([",".join(PAYMENT), line.format("100"), line.format("200")]))
    with pytest.raises(BadConfiguration, match=r"p\.csv:3: contradicts line 2 on P-1"):
        convert_all(path, read_rows(path, PAYMENT), payment_of, lambda p: p.payment_id)
