"""track: detections → sightings (by plate), passes (by place) and watermarks. Logic: domain/sightings.py."""

from __future__ import annotations

from collections.abc import Sequence

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.scene import Scene
from waysight.domain.sightings import Pictured, SightingRules, step
from waysight.domain.tracking import CameraTracks
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.messages import CameraRecord
from waysight.settings import Settings
from waysight.streaming.envelopes import Flush, decoded, is_new
from waysight.streaming.passes import pass_of, places_of, whole_of


class TrackLogic:
    """One tracker state per camera; a pass goes to each place that wants to know of it."""

    name = "track"
    inputs = ("detections",)
    outputs = ("sightings", "passes", "dead-letters")
    prompt = ("sightings",)

    def __init__(
        self,
        codec: Codec,
        scenes: Scenes,
        rules: SightingRules,
        partitions: int,
        tables: Sequence[Followed] = (),
    ) -> None:
        self._codec, self._scenes, self._rules = codec, scenes, rules
        self._partitions, self.tables = partitions, tables

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        flush = Flush(self._codec, self._partitions)
        for message in messages:
            flush.reading(message)
            frame = decoded(self._codec, message, self.name, flush.outputs)
            if frame is None or not is_new(state, message, frame):
                continue
            scene = self._scenes.scene(frame.camera_id)
            tracks = state.get("cameras", frame.camera_id, CameraTracks) or CameraTracks()
            tracks, pictured = step(self._rules, scene, tracks, frame)
            state.put("cameras", frame.camera_id, tracks)
            self._tell(flush, scene, pictured)
        return flush.finish()

    def _tell(self, flush: Flush, scene: Scene, pictured: Pictured) -> None:
        for sighting in pictured.sightings:
            sighting = flush.stamped(sighting)
            flush.grouped("sightings", sighting.plate or sighting.camera_id, sighting)
            whole = whole_of(self._codec, sighting) if sighting.final else b""
            for key in places_of(scene) if sighting.final else ():
                flush.grouped("passes", key, flush.stamped(pass_of(self._codec, key, sighting, whole)))
        if pictured.progress is not None:
            for topic in ("sightings", "passes"):
                for partition in range(flush.partitions):
                    reached = pictured.progress
                    flush.watermark(topic, partition, scene.camera_id, reached.captured_ms, reached.end)


def build(settings: Settings) -> TrackLogic:
    """The processor against the real engines."""
    codec, scenes = Codec(ConfluentRegistry(settings.registry)), Scenes()
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    rules = SightingRules(
        formats=plate_formats(), search_gate=settings.search_gate, alert_gate=settings.alert_gate
    )
    return TrackLogic(codec, scenes, rules, settings.partitions, (cameras,))
