"""Recordings and signals onto a real Kafka: exact after every kill, and clear about what is broken."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.videos import make_video
from waysight.adapters.kafka import read_all
from waysight.adapters.pictures import decode_frame
from waysight.commands.output import open_codec
from waysight.local import control
from waysight.messages import CameraHealth, Frame, Signal
from waysight.settings import Settings

pytestmark = pytest.mark.integration
START = "2026-11-16T05:00:00Z"


@pytest.fixture
def site(tmp_path: Path, unique: str) -> Path:
    """A folder with two recordings, a camera file whose ids are this test's own, and signals."""
    make_video(tmp_path / "a.mp4", frames=500, gop=25)
    make_video(tmp_path / "b.mp4", frames=300, gop=25)
    cameras = [
        {"id": f"{unique}-a", "source": "a.mp4", "start": START},
        {"id": f"{unique}-b", "source": "b.mp4", "start": START, "sampling": {"fps": 5}},
    ]
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"cameras": cameras}))
    lines = [
        {"junction_id": unique, "signal_group": "n", "state": s, "changed_ms": 1_794_805_200_000 + t}
        for s, t in (("green", 0), ("red", 5500), ("green", 9000))
    ]
    (tmp_path / "signals.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def command(site: Path, *extra: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "waysight.cli",
        "produce",
        "--cameras",
        str(site / "cameras.yaml"),
        "--json",
        *extra,
    ]


def produce(settings: Settings, site: Path, *extra: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        command(site, *extra),
        env=settings.child_environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout))


def sent(settings: Settings, prefix: str, topic: str = "frames") -> list[Any]:
    """All records of a topic whose key has this test's name."""
    return [record for _, record in with_epochs(settings, prefix, topic)]


def with_epochs(settings: Settings, prefix: str, topic: str) -> list[tuple[str, Any]]:
    """The same with each message's epoch header."""
    found = read_all(settings, open_codec(settings), topic)
    return [
        (message.headers.get("epoch", b"").decode(), record)
        for message, record in found
        if prefix in (message.key or b"").decode()
    ]


def test_a_site_arrives_whole_and_only_once(stack: Settings, site: Path, unique: str) -> None:
    started_ms = time.time_ns() // 1_000_000
    summary = produce(stack, site, "--signals", str(site / "signals.jsonl"))
    frames: list[Frame] = sent(stack, unique)
    assert all(started_ms <= f.received_ms <= time.time_ns() // 1_000_000 for f in frames)
    for camera, pictures, seconds in ((f"{unique}-a", 20, 20), (f"{unique}-b", 60, 12)):
        own = [f for f in frames if f.camera_id == camera]
        assert [f.seq for f in own] == list(range(len(own)))
        assert (
            sum(f.kind in ("h264", "jpeg") for f in own) == pictures == summary["cameras"][camera]["frames"]
        )
        assert sum(f.kind == "watermark" for f in own) == seconds - 1
        assert own[-1].kind == "end"
        assert all(decode_frame(f.kind, f.payload).shape == (240, 320, 3) for f in own if f.payload)
    signals: list[Signal] = sent(stack, unique, "signals")
    assert signals[-1].end
    assert signals[-1].valid_ms == max(f.captured_ms for f in frames)
    again = produce(stack, site, "--signals", str(site / "signals.jsonl"))
    assert again["signals"] == 0
    assert sent(stack, unique) == frames
    assert sent(stack, unique, "signals") == signals


def test_kills_at_random_moments_lose_and_repeat_nothing(stack: Settings, site: Path, unique: str) -> None:
    rng, signals_file = random.Random(4), str(site / "signals.jsonl")
    environment, kills, code = stack.child_environment(), 0, -1
    for _ in range(8):
        process = subprocess.Popen(
            command(site, "--signals", signals_file, "--speed", "4"),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        next((line for line in process.stderr if "connected" in line), "")
        time.sleep(rng.uniform(0.1, 1.6))
        if process.poll() is None and kills < 3:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.stderr.read()
        process.stderr.close()
        code = process.wait(timeout=600)
        if kills == 1:  # the notes are only a hint
            for note in (stack.state_dir / "producers").glob(f"*{unique}*.json"):
                note.unlink()
        if code == 0:
            break
    assert kills >= 2, "nothing was killed"
    assert code == 0
    produce(stack, site, "--signals", signals_file, "--run", "whole")
    for topic in ("frames", "signals"):
        runs: dict[str, dict[str, list[Any]]] = {}
        for epoch, record in with_epochs(stack, unique, topic):
            source = getattr(record, "camera_id", "signals")
            varying = ("epoch", "received_ms")
            shown = {n: getattr(record, n) for n in record.__dataclass_fields__ if n not in varying}
            runs.setdefault(source, {}).setdefault(epoch, []).append(shown)
        assert runs
        for source, epochs in runs.items():
            killed, straight = epochs.values()
            assert killed == straight, f"{source}: {len(killed)} records after kills, {len(straight)} without"


def test_a_killed_broker_costs_time_and_no_frame(stack: Settings, site: Path, unique: str) -> None:
    process = subprocess.Popen(
        command(site, "--speed", "2"),
        env=stack.child_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "connected" in process.stderr.readline()
    time.sleep(1.5)
    os.kill(control.status(stack)["children"]["kafka"]["pid"], signal.SIGKILL)
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=600) == 0, said
    control.wait_healthy(stack, ["kafka"])
    frames: list[Frame] = sent(stack, unique)
    for camera, records in ((f"{unique}-a", 20 + 19 + 1), (f"{unique}-b", 60 + 11 + 1)):
        assert [f.seq for f in frames if f.camera_id == camera] == list(range(records))


def test_broken_sources_are_reported_and_the_rest_goes_on(
    stack: Settings, tmp_path: Path, unique: str
) -> None:
    make_video(tmp_path / "good.mp4", frames=50)
    (tmp_path / "bad.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"garbage" * 5000)
    whole = make_video(tmp_path / "torn.ts", frames=200).read_bytes()
    (tmp_path / "torn.ts").write_bytes(whole[:20_000] + random.Random(4).randbytes(10_000) + whole[30_000:])
    names = {"good": "good.mp4", "bad": "bad.mp4", "torn": "torn.ts", "absent": "absent.mp4"}
    cameras = [{"id": f"{unique}-{n}", "source": s, "start": START} for n, s in names.items()]
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"cameras": cameras}))
    summary = produce(stack, tmp_path, "--strict", code=1)
    health: list[CameraHealth] = sent(stack, unique, "camera-health")
    corrupt = {h.camera_id.removeprefix(f"{unique}-"): h.detail for h in health if h.state == "corrupt"}
    assert {"bad", "absent"} <= set(corrupt)
    assert "no such file" in corrupt["absent"]
    assert summary["cameras"][f"{unique}-good"]["frames"] == 2
    assert summary["cameras"][f"{unique}-torn"]["frames"] >= 2
    ended = {f.camera_id for f in sent(stack, unique) if f.kind == "end"}
    assert ended == {c["id"] for c in cameras}, "every stream must be closed, so that windows close"


def test_a_frame_that_no_message_can_carry_is_kept_aside(
    stack: Settings, tmp_path: Path, unique: str
) -> None:
    noisy = {"qp": "0", "tune": "", "x264-params": "keyint=25:qp=0"}
    path = make_video(tmp_path / "big.mp4", frames=2, gop=25, size=(4096, 2304), options=noisy, noise=True)
    cameras = [{"id": unique, "source": path.name, "start": START}]
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"cameras": cameras}))
    row = produce(stack, tmp_path)["cameras"][unique]
    assert row["dropped"] >= 1
    assert len(list((stack.state_dir / "quarantine").glob(f"{unique}-*"))) == row["dropped"]
    assert any("more than the" in h.detail for h in sent(stack, unique, "camera-health"))


def test_one_camera_has_one_producer(stack: Settings, site: Path, unique: str) -> None:
    # It begins anew at its end: never over before the other one has started.
    camera = {"id": f"{unique}-a", "source": "a.mp4", "start": START, "loop": True}
    (site / "cameras.yaml").write_text(yaml.safe_dump({"cameras": [camera]}))
    first = subprocess.Popen(
        command(site, "--realtime"),
        env=stack.child_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stderr is not None
        assert "connected" in first.stderr.readline()
        done = subprocess.run(
            command(site, "--once"),
            env=stack.child_environment(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 2
        assert "already being produced" in done.stderr
    finally:
        first.terminate()
        assert first.wait(300) == 0, "SIGTERM must end it cleanly"
        if first.stderr:
            first.stderr.close()
