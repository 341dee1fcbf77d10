"""Production's tracker on a sequence of boxes: as detections records through `domain.sightings.step`.

What counts as tracked is what production tells: the boxes of every track that became a final sighting, under that
sighting's id. A track's first frames therefore count once it is told, and a track that is never told does not count.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import msgspec

from waysight.domain.geometry import Box
from waysight.domain.scene import Scene
from waysight.domain.sightings import SightingRules, step
from waysight.domain.tracking import CameraTracks
from waysight.evaluation.tracking_formats import Boxed, Frames, SequenceInfo
from waysight.evaluation.tracking_scores import Scores, Told, score
from waysight.messages.perception import DetectedObject, Detections

_CAMERA = "evaluation"
_BLOCK_S = 3.0
_AFTER_MS = 1000


@dataclass(frozen=True, slots=True)
class Followed:
    """What the tracker told, by frame; CPU ms per frame; the largest state, bytes and tracks in it."""

    told: dict[int, list[tuple[str, Box]]]
    cpu_ms_per_frame: float
    state_bytes: int
    state_tracks: int


def follow(
    frames: Frames, numbers: range, info: SequenceInfo, rules: SightingRules | None = None
) -> Followed:
    """Run the frames `numbers` through the tracker, at `info.fps` frames a second of the full sequence."""
    rules, scene, state = rules or SightingRules(), Scene(camera_id=_CAMERA), CameraTracks()
    boxes: dict[int, list[tuple[str, Box]]] = {}
    final: set[str] = set()
    used_ns, largest = 0, (0, 0)
    last_ms = 0
    for number in numbers:
        record = _record(number, frames.get(number, ()), info)
        began_ns = time.process_time_ns()
        state, pictured = step(rules, scene, state, record)
        used_ns += time.process_time_ns() - began_ns
        final.update(s.sighting_id for s in pictured.sightings if s.final)
        last_ms = record.captured_ms
        boxes[number] = [(t.sighting_id, t.box) for t in state.tracks if t.last_ms == last_ms]
        largest = max(largest, (len(msgspec.msgpack.encode(state)), len(state.tracks)))
    _, pictured = step(rules, scene, state, _record(numbers[-1] + 1, (), info, "end", last_ms + _AFTER_MS))
    final.update(s.sighting_id for s in pictured.sightings if s.final)
    told = {n: [(i, b) for i, b in row if i in final] for n, row in boxes.items()}
    return Followed(told, round(used_ns / 1e6 / len(numbers), 4), *largest)


def evaluate(detections: Frames, truth: Frames, info: SequenceInfo, every: int = 1) -> dict[str, Any]:
    """All figures of one sequence, with every `every`-th frame taken: of the detections and of the truth."""
    _, followed, scores = measure(detections, truth, info, every)
    return report(followed, scores, info, every)


def measure(
    detections: Frames, truth: Frames, info: SequenceInfo, every: int = 1
) -> tuple[range, Followed, Scores]:
    """The frames that were taken, what the tracker told, and how well it agrees with the truth."""
    numbers = range(1, max([*detections, *truth], default=1) + 1, every)
    followed = follow(detections, numbers, info)
    block = max(1, round(_BLOCK_S * info.fps / every))
    return numbers, followed, score(labelled(truth), followed.told, numbers, block)


def labelled(truth: Frames) -> Told:
    """Truth as identities with boxes."""
    return {frame: [(b.identity, b.box) for b in row] for frame, row in truth.items()}


def report(followed: Followed, scores: Scores, info: SequenceInfo, every: int) -> dict[str, Any]:
    """The figures under the keys of `evaluate tracking`."""
    return {
        **scores.figures,
        "frames": len(followed.told),
        "tracks": len({i for row in followed.told.values() for i, _ in row}),
        "boxes": sum(map(len, followed.told.values())),
        "fps": round(info.fps / every, 3),
        "cpu_ms_per_frame": followed.cpu_ms_per_frame,
        "state_bytes_most": followed.state_bytes,
        "state_bytes_per_track": round(followed.state_bytes / max(1, followed.state_tracks)),
    }


def _record(
    number: int, boxes: tuple[Boxed, ...], info: SequenceInfo, kind: str = "frame", at_ms: int | None = None
) -> Detections:
    objects = tuple(
        DetectedObject(label=b.label, score=b.score, x1=b.box[0], y1=b.box[1], x2=b.box[2], y2=b.box[3])
        for b in boxes
    )
    return Detections(
        camera_id=_CAMERA,
        epoch="sequence",
        seq=number,
        kind=kind,  # type: ignore[arg-type]
        captured_ms=round(1000.0 * number / info.fps) if at_ms is None else at_ms,
        clock_error_ms=0,
        width=info.width,
        height=info.height,
        evidence_ref="",
        evidence_sha256="",
        analysed_ms=0,
        models="",
        objects=objects,
        origin_partition=0,
        origin_offset=number,
        ordinal=0,
    )
