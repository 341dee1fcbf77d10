"""Events per CPU-second of the match+count worker against a plain confluent-kafka + fastavro loop.

python -m bench.stream [RECORDS]: starts its own Kafka and registry, loads 100,000 watchlist entries, and lets both
read the same envelopes of 50 records, 1 % of them wanted, in turn, in one run. Each record is one sighting and one pass, so two events.
The worker's figure holds everything that the loop has not: exactly-once transactions, fences, keyed state in Kafka.
CPU is that of the whole worker process from the first message to the last commit; only the ratio travels.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.stack import publish_cameras, publish_hotlist, save
from waysight.adapters.kafka import Publisher, end_offsets, plain_consumer, read_messages
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import EngineDown
from waysight.local.temporary import temporary_stack
from waysight.messages import (
    FrameRef,
    PassBatch,
    PathPoint,
    PlateCandidate,
    Sighting,
    SightingBatch,
    Watermark,
)
from waysight.passes import pass_of
from waysight.settings import Settings, get_settings
from waysight.topics import partition_for

RUNS, ENTRIES, ENVELOPE, CAMERAS = 3, 100_000, 50, 8
START_MS = 1_780_000_000_000
NAMES = ("match", "count")
HITS = 0.01
LETTERS = "ABCEHKMOPTXY"


def main(records: int = 150_000) -> dict[str, Any]:
    """Measure, write out/bench/stream.json, and return what was written."""
    with temporary_stack(get_settings(), ("kafka", "registry")) as settings:
        return save("stream", measure(settings, records))


def measure(settings: Settings, records: int) -> dict[str, Any]:
    """Feed both, in turn, `RUNS` times."""
    apply_topics(settings)
    codec = Codec(ConfluentRegistry(settings.registry))
    publisher = Publisher(settings, codec, linger_ms=20)
    _load_tables(publisher, settings)
    command = [sys.executable, "-m", "waysight.cli", "process", *NAMES, "--instance", "bench"]
    worker = subprocess.Popen(command, env=settings.child_environment())
    runs: dict[str, list[float]] = {"waysight": [], "reference": []}
    try:
        _send(publisher, _encoded(codec, settings, 0, ENVELOPE * CAMERAS))
        _drain(settings, worker)
        for number in range(RUNS):
            starts = _ends(settings)
            alerts = len(list(read_messages(settings, "alerts")))
            feed = _encoded(codec, settings, (number + 1) * 10_000_000, records)
            before = _cpu_s(worker)
            _send(publisher, feed)
            _drain(settings, worker)
            runs["waysight"].append(2 * records / (_cpu_s(worker) - before))
            found = len(list(read_messages(settings, "alerts"))) - alerts
            said = _reference(settings, starts)
            if said["events"] != 2 * records or said["counts"] != records or not found:
                raise EngineDown(f"the two did not read the same: {said}, {found} alerts of the worker")
            runs["reference"].append(said["events"] / said["cpu_s"])
    finally:
        worker.terminate()
        worker.wait(60)
    medians = {name: round(median(values)) for name, values in runs.items()}
    return {
        "unit": "events per CPU-second, median",
        "events_per_cpu_s": medians,
        "ratio": round(medians["waysight"] / medians["reference"], 2),
        "runs": {name: [round(v) for v in values] for name, values in runs.items()},
        "records_per_run": records,
        "records_per_message": ENVELOPE,
    }


def _load_tables(publisher: Publisher, settings: Settings) -> None:
    text = "version: 1\ncameras:\n" + "".join(
        f"  - {{id: cam-{n}, source: none-{n}.mp4, purposes: [hotlist, count]}}\n" for n in range(CAMERAS)
    )
    file = settings.state_dir / "cameras.yaml"
    file.write_text(text)
    publish_cameras(publisher, file)
    publish_hotlist(publisher, _wanted_plates())


def _wanted_plates() -> list[str]:
    chance = random.Random(1)
    return [_plate(chance) for _ in range(ENTRIES)]


def _plate(chance: random.Random) -> str:
    letters = "".join(chance.choices(LETTERS, k=3))
    return f"{chance.randrange(1, 1000):03d}{letters}{chance.randrange(1, 21):02d}"


def _encoded(codec: Codec, settings: Settings, first: int, records: int) -> list[tuple[str, int, bytes]]:
    """Topic, partition and bytes of the envelopes; a camera's go to the partition that its key belongs to."""
    chance = random.Random(first)
    wanted = _wanted_plates()
    homes = [partition_for(f"camera:cam-{n}", settings.partitions) for n in range(CAMERAS)]
    feed = []
    for begin in range(first, first + records, ENVELOPE):
        camera = begin // ENVELOPE % CAMERAS
        plates = [
            chance.choice(wanted) if chance.random() < HITS else _plate(chance) for _ in range(ENVELOPE)
        ]
        made = tuple(_sighting(begin + n, camera, plate) for n, plate in enumerate(plates))
        mark = Watermark(
            camera_id=f"cam-{camera}",
            captured_ms=made[-1].captured_ms,
            end=False,
            origin_partition=camera,
            origin_offset=begin + ENVELOPE,
            ordinal=0,
        )
        passes = tuple(pass_of(codec, f"camera:cam-{camera}", s) for s in made)
        sightings = SightingBatch(records=made, watermarks=(mark,))
        feed.append(("sightings", homes[camera], codec.encode("sightings", sightings)))
        feed.append(
            ("passes", homes[camera], codec.encode("passes", PassBatch(records=passes, watermarks=(mark,))))
        )
    return feed


def _send(publisher: Publisher, feed: list[tuple[str, int, bytes]]) -> None:
    for name, partition, value in feed:
        publisher.publish_bytes(name, b"bench", value, partition=partition)
    publisher.flush()


def _sighting(number: int, camera: int, plate: str) -> Sighting:
    at_ms = START_MS + number * 40
    box = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    plate_box = {f"plate_{name}": value for name, value in box.items()}
    frame = FrameRef(
        captured_ms=at_ms,
        evidence_ref=f"frames/cam-{camera}/20260601/e1-{number:09d}.h264",
        sha256="0" * 64,
        plate_text=plate,
        plate_confidence=0.97,
        **box,
        **plate_box,
    )
    path = tuple(
        PathPoint(captured_ms=at_ms - 200 * n, x_m=1.0, y_m=20.0 - n, x_px=900.0, y_px=800.0)
        for n in range(5)
    )
    return Sighting(
        sighting_id=f"{number:032x}",
        revision=0,
        final=True,
        camera_id=f"cam-{camera}",
        epoch="e1",
        label="car",
        label_confidence=0.9,
        first_ms=at_ms - 1000,
        last_ms=at_ms,
        clock_error_ms=40,
        frames=5,
        plate=plate,
        plate_country="kz",
        plate_confidence=0.97,
        plate_confidences=(0.99,) * len(plate),
        plate_candidates=(PlateCandidate(text=plate, confidence=0.97),),
        plate_votes=5,
        colour="white",
        colour_confidence=0.8,
        speed_kmh=80.0,
        speed_error_kmh=2.0,
        path=path,
        zones=(),
        dwell_ms=1000,
        best_frame=frame,
        models="vehicle_detector@1 plate_reader@1",
        captured_ms=at_ms,
        emitted_ms=at_ms,
        origin_partition=camera,
        origin_offset=number,
        ordinal=0,
    )


def _ends(settings: Settings) -> list[tuple[str, int, int]]:
    consumer = plain_consumer(settings)
    try:
        return [
            (t, p, end)
            for t in ("sightings", "passes")
            for p, end in end_offsets(consumer, t, settings).items()
        ]
    finally:
        consumer.close()


def _drain(settings: Settings, worker: subprocess.Popen[bytes]) -> None:
    while any(drained(settings, NAMES).values()):
        if worker.poll() is not None:
            raise EngineDown(f"the worker ended with {worker.returncode}")
        time.sleep(0.5)


def _cpu_s(worker: subprocess.Popen[bytes]) -> float:
    spent = psutil.Process(worker.pid).cpu_times()
    return float(spent.user + spent.system)


def _reference(settings: Settings, starts: list[tuple[str, int, int]]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.reference", json.dumps(starts)]
    done = subprocess.run(
        command,
        env=settings.child_environment(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:2])), indent=1))
