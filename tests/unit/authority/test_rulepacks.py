"""Rule packs: what the shipped ones say, and that a broken one is refused with file, line and field."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from waysight.authority.notice_words import notice_words
from waysight.authority.rulepack_files import OffenceName
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


@pytest.mark.parametrize(
    ("country", "year", "off"),
    [  # inform.kz of 2 January 2026; 30 August is a doubtful one
        ("kz", 2026, "01-01 01-02 01-07 03-08 03-09 03-21 03-22 03-23 03-24 03-25 05-01 05-07 05-09 05-11 05-27 07-06 "
                     "08-30 08-31 10-25 10-26 12-16"),
        ("kz", 2027, "01-01 01-02 01-04 01-07 03-08 03-15 03-21 03-22 03-23 03-24 05-01 05-03 05-07 05-09 05-10 05-16 "
                     "05-17 07-06 08-30 10-25 12-16"),
        # rpp.pe of 27 December 2025
        ("pe", 2026, "01-01 04-02 04-03 05-01 06-07 06-29 07-23 07-28 07-29 08-06 08-30 10-08 11-01 12-08 12-09 12-25"),
        ("pe", 2027, "01-01 03-25 03-26 05-01 06-07 06-29 07-23 07-28 07-29 08-06 08-30 10-08 11-01 12-08 12-09 12-25"),
    ],
)  # fmt: skip
def test_days_off(country: str, year: int, off: str) -> None:
    calendar = load_pack(country).calendar
    assert calendar is not None
    assert " ".join(f"{d:%m-%d}" for d in sorted(calendar.holidays_of(year))) == off


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
    refused(tmp_path, root, "kz", old, new, line_of, message)


@pytest.mark.parametrize(
    ("country", "old", "new", "line_of", "message"),
    [
        ("kz", "[F-KZ8, F-KZ10, F-KZ25]}", "[F-KZ8, F-KZ10, F-KZ25], units: 6}", "units: 6", "is there twice"),
        ("kz", "over_kmh: [20, 40], units: 10, confidence: read, sources: [F-KZ8, F-KZ10]", "over_kmh: [20, 40], bounds: '[]', units: 10, confidence: read, sources: [F-KZ8, F-KZ10]", "bounds: '[]'", "an overlap between tiers: 20 itself belongs to both"),
        ("ma", 'over_kmh: [30, 50], bounds: "[)"', 'over_kmh: [30, 50], bounds: "()"', '[30, 50], bounds: "()"', "a gap between tiers: 30 itself belongs to neither"),
        ("ma", "amount: 300, discount: class_3", "discount: class_3", "[0, 20]", "exactly one of `units`, `amount`, `refer_to`"),
        ("ma", "refer_to: court, consequence", "refer_to: cour, consequence", "refer_to: cour,", "court"),
        ("ma", 'refer_to: court, consequence: "Délit : tribunal, retrait du permis (court, withdrawal of the licence)", ', "refer_to: court, ", "refer_to: court, conf", "go together"),
        ("ma", "discount: class_3, conf", "discount: class_9, conf", "class_9", "no discount 'class_9'"),
        ("ma", "amount: 500, days: 15", "amount: 400, days: 15", "amount: 400, days: 15", "must cost more"),
        ("ma", "amount: 500, days: 15", "amount: 500, days: 1", "amount: 500, days: 1,", "an overlap between stages"),
        ("ma", "fr: Non-respect du feu rouge, ar", "ar", "ar: عدم احترام", "a text in each of fr, ar, en"),
        ("ma", "appeal: {trigger: served, confidence: unsure}", "appeal: {trigger: served, confidence: read, sources: [F-MA1]}", "appeal:", "none only where it is unsure"),
        ("ma", "limitation: {trigger: issued,", "limitation: {trigger: issue,", "limitation:", "issued"),
        ("pe", "offences: [spot_speed], from: 2021-01-01, until: null, kmh: 5", "offences: [bus_lane], from: 2021-01-01, until: null, kmh: 5", "kmh: 5", "not measured as a speed"),
        ("pe", "tolerances:", "tolerances:\n  - {offences: [spot_speed], from: 2020-01-01, until: null, kmh: 5, confidence: unsure}", "from: 2021-01-01, until: null, kmh", "an overlap between dates"),
        ("pe", "of: [M20, M17,", "of: [M20, M20, M17,", "M20, M20", "an overlap: M20"),
        ("pe", "of: [M20, M17,", "of: [M20, M18,", "M20, M18", "no tariff has M18"),
        ("pe", "factor: 2", "factor: 2, units: 3", "units: 3", "exactly one of"),
        ("pe", "from: 2022-01-14", "from: 2020-01-14", "2020-01-14", "before the pack's effective_from"),
        ("pe", "confidence: read, sources: [F-PE6]}]}", "confidence: read}]}", "law: G10", "needs a source"),
        ("pe", "- {id: unit_day,", "- {id: bound,", "id: bound, applies: unit", "bound is there twice"),
        ("pe", "calendar:", "calender:", "calender:", "Extra inputs"),
        ("pe", "- offence: bus_lane", "- offence: bus_line", "bus_line", "bus_lane"),
    ],
)  # fmt: skip
def test_a_broken_pack_of_another_country_is_refused_with_its_line(
    tmp_path: Path, root: Path, country: str, old: str, new: str, line_of: str, message: str
) -> None:
    refused(tmp_path, root, country, old, new, line_of, message)


def refused(tmp_path: Path, root: Path, country: str, old: str, new: str, line_of: str, message: str) -> None:
    text = (root / f"rules/{country}/pack.yaml").read_text()
    assert old in text
    broken = text.replace(old, new, 1) if country != "kz" else text.replace(old, new)
    (tmp_path / "pack.yaml").write_text(broken)
    (tmp_path / "plates.yaml").write_text((root / f"rules/{country}/plates.yaml").read_text())
    with pytest.raises(BadConfiguration, match=message) as caught:
        read_pack(tmp_path)
    found = re.search(r"pack\.yaml:(\d+): ", str(caught.value))
    assert found is not None
    lines = broken.splitlines()
    near = lines[max(0, int(found[1]) - 2) : int(found[1]) + 1]
    assert any(line_of in line for line in near), (found[1], near)


def test_every_offence_of_a_pack_is_one_of_the_schema(root: Path) -> None:
    schema = json.loads((root / "schemas/waysight.Violation.avsc").read_text())
    (known,) = (set(f["type"]["symbols"]) for f in schema["fields"] if f["name"] == "offence")
    assert set(get_args(OffenceName)) == known


@pytest.mark.parametrize("country", ["kz", "ma", "pe"])
def test_the_words_of_a_notice_are_in_the_languages_of_the_pack(country: str) -> None:
    pack, words = load_pack(country), notice_words(country)
    assert words.languages == tuple(pack.code)
    assert all(t.strip() for texts in words.texts.values() for t in texts)


@pytest.mark.parametrize("country", ["kz", "ma", "pe"])
def test_every_reading_is_there_in_every_language(country: str) -> None:
    pack = load_pack(country)
    for reading in pack.readings:
        assert set(reading.texts) == set(pack.code) - {"en"}, reading.id
        assert reading.in_language("en") == reading.text
        assert len({reading.in_language(language) for language in pack.code}) == len(pack.code)


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
