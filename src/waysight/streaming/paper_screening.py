"""Which sightings of a step are to be held against the register: one mask from columns, before any record is made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waysight.domain.enforcement import papers
from waysight.domain.enforcement.case import Law
from waysight.domain.scene import Scene
from waysight.streaming.sighting_screening import Flags


def may_lack(law: Law, scene_of: Callable[[str], Scene], records: pa.StructArray) -> Flags:
    """Which sightings (n,) are final, surely read, and before a camera that asks; `papers.judge` decides."""
    if not len(records):
        return np.zeros(0, bool)
    cameras = records.field("camera_id").dictionary_encode()
    asked = np.array([papers.asks(scene_of(c)) for c in cameras.dictionary.to_pylist()], bool)
    found: Flags = asked[cameras.indices.to_numpy()]
    if not found.any():
        return found
    found &= records.field("plate_confidence").to_numpy() >= law.enforcement_gate
    found &= records.field("plate_votes").to_numpy() >= papers.LEAST_VOTES
    found &= records.field("final").to_numpy(zero_copy_only=False)
    found &= pc.not_equal(records.field("plate"), "").to_numpy(zero_copy_only=False)
    return found
