"""Confirming unsure values: only what the pack says, only while it says so, by whoever's word came last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.authority.rulepacks import all_packs, load_pack
from waysight.domain.confirming import all_values, confirmation_of, confirmed, period_of, unsure_values
from waysight.domain.rulepack import RulePack
from waysight.errors import BadConfiguration
from waysight.messages import Confirmation

KZ = load_pack("kz")
SOLID = "offences.solid_line.2021-01-01.601(1)"


def word(path: str, value: str = "", at_ms: int = 1) -> Confirmation:
    return confirmation_of(KZ, path, value, " A. Jurist ", "head of law", "Code, art. 601", at_ms)


def unsure(pack: RulePack) -> set[str]:
    return {v.path for v in unsure_values(pack)}


@pytest.mark.parametrize("country", sorted(all_packs()))
def test_every_value_has_a_path_of_its_own(country: str) -> None:
    paths = [v.path for v in all_values(load_pack(country))]
    assert len(paths) == len(set(paths)) > 30
    rows = load_pack(country)
    tiers = sum(len(t.tiers) for o in rows.offences for t in o.tariffs)
    assert tiers == sum(p.startswith("offences.") and not p.endswith(".points") for p in paths)


def test_a_word_makes_exactly_one_value_sure() -> None:
    record = word(SOLID)
    assert (record.value, record.by, record.confirmation_id) == (
        "601(1): 3 units", "A. Jurist", f"kz|{SOLID}|601(1): 3 units",
    )  # fmt: skip
    assert unsure(KZ) - unsure(confirmed(KZ, [record])) == {SOLID}
    assert confirmed(KZ, []) == KZ


@pytest.mark.parametrize(
    "changes",
    [{"value": "601(1): 5 units"}, {"pack": "pe"}, {"revoked": True}, {"path": "offences.illegal_turn.x"}],
)
def test_a_word_about_something_else_changes_nothing(changes: dict[str, object]) -> None:
    assert confirmed(KZ, [replace(word(SOLID), **changes)]) == KZ  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("offences.red_light.2023-01-01.599(1)", "", "is not unsure"),
        ("offences.nothing", "", "does not exist"),
        (SOLID, "601(1): 5 units", "the official text decides"),
        ("nomination", "", "is no length"),
        ("limitation", "soon", "is no length"),
    ],
)
def test_a_wrong_word_is_refused(path: str, value: str, message: str) -> None:
    with pytest.raises(BadConfiguration, match=message):
        word(path, value)


def test_the_newest_length_of_a_period_counts() -> None:
    one, two = word("limitation", "2 months", 1), word("limitation", "1 months", 2)
    for order in ([one, two], [two, one]):
        assert confirmed(KZ, order).limitation.said == "1 months"  # type: ignore[union-attr]
    assert confirmed(KZ, [one, replace(two, revoked=True)]).limitation.said == "2 months"  # type: ignore[union-attr]
    assert confirmed(KZ, [replace(one, value="garbage")]) == KZ


def test_a_length_that_the_pack_supposes_is_confirmed_or_corrected() -> None:
    assert word("limitation").value == "12 months"
    assert confirmed(KZ, [word("limitation")]).limitation.unsure is False  # type: ignore[union-attr]
    said = confirmed(KZ, [word("prosecution", "3 months")]).prosecution
    assert said is not None
    assert (said.said, said.confidence) == ("3 months", "confirmed")


def test_a_confirmed_reading_is_no_caveat_any_more() -> None:
    assert KZ.reading("discount") is not None
    assert confirmed(KZ, [word("readings.holidays")]).reading("discount") is None


@given(st.sets(st.sampled_from(sorted(unsure(KZ) - {"nomination"}))), st.randoms())
def test_order_and_repetition_do_not_matter(paths: set[str], random: object) -> None:
    words = [word(p) for p in sorted(paths)]
    mixed = [*words, *words]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert confirmed(KZ, mixed) == confirmed(KZ, words)
    assert unsure(confirmed(KZ, words)) == unsure(KZ) - paths


@given(st.text())
def test_a_length_is_read_or_refused(text: str) -> None:
    try:
        count, unit = period_of(text)
    except BadConfiguration:
        return
    assert text == f"{count} {unit}"
