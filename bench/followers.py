"""SORT and ByteTrack of the `trackers` package on one sequence, with their defaults; runs in an environment of its own.

stdin: {"fps": Hz, "frames": [[[x1, y1, x2, y2, score], …], …]} (px, 0..1); stdout: per tracker CPU ms a frame and,
for each frame, rows [identity, x1, y1, x2, y2].
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker, SORTTracker

TRACKERS = {"sort": SORTTracker, "bytetrack": ByteTrackTracker}


def main() -> None:
    """Read a sequence, follow it with each tracker, write what they say."""
    given = json.load(sys.stdin)
    json.dump(
        {name: follow(kind(frame_rate=given["fps"]), given["frames"]) for name, kind in TRACKERS.items()},
        sys.stdout,
    )


def follow(tracker: Any, frames: list[list[list[float]]]) -> dict[str, Any]:
    """What a tracker says of each frame, and its CPU time."""
    said, used_ns = [], 0
    for rows in frames:
        table = np.array(rows, float).reshape(-1, 5)
        seen = sv.Detections(xyxy=table[:, :4], confidence=table[:, 4], class_id=np.zeros(len(table), int))
        began_ns = time.process_time_ns()
        found = tracker.update(seen)
        used_ns += time.process_time_ns() - began_ns
        named = zip(found.tracker_id.tolist(), found.xyxy.tolist(), strict=True)
        said.append([[identity, *box] for identity, box in named if identity >= 0])
    return {"cpu_ms_per_frame": used_ns / 1e6 / max(1, len(frames)), "frames": said}


if __name__ == "__main__":
    main()
