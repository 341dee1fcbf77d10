"""The packed register and the join of owners are what dictionaries of whole records would be."""

from __future__ import annotations

from dataclasses import replace
from threading import RLock

from hypothesis import given, settings
from hypothesis import strategies as st

from waysight.adapters.registry import MemoryRegistry
from waysight.adapters.vehicle_rows import RegisterTable
from waysight.codec import Codec
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.vehicle_table import RegisteredLook, VehicleTable
from waysight.messages import Person, Vehicle

CAR = Vehicle(plate="", country="kz", make="Kia", model="Rio", type="SUV", colour="Gray", owner_id="", owner_name="",
              owner_address="", owner_kind="person")  # fmt: skip
WANTED = Person(person_id="", name="", kind="wanted", priority=1, legal_basis="", authority="", case_number="", source="",
                audience="", valid_from_ms=0, expires_ms=1)  # fmt: skip
PLATES = ("001AAA01", "002AAA01", "003AAA01", "AVERYLONGPLATE1")
OWNERS = ("", "900101300123", "o2")
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("vehicle"), st.sampled_from(PLATES), st.sampled_from(OWNERS)),
        st.tuples(st.just("gone"), st.sampled_from(PLATES), st.just("")),
        st.tuples(st.sampled_from(("person", "pardoned")), st.just(""), st.sampled_from(OWNERS[1:])),
        st.tuples(st.just("reload"), st.just(""), st.just("")),
    ),
    max_size=25,
)


@given(ACTS)
@settings(max_examples=80, deadline=None)
def test_register_and_owners_under_any_changes(acts: list[tuple[str, str, str]]) -> None:
    vehicles, codec = VehicleTable(), Codec(MemoryRegistry())
    owners = OwnerIndex(vehicles)
    table = RegisterTable(vehicles, owners, RLock())
    known: dict[str, Vehicle] = {}
    sought: set[str] = set()
    for act, plate, owner in acts:
        if act == "vehicle":
            known[plate] = replace(CAR, plate=plate, owner_id=owner, make=f"make {owner}")
            table.change(plate, known[plate])
        elif act == "gone":
            known.pop(plate, None)
            table.change(plate, None)
        elif act == "person":
            sought.add(owner)
            owners.apply_person(owner, replace(WANTED, person_id=owner))
        elif act == "pardoned":
            sought.discard(owner)
            owners.apply_person(owner, None)
        elif known:  # as a worker that starts anew reads the topic
            values = [codec.encode("vehicles", v) for v in known.values()]
            table.load(table.newest([table.part(codec.decode_columns("vehicles", values))]))
    assert len(vehicles) == len(known)
    assert vehicles.holds(PLATES).tolist() == [p in known for p in PLATES]
    for plate in PLATES:
        vehicle = known.get(plate)
        look = RegisteredLook("car", "grey", vehicle.make) if vehicle else None
        assert vehicles.look_of(plate) == look
        wanted = [vehicle.owner_id] if vehicle and vehicle.owner_id in sought else []
        assert [p.person_id for p in owners.wanted(plate)] == wanted
        assert owners.possible([plate]).tolist() == [bool(wanted)]
    for owner in OWNERS:
        owned = sorted(p for p, v in known.items() if v.owner_id == owner) if owner else []
        assert vehicles.plates_of(owner) == owned


def test_changes_are_packed_when_they_are_many() -> None:
    vehicles = VehicleTable()
    for number in range(20_050):
        vehicles.apply(f"{number:05}A", replace(CAR, plate=f"{number:05}A", owner_id=str(number % 7)))
    assert len(vehicles.rows().keys) == len(vehicles) == 20_050
    assert vehicles.nbytes / 20_001 < 26
    assert len(vehicles.plates_of("3")) == sum(n % 7 == 3 for n in range(20_050))
