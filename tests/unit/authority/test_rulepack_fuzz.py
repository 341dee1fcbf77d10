"""Any edit of a rule pack gives a pack that holds or a refusal with file and line, never anything else."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waysight.authority.rulepacks import read_pack
from waysight.domain.rulepack import RulePack
from waysight.errors import BadConfiguration

COUNTRIES = ("kz", "ma", "pe")
ROOT = Path(__file__).resolve().parents[3] / "rules"
TEXTS = {c: (ROOT / c / "pack.yaml").read_text(encoding="utf-8") for c in COUNTRIES}
PLATES = {c: (ROOT / c / "plates.yaml").read_text(encoding="utf-8") for c in COUNTRIES}
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DATE = re.compile(r"(from|until): (\d{4}-\d\d-\d\d)")
TIER = re.compile(r"over_kmh: \[(\d+), (\d+|null)\]")


def read(folder: Path, country: str, text: str) -> RulePack | str:
    """The pack, or the refusal."""
    (folder / "pack.yaml").write_text(text, encoding="utf-8")
    (folder / "plates.yaml").write_text(PLATES[country], encoding="utf-8")
    try:
        return read_pack(folder)
    except BadConfiguration as error:
        return str(error)


def refused_at(folder: Path, country: str, text: str) -> int:
    """The line of the refusal, from 1."""
    said = read(folder, country, text)
    assert isinstance(said, str), "it was taken"
    found = re.search(r"pack\.yaml:(\d+): ", said)
    assert found is not None, said
    return int(found[1])


def put(text: str, found: re.Match[str], group: int, new: str) -> str:
    return text[: found.start(group)] + new + text[found.end(group) :]


@QUICK
@given(st.sampled_from(COUNTRIES), st.data())
def test_characters_that_come_or_go(tmp_path: Path, country: str, data: Any) -> None:
    text = TEXTS[country]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 6))
        come = data.draw(st.text(alphabet="[]{}:,-?&*!|>'\"%@ \n\t0123456789abcé\x00\ufeff", max_size=6))
        text = text[:at] + come + text[at + gone :]
    said = read(tmp_path, country, text)
    assert isinstance(said, RulePack) or re.search(r"pack\.yaml(:\d+)?: ", said)


@QUICK
@given(st.sampled_from(COUNTRIES), st.data())
def test_lines_that_move(tmp_path: Path, country: str, data: Any) -> None:
    lines = TEXTS[country].splitlines()
    one, two = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    edit = data.draw(st.sampled_from(["drop", "twice", "swap"]))
    if edit == "swap":
        lines[one], lines[two] = lines[two], lines[one]
    lines[one : one + 1] = {"drop": [], "twice": [lines[one]] * 2, "swap": [lines[one]]}[edit]
    said = read(tmp_path, country, "\n".join(lines))
    assert isinstance(said, RulePack) or re.search(r"pack\.yaml(:\d+)?: ", said)


VALUES = ["true", "-1", "0", "1e400", ".nan", "[]", "{}", "null", "2026-02-30", "20260101", "''", "~", "[[1]]", "1_0", "&a [*a]",
          "9" * 30, "? x", "2026-01-01 12:00:00", "08", "0x10", "1:30", "!!python/object:os.system", "<<", "0.0000001"]  # fmt: skip


@QUICK
@given(st.sampled_from(COUNTRIES), st.data())
def test_values_of_another_kind(tmp_path: Path, country: str, data: Any) -> None:
    fields = list(re.finditer(r"(?<=[{ ])\w+: ([^,{}\[\]\n]+)", TEXTS[country]))
    found = fields[data.draw(st.integers(0, len(fields) - 1))]
    said = read(tmp_path, country, put(TEXTS[country], found, 1, data.draw(st.sampled_from(VALUES))))
    assert isinstance(said, RulePack) or re.search(r"pack\.yaml(:\d+)?: ", said)


@QUICK
@given(st.sampled_from(COUNTRIES), st.integers(-400, 400).filter(bool), st.data())
def test_a_date_between_two_rows_cannot_be_moved(tmp_path: Path, country: str, days: int, data: Any) -> None:
    text = TEXTS[country]
    found = data.draw(st.sampled_from([m for m in DATE.finditer(text) if _inner(text, m)]))
    moved = date.fromisoformat(found[2]) + timedelta(days=days)
    line = refused_at(tmp_path, country, put(text, found, 2, moved.isoformat()))
    own = text.count("\n", 0, found.start()) + 1
    assert abs(line - own) <= 8, "the row, or the one after it"


def _inner(text: str, found: re.Match[str]) -> bool:
    """A date on which one row ends and the next of the same list begins."""
    before, after = text[: found.start()], text[found.end() :]
    if found[1] == "from":
        return f"until: {found[2]}" in re.split(r"offence:|values:", before[-1500:])[-1]
    return f"from: {found[2]}" in re.split(r"offence:|\n\n", after[:1500])[0]


@QUICK
@given(st.sampled_from(COUNTRIES), st.integers(0, 1), st.integers(1, 15), st.data())
def test_a_bound_between_two_tiers_cannot_be_moved(
    tmp_path: Path, country: str, end: int, by: int, data: Any
) -> None:
    text = TEXTS[country]
    rows = list(TIER.finditer(text))
    pairs = [(a, b) for a, b in pairwise(rows) if a[2] == b[1]]
    one, two = data.draw(st.sampled_from(pairs))
    found, group = ((one, 2), (two, 1))[end]
    line = refused_at(tmp_path, country, put(text, found, group, str(int(found[group]) + by)))
    own = text.count("\n", 0, found.start()) + 1
    assert abs(line - own) <= 1


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_tier_or_a_year_that_is_gone_is_a_gap(tmp_path: Path, country: str) -> None:
    lines = TEXTS[country].splitlines()
    inner = [
        n for n, line in enumerate(lines[:-1])
        if (TIER.search(line) or ("amount: " in line and "until: 20" in line and "tiers" not in line))
        and _same_kind(line, lines[n + 1]) and _same_kind(line, lines[n - 1])
    ]  # fmt: skip
    assert inner
    for n in inner:
        line = refused_at(tmp_path, country, "\n".join(lines[:n] + lines[n + 1 :]))
        assert abs(line - (n + 1)) <= 1, lines[n]


def _same_kind(one: str, two: str) -> bool:
    return (
        bool(TIER.search(one)) == bool(TIER.search(two))
        and ("- {from" in one) == ("- {from" in two)
        and "- {" in two
    )


@pytest.mark.parametrize(
    ("country", "old", "new", "line_of", "message"),
    [
        ("kz", "    - {from: 2021-01-01, until: 2022-01-01, amount: 2917, confidence: derived, sources: [F-KZ5]}\n", "", "units: 5", "no unit of account before 2022-01-01"),
        ("pe", "until: null, tiers: [{law: G10,", "until: 2027-06-01, tiers: [{law: G10,", "law: G10", "no unit of account after 2026-12-31"),
        ("kz", "  until: 2028-01-01", "  until: 2026-06-30", "until: 2026-06-30", "2026-12-16|extra|ends before"),
        ("pe", "  from: 2021-01-01\n  until: 2028-01-01", "  from: 2021-02-01\n  until: 2028-01-01", "from: 2021-02-01", "after the pack's effective_from"),
        ("kz", "yearly: [01-01", "yearly: [02-29", "02-29", "day is out of range"),
        ("kz", "weekend: [saturday, sunday]", "weekend: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]", "weekend", "at most 3"),
        ("kz", "sources: [F-KZ33, F-KZ34]", "sources: [F-KZ99]", "F-KZ99", "not described"),
        ("kz", "from: 2026-01-01, until: 2027", "from: 2026-02-30, until: 2027", "2026-02-30", "day is out of range"),
        ("kz", "effective_from: 2021-01-01", "effective_from: 86400", "86400", "not a number"),
        ("kz", "units: 40,", "units: true,", "units: true", "write a number"),
        ("kz", "over_kmh: [10, 20]", "over_kmh: [-10, 20]", "[-10, 20]", "greater than or equal to 0"),
        ("kz", "law: 599(2),", "law: 592(4),", "law: 592(4), units: 15", "592.4. is there twice"),
        ("pe", "  average_speed: No text", "  bus_lane: No text", "bus_lane: No text", "it has a tariff"),
        ("pe", "  average_speed: No text", "  bus_lain: No text", "bus_lain", "bus_lane"),
        ("ma", "amount: 500, days: 15", "fraction: '0.9', days: 15", "'0.9'", "measured alike"),
        ("ma", "amount: 350, days: 15", "amount: 350, working_days: 15", "working_days: 15", "working days need"),
        ("ma", "law: \"186\", over_kmh: [0, 20], bounds: \"(]\", amount: 300", "law: \"186\", over_kmh: [0, 20], bounds: \"(]\", amount: 200", "amount: 200", "early payment"),
        ("ma", "  F-MA2:", "  F-MA1:", "F-MA1", "is there twice"),
        ("ma", "currency: MAD", "? [currency]\n: MAD", "currency", "a key is one word"),
        ("ma", "currency: MAD", "currency: &a [*a]", "currency", "within itself|nested"),
        ("ma", "currency: MAD", "currency: M\x00D", "currency", "control characters"),
        ("ma", "currency: MAD", "currency: [MAD", "currency|unit|timezone|code", "cannot be read"),
    ],
)  # fmt: skip
def test_what_else_is_refused_with_its_line(
    tmp_path: Path, country: str, old: str, new: str, line_of: str, message: str
) -> None:
    assert old in TEXTS[country]
    text = TEXTS[country].replace(old, new, 1)
    said = read(tmp_path, country, text)
    assert isinstance(said, str)
    assert re.search(message, said), said
    line = int(re.search(r"pack\.yaml:(\d+): ", said)[1])  # type: ignore[index]
    near = "\n".join(text.splitlines()[max(0, line - 2) : line + 1])
    assert re.search(line_of, near) or line_of in near, (line, near)
