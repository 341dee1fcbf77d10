"""Runs the production analysis over clips and votes plates over tracks: `python -m training.evaluate_footage CLIP...`."""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from waysight.triton_models.vision.analysis import look
from waysight.triton_models.vision.loading import open_networks
from waysight.triton_models.vision.sessions import open_recogniser

from training.evaluate_plates import shared
from training.sources import clip_frames


def main() -> None:
    parser = argparse.ArgumentParser(description="Objects, tracks and voted plates of clips.")
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--every-s", type=float, default=0.2)
    parser.add_argument("--models", type=Path, default=Path("triton_models"))
    parser.add_argument("--large", type=Path, help="PP-OCR recogniser (ONNX) for the second opinion")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    large = open_recogniser(options.large) if options.large else None
    networks = open_networks(options.models, large)
    for clip in options.clips:
        frames = clip_frames(clip, options.every_s)
        tracks: list[dict[str, Any]] = []
        counts: Counter[str] = Counter()
        started = time.process_time()
        for index, frame in enumerate(frames):
            objects, orphans = look(networks, [frame])[0]
            counts.update(thing["label"] for thing in objects)
            seen = objects + [
                {"label": "orphan", "box": p["box"], "plate": p, "colour": None, "score": p["score"]}
                for p in orphans
            ]
            for thing in seen:
                _follow(tracks, thing, index)
                if options.verbose and thing["plate"]:
                    plate = thing["plate"]
                    print(
                        index,
                        thing["label"],
                        plate["text"],
                        plate["confidence"],
                        plate["box"],
                        plate["score"],
                    )
        cpu_ms = (time.process_time() - started) / len(frames) * 1000
        print(
            f"{clip.name}: {len(frames)} frames, {dict(counts)}, {len(tracks)} tracks, {cpu_ms:.0f} CPU-ms a frame"
        )
        for track in tracks:
            if track["votes"]:
                total = sum(track["votes"].values())
                text, weight = max(track["votes"].items(), key=lambda vote: vote[1])
                print(
                    f"  {track['label']}: {text} {weight / track['reads']:.2f} of {track['reads']} reads, {weight / max(total, 1e-6):.2f} of votes"
                )


def _follow(tracks: list[dict[str, Any]], thing: dict[str, Any], index: int) -> None:
    near = [t for t in tracks if index - t["last"] <= 5 and shared(t["box"], thing["box"]) > 0.3]
    track = max(near, key=lambda t: shared(t["box"], thing["box"]), default=None)
    if track is None:
        track = {"label": thing["label"], "votes": defaultdict(float), "reads": 0}
        tracks.append(track)
    track["box"], track["last"] = thing["box"], index
    if thing["plate"]:
        track["reads"] += 1
        for candidate in thing["plate"]["candidates"]:
            track["votes"][candidate["text"]] += candidate["confidence"]


if __name__ == "__main__":
    main()
