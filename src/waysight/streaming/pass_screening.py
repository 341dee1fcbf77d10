"""Which passes of a step may be offences: one mask for all, from columns, before any record is made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc

from waysight.domain.enforcement import device_plates, external, offences, spot_speed
from waysight.domain.enforcement.case import Law
from waysight.domain.scene import Scene
from waysight.domain.sightings import is_vehicle
from waysight.streaming.pass_columns import Flags, PassColumns

_BY_ZONE = frozenset(name for name, o in offences.OFFENCES.items() if o.needs.zone)
# These look at all that passes: the shape of the path, or the others of the camera.
_BY_PATH = frozenset(("solid_line", "illegal_turn", "overtaking", "double_parking"))
_BY_PLATE = frozenset(("no_plate",))
_WITH_PEOPLE = frozenset(("pedestrian_priority",))


def may_offend(law: Law, scene_of: Callable[[str], Scene], columns: PassColumns) -> Flags:
    """Which passes (n,) may be an offence or half of one; the rules of `domain/enforcement` decide."""
    if not len(columns):
        return np.zeros(0, bool)
    passes = columns.passes
    labels, kinds = passes.texts("label")
    cameras, names = passes.texts("camera_id")
    scenes = [scene_of(name) for name in names]
    vehicle = np.array([is_vehicle(kind) for kind in kinds], bool)[labels]
    span_ms = int(passes.numbers("first_ms").min()), int(passes.numbers("last_ms").max())
    least_kmh = np.array([spot_speed.least_kmh(law, scene, *span_ms) for scene in scenes])[cameras]
    fast = passes.floats("speed_kmh") - passes.floats("speed_error_kmh") >= least_kmh
    waits = [external.awaits(scene) or device_plates.awaits(scene) for scene in scenes]
    awaited = np.array(waits, bool)[cameras]
    zones, always, unread, company = (
        np.array([bool(purposes & offences.able(scene)) for scene in scenes], bool)[cameras]
        for purposes in (_BY_ZONE, _BY_PATH, _BY_PLATE, _WITH_PEOPLE)
    )
    plateless = pc.equal(passes.records.field("plate"), "").to_numpy(zero_copy_only=False)
    person = np.array([kind == "person" for kind in kinds], bool)[labels]
    entered = pc.list_value_length(passes.records.field("zones")).to_numpy(zero_copy_only=False) > 0
    worth = fast | awaited | (zones & entered) | always | (unread & plateless)
    found: Flags = (vehicle & (~columns.keyed("camera:") | worth)) | (person & company & entered)
    return found
