"""Rule packs: what the shipped ones say, and that a broken one is refused with file, line and field."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from waysight.authority.rulepacks import all_packs, load_pack, read_pack
from waysight.errors import BadConfiguration


def test_every_shipped_pack_holds() -> None:
    assert set(all_packs()) == {"kz", "ma", "pe"}
    assert load_pack("kz").reference == "kz@2026.12"


@pytest.mark.parametrize(
    ("plate", "countries"),
    [
        ("123ABC02", {"kz"}), ("123AB20", {"kz"}), ("123ABC21", set()), ("123ABC00", set()), ("A123BCD", {"kz"}),
        ("A1B234", {"pe"}), ("1234AB", {"pe"}), ("AB1234", {"pe"}), ("12345A6", {"ma"}), ("1A89", {"ma"}), ("1A90", set()),
        ("34A36837", set()), ("34A23126", set()), ("12345", set()),
    ],
)  # fmt: skip
def test_plate_formats(plate: str, countries: set[str]) -> None:
    found = {p.country for p in all_packs().values() if any(re.fullmatch(f, plate) for f in p.plate_formats)}
    assert found == countries


def test_average_speed_is_bound_to_the_roads_the_law_names() -> None:
    offence = load_pack("kz").offence("average_speed")
    assert offence is not None
    assert offence.road_classes == ("republican", "inter_state")
    assert offence.straight_only
    assert offence.threshold_kmh_on(date(2026, 11, 16)) == 10.0


@pytest.mark.parametrize("name", ["xx", "../kz", ""])
def test_an_unknown_pack_is_refused(name: str) -> None:
    with pytest.raises(BadConfiguration, match="no rule pack"):
        load_pack(name)


@pytest.mark.parametrize(
    ("old", "new", "line_of", "message"),
    [
        ("from: 2026-01-01, until: 2027", "from: 2026-02-01, until: 2027", "from: 2026-02-01", "a gap between dates"),
        ("from: 2026-01-01, until: 2027", "from: 2025-12-01, until: 2027", "from: 2025-12-01", "an overlap between dates"),
        ("over_kmh: [20, 40], units: 10, confidence: read, sources: [F-KZ8, F-KZ10]", "over_kmh: [25, 40], units: 10, confidence: read, sources: [F-KZ8, F-KZ10]", "[25, 40]", "a gap between tiers"),
        ("over_kmh: [20, 40], units: 10, confidence: read, sources: [F-KZ8, F-KZ10]", "over_kmh: [15, 40], units: 10, confidence: read, sources: [F-KZ8, F-KZ10]", "[15, 40]", "an overlap between tiers"),
        ("over_kmh: [60, null]", "over_kmh: [60, 90]", "[60, 90]", "leave the last tier open"),
        ("sources: [F-KZ11]}", "sources: [F-KZ99]}", "F-KZ99", "is not described"),
        ("amount: 4325", "amount: -4325", "amount: -4325", "greater than 0"),
        ("law: 599(1), units: 10, confidence: read", "law: 599(1), over_kmh: [1, 2], units: 10, confidence: read", "[1, 2]", "cannot have over_kmh"),
        ("timezone: Asia/Almaty", "timezone: Asia/Almati", "Almati", "unknown time zone"),
        ("yearly: [01-01", "yearly: [13-01", "13-01", "month"),
        ('fraction: "0.5"', 'fraction: "1.5"', '"1.5"', "less than 1"),
        ("currency: KZT", "currency: KZT\ncurrancy: KZT", "currancy", "Extra inputs"),
        ("until: 2024-12-04", "until: 2020-12-04", "until: 2020-12-04", "is not after"),
    ],
)  # fmt: skip
def test_a_broken_pack_is_refused_with_its_line(
    tmp_path: Path, root: Path, old: str, new: str, line_of: str, message: str
) -> None:
    text = (root / "rules/kz/pack.yaml").read_text()
    assert old in text
    (tmp_path / "pack.yaml").write_text(text.replace(old, new))
    (tmp_path / "plates.yaml").write_text((root / "rules/kz/plates.yaml").read_text())
    with pytest.raises(BadConfiguration, match=message) as caught:
        read_pack(tmp_path)
    found = re.search(r"pack\.yaml:(\d+): ", str(caught.value))
    assert found is not None
    lines = text.replace(old, new).splitlines()
    near = lines[max(0, int(found[1]) - 2) : int(found[1]) + 1]
    assert any(line_of in line for line in near), (found[1], near)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formats: [", "cannot be read"),
        ("formats: []", "at least 1"),
        ("x: 1", "formats"),
        ("", "dictionary"),
    ],
)
def test_a_broken_plates_file_is_refused(tmp_path: Path, root: Path, text: str, message: str) -> None:
    (tmp_path / "pack.yaml").write_text((root / "rules/kz/pack.yaml").read_text())
    (tmp_path / "plates.yaml").write_text(text)
    with pytest.raises(BadConfiguration, match=message) as caught:
        read_pack(tmp_path)
    assert "plates.yaml" in str(caught.value)
