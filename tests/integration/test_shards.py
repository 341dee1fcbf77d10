"""Workers start from shards, read what came after them, and hear of changes within seconds: the same as without shards."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from workers import eventually, waysight

from waysight.adapters.kafka import Publisher
from waysight.adapters.packed import Packed, registry_tables
from waysight.adapters.registry import ConfluentRegistry
from waysight.adapters.watch_rows import WatchTable
from waysight.codec import Codec
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_index import WatchIndex
from waysight.messages import Person, Vehicle, WatchlistEntry
from waysight.settings import Settings

pytestmark = pytest.mark.integration
NOW = 1_794_900_000_000
COUNT = 3000
ENTRY = WatchlistEntry(
    entry_id="", plate="", kind="stolen", priority=1, legal_basis="CPC", authority="MIA", case_number="1", source="",
    audience="", valid_from_ms=0, expires_ms=NOW + 1,
)  # fmt: skip
CAR = Vehicle(plate="", country="kz", make="Kia", model="Rio", type="sedan", colour="white", owner_id="", owner_name="",
              owner_address="", owner_kind="person")  # fmt: skip
WANTED = Person(person_id="", name="A. Example", kind="wanted", priority=1, legal_basis="CPC", authority="MIA",
                case_number="1", source="", audience="", valid_from_ms=0, expires_ms=NOW + 1)  # fmt: skip


def test_the_watchlist_from_shards_and_what_came_after(stack: Settings, unique: str) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher = Publisher(stack, codec)
    prefix = unique[1:5].upper()
    entries = [
        replace(ENTRY, entry_id=f"{unique}-{n}", plate=f"{prefix}{n:04}X", area=(f"cam-{n % 3}",))
        for n in range(COUNT)
    ]
    for entry in entries:
        publisher.publish("watchlist", entry.entry_id, entry)
    publisher.flush()
    made = json.loads(waysight(stack, "tables", "shard", "--json").stdout)
    assert {row["table"] for row in made} == {"watchlist", "vehicles"}
    listed = json.loads(waysight(stack, "tables", "list", "--json").stdout)
    assert listed == made
    changed, gone, revoked = entries[5], entries[6], entries[7]
    publisher.publish("watchlist", changed.entry_id, replace(changed, note="changed after the shards"))
    publisher.publish("watchlist", gone.entry_id, None)
    publisher.publish_bytes("watchlist", f"{unique}-bad".encode(), b"garbage")
    publisher.flush()

    index, plain = WatchIndex(), WatchIndex()
    packed = Packed(stack, codec, WatchTable(index))
    without = Packed(stack, codec, WatchTable(plain), shards=False)
    try:
        packed.start()
        without.start()
        assert packed.from_shards >= COUNT
        assert without.from_shards == 0
        assert len(index) == len(plain) >= COUNT - 1
        for entry in entries[:50]:
            assert [h.entry for h in index.matches(entry.plate, NOW)] == [h.entry for h in plain.matches(entry.plate, NOW)]  # fmt: skip
        assert index.matches(changed.plate, NOW)[0].entry.note == "changed after the shards"
        assert index.matches(gone.plate, NOW) == []
        assert index.matches(entries[8].plate, NOW)[0].entry == entries[8]
        publisher.publish("watchlist", revoked.entry_id, replace(revoked, revoked_ms=NOW))
        publisher.flush()
        assert not eventually(lambda: index.matches(revoked.plate, NOW), lambda hits: not hits, 5.0)
    finally:
        packed.stop()
        without.stop()


def test_an_owner_becomes_wanted_and_sells_the_car(stack: Settings, unique: str) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher, plate = Publisher(stack, codec), unique[1:9].upper()
    car = replace(CAR, plate=plate, owner_id=unique)
    publisher.publish("vehicles", plate, car)
    publisher.flush()
    vehicles = VehicleTable()
    owners = OwnerIndex(vehicles)
    tables = registry_tables(stack, codec, vehicles, owners)
    try:
        for table in tables:
            table.start()
        assert vehicles.plates_of(unique) == [plate]
        assert owners.wanted(plate) == ()
        publisher.publish("persons", unique, replace(WANTED, person_id=unique))
        publisher.flush()
        assert eventually(lambda: owners.wanted(plate), bool, 5.0)
        publisher.publish("vehicles", plate, replace(car, owner_id="somebody else"))
        publisher.flush()
        assert not eventually(lambda: owners.wanted(plate), lambda people: not people, 5.0)
    finally:
        for table in tables:
            table.stop()  # type: ignore[attr-defined]
