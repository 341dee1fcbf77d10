"""What authorities hand in: every mode of a watchlist entry, wanted persons, and what is refused of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from wanted import entry, person

from waysight.authority.entries import ENTRY_OPTIONAL, ENTRY_REQUIRED, entry_of, person_of
from waysight.authority.imports import convert_all, moment_ms, read_rows
from waysight.domain.watchlist import canonical_pattern, faults, merged, revoked, too_wide
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import WatchlistEntry

NOW_MS = 1_794_891_600_000  # 2026-11-17 in UTC
GROUNDS = {"kind": "stolen", "legal_basis": "CPC art. 185", "authority": "MIA", "case_number": "c-1",
           "expires": "2026-11-19"}  # fmt: skip


def _entry(**fields: str) -> WatchlistEntry:
    return entry_of({"plate": "", **GROUNDS, **fields}, NOW_MS)


def test_every_mode_has_its_fields() -> None:
    plate = _entry(plate="123 авс 02", approximate="yes", suppress_s="60", hours="MON-FRI 22:00-06:00")
    assert (plate.plate, plate.mode, plate.approximate, plate.suppress_s) == ("123ABC02", "plate", True, 60)
    assert plate.hours == "mon-fri 22:00-06:00"
    pattern = _entry(plate="12? ав*", mode="pattern", label="Truck")
    assert (pattern.plate, pattern.label) == ("12?AB*", "truck")
    van = _entry(mode="description", colour="Blue", make="Ford", direction="NE", area="road:A-1; cam-7;")
    assert (van.area, van.colour, van.make, van.direction) == (("cam-7", "road:A-1"), "blue", "Ford", "ne")
    assert van.valid_from_ms == NOW_MS
    assert not too_wide(van)
    assert _entry(plate="777XYZ01", mode="permit", list="residents").list == "residents"
    assert _entry(mode="permit_list", list="residents", area="district:Port").area == ("district:Port",)


def test_entries_without_a_plate_are_told_apart_and_the_same_order_is_the_same_entry() -> None:
    blue, red = (_entry(mode="description", colour=c, area="cam-1") for c in ("blue", "red"))
    assert blue.entry_id != red.entry_id
    assert blue.entry_id == _entry(mode="description", colour="blue", area="cam-1").entry_id
    assert _entry(plate="123ABC02").entry_id == _entry(plate="123 abc 02", note="again").entry_id


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"plate": "1"}, "too short"),
        ({"plate": "123ABC02", "mode": "exact"}, "mode 'exact' is none of plate"),
        ({"plate": "1?*", "mode": "pattern"}, "at least 3 characters"),
        ({"plate": "123ABC02", "mode": "description", "label": "car", "area": "cam-1"}, "has no plate"),
        ({"mode": "description", "area": "cam-1"}, "needs a label or a colour"),
        ({"mode": "description", "label": "car"}, "needs an area"),
        ({"mode": "description", "label": "car", "area": "cam-1", "expires": "2026-12-19"}, "72 hours"),
        ({"mode": "permit", "plate": "123ABC02"}, "permit list"),
        ({"mode": "permit_list", "list": "residents"}, "needs an area"),
        ({"plate": "123ABC02", "area": "planet:earth"}, "area 'planet:earth'"),
        ({"plate": "123ABC02", "hours": "at night"}, "hours 'at night' cannot be read"),
        ({"plate": "123ABC02", "direction": "up"}, "direction 'up'"),
        ({"plate": "123ABC02", "label": "tank"}, "label 'tank'"),
        ({"plate": "123ABC02", "colour": "ultraviolet"}, "colour 'ultraviolet'"),
        ({"plate": "123ABC02", "approximate": "perhaps"}, "neither yes nor no"),
        ({"plate": "123*", "mode": "pattern", "approximate": "yes"}, "approximate is for"),
        ({"plate": "123ABC02", "suppress_s": "0"}, "suppress_s 0"),
        ({"plate": "123ABC02", "suppress_s": "soon"}, "suppress_s 'soon' is no number"),
        ({"plate": "123ABC02", "priority": "10"}, "priority 10"),
        ({"plate": "123ABC02", "kind": ""}, "kind is missing"),
    ],
)
def test_a_faulty_entry_is_refused_with_its_line(fields: dict[str, str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    row = {"plate": "", **GROUNDS, **fields}
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    with pytest.raises(BadConfiguration, match=r"list\.csv:2: ") as caught:
        convert_all(path, read_rows(path, ENTRY_REQUIRED, ENTRY_OPTIONAL), lambda r: entry_of(r, NOW_MS))
    assert said in str(caught.value)


def test_nobody_is_looked_for_without_a_ground() -> None:
    for name in ("legal_basis", "authority", "case_number", "expires"):
        with pytest.raises(NotAllowed, match="missing"):
            _entry(plate="123ABC02", **{name: " "})
        with pytest.raises(NotAllowed, match="missing"):
            person_of({"person_id": "1", "name": "", **GROUNDS, name: ""}, NOW_MS)


@pytest.mark.parametrize(
    ("countries", "starts", "ends"),
    [
        (("kz",), "2026-11-18T00:00+05:00", "2026-12-01T00:00+05:00"),
        (("pe",), "2026-11-18T00:00-05:00", "2026-12-01T00:00-05:00"),
        (("pe", "de"), "2026-11-18T00:00-05:00", "2026-12-01T00:00-05:00"),
        (("pe", "kz"), "2026-11-18T00:00-05:00", "2026-12-01T00:00+05:00"),
        ((), "2026-11-18T00:00-05:00", "2026-12-01T00:00+05:00"),
    ],
)
def test_an_entry_holds_for_local_days_and_never_an_hour_longer(
    countries: tuple[str, ...], starts: str, ends: str
) -> None:
    term = {"valid_from": "2026-11-18", "expires": "2026-11-30"}
    row = {"plate": "123ABC02", "person_id": "1", "name": "A. Person", **GROUNDS, **term}
    for found in (entry_of(row, NOW_MS, countries), person_of(row, NOW_MS, countries)):
        assert found.valid_from_ms == moment_ms(starts, "starts")
        assert found.expires_ms == moment_ms(ends, "ends")
    written = {"expires": "2026-11-30T18:00:00Z"}
    assert entry_of(row | written, NOW_MS, countries).expires_ms == moment_ms(written["expires"], "expires")


def test_a_person_needs_a_number_a_kind_and_an_end() -> None:
    row = {"person_id": "900101300123", "name": "A. Person", **GROUNDS, "kind": "wanted", "priority": "2"}
    found = person_of(row, NOW_MS)
    assert (found.person_id, found.kind, found.priority) == ("900101300123", "wanted", 2)
    for change, said in (
        ({"person_id": ""}, "person_id is missing"),
        ({"kind": ""}, "kind is missing"),
        ({"priority": "11"}, "priority 11"),
        ({"expires": "2020-01-01"}, "has expired already"),
    ):
        with pytest.raises(BadConfiguration, match=said):
            person_of(row | change, NOW_MS)


def test_what_was_revoked_stays_revoked() -> None:
    for record in (entry("e", "123ABC02"), person("p")):
        gone = revoked(record, 5, "officer")
        assert (gone.revoked_ms, gone.revoked_by) == (5, "officer")
        assert revoked(gone, 9, "other") == gone
        assert merged(gone, replace(record, note="again")).revoked_ms == 5
        assert merged(None, record) == record


def test_patterns_have_one_spelling() -> None:
    assert canonical_pattern("** 12-а ?") == "*12A?"
    assert "at least 3" in "; ".join(faults(entry("e", "A?*", mode="pattern"), NOW_MS))
