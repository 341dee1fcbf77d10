"""What sampling costs: CPU-seconds per video-minute of keyframes against decoding everything with OpenCV.

python -m bench.sampling [CLIP]: from a file and, where GStreamer's RTSP server is installed, from RTSP.
Everything is measured in one run on one machine, repeatedly and in turn; only the ratios travel.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import av
import cv2
import numpy as np

from bench.stack import save
from waysight.adapters.video import Video, open_file, open_live
from waysight.cameras.models import Camera
from waysight.capture.sampling import Remarks, Stamper, shots
from waysight.errors import BadMessage
from waysight.local import ports
from waysight.settings import get_settings

SECONDS, FPS, GOP = 20, 25, 50
RUNS = 3
RTSP_SERVER = Path(__file__).resolve().parent.parent / "tests" / "integration" / "rtsp_server.py"
SYSTEM_PYTHON = "/usr/bin/python3"
Reading = tuple[float, float]  # CPU seconds, video seconds


def main(clip: Path | None = None) -> dict[str, Any]:
    """Measure, write out/bench/sampling.json, and return what was written."""
    clip = clip or test_clip(get_settings().cache_dir.expanduser() / "bench")
    cv2.setNumThreads(1)
    result: dict[str, Any] = {"clip": clip.name, "unit": "CPU-seconds per video-minute"}
    began_s = time.process_time()
    open_file(clip).container.close()
    result["waysight_open_file_cpu_s"] = round(
        time.process_time() - began_s, 3
    )  # once a recording, not per minute
    result["file"] = compare(
        {"opencv": lambda: read_opencv(str(clip)), "waysight": lambda: read_keyframes(open_file(clip))}, RUNS
    )
    (port,) = ports.free_ports(1)
    server = subprocess.Popen(
        [SYSTEM_PYTHON, str(RTSP_SERVER), str(port), "h264", str(clip)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        if server.stdout is not None and server.stdout.readline().strip() == "ready":
            url = f"rtsp://127.0.0.1:{port}/cam"
            live = {
                "opencv": lambda: read_opencv(url),
                "waysight": lambda: read_keyframes(open_live(url, "bench")),
                "libav_receiving": lambda: read_packets(open_live(url, "bench")),
            }
            result["rtsp"] = compare(live, 1)
        else:
            result["rtsp"] = (
                "not measured: GStreamer's RTSP server is missing (infra/local/system-packages.txt)"
            )
    finally:
        server.kill()
        server.communicate()
    return save("sampling", result)


def compare(readers: dict[str, Callable[[], Reading]], runs: int) -> dict[str, Any]:
    """CPU-seconds per video-minute of each reader (all runs and median), and how many times cheaper ours is."""
    per_minute: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(runs):
        for name, read in readers.items():
            cpu_s, video_s = read()
            per_minute[name].append(round(60 * cpu_s / video_s, 4))
    middle = {name: median(values) for name, values in per_minute.items()}
    return {**middle, "runs": per_minute, "ratio": round(middle["opencv"] / middle["waysight"], 1)}


def read_opencv(source: str) -> Reading:
    """Decode every picture to BGR with OpenCV."""
    began_s, pictures = time.process_time(), 0
    capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    rate = capture.get(cv2.CAP_PROP_FPS) or FPS
    while capture.read()[0]:
        pictures += 1
    capture.release()
    return time.process_time() - began_s, max(pictures, 1) / rate


def read_keyframes(video: Video) -> Reading:
    """What a producer does up to the finished `frames` records, sending left out."""
    began_s, last_ms, sent = time.process_time(), 1.0, 0
    camera = Camera(id="bench", source="bench")
    stamper = Stamper(camera, "bench")
    with video:
        for shot in shots(video, camera, Remarks()):
            last_ms = max(last_ms, shot.time_ms)
            sent += sum(bool(f.payload) for f in stamper.records(shot, int(shot.time_ms), int(shot.until_ms)))
    if not sent:
        raise BadMessage("no keyframe was read: the measurement would mean nothing")
    return time.process_time() - began_s, last_ms / 1000


def read_packets(video: Video) -> Reading:
    """The floor: libav receives and nobody looks."""
    began_s, pictures = time.process_time(), 0
    with video:
        for packet in video.container.demux(video.stream):
            pictures += bool(packet.size)
    return time.process_time() - began_s, max(pictures, 1) / FPS


def test_clip(folder: Path) -> Path:
    """1080p25 H.264 at 4 Mbit/s with a keyframe every 2 s: textured ground, moving blocks, sensor noise."""
    path = folder / f"sampling-{SECONDS}s-v1.mp4"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    ground = rng.integers(60, 120, (270, 480, 3), dtype=np.uint8)
    ground = cv2.resize(ground, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(0, 7, (8, 1080, 1920, 3), dtype=np.uint8)
    fresh = path.with_suffix(".new.mp4")
    with av.open(str(fresh), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 1920, 1080, "yuv420p", 4_000_000
        stream.codec_context.gop_size = GOP
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "veryfast", "tune": "zerolatency",
                          "x264-params": "scenecut=0:sliced-threads=0:slices=1"}  # fmt: skip
        for number in range(SECONDS * FPS):
            shown = cv2.add(ground, noise[number % len(noise)])
            for lane in range(4):
                x = (number * (6 + 3 * lane) + 400 * lane) % 1700
                cv2.rectangle(
                    shown, (x, 180 + 220 * lane), (x + 180, 300 + 220 * lane), (40 * lane, 90, 220), -1
                )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))
    fresh.rename(path)
    return path


if __name__ == "__main__":
    print(json.dumps(main(*map(Path, sys.argv[1:2])), indent=1))
