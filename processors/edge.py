"""edge: external-reads of places without video → sightings, passes and watermarks. Logic: domain/edge.py.

Of edge ANPR cameras beside video a plate becomes a sighting, for the watchlists, and the read goes on to where the
passes of its camera's junction and section are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain import edge
from waysight.domain.edge import Seen
from waysight.domain.scene import Scene
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.messages import CameraRecord, ExternalRead
from waysight.settings import Settings
from waysight.streaming.envelopes import Flush, decoded
from waysight.streaming.passes import pass_of, places_of, whole_of

# What track tells on the same topics has the partitions of detections as origins: those of reads come after them.
ORIGINS_FROM = 1 << 20


class EdgeLogic:
    """Per place the reads of late, each told once; time goes on with them."""

    name = "edge"
    inputs = ("external-reads",)
    outputs = ("sightings", "passes", "external-reads", "dead-letters")
    prompt = ("sightings",)

    def __init__(
        self, codec: Codec, scenes: Scenes, partitions: int, tables: Sequence[Followed] = ()
    ) -> None:
        self._codec, self._scenes, self._partitions, self.tables = codec, scenes, partitions, tables

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        flush = Flush(self._codec, self._partitions)
        for message in messages:
            flush.reading(replace(message, partition=message.partition + ORIGINS_FROM))
            read: ExternalRead | None = decoded(self._codec, message, self.name, flush.outputs)
            if read is None:
                continue
            scene = self._scenes.scene(read.camera_id)
            if edge.tells(scene, read):
                self._apply(state, flush, message, scene, read)
            elif edge.reads_beside(scene, read) and (message.key or b"").startswith(b"camera:"):
                self._beside(state, flush, scene, read)
        return flush.finish()

    def _apply(
        self, state: PartitionState, flush: Flush, message: Message, scene: Scene, read: ExternalRead
    ) -> None:
        before = state.get("places", scene.camera_id, Seen) or Seen()
        after, what = edge.step(before, read)
        if after is not before:
            state.put("places", scene.camera_id, after)
        if what == "late":
            reason = f"read {read.read_id} of {read.device_id} is older than {edge.KEEP_MS // 60_000} minutes of its place's time"
            flush.outputs.append(dead_letter_output(self._codec, message, reason, self.name))
        if what == "new":
            self._tell(flush, scene, read)
        if edge.time_ms(after) > edge.time_ms(before):
            for topic in ("sightings", "passes"):
                for partition in range(self._partitions):
                    flush.watermark(topic, partition, scene.camera_id, edge.time_ms(after), False)

    def _beside(self, state: PartitionState, flush: Flush, scene: Scene, read: ExternalRead) -> None:
        for key in places_of(scene):
            if not key.startswith("camera:"):
                flush.one("external-reads", key, read)
        before = state.get("places", scene.camera_id, Seen) or Seen()
        after, what = edge.step(before, read)
        if after is not before:
            state.put("places", scene.camera_id, after)
        if what == "new" and read.plate:
            flush.grouped("sightings", read.plate, flush.stamped(edge.sighting_of(scene, read)))

    def _tell(self, flush: Flush, scene: Scene, read: ExternalRead) -> None:
        sighting = edge.sighting_of(scene, read)
        if sighting.plate:
            sighting = flush.stamped(sighting)
            flush.grouped("sightings", sighting.plate, sighting)
        whole = whole_of(self._codec, sighting)
        for key in places_of(scene):
            flush.grouped("passes", key, flush.stamped(pass_of(self._codec, key, sighting, whole)))


def build(settings: Settings) -> EdgeLogic:
    """The processor against the real engines."""
    codec, scenes = Codec(ConfluentRegistry(settings.registry)), Scenes()
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    return EdgeLogic(codec, scenes, settings.partitions, (cameras,))
