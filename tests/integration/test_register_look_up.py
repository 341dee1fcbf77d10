"""The register as a review sees it: what was just imported, changed or removed, also when the index of offsets errs."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from waysight.adapters import offset_index
from waysight.adapters.kafka import Publisher
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.review.desk import registered
from waysight.codec import Codec
from waysight.messages import Vehicle
from waysight.settings import Settings

pytestmark = pytest.mark.integration


def _vehicle(plate: str, owner: str) -> Vehicle:
    return Vehicle(plate=plate, country="kz", make="", model="", type="car", colour="white", owner_id=owner,
                   owner_name=owner, owner_address="", owner_kind="person")  # fmt: skip


def test_the_register_is_as_of_now(stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec, own = Codec(ConfluentRegistry(stack.registry)), stack.model_copy(update={"state_dir": tmp_path})
    mark = uuid.uuid4().hex[:8].upper()
    plates = [f"{mark}{n}" for n in range(12)]
    publisher = Publisher(stack, codec)

    def publish(owners: dict[str, str | None]) -> None:
        for plate, owner in owners.items():
            publisher.publish("vehicles", plate, None if owner is None else _vehicle(plate, owner))
        publisher.flush()

    def seen() -> dict[str, str]:
        return {plate: v.owner_id for plate, v in registered(own, codec, [*plates, "", f"{mark}X"]).items()}

    assert seen() == {}
    expected: dict[str, str | None] = dict.fromkeys(plates, "first")
    publish(expected)
    assert seen() == expected
    monkeypatch.setattr(offset_index, "SAVE_AFTER", 1)
    assert seen() == expected
    files = sorted(tmp_path.glob("offsets/vehicles-*/*.npy"))
    assert files
    for change in ({plates[0]: "second"}, {plates[1]: None}, {plates[1]: "third", plates[2]: None}):
        publish(change)
        expected |= change
        assert seen() == {k: v for k, v in expected.items() if v is not None}
    for file in files:  # as if compaction had taken what it points to
        entries = np.load(file)
        entries["offset"][1:] = 0
        np.save(file, entries)
    assert seen() == {k: v for k, v in expected.items() if v is not None}
    monkeypatch.setattr(offset_index, "MANY", 0)
    assert seen() == {k: v for k, v in expected.items() if v is not None}
