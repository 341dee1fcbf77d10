"""Waysight's tracker against SORT and ByteTrack of the `trackers` package, on the same boxes and by the same measure.

python -m bench tracking: the shared sequence KITTI-13 (truth: KITTI's labels, class Pedestrian) with its detections,
at its full rate and at every second and fifth frame, and labelled KITTI tracks whose boxes are jittered, dropped and
joined by false ones. Makes the others' environment (.waysight/bench-venv) once.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.stack import save
from waysight.errors import BadConfiguration, EngineDown
from waysight.evaluation.tracking import labelled, measure
from waysight.evaluation.tracking_formats import (
    Boxed,
    Frames,
    SequenceInfo,
    read_detections,
    read_truth,
)
from waysight.evaluation.tracking_scores import score
from waysight.local import triton_venv
from waysight.settings import get_settings

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "tracking"
REQUIREMENTS = ROOT / "bench" / "requirements-tracking.txt"
KITTI = SequenceInfo(10.0, 1242, 375)
SPOILED = ("0013", "0019", "0011")
LAST_FRAME = 250
KEPT = ("mota", "idf1", "hota", "id_switches", "precision", "recall")


def main() -> dict[str, Any]:
    """Measure, write out/bench/tracking.json, and return what was written."""
    if not DATA.is_dir():
        raise BadConfiguration(f"{DATA} is missing: the sequences that the trackers are compared on")
    home = (get_settings().state_dir / "bench-venv").resolve()
    triton_venv.make(home, REQUIREMENTS, print, "the other trackers' environment")
    labels = DATA / "kitti-labels"
    truth = read_truth(labels / "0013.txt").frames
    boxes = read_detections(DATA / "KITTI-13")
    sequences = {
        name: compared(home, boxes, truth, every)
        for name, every in (("KITTI-13", 1), ("KITTI-13 at 5 fps", 2), ("KITTI-13 at 2 fps", 5))
    }
    for name in SPOILED:
        real = {f: row for f, row in read_truth(labels / f"{name}.txt").frames.items() if f <= LAST_FRAME}
        sequences[f"KITTI {name}, spoiled labels"] = compared(home, spoiled(real, int(name)), real, 1)
    return save("tracking", {"sequences": sequences})


def compared(home: Path, boxes: Frames, truth: Frames, every: int) -> dict[str, Any]:
    """The figures of all three trackers on every `every`-th frame of one sequence."""
    numbers, followed, scores = measure(boxes, truth, KITTI, every)
    figures = {"waysight": {**_kept(scores.figures), "cpu_ms_per_frame": followed.cpu_ms_per_frame}}
    frames = [[[*b.box, b.score] for b in boxes.get(n, ())] for n in numbers]
    asked = json.dumps({"fps": KITTI.fps / every, "frames": frames})
    program = [str(home / "bin" / "python"), str(ROOT / "bench" / "followers.py")]
    done = subprocess.run(program, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineDown(f"{program[1]} failed: {done.stderr[-1000:]}")
    for name, said in json.loads(done.stdout).items():
        told = {
            n: [(row[0], (row[1], row[2], row[3], row[4])) for row in rows]
            for n, rows in zip(numbers, said["frames"], strict=True)
        }
        theirs = score(labelled(truth), told, numbers, len(numbers)).figures
        figures[name] = {**_kept(theirs), "cpu_ms_per_frame": round(said["cpu_ms_per_frame"], 4)}
    return figures


def spoiled(truth: Frames, seed: int) -> Frames:
    """Labelled boxes as a middling detector would see them: seeded jitter, misses in bursts, false boxes."""
    rng = random.Random(seed)
    hidden: dict[int, int] = {}
    false: list[tuple[int, Boxed]] = []
    found: Frames = {}
    for number in range(1, max(truth) + 1):
        row = []
        for thing in truth.get(number, ()):
            if hidden.get(thing.identity, 0) > 0:
                hidden[thing.identity] -= 1
            elif rng.random() < 0.15:
                hidden[thing.identity] = rng.choice((0, 0, 0, 1, 2, 5))
            else:
                row.append(_shaken(rng, thing, min(0.99, max(0.5, rng.betavariate(6.0, 1.2)))))
        if rng.random() < 0.24:
            high = rng.uniform(30.0, 120.0)
            x, y = rng.uniform(0.0, KITTI.width - 60.0), rng.uniform(100.0, KITTI.height - high / 2)
            ghost = Boxed(-1, "person", (x, y, x + 0.45 * high, y + high))
            false.append((number + rng.choice((1, 2, 4, 8)), ghost))
        false = [(last, ghost) for last, ghost in false if last > number]
        row += [_shaken(rng, g, rng.uniform(0.5, 0.95)) for _, g in false if rng.random() < 0.75]
        found[number] = tuple(row)
    return found


def _shaken(rng: random.Random, thing: Boxed, sure: float) -> Boxed:
    wide, high = thing.box[2] - thing.box[0], thing.box[3] - thing.box[1]
    a, b, c, d = (e + rng.gauss(0.0, 0.05 * s) for e, s in zip(thing.box, (wide, high) * 2, strict=True))
    return Boxed(-1, thing.label, (a, b, c, d), sure)


def _kept(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {key: figures[key] for key in KEPT}
