"""One act seen as two tracks is told once; two acts at two places are told twice, whatever time other cameras have."""

from __future__ import annotations

import asyncio

from synthetic import START_MS
from waysight.processors.enforce import EnforceLogic

from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.registry import MemoryRegistry
from waysight.authority.rulepacks import all_packs
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.enforcement.case import Law
from waysight.domain.scene import Scene, Zone
from waysight.engine import Message
from waysight.messages import PassBatch, Sighting, Violation, Watermark
from waysight.streaming.passes import pass_of

LANE = Zone(
    zone_id="lane",
    polygon=((0, 0), (1920, 0), (1920, 1080), (0, 1080)),
    kind="restricted",
    labels=frozenset(("car",)),
)
SCENES = [
    Scene(camera_id=name, country="kz", purposes=frozenset(("restricted_zone",)), zones=(LANE,))
    for name in ("here", "there")
]
CODEC = Codec(MemoryRegistry())


def _pass(camera: str, track: str, offset: int) -> PassBatch:
    sighting = Sighting(
        sighting_id=f"{camera}-{track}", revision=0, final=True, camera_id=camera, epoch="e", label="car",
        label_confidence=0.9, first_ms=START_MS, last_ms=START_MS + 900, clock_error_ms=0, frames=3, plate="123ABC02",
        plate_country="kz", plate_confidence=0.99, plate_confidences=(), plate_candidates=(), plate_votes=3, colour="",
        colour_confidence=0.0, path=(), zones=("lane",), dwell_ms=900, models="", captured_ms=START_MS + 900,
        emitted_ms=START_MS + 900, origin_partition=0, origin_offset=offset, ordinal=0,
    )  # fmt: skip
    return PassBatch(records=(pass_of(CODEC, f"camera:{camera}", sighting),), watermarks=())


def _time(camera: str, captured_ms: int, offset: int) -> PassBatch:
    mark = Watermark(
        camera_id=camera,
        captured_ms=captured_ms,
        end=False,
        origin_partition=0,
        origin_offset=offset,
        ordinal=0,
    )
    return PassBatch(records=(), watermarks=(mark,))


def _told(*batches: PassBatch) -> list[Violation]:
    logic = EnforceLogic(CODEC, Scenes(SCENES), Law(packs=all_packs()), 1)
    messages = [Message("passes", 0, n, b"", CODEC.encode("passes", b)) for n, b in enumerate(batches)]
    outputs = asyncio.run(logic.step(KeyedState(0), messages))
    return [CODEC.decode("violations", o.value) for o in outputs if o.topic == "violations"]


SOON_MS = START_MS + 1000


def test_two_tracks_of_one_act_are_one_violation() -> None:
    found = _told(_pass("here", "a", 0), _pass("here", "b", 1), _time("here", SOON_MS, 2))
    assert len(found) == 1
    turned = _told(_pass("here", "b", 0), _pass("here", "a", 1), _time("here", SOON_MS, 2))
    assert [v.violation_id for v in turned] == [v.violation_id for v in found]


def test_a_violation_is_told_when_nothing_earlier_can_come() -> None:
    assert not _told(_pass("here", "a", 0), _time("there", SOON_MS, 1), _time("here", START_MS - 1, 2))


def test_zones_of_the_same_name_at_two_cameras_are_two_places() -> None:
    times = _time("here", SOON_MS, 2), _time("there", SOON_MS, 3)
    found = _told(_pass("here", "a", 0), _pass("there", "a", 1), *times)
    assert [v.camera_id for v in found] == ["here", "there"]


def test_a_camera_of_another_time_makes_nothing_forgotten() -> None:
    tomorrow_ms = START_MS + 86_400_000
    times = _time("here", SOON_MS, 1), _time("there", tomorrow_ms, 2)
    assert (
        len(_told(_pass("here", "a", 0), *times, _pass("here", "b", 3), _time("here", SOON_MS + 1, 4))) == 1
    )


def test_its_own_time_makes_it_forgotten() -> None:
    told, later = _time("here", SOON_MS, 1), _time("here", START_MS + 86_400_000, 2)
    after = _time("here", START_MS + 86_400_001, 4)
    assert len(_told(_pass("here", "a", 0), told, later, _pass("here", "b", 3), after)) == 2
