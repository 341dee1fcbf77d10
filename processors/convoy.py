"""convoy: passes → companions of those whom an authorisation for convoys names. Logic: domain/convoy.py.

With no such authorisation nothing is read and nothing remembered; with one, plates are remembered for two
minutes, before the cameras that it is for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.authorisations import CONVOY, Authorisations
from waysight.domain.convoy import ConvoyRules, companions, watched
from waysight.domain.matching import PURPOSE
from waysight.domain.places import covers
from waysight.domain.recent import Seen, is_sure
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.errors import BadMessage
from waysight.messages import Authorisation, CameraRecord, Sighting, Watermark
from waysight.settings import Settings
from waysight.streaming.envelopes import Flush
from waysight.streaming.pass_columns import PassColumns
from waysight.streaming.passes import sighting_of
from waysight.streaming.trails import Memory, memory

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
        columns = PassColumns(self._codec, messages, self.name, flush.outputs)
        last = -1
        for number, item in columns.in_order(np.flatnonzero(self._watched(columns))):
            if number != last:
                flush.reading(columns.messages[number])
                last = number
            if isinstance(item, Watermark):
                kept.recent.reach(item.camera_id, item.captured_ms)
                continue
            try:
                self._meet(kept, flush, sighting_of(self._codec, columns.whole(item)))
            except BadMessage as error:
                letter = dead_letter_output(self._codec, columns.messages[number], error.reason, self.name)
                flush.outputs.append(letter)
        kept.write(state)
        return flush.finish()

    def _watched(self, columns: PassColumns) -> npt.NDArray[np.bool_]:
        """Which passes (n,) may be joined: surely read, before a camera and at a time that an authorisation covers."""
        at, cameras = columns.passes.texts("camera_id")
        at_ms = columns.passes.numbers("last_ms")
        found = np.zeros(len(columns), bool)
        for record in self._authorisations.of(CONVOY):
            there = np.array([covers(record.area, self._scenes.scene(c)) for c in cameras], bool)
            found |= there[at] & (at_ms >= record.valid_from_ms) & (at_ms < record.ends_ms)
        sure = columns.passes.floats("plate_confidence") >= self._gate
        return found & sure & columns.keyed("camera:")

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
