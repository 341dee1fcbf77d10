"""How long an alert takes at half load, against the time of the models alone.

python -m bench.latency: starts its own Kafka, registry and Triton, and
1. sends one clip of the simulated city (60 keyframes) as fast as Kafka takes it;
2. calls `frame_analysis` with these frames one by one, nothing else running: the model time;
3. lets the workers work them off: the maximum rate;
4. puts every plate of the city on the hotlist and plays the clip from several cameras, paced to half of that rate.

Latency is an alert's `raised_ms` less the moment at which the producer took in the newest frame that it rests on
(`received_ms`, or, where a producer leaves it 0, the time of the frame's Kafka message, which the producer sets as
it sends). The commit of the alert's transaction, at most 0.3 s later, is not in it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import yaml

from bench.stack import publish_cameras, publish_hotlist, save
from waysight.adapters.inference import TritonAnalyser
from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.errors import EngineDown
from waysight.local import control, ports, spec
from waysight.local.temporary import temporary_stack
from waysight.messages import Alert, Frame
from waysight.settings import Settings, get_settings
from waysight.simulate.render import Order, render

CLIP = "kz-a1-entry"  # a keyframe a second, and many plates
ORDER = Order(7, 60.0)  # the demo's, so that one rendering serves both
WORKERS = {"detect": ("detect",), "alert": ("track", "match")}
MODEL_WARM_UPS, WARM_UP_FRAMES = 10, 10
PACED_S, DRAIN_S, SETTLE_S = 75.0, 180.0, 3.0
MOST_CAMERAS = 64


def main() -> dict[str, Any]:
    """Measure, write out/bench/latency.json, and return what was written."""
    city = get_settings().cache_dir.expanduser() / "city" / f"seed-{ORDER.seed}-{ORDER.seconds:g}s"
    render(ORDER, city, lambda _done, _all: None)
    with temporary_stack(get_settings(), ("kafka", "registry", "triton")) as settings:
        return save("latency", measure(settings, city))


def measure(settings: Settings, city: Path) -> dict[str, Any]:
    """The four steps."""
    apply_topics(settings)
    codec = Codec(ConfluentRegistry(settings.registry))
    publisher = Publisher(settings, codec)
    burst = _cameras(settings, city, "burst", 1)
    publish_cameras(publisher, burst)
    _produce(settings, burst)
    model_ms = asyncio.run(_model_ms(settings, [frame for _, frame in _frames(settings, codec)]))
    _start_workers(settings)
    _drain(settings)
    most = rate_per_s(_analysed(settings, codec).values())
    count = min(MOST_CAMERAS, max(1, round(most / 2)))
    paced = _cameras(settings, city, "paced", count)
    publish_cameras(publisher, paced)
    passes = json.loads((city / "truth.json").read_text())["passes"]
    publish_hotlist(publisher, sorted({p["plate"] for p in passes}))
    time.sleep(SETTLE_S)  # the workers follow both tables as they change
    _produce(settings, paced, speed=most / 2 / count)
    _drain(settings)
    taken = {
        (f.camera_id, f.captured_ms): f.received_ms or sent_ms for sent_ms, f in _frames(settings, codec)
    }
    alerts = [a for _, a in read_all(settings, codec, "alerts") if a.version == 0]
    paced_ms = [ms for (camera, _), ms in taken.items() if camera.startswith("paced")]
    rate = rate_per_s(paced_ms, skip=0)
    return {
        "unit": "ms",
        **summary(alerts, taken, _analysed(settings, codec), model_ms),
        "frames_per_s": round(rate, 2),
        "max_frames_per_s": round(most, 2),
        "load_share": round(rate / most, 2),
        "cameras": count,
        "frames": len(paced_ms),
    }


def summary(
    alerts: Iterable[Alert],
    taken: dict[tuple[str, int], int],
    analysed: dict[tuple[str, int], int],
    model_ms: float,
) -> dict[str, Any]:
    """Latencies in ms; `taken` and `analysed` are wall clocks (UTC epoch ms) by camera and capture time.

    Raises EngineDown when there are no alerts: then nothing was measured.
    """
    waits, detections = [], []
    for alert in alerts:
        frame = (alert.camera_id, alert.captured_ms)
        waits.append(alert.raised_ms - (alert.received_ms or taken[frame]))
        detections.append(analysed[frame] - (alert.received_ms or taken[frame]))
    if not waits:
        raise EngineDown("no alert was raised, so nothing was measured; is every plate of the clip unread?")
    p50, p99 = (float(np.percentile(waits, share)) for share in (50, 99))
    return {
        "p50_ms": round(p50),
        "p99_ms": round(p99),
        "model_ms": round(model_ms),
        "ratio": round(p50 / model_ms, 2),
        "ratio_p99": round(p99 / model_ms, 2),
        "detected_p50_ms": round(median(detections)),
        "alerts": len(waits),
        "latencies_ms": sorted(waits),
    }


def rate_per_s(at_ms: Iterable[int], skip: int = WARM_UP_FRAMES) -> float:
    """Events a second, the first `skip` left out; raises EngineDown for fewer than two moments."""
    moments = sorted(at_ms)[skip:]
    if len(moments) < 2 or moments[-1] == moments[0]:
        raise EngineDown(f"{len(moments)} frames came through, too few for a rate; see the workers' logs")
    return (len(moments) - 1) * 1000 / (moments[-1] - moments[0])


async def _model_ms(settings: Settings, frames: list[Frame]) -> float:
    """The median of sequential calls, the first ones left out."""
    analyser = TritonAnalyser(settings)
    await analyser.start()
    spent = []
    for frame in frames:
        began_s = time.perf_counter()
        await analyser.analyse(frame.payload, frame.kind)
        spent.append((time.perf_counter() - began_s) * 1000)
    return median(spent[MODEL_WARM_UPS:])


def _cameras(settings: Settings, city: Path, name: str, count: int) -> Path:
    """A camera file: `count` cameras that see the same clip, not at the same instant."""
    known = yaml.safe_load((city / "cameras.yaml").read_text())["cameras"]
    site = next(c for c in known if c["id"] == CLIP)
    begin = datetime.fromisoformat(site["start"])
    cameras = [
        {
            "id": f"{name}-{n}",
            "source": str((city / site["source"]).resolve()),
            "start": (begin + timedelta(milliseconds=1000 * n // count)).isoformat(),
            "purposes": ["hotlist"],
            "calibration": site["calibration"],
            "country": site["country"],
            "timezone": site["timezone"],
        }
        for n in range(count)
    ]
    path = settings.state_dir / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "cameras": cameras}, sort_keys=False))
    return path


def _produce(settings: Settings, cameras: Path, speed: float | None = None) -> None:
    """Play the cameras to their end, or for `PACED_S`."""
    pace = ["--speed", f"{speed:.3f}"] if speed else []
    command = [sys.executable, "-m", "waysight.cli", "produce", "--cameras", str(cameras), *pace]
    with (settings.state_dir / "produce.log").open("ab") as log:
        producer = subprocess.Popen(command, env=settings.child_environment(), stdout=log, stderr=log)
        try:
            producer.wait(PACED_S)
        except subprocess.TimeoutExpired:
            producer.terminate()
            producer.wait(60)
        finally:
            producer.kill()  # harmless once it has ended
        if producer.returncode:
            lines = (settings.state_dir / "produce.log").read_text()[-2000:]
            raise EngineDown(f"the producer ended with {producer.returncode}:\n{lines}")


def _start_workers(settings: Settings) -> None:
    for (name, processors), port in zip(WORKERS.items(), ports.free_ports(len(WORKERS)), strict=True):
        command = [sys.executable, "-m", "waysight.cli", "process", *processors, "--instance", name]
        spec.write_program(settings, name, command, env={"WAYSIGHT_METRICS_PORT": str(port)}, ready_port=port)
    control.wait_healthy(settings, list(WORKERS))


def _drain(settings: Settings) -> None:
    names = [name for processors in WORKERS.values() for name in processors]
    give_up_s = time.monotonic() + DRAIN_S
    while left := sum(drained(settings, names).values()):
        if time.monotonic() > give_up_s:
            raise EngineDown(f"{left} messages are still to do after {DRAIN_S:g} s")
        time.sleep(1.0)


def _analysed(settings: Settings, codec: Codec) -> dict[tuple[str, int], int]:
    """When each picture's analysis was done (UTC epoch ms); watermarks, which may share its time, left out."""
    detections = (d for _, d in read_all(settings, codec, "detections") if d.kind == "frame")
    return {(d.camera_id, d.captured_ms): d.analysed_ms for d in detections}


def _frames(settings: Settings, codec: Codec) -> list[tuple[int, Frame]]:
    """Every picture on the topic, with the time of its Kafka message (UTC epoch ms)."""
    return [(m.timestamp_ms, f) for m, f in read_all(settings, codec, "frames") if f.payload]


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
