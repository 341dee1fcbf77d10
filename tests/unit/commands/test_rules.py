"""`waysight rules`: packs are checked with file and line; values are confirmed by named persons only, and audited."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from waysight.adapters.registry import MemoryRegistry
from waysight.authority.rulepacks import read_pack
from waysight.codec import Codec
from waysight.commands import rules
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Confirmation

SOLID = "offences.solid_line.2021-01-01.601(1)"
WHO = {"by": "A. Jurist", "role": "head of law", "source": "Code 235-V, art. 601, edition of 2026"}


class Topic:
    """Stands in for audit log, publisher and the compacted topic, and keeps the order in which they were used."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.held: dict[str, Confirmation] = {}

    def __call__(self, *_: object) -> Topic:
        return self

    def record(self, action: str, *_: object, actor: str = "") -> None:
        self.lines.append((action, actor))

    def publish_all(self, _s: object, _c: object, topic: str, records: list[Confirmation], key: Any) -> None:
        for record in records:
            self.lines.append((topic, record.path))
            self.held[key(record)] = record

    def latest(self, *_: object) -> dict[str, Confirmation]:
        return dict(self.held)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    """The commands with stand-ins for Kafka."""
    found = Topic()
    monkeypatch.setattr(rules, "AuditLog", found)
    monkeypatch.setattr(rules, "publish_all", found.publish_all)
    monkeypatch.setattr(rules, "latest_by_key", found.latest)
    monkeypatch.setattr(rules, "open_codec", lambda _: Codec(MemoryRegistry()))
    return found


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_shipped_packs_and_those_of_a_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.check(None, json_=True)
    shipped = shown(capsys)
    assert [row["pack"][:2] for row in shipped] == ["kz", "ma", "pe"]
    rules.check(root / "rules", json_=True)
    assert shown(capsys) == shipped
    rules.check(root / "rules/pe", json_=True)
    assert shown(capsys) == shipped[2:]


def test_what_has_no_price_is_told_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    rules.check(None)
    said = capsys.readouterr().out
    assert "pe: no tariff for average_speed: No text that was read names section control." in said
    assert "to 2027-12-31, unsure" in said
    rules.check(None, json_=True)
    kz, ma, _ = shown(capsys)
    assert kz["without_tariff"] == {}
    assert set(ma["without_tariff"]) == {"average_speed", "no_insurance"}
    assert all("MRP has no value from 2027-01-01 on" in w for w in kz["warnings"])


def test_two_packs_of_one_country_are_refused(root: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(root / "rules/pe", tmp_path / name)
    with pytest.raises(BadConfiguration, match=r"two: .*pe@2026\.12 is there twice"):
        rules.check(tmp_path)


def test_a_folder_with_a_fault_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"no pack\.yaml"):
        rules.check(tmp_path)
    folder = tmp_path / "pe"
    shutil.copytree(root / "rules/pe", folder)
    words = (folder / "notice.yaml").read_text()
    (folder / "notice.yaml").write_text(words.replace("languages: [es, en]", "languages: [es, fr]"))
    with pytest.raises(BadConfiguration, match=r"notice\.yaml: languages: .*fr"):
        rules.check(folder)
    (folder / "pack.yaml").write_text((folder / "pack.yaml").read_text().replace("[10, 30]", "[11, 30]"))
    with pytest.raises(BadConfiguration, match=r"pack\.yaml:\d+: .*a gap between tiers"):
        rules.check(tmp_path)


@pytest.mark.parametrize(
    ("country", "old", "new", "told"),
    [
        ("kz", "amount: 3932", "amount: 3933", "kz: 2025-01-01: unit: was 3932, now 3933"),
        ("kz", "amount: 3450, confidence: derived", "amount: 3450, confidence: read", None),
        ("pe", "over_kmh: [10, 30]", "over_kmh: [10, 30], bounds: '()'", "pe: 2022-01-14: spot_speed: was M20"),
        ("pe", "working_days: 5", "working_days: 6", "bus_lane: was G10: 0.08 units, 20 points, 0.17 within 5 working_days"),
        ("pe", "kmh: 5,", "kmh: 4,", "tolerance of spot_speed: was 5 km/h, now 4 km/h"),
        ("ma", "amount: 700, discount: class_1, confidence: read", "amount: 900, discount: class_1, confidence: read",
         "2021-01-01: solid_line: was 184: 700"),
    ],
)  # fmt: skip
def test_a_new_pack_may_not_price_the_past_otherwise(
    root: Path, tmp_path: Path, country: str, old: str, new: str, told: str | None
) -> None:
    shutil.copytree(root / "rules" / country, tmp_path / country)
    text = (tmp_path / country / "pack.yaml").read_text()
    assert old in text
    if country == "pe" and "over_kmh" in old:
        text = text.replace("over_kmh: [30, null]", "over_kmh: [30, null], bounds: '[)'")
    (tmp_path / country / "pack.yaml").write_text(text.replace(old, new))
    if told is None:
        rules.check(tmp_path, against=root / "rules")
        return
    with pytest.raises(BadConfiguration, match=re.escape(told)):
        rules.check(tmp_path, against=root / "rules")


def test_a_later_row_keeps_the_past(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "rules/kz", tmp_path / "kz")
    path = tmp_path / "kz/pack.yaml"
    row = "    - {from: 2027-01-01, until: 2028-01-01, amount: 5000, confidence: unsure}\n"
    path.write_text(path.read_text().replace("\n# over_kmh:", f"{row}\n# over_kmh:", 1))
    rules.check(tmp_path, against=root / "rules")
    assert read_pack(tmp_path / "kz").units[-1].amount == 5000


def test_what_is_unsure_is_listed_without_any_server(capsys: pytest.CaptureFixture[str]) -> None:
    rules.list_values("ma", unsure=True, json_=True)
    rows = {r["path"]: r for r in shown(capsys)}
    assert rows["tolerances.spot_speed.2021-01-01"]["value"] == "10 % of the limit, at most 7 km/h"
    assert rows["nomination"]["value"] == "not read"
    assert rows["limitation"]["value"] == "12 months"
    assert {r["confidence"] for r in rows.values()} == {"unsure"}
    rules.list_values("kz", json_=True)
    assert {r["confidence"] for r in shown(capsys)} >= {"read", "derived", "unsure"}


@pytest.mark.parametrize("missing", ["by", "role", "source"])
def test_nothing_is_confirmed_without_a_named_person(topic: Topic, missing: str) -> None:
    with pytest.raises(NotAllowed, match=f"--{missing} is missing"):
        rules.confirm("kz", [SOLID], **{**WHO, missing: " "})
    assert topic.lines == []


def test_a_value_is_confirmed_and_taken_back(topic: Topic, capsys: pytest.CaptureFixture[str]) -> None:
    rules.confirm("kz", [SOLID, "repeats.601(2)"], **WHO)
    assert topic.lines == [
        ("rules.confirm", "A. Jurist"), ("rules.confirm", "A. Jurist"),
        ("confirmations", SOLID), ("confirmations", "repeats.601(2)"),
    ]  # fmt: skip
    assert "601(1): 3 units" in capsys.readouterr().out
    rules.list_values("kz", confirmed_=True, json_=True)
    row = {r["path"]: r for r in shown(capsys)}[SOLID]
    assert row["confidence"] == "confirmed"
    assert row["confirmed_by"].startswith("A. Jurist, head of law, 20")
    with pytest.raises(NotAllowed, match="--reason is missing"):
        rules.revoke("kz", [SOLID], by="B. Jurist")
    rules.revoke("kz", [SOLID], by="B. Jurist", reason="misread")
    assert [c.path for c in topic.held.values() if c.revoked] == [SOLID]
    with pytest.raises(BadConfiguration, match="nobody confirmed"):
        rules.revoke("kz", [SOLID], by="B. Jurist", reason="misread")
    capsys.readouterr()
    rules.list_values("kz", unsure=True, confirmed_=True, json_=True)
    paths = {r["path"] for r in shown(capsys)}
    assert SOLID in paths
    assert "repeats.601(2)" not in paths


def test_a_period_that_was_not_read_gets_one_length(topic: Topic) -> None:
    rules.confirm("pe", ["limitation"], **WHO, value="4 months")
    with pytest.raises(NotAllowed, match=r"'4 months' by A\. Jurist; revoke that first"):
        rules.confirm("pe", ["limitation"], **WHO, value="5 months")
    with pytest.raises(BadConfiguration, match="one path at a time"):
        rules.confirm("pe", ["limitation", "appeal"], **WHO, value="5 months")
    rules.revoke("pe", ["limitation"], by="A. Jurist", reason="another edition")
    rules.confirm("pe", ["limitation"], **WHO, value="5 months")
    assert sorted((c.value, c.revoked) for c in topic.held.values()) == [
        ("4 months", True),
        ("5 months", False),
    ]


def test_what_was_taken_back_may_be_confirmed_again(topic: Topic) -> None:
    rules.confirm("kz", [SOLID], **WHO)
    (key,) = topic.held
    topic.held[key] = replace(topic.held[key], revoked=True)
    rules.confirm("kz", [SOLID], **WHO)
    assert not topic.held[key].revoked
