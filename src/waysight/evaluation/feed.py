"""Simulated sightings as the envelopes that `track` would put out: same grouping, keys, origins and watermarks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.sightings import Pictured, SightingRules
from waysight.domain.watermarks import Progress
from waysight.engine import Message, Output
from waysight.messages import Sighting, Signal
from waysight.processors.track import TrackLogic
from waysight.simulate.sightings import Event
from waysight.streaming.envelopes import Flush
from waysight.topics import partition_for


class Feed:
    """Gathers events for `flush_ms` of event time, per partition of `track`, into `sightings` and `passes`.

    Signals go out singly. What is put out carries the partition that its keys belong to.
    """

    def __init__(self, codec: Codec, file: CameraFile, partitions: int, flush_ms: int = 1000) -> None:
        self._codec, self._partitions, self._flush_ms = codec, partitions, flush_ms
        self._scenes = Scenes.of_file(file)
        self._track = TrackLogic(codec, self._scenes, SightingRules(), partitions)
        self._offsets = [0] * partitions
        self._open: dict[int, Flush] = {}

    def outputs(self, events: Iterable[Event]) -> Iterator[tuple[int, Output]]:
        """Event time (UTC epoch ms) of the newest event inside, and the message; in the order to send."""
        began_ms = now_ms = 0
        for event in events:
            now_ms = max(now_ms, _told_ms(event))
            began_ms = began_ms or now_ms
            if now_ms - began_ms >= self._flush_ms:
                for output in self._finish():
                    yield now_ms, output
                began_ms = now_ms
            if isinstance(event, Signal):
                key = f"junction:{event.junction_id}"
                yield now_ms, Output("signals", key, self._codec.encode("signals", event))
            else:
                self._add(event)
        for output in self._finish():
            yield now_ms, output

    def _add(self, event: Event) -> None:
        scene = self._scenes.scene(event.camera_id)  # type: ignore[union-attr]
        home = partition_for(scene.camera_id, self._partitions)
        flush = self._open.setdefault(home, Flush(self._codec, self._partitions))
        flush.reading(Message("detections", home, self._offsets[home], None, None))
        self._offsets[home] += 1
        if isinstance(event, Sighting):
            pictured = Pictured((event,))
        else:
            pictured = Pictured(progress=Progress(event.captured_ms, event.end))  # type: ignore[union-attr]
        self._track._tell(flush, scene, pictured)

    def _finish(self) -> Iterator[Output]:
        for home in sorted(self._open):
            yield from self._open[home].finish()
        self._open.clear()


def _told_ms(event: Event) -> int:
    if isinstance(event, Sighting):
        return event.emitted_ms
    return event.valid_ms if isinstance(event, Signal) else event.captured_ms
