"""Lanes, pace, the motion gate and signals, without Kafka."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from waysight.producers.signals import SignalLane, signal_lanes

from waysight.adapters.pictures import Picture
from waysight.cameras.models import Camera
from waysight.capture.lanes import BUFFERED_FRAMES, LIVE_BUFFER_BYTES, Lane, Pace
from waysight.capture.motion_gate import LEARN_KEYFRAMES, MotionGate, auc
from waysight.errors import BadConfiguration
from waysight.messages import Frame


def frame(seq: int, size: int = 10) -> Frame:
    return Frame(
        camera_id="c", epoch="e", seq=seq, kind="jpeg" if size else "watermark", captured_ms=seq * 40,
        clock_error_ms=0, width=1, height=1, payload=b"x" * size,
    )  # fmt: skip


class Twenty(Lane):
    """Puts twenty frames."""

    def work(self) -> None:
        for seq in range(20):
            self.put(frame(seq))


class Live(Lane):
    live = True


def test_a_recording_waits_for_room_and_loses_nothing() -> None:
    lane, fresh = Twenty(Camera(id="c", source="x")), threading.Event()
    thread = threading.Thread(target=lane.run, args=(fresh,))
    thread.start()
    assert fresh.wait(60)
    thread.join(0.3)
    assert thread.is_alive(), "the lane did not wait"
    assert len(lane._ready) == BUFFERED_FRAMES
    taken = []
    while not lane.finished:
        if lane.head() is not None:
            taken.append(lane.take().seq)
    thread.join(5)
    assert taken == list(range(20))


def test_a_live_lane_drops_its_oldest_and_counts() -> None:
    lane = Live(Camera(id="c", source="rtsp://x/y"))
    third = LIVE_BUFFER_BYTES // 3
    for seq in range(6):
        lane.put(frame(seq, third))
    assert lane.tally.dropped == 3
    assert [lane.take().seq for _ in range(3)] == [3, 4, 5]
    assert [h.state for h in lane.news()] == ["backpressure"]


def test_pace_holds_records_back_until_they_are_due() -> None:
    now_s = 100.0
    pace = Pace(2.0, lambda: now_s)
    assert pace.wait_s(1_000_000) == 0.0
    assert pace.wait_s(1_001_000) == pytest.approx(0.5)
    now_s = 100.5
    assert pace.wait_s(1_001_000) == 0.0
    other_day_ms = 1_000_000 + 86_400_000
    assert pace.wait_s(other_day_ms) == 0.0, "a recording of another day must not wait a day"
    assert pace.wait_s(other_day_ms + 1000) == pytest.approx(0.5)
    assert Pace(None, lambda: now_s).wait_s(10**12) == 0.0


def scene(number: int) -> Picture:
    shown = np.full((120, 160, 3), 60, dtype=np.uint8)
    shown[40:80, (number * 7) % 120 : (number * 7) % 120 + 30] = 200
    return shown


def gate_over(gate: MotionGate, sizes: list[int], moving: list[bool]) -> list[bool]:
    """Feed GOPs of ten pictures; returns what was held."""
    held, shown = [], scene(0)
    for number, (size, moves) in enumerate(zip(sizes, moving, strict=True)):
        for _ in range(10):
            gate.between(size)
        shown = scene(number) if moves else shown
        held.append(gate.holds(lambda shown=shown: shown))  # type: ignore[misc]
    return held


def test_a_gate_works_where_sizes_tell_motion() -> None:
    gate, moving = MotionGate(), [n % 3 == 0 for n in range(LEARN_KEYFRAMES + 1)]
    assert not any(gate_over(gate, [900 if m else 100 for m in moving], moving))
    assert gate.state == "working"
    later = [n % 5 == 0 for n in range(100)]
    held = gate_over(gate, [900 if m else 100 for m in later], later)
    assert not any(h for h, m in zip(held, later, strict=True) if m), "motion was held back"
    assert sum(held) > 60


def test_a_gate_retires_where_they_do_not() -> None:
    gate, rng = MotionGate(), np.random.default_rng(3)
    moving = [bool(m) for m in rng.random(LEARN_KEYFRAMES + 1) < 0.4]
    gate_over(gate, [int(s) for s in rng.integers(100, 900, len(moving))], moving)
    assert gate.state == "retired"


def test_a_working_gate_that_misses_motion_retires() -> None:
    gate, moving = MotionGate(), [n % 3 == 0 for n in range(LEARN_KEYFRAMES + 1)]
    gate_over(gate, [900 if m else 100 for m in moving], moving)
    gate_over(gate, [100] * 200, [True] * 200)  # the encoder now hides motion
    assert gate.state == "retired"


def test_auc() -> None:
    assert auc([1, 2], [3, 4]) == 1.0
    assert auc([3, 4], [1, 2]) == 0.0
    assert auc([1], [1]) == auc([], [1]) == 0.5


CHANGES = [("north", "green", 1000), ("east", "red", 1000), ("north", "red", 3500), ("east", "green", 5200)]


def write_signals(tmp_path: Path, extra: str = "") -> Path:
    lines = [
        json.dumps({"junction_id": "j1", "signal_group": g, "state": s, "changed_ms": t})
        for g, s, t in CHANGES
    ]
    path = tmp_path / "signals.jsonl"
    path.write_text("\n".join([*lines, extra]))
    return path


def lane_of(tmp_path: Path) -> SignalLane:
    (lane,) = signal_lanes(write_signals(tmp_path))
    return lane


def test_signals_are_repeated_each_second_and_end(tmp_path: Path) -> None:
    lane = lane_of(tmp_path)
    first = [r for _, r in lane.until(3600)]
    assert [(r.signal_group, r.state, r.changed_ms, r.valid_ms) for r in first] == [
        ("east", "red", 1000, 1000), ("north", "green", 1000, 1000),
        ("east", "red", 1000, 2000), ("north", "green", 1000, 2000),
        ("east", "red", 1000, 3000), ("north", "green", 1000, 3000),
        ("north", "red", 3500, 3500),
    ]  # fmt: skip
    rest = [r for _, r in lane.finish(6500)]
    assert [(r.signal_group, r.valid_ms) for r in rest if r.end] == [("east", 6500), ("north", 6500)]
    assert max(r.valid_ms for r in rest if not r.end) == 6000


@pytest.mark.parametrize("cut", range(0, 16, 3))
def test_signals_resume_where_they_were(tmp_path: Path, cut: int) -> None:
    lane = lane_of(tmp_path)
    whole = [*lane.until(4000), *lane.finish(6500)]
    again = lane_of(tmp_path)
    again.sent = cut - 1
    assert [*again.until(2500), *again.finish(6500)] == whole[cut:]


def test_a_speed_sign_tells_its_limit_each_second(tmp_path: Path) -> None:
    changes = [(1000, 80.0), (2500, None)]
    lines = [json.dumps({"place": "section:a1", "limit_kmh": kmh, "changed_ms": t}) for t, kmh in changes]
    light, sign = signal_lanes(write_signals(tmp_path, "\n".join(lines)))
    assert (light.key, sign.key) == ("junction:j1", "section:a1")
    told = [r for _, r in (*sign.until(2600), *sign.finish(3600))]
    assert {r.place for r in told} == {"section:a1"}
    assert [(r.limit_kmh, r.changed_ms, r.valid_ms, r.end) for r in told] == [
        (80.0, 1000, 1000, False), (80.0, 1000, 2000, False), (None, 2500, 2500, False), (None, 2500, 3000, False),
        (None, 2500, 3600, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", r"signals\.jsonl:5: "),
        ('{"junction_id":"j","signal_group":"n","state":"blue","changed_ms":1}', r"signals\.jsonl:5: .*blue"),
        ('{"junction_id":"j","signal_group":"n","state":"red"}', r"signals\.jsonl:5: .*changed_ms"),
        ('{"junction_id":"j","signal_group":"n","changed_ms":1}', r"signals\.jsonl:5: .*needs"),
        ('{"place":"road:a","limit_kmh":80,"changed_ms":1}', r"signals\.jsonl:5: .*section:<id>"),
        ('{"place":"camera:a","limit_kmh":0,"changed_ms":1}', r"signals\.jsonl:5: .*limit_kmh"),
        ('{"place":"camera:a","state":"red","changed_ms":1}', r"signals\.jsonl:5: .*no junction"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(BadConfiguration, match=says):
        signal_lanes(write_signals(tmp_path, line))
