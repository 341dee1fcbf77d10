"""The packed watchlist finds what a plain look at every entry finds, whatever was added, replaced, removed or packed."""

from __future__ import annotations

import doctest
import importlib
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waysight.adapters.watch_rows import WatchTable
from waysight.domain.lookalikes import Reading, changes, posteriors
from waysight.domain.patterns import PatternIndex, is_pattern
from waysight.domain.plate_keys import (
    KeyFilter,
    codes_of,
    hash_of,
    hashes,
    in_arrow_layout,
    key_of,
    pack,
    pack_one,
    pack_utf8,
    text_of,
)
from waysight.domain.plates import PlateFormats, resolved
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_index import WatchIndex, in_force
from waysight.messages import Vehicle, WatchlistEntry

KZ = PlateFormats("kz", (r"\d{3}[A-Z]{2,3}(0[1-9]|1\d|20)", r"[A-Z]\d{3}[A-Z]{2,3}"))
NOW = 1_794_900_000_000
CHARACTERS = "0O1IA8B"
PLATES = st.text(CHARACTERS, max_size=14)
ENTRY = WatchlistEntry(
    entry_id="e", plate="123ABC02", kind="stolen", priority=1, legal_basis="CPC", authority="MIA", case_number="1",
    source="", audience="", valid_from_ms=0, expires_ms=NOW + 1, approximate=True,
)  # fmt: skip
SURE = (0.99,) * 8


@pytest.mark.parametrize("name", ["lookalikes"])
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"waysight.domain.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


@given(st.lists(st.text("ABCOI019Ä z", max_size=15), max_size=20), st.booleans())
def test_keys_are_the_plates(plates: list[str], fold: bool) -> None:
    keys = pack(plates, fold=fold)
    assert keys.tolist() == [pack_one(p, fold=fold) for p in plates]
    assert keys.tolist() == pack_utf8(*in_arrow_layout(plates), fold=fold).tolist()
    assert (key_of(codes_of(keys)) == keys).all()
    for plate, key in zip(plates, keys.tolist(), strict=True):
        fits = len(plate) <= 12 and re.fullmatch("[A-Z0-9]+", plate)
        seen = plate.replace("O", "0").replace("I", "1") if fold else plate
        assert text_of(key) == (seen if fits else "")


@given(st.lists(st.text(max_size=20), max_size=30))
def test_a_hash_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    assert hashes(*in_arrow_layout(texts)).tolist() == [hash_of(t) for t in texts]


@given(st.sets(st.integers(1, 2**63)), st.sets(st.integers(1, 2**63)))
def test_a_filter_never_denies_what_it_holds(held: set[int], asked: set[int]) -> None:
    known = KeyFilter(len(held))
    known.add(np.array(sorted(held), np.uint64))
    said = known.may_hold(np.array([*sorted(held | asked), 0], np.uint64)).tolist()
    assert not said[-1]
    assert all(yes for key, yes in zip(sorted(held | asked), said, strict=False) if key in held)


Acts = list[tuple[str, str, str, int]]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "gone", "load", "merge"]),
        st.sampled_from("abcdef"),
        PLATES,
        st.integers(0, 4),
    ),
    max_size=25,
)


@given(ACTS, st.lists(PLATES, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_index_is_a_look_at_every_entry(acts: Acts, asked: list[str]) -> None:
    index = WatchIndex((KZ,))
    table = WatchTable(index)
    truth: dict[str, WatchlistEntry] = {}
    for act, entry_id, plate, kind in acts:
        if act == "put":
            mode = ("plate", "plate", "permit", "pattern", "description")[kind]
            text = "?" + plate[:6] + "*" if mode == "pattern" else plate
            truth[entry_id] = replace(
                ENTRY, entry_id=entry_id, plate=text, mode=mode, revoked_ms=None if len(plate) % 3 else 1
            )
            index.apply(entry_id, truth[entry_id])
        elif act == "gone":
            truth.pop(entry_id, None)
            index.apply(entry_id, None)
        elif act == "merge":
            table.merge(1)
        else:  # everything anew, as after a restart
            index = WatchIndex((KZ,))
            table = WatchTable(index)
            for entry in truth.values():
                index.apply(entry.entry_id, entry)
    assert len(index) == len(truth)
    possible = index.possible(asked)
    for plate, may in zip(asked, possible.tolist(), strict=True):
        hits = {h.entry.entry_id: h.how for h in index.matches(plate, NOW)}
        assert hits == _every(truth, plate)
        assert may or not hits
        assert [h.entry.entry_id for h in index.permits(plate, NOW)] == _members(truth, plate)


def _every(entries: dict[str, WatchlistEntry], plate: str) -> dict[str, str]:
    found = {}
    for entry in entries.values():
        if not in_force(entry, NOW):
            continue
        if entry.mode == "plate" and plate and resolved(plate, (KZ,)) & resolved(entry.plate, (KZ,)):
            found[entry.entry_id] = "exact" if plate == entry.plate else "normalised"
        elif entry.mode == "pattern" and is_pattern(entry.plate) and _fits(entry.plate, plate):
            found[entry.entry_id] = "pattern"
    return found


def _members(entries: dict[str, WatchlistEntry], plate: str) -> list[str]:
    kept = [e for e in entries.values() if e.mode == "permit" and in_force(e, NOW) and plate]
    return sorted(e.entry_id for e in kept if resolved(plate, (KZ,)) & resolved(e.plate, (KZ,)))


def _fits(pattern: str, plate: str) -> bool:
    fold = str.maketrans("OI", "01")
    wanted = pattern.translate(fold).replace("?", ".").replace("*", ".*")
    return bool(plate) and re.fullmatch(wanted, plate.translate(fold)) is not None


@given(st.lists(st.text("AB1?*", min_size=1, max_size=7), max_size=12), st.lists(st.text("AB1", min_size=1, max_size=9), min_size=1))  # fmt: skip
@settings(deadline=None)
def test_patterns_find_what_each_of_them_finds(made: list[str], plates: list[str]) -> None:
    index = PatternIndex()
    wanted = {str(n): p for n, p in enumerate(made) if is_pattern(p)}
    for pattern_id, pattern in wanted.items():
        index.put(pattern_id, pattern)
    for pattern_id in list(wanted)[::3]:
        index.drop(pattern_id)
        del wanted[pattern_id]
    possible = index.possible(codes_of(pack(plates, fold=True)))
    for plate, may in zip(plates, possible.tolist(), strict=True):
        found = {i for i, p in wanted.items() if _fits(p, plate)}
        assert set(index.matches(plate)) == found
        assert may or not found


def _index(*entries: WatchlistEntry, vehicles: VehicleTable | None = None) -> WatchIndex:
    index = WatchIndex((KZ,), vehicles)
    for entry in entries:
        index.apply(entry.entry_id, entry)
    return index


def _doubtful(plate: str, place: int, confidence: float = 0.6, colour: str = "") -> Reading:
    confidences = tuple(confidence if i == place else 0.99 for i in range(len(plate)))
    return Reading(plate, confidences, colour=colour, colour_confidence=0.9)


def test_an_unsure_character_may_be_another_one_and_the_difference_is_told() -> None:
    (hit,) = _index(ENTRY).approximate(_doubtful("128ABC02", 2), NOW)
    assert (hit.how, hit.distance, hit.differences) == ("approximate", 1, "3:3/8")
    assert 0.5 < hit.probability < 1.0
    assert not hit.exact


@pytest.mark.parametrize(
    ("entry", "reading"),
    [
        (ENTRY, Reading("128ABC02", SURE)),  # the reader was sure
        (ENTRY, _doubtful("128ABC02", 5)),  # it was unsure elsewhere
        (replace(ENTRY, approximate=False), _doubtful("128ABC02", 2)),
        (replace(ENTRY, revoked_ms=1), _doubtful("128ABC02", 2)),
        (replace(ENTRY, expires_ms=NOW), _doubtful("128ABC02", 2)),
        (replace(ENTRY, mode="permit"), _doubtful("128ABC02", 2)),
        (replace(ENTRY, plate="A123"), _doubtful("A128", 3)),  # four characters are too few
        (replace(ENTRY, colour="red"), _doubtful("1Z3ABC02", 1, 0.9, colour="white")),
        (ENTRY, _doubtful("123ABC02", 2)),  # exact: `matches` tells it
    ],
    ids=["sure", "elsewhere", "not asked", "revoked", "expired", "permit", "short", "looks", "exact"],
)
def test_what_is_no_approximate_match(entry: WatchlistEntry, reading: Reading) -> None:
    assert _index(entry).approximate(reading, NOW) == []


def test_a_registered_vehicle_of_that_look_stays_what_it_is() -> None:
    vehicles = VehicleTable()
    reading = _doubtful("128ABC02", 2, colour="white")
    assert _index(ENTRY, vehicles=vehicles).approximate(reading, NOW)
    vehicles.apply("128ABC02", _vehicle("128ABC02", "white"))
    assert not _index(ENTRY, vehicles=vehicles).approximate(reading, NOW)


def test_other_registered_neighbours_lower_the_chance() -> None:
    vehicles = VehicleTable()
    (alone,) = _index(ENTRY, vehicles=vehicles).approximate(_doubtful("128ABC02", 2), NOW, 0.0)
    vehicles.apply("120ABC02", _vehicle("120ABC02", "white"))
    (beside,) = _index(ENTRY, vehicles=vehicles).approximate(_doubtful("128ABC02", 2), NOW, 0.0)
    assert beside.probability < alone.probability


def test_the_readers_own_candidates_count() -> None:
    told = Reading("12ABC02", (0.99, 0.9, *SURE[2:7]), (("12ABC02", 0.6), ("123ABC02", 0.3)))
    (hit,) = _index(ENTRY).approximate(told, NOW)
    assert (hit.distance, hit.differences) == (1, "3:3/-")
    assert not _index(ENTRY).approximate(replace(told, candidates=()), NOW)


def test_a_doubtful_read_of_a_member_is_that_member_perhaps() -> None:
    index = _index(replace(ENTRY, mode="permit"))
    assert [h.how for h in index.permits("128ABC02", NOW, _doubtful("128ABC02", 2).confidences)] == [
        "approximate"
    ]
    assert index.permits("128ABC02", NOW, SURE) == []
    assert index.matches("123ABC02", NOW) == []


@given(st.text("018B", min_size=5, max_size=8), st.data())
@settings(max_examples=60, deadline=None)
def test_the_quick_look_finds_every_approximate_match(plate: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.text("018B", min_size=4, max_size=9), max_size=6))
    confidences = tuple(data.draw(st.lists(st.sampled_from((0.5, 0.9, 0.99)), min_size=len(plate), max_size=len(plate))))  # fmt: skip
    candidates = (
        tuple((t, 0.2) for t in data.draw(st.lists(st.sampled_from(wanted), max_size=2))) if wanted else ()
    )
    index = _index(*(replace(ENTRY, entry_id=str(n), plate=p) for n, p in enumerate(wanted)))
    reading = Reading(plate, confidences, ((plate, 0.5), *candidates))
    hits = index.approximate(reading, NOW, 0.0)
    texts = [t for t, _ in reading.candidates]
    assert not hits or index.possible_approximate([plate], [confidences], [texts])[0]
    for hit in hits:
        assert 1 <= changes(plate, hit.entry.plate) == hit.distance <= 2


def test_posteriors_are_chances() -> None:
    reading = _doubtful("128ABC02", 2)
    chances = posteriors(reading, {"123ABC02": 1.0, "120ABC02": 1.0, "129ABC02": 0.0}, 0.02)
    assert all(0 <= c <= 1 for c in chances.values())
    assert sum(chances.values()) < 1


def _vehicle(plate: str, colour: str, owner: str = "") -> Vehicle:
    return Vehicle(plate=plate, country="kz", make="Kia", model="Rio", type="sedan", colour=colour, owner_id=owner,
                   owner_name="", owner_address="", owner_kind="person")  # fmt: skip
