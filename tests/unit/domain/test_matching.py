"""What a sighting meets: plates, patterns, permit lists, descriptions, and warrants against the owner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sightings import granted, sighting
from synthetic import START_MS
from wanted import entry, index_of, person

from waysight.cameras.scenes import plate_formats
from waysight.domain.authorisations import OWNER_WARRANT, Authorisations
from waysight.domain.matching import Known, findings
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.scene import Scene
from waysight.domain.vehicle_table import VehicleTable
from waysight.messages import PlateCandidate, Vehicle, WatchlistEntry

GATE_CAMERA = Scene(camera_id="gate", country="kz", district="Port")
PLATE = "123ABC02"


def _known(*entries: WatchlistEntry, **more: Any) -> Known:
    return Known(index_of(entries, plate_formats()), 0.8, **more)


def _found(
    known: Known, scene: Scene = GATE_CAMERA, plate: str = PLATE, **change: Any
) -> list[tuple[str, str]]:
    seen = sighting(scene.camera_id, plate, 60_000, **change)
    return [(f.grounds.entry_id, f.matched) for f in findings(known, scene, seen)]


def test_the_most_urgent_comes_first_and_each_says_how_it_matched() -> None:
    known = _known(
        entry("later", PLATE, priority=7),
        entry("first", PLATE, priority=0),
        entry("part", "123A?C*", mode="pattern"),
        entry("other", "777XYZ01"),
    )
    assert _found(known) == [("first", "exact"), ("part", "pattern"), ("later", "exact")]
    assert _found(known, plate="123ABCO2") == [
        ("first", "normalised"),
        ("part", "pattern"),
        ("later", "normalised"),
    ]
    assert _found(known, Scene(camera_id="gate", purposes=frozenset(("count",)))) == []


def test_below_the_gate_only_entries_that_allow_it_match_and_are_flagged() -> None:
    known = _known(entry("strict", PLATE), entry("loose", PLATE, approximate=True, colour="white"))
    assert _found(known, plate_confidence=0.6) == [("loose", "approximate")]
    assert _found(known, plate_confidence=0.6, colour="red") == []
    assert _found(known, colour="red") == [
        ("loose", "exact"),
        ("strict", "exact"),
    ]  # perhaps painted, or cloned


def test_an_unsure_character_may_be_another_one() -> None:
    known = _known(entry("loose", "128ABC02", approximate=True), entry("strict", "128ABC02"))
    doubt = {"plate_confidence": 0.55, "plate_confidences": (0.99, 0.99, 0.55, *(0.99,) * 5),
             "plate_candidates": (PlateCandidate(text="128ABC02", confidence=0.4),)}  # fmt: skip
    (finding,) = findings(known, GATE_CAMERA, sighting("gate", PLATE, 60_000, **doubt))
    assert (finding.grounds.entry_id, finding.matched, finding.distance) == ("loose", "approximate", 1)
    assert finding.differences.startswith("3:")
    assert _found(known) == []


def test_a_pattern_with_a_look_is_not_met_by_another_one() -> None:
    known = _known(entry("part", "123*", mode="pattern", label="truck"))
    assert _found(known) == []
    assert _found(known, label="truck") == [("part", "pattern")]


def test_entries_keep_to_their_area_hours_and_direction() -> None:
    known = _known(
        entry("here", PLATE, area=("district:Port",)),
        entry("there", PLATE, area=("district:Hill",)),
        entry("never", PLATE, hours="00:00-00:01"),
        entry("north", PLATE, direction="n"),
    )
    assert _found(known) == [("here", "exact")]
    north = replace(GATE_CAMERA, bearing_deg=180.0, traffic=-1)
    assert _found(known, north) == [("here", "exact"), ("north", "exact")]


PERMITS = (
    entry("zone", "", mode="permit_list", kind="permit", list="residents", area=("gate",)),
    entry("member", PLATE, mode="permit", kind="permit", list="residents"),
    entry("guest", "777XYZ01", mode="permit", kind="permit", list="residents", expires_ms=START_MS + 30_000),
    entry("elsewhere", "555AAA02", mode="permit", kind="permit", list="taxis"),
)


@pytest.mark.parametrize(
    ("plate", "change", "offends"),
    [
        (PLATE, {}, False),
        ("123ABCO2", {}, False),  # O and 0 are told apart by the format
        ("777XYZ01", {}, True),  # the guest's permit is over
        ("555AAA02", {}, True),  # a member of another list
        ("999ZZZ09", {}, True),
        ("999ZZZ09", {"plate_confidence": 0.7}, False),
        ("999ZZZ09", {"final": False}, False),
        ("999ZZZ09", {"label": "person"}, False),
        (
            "128ABC02",
            {"plate_confidence": 0.85, "plate_confidences": (0.99, 0.99, 0.86, *(0.99,) * 5)},
            False,
        ),
        ("128ABC02", {"plate_confidences": (0.99,) * 8}, True),
    ],
)
def test_who_is_not_on_the_permit_list_is_told_and_a_doubtful_member_is_not(
    plate: str, change: dict[str, Any], offends: bool
) -> None:
    known = _known(*PERMITS)
    assert _found(known, plate=plate, **change) == ([("zone", "not_permitted")] if offends else [])
    assert _found(known, Scene(camera_id="street"), plate, **change) == []


def test_an_offender_is_told_in_the_name_of_the_list() -> None:
    (finding,) = findings(_known(*PERMITS), GATE_CAMERA, sighting("gate", "999ZZZ09", 60_000))
    assert (finding.grounds.kind, finding.grounds.list) == ("not_permitted", "residents")
    outside = _known(replace(PERMITS[0], hours="00:00-00:01"), *PERMITS[1:])
    assert findings(outside, GATE_CAMERA, sighting("gate", "999ZZZ09", 60_000)) == []


DESCRIBED = entry(
    "van", "", mode="description", label="truck", colour="blue", make="Ford", area=("district:Port",)
)
VAN = {"label": "truck", "colour": "blue", "plate_confidence": 0.0}


def _register(*vehicles: tuple[str, str, str]) -> VehicleTable:
    table = VehicleTable()
    for plate, make, owner in vehicles:
        table.apply(plate, Vehicle(plate=plate, country="kz", make=make, model="", type="truck", colour="blue",
                                   owner_id=owner, owner_name="", owner_address="", owner_kind="person"))  # fmt: skip
    return table


@pytest.mark.parametrize(
    ("entry_change", "change", "found"),
    [
        ({}, {}, True),
        ({}, {"colour": "red"}, False),
        ({}, {"label_confidence": 0.4}, False),
        ({}, {"final": False}, False),
        ({"area": ("district:Hill",)}, {}, False),
        ({"direction": "n"}, {}, False),  # nobody knows where it went
        ({"area": ()}, {}, False),  # looking everywhere is not allowed, whoever wrote the entry
        ({"expires_ms": START_MS + 73 * 3_600_000}, {}, False),
        ({"label": "", "colour": ""}, {}, False),
    ],
)
def test_a_hidden_plate_is_met_by_its_description(
    entry_change: dict[str, Any], change: dict[str, Any], found: bool
) -> None:
    known = _known(replace(DESCRIBED, **entry_change))
    for plate, sure in (("", 0.0), (PLATE, 0.7)):
        seen = VAN | {"plate_confidence": sure} | change
        assert _found(known, plate=plate, **seen) == ([("van", "description")] if found else [])
    assert _found(known, **(VAN | {"plate_confidence": 0.9} | change)) == []


def test_the_make_is_what_the_register_says_of_what_the_plate_may_be() -> None:
    known = _known(DESCRIBED, vehicles=_register((PLATE, "FORD", "o1"), ("128ABC02", "Volvo", "o2")))

    def told(*texts: str) -> list[str]:
        seen = VAN | {"plate_candidates": tuple(PlateCandidate(text=t, confidence=0.3) for t in texts)}
        return [f.differences for f in findings(known, GATE_CAMERA, sighting("gate", "", 60_000, **seen))]

    assert told() == ["make:Ford/?"]
    assert told(PLATE, "128ABC02") == [""]
    assert told("128ABC02") == []


def test_an_owner_is_joined_with_a_warrant_only_under_an_authorisation() -> None:
    vehicles = _register((PLATE, "Ford", "p-1"), ("777XYZ01", "Ford", "p-2"))
    owners = OwnerIndex(vehicles)
    for number in ("p-1", "p-2"):
        owners.apply_person(number, person(number))
    leave = Authorisations()
    known = _known(authorisations=leave, vehicles=vehicles, owners=owners)
    assert _found(known) == []
    grant = granted(OWNER_WARRANT, "p-1", area=("district:Port",), ends_ms=START_MS + 120_000)
    leave.apply(grant.authorisation_id, grant)
    (finding,) = findings(known, GATE_CAMERA, sighting("gate", PLATE, 60_000))
    assert (finding.grounds.kind, finding.matched) == ("wanted_owner", "owner")
    assert (finding.person_id, finding.authorisation_id) == ("p-1", grant.authorisation_id)
    assert finding.grounds.case_number == "w-1"
    assert _found(known, plate="777XYZ01") == []  # another person
    assert _found(known, Scene(camera_id="hill", district="Hill")) == []
    assert findings(known, GATE_CAMERA, sighting("gate", PLATE, 120_000)) == []  # its end
    owners.apply_person("p-1", person("p-1", expires_ms=START_MS + 1))
    assert _found(known) == []
    owners.apply_person("p-1", person("p-1"))
    leave.apply(grant.authorisation_id, replace(grant, revoked_ms=START_MS))
    assert _found(known) == []
