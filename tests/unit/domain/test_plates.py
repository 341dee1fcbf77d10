"""Plate spelling, formats, look-alikes and voting."""

from __future__ import annotations

import doctest
import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.domain.plates import PlateFormats, canonical, country_of, differing, displayed, resolved
from waysight.domain.voting import Read, vote

KZ = PlateFormats("kz", (r"\d{3}[A-Z]{2,3}(0[1-9]|1\d|20)", r"[A-Z]\d{3}[A-Z]{2,3}"))
PE = PlateFormats("pe", (r"[A-Z][A-Z0-9]{2}\d{3}",))
MODULES = ("plates", "geometry", "assignment", "watermarks", "speed", "ids")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"waysight.domain.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("μο 123 αβ", "MO123AB"),
        ("É 7 Ё 8 ä", "E7E8A"),
        ("ﻃ ﺑ ـ ۱۲۳ ه ة", "TB123HH"),  # the letters' inner forms, a line filler, Persian digits
        ("١٢ ر س ع ٣", "12RSE3"),
        ("123 авс|02", "123ABC02"),
        ("a-123-bc", "A123BC"),
        ("12345|أ|6", "12345A6"),
        ("٣٤ ب ٧", "34B7"),
        ("·—", ""),
    ],
)
def test_one_spelling(text: str, spelling: str) -> None:
    assert canonical(text) == spelling


@given(st.text(max_size=20))
def test_spelling_is_stable_and_closed(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert all(c.isascii() and c.isalnum() and c == c.upper() for c in once)


def test_country_needs_one_format() -> None:
    assert country_of("123ABC02", (KZ, PE)) == "kz"
    assert country_of("34A36837", (KZ, PE)) == ""
    both = PlateFormats("xx", (r"\d{3}ABC02",))
    assert country_of("123ABC02", (KZ, both)) == ""


def test_look_alikes_only_where_a_format_says_which() -> None:
    assert resolved("I23ABCO2", (KZ,)) == {"123ABC02"}
    assert resolved("123ABO02", (KZ,)) == {"123ABO02"}
    assert resolved("34O1", (KZ,)) == {"34O1"}
    assert resolved("123ABCO2", ()) == {"123ABCO2"}


def test_differing_places() -> None:
    assert differing("123ABC02", "128ABC01") == 2
    assert differing("123", "1234") == 4


def test_agreement_raises_confidence_and_outvotes() -> None:
    one = vote([Read("123ABC02", 0.8)], (KZ,))
    three = vote([Read("123ABC02", 0.8)] * 3 + [Read("128ABC02", 0.7)], (KZ,))
    assert one.confidence == pytest.approx(0.8)
    assert three.text == "123ABC02"
    assert three.votes == 3
    assert three.confidence > 0.82
    split = vote([Read("123ABC02", 0.9), Read("128ABC02", 0.9)], (KZ,))
    assert split.confidence < 0.6


def test_a_piece_of_the_plate_is_no_opposition() -> None:
    whole = vote([Read("123ABC02", 0.9), Read("123ABC", 0.9)], (KZ,))
    assert whole.text == "123ABC02"
    assert whole.confidence == pytest.approx(0.9)


def test_formats_break_ties_and_never_bend_foreign_plates() -> None:
    near = Read("123ABCO2", 0.55, candidates=(("123ABCO2", 0.55), ("123ABC02", 0.43)))
    assert vote([near], (KZ,)).text == "123ABC02"
    assert vote([near], ()).text == "123ABCO2"
    foreign = Read("34A36837", 0.95, candidates=(("34A36837", 0.95), ("344ABC02", 0.02)))
    voted = vote([foreign, foreign], (KZ, PE))
    assert (voted.text, voted.country) == ("34A36837", "")


def test_nothing_legible_gives_no_plate() -> None:
    assert vote([Read("123ABC02", 0.2), Read("ERKE", 0.9), Read("1", 0.99)], (KZ,)).text == ""
    assert vote([], (KZ,)).confidence == 0.0


@given(
    st.permutations(
        [Read("123ABC02", 0.9), Read("128ABC02", 0.6), Read("123ABC0", 0.7), Read("123ABC02", 0.5)]
    )
)
def test_order_of_frames_does_not_matter(reads: list[Read]) -> None:
    assert vote(reads, (KZ,)).text == "123ABC02"
    assert vote(reads, (KZ,)).confidence == vote(sorted(reads, key=repr), (KZ,)).confidence


def test_only_formats_at_home_decide() -> None:
    near = Read("123ABCO2", 0.55, candidates=(("123ABCO2", 0.55), ("123ABC02", 0.43)))
    assert vote([near], (KZ, PE), {"pe"}).text == "123ABCO2"
    assert vote([near], (KZ, PE), {"kz"}).text == "123ABC02"
    assert vote([Read("123ABC02", 0.9)], (KZ, PE), {"pe"}).country == "kz"


def test_one_frame_against_several_is_not_sure_enough_for_a_fine() -> None:
    alone = vote([Read("123ABC02", 0.99)], (KZ,))
    unconfirmed = vote([Read("123ABC02", 0.99), Read("123ABC", 0.9)], (KZ,))
    confirmed = vote([Read("123ABC02", 0.99)] * 2, (KZ,))
    assert unconfirmed.confidence <= 0.95 < alone.confidence < confirmed.confidence


def test_frames_without_end_do_not_make_a_doubtful_text_certain() -> None:
    doubtful = [vote([Read("123ABCO2", 0.6)] * n, ()).confidence for n in (1, 4, 40)]
    assert doubtful[0] < doubtful[1] == doubtful[2] < 0.9


@pytest.mark.parametrize("letter", "ABDHWTYJ")
def test_a_moroccan_plate_is_shown_with_its_arabic_letter(letter: str) -> None:
    shown = displayed(f"12345{letter}6", "ma")
    assert any("\u0600" <= c <= "\u06ff" for c in shown)
    assert canonical(shown) == f"12345{letter}6"


def test_other_plates_are_shown_as_they_are() -> None:
    assert displayed("12345A6", "kz") == "12345A6"
    assert displayed("12345K6", "ma") == "12345K6"
    assert displayed("A123BC", "ma") == "A123BC"


def test_a_character_that_every_frame_doubts_stays_doubtful() -> None:
    doubted = Read("123ABC02", 0.6, (0.99, 0.99, 0.6, 0.99, 0.99, 0.99, 0.99, 0.99))
    once, twice = vote([doubted], (KZ,)), vote([doubted, doubted], (KZ,))
    assert min(once.confidences) == once.confidences[2] == pytest.approx(0.6)
    assert 0.6 < twice.confidences[2] < 0.8 < min(c for i, c in enumerate(twice.confidences) if i != 2)
