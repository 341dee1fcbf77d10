"""convoy: passes → companions of those whom an authorisation for convoys names. Logic: domain/convoy.py.

With no such authorisation nothing is read and nothing remembered; with one, plates are remembered for two
minutes, before the cameras that it is for.
"""

from __future__ import annotations

from collections.abc import Sequence

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.authorisations import CONVOY, Authorisations
from waysight.domain.convoy import ConvoyRules, companions, watched
from waysight.domain.matching import PURPOSE
from waysight.domain.recent import Seen, is_sure
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.envelopes import Flush, decoded, in_order
from waysight.errors import BadMessage
from waysight.messages import Authorisation, CameraRecord, Sighting, Watermark
from waysight.passes import sighting_of
from waysight.settings import Settings
from waysight.trails import Memory, memory

_TABLE = "beside"


class ConvoyLogic:
    """Joins the passes of one camera with each other; a pair is told once, whichever pass comes first."""

    name = "convoy"
    inputs = ("passes",)
    outputs = ("companions", "dead-letters")

    def __init__(
        self,
        codec: Codec,
        scenes: Scenes,
        authorisations: Authorisations,
        gate: float,
        rules: ConvoyRules | None = None,
        tables: Sequence[Followed] = (),
    ) -> None:
        self._codec, self._scenes, self._authorisations = codec, scenes, authorisations
        self._gate, self._span, self.tables = gate, (rules or ConvoyRules()).span, tables

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        kept = memory(state, _TABLE, self._span)
        if not self._authorisations.of(CONVOY):
            kept.clear(state)
            return []
        flush = Flush(self._codec, 1)
        for message in messages:
            flush.reading(message)
            batch = decoded(self._codec, message, self.name, flush.outputs)
            for item in in_order(batch) if batch is not None else ():
                if isinstance(item, Watermark):
                    kept.recent.reach(item.camera_id, item.captured_ms)
                elif item.key.startswith("camera:") and item.plate_confidence >= self._gate:
                    try:
                        self._meet(kept, flush, sighting_of(self._codec, item))
                    except BadMessage as error:
                        flush.outputs.append(
                            dead_letter_output(self._codec, message, error.reason, self.name)
                        )
        kept.write(state)
        return flush.finish()

    def _meet(self, kept: Memory, flush: Flush, sighting: Sighting) -> None:
        """Join one pass with those close to it, where an authorisation is in force."""
        scene = self._scenes.scene(sighting.camera_id)
        allowed = PURPOSE in scene.purposes and watched(self._authorisations, scene, sighting.last_ms)
        if allowed and is_sure(sighting, self._gate):
            seen = Seen.of(sighting)
            for companion in companions(self._authorisations, scene, seen, kept.meet(seen)):
                flush.one("companions", companion.subject, flush.stamped(companion))


def build(settings: Settings) -> ConvoyLogic:
    """The processor against the real engines."""
    codec, scenes, granted = Codec(ConfluentRegistry(settings.registry)), Scenes(), Authorisations()
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    authorisations = Broadcast[Authorisation](settings, codec, "authorisations", granted.apply)
    return ConvoyLogic(codec, scenes, granted, settings.alert_gate, tables=(cameras, authorisations))
