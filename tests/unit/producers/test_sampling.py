"""Which pictures are sent, with which times and numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.videos import make_video, picture
from waysight.adapters.pictures import decode_frame
from waysight.adapters.video import Timeline, open_file
from waysight.cameras.models import Camera
from waysight.capture.arrival import ArrivalClock
from waysight.capture.sampling import Remarks, Shot, Stamper, shots
from waysight.errors import BadMessage
from waysight.messages import Frame

START_MS = 1_794_805_200_000


def frames_of(path: Path, **camera: object) -> tuple[list[Frame], list[str]]:
    """All records of a file, and what was remarked."""
    described = Camera.model_validate({"id": "c", "source": str(path), **camera})
    stamper, remarks, records = Stamper(described, "e"), Remarks(), list[Frame]()
    with open_file(path, described.frame_rate) as video:
        for shot in shots(video, described, remarks):
            captured_ms = START_MS + int(shot.time_ms + 0.5)
            records += stamper.records(shot, captured_ms, START_MS + int(shot.until_ms // 1))
        words = remarks.words(video, described.fps)
    return [*records, stamper.end(START_MS)], words


def times(records: list[Frame], *kinds: str) -> list[int]:
    return [r.captured_ms - START_MS for r in records if r.kind in kinds]


def test_keyframes_watermarks_and_end(tmp_path: Path) -> None:
    records, words = frames_of(make_video(tmp_path / "a.mp4", frames=100, gop=50))
    assert times(records, "h264") == [0, 2000]
    assert times(records, "watermark") == [1000, 2000, 3000]
    assert times(records, "end") == [3960]
    assert [r.seq for r in records] == list(range(len(records)))
    assert words == []


@pytest.mark.parametrize(
    ("fps", "rate", "count"), [(5, 25, 20), (10, 30, 34), (25, 25, 100), (60, 25, 100), (1, 25, 4)]
)
def test_a_rate_takes_the_first_picture_of_each_slot(
    tmp_path: Path, fps: float, rate: int, count: int
) -> None:
    records, _ = frames_of(make_video(tmp_path / "a.mp4", frames=100, fps=rate), sampling={"fps": fps})
    sent = [r for r in records if r.kind == "jpeg"]
    assert len(sent) == count
    for record in sent:
        number = round((record.captured_ms - START_MS) * rate / 1000)
        shown = decode_frame("jpeg", record.payload).astype(int)
        assert np.abs(shown - picture(number).astype(int)).mean() < 6


def test_no_record_is_older_than_a_watermark_before_it(tmp_path: Path) -> None:
    path = make_video(tmp_path / "b.mp4", frames=120, options={"tune": "", "bf": "3"})
    for sampling in ("keyframes", {"fps": 8}):
        mark_ms = 0
        for record in frames_of(path, sampling=sampling)[0]:
            if record.kind == "watermark":
                mark_ms = record.captured_ms
            elif record.kind != "end":
                assert record.captured_ms > mark_ms
        assert mark_ms > START_MS + 3000


def test_every_run_gives_the_same_records(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", frames=60)
    for sampling in ("keyframes", {"fps": 5}):
        assert frames_of(path, sampling=sampling) == frames_of(path, sampling=sampling)


def test_without_timestamps_time_is_counted_and_said(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.h264", frames=100)
    records, words = frames_of(path)
    assert times(records, "h264") == [0, 1000, 2000, 3000]
    assert any("no usable timestamps" in w for w in words)
    assert times(frames_of(path, frame_rate=50)[0], "h264") == [0, 500, 1000, 1500]
    assert len(times(frames_of(path, sampling={"fps": 5})[0], "jpeg")) == 20


def test_counted_time_counts_pictures_that_nothing_depends_on_too(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "b.h264", frames=100, options={"tune": "fastdecode", "bf": "2", "b_strategy": "0"}
    )
    found = times(frames_of(path, sampling={"fps": 5})[0], "jpeg")
    assert found == [200 * n for n in range(20)]


def test_a_variable_rate_keeps_its_times_and_a_hole_gets_one_watermark(tmp_path: Path) -> None:
    pts = [*range(25), *range(50, 75), *range(25_000, 25_025)]
    records, words = frames_of(make_video(tmp_path / "v.mp4", frames=75, gop=25, pts=pts))
    assert times(records, "h264") == [0, 2000, 1_000_000]
    assert len(times(records, "watermark")) < 10
    assert any("between keyframes" in w for w in words)


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "mpeg4"), ("b.avi", "mjpeg"), ("c.mkv", "libvpx-vp9")])
def test_other_codecs_send_keyframes_as_jpeg(tmp_path: Path, name: str, codec: str) -> None:
    records, words = frames_of(make_video(tmp_path / name, codec=codec, frames=50))
    assert any("as JPEG" in w for w in words)
    assert times(records, "jpeg") == ([0, 1000] if codec != "mjpeg" else [200 * n for n in range(10)])


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_turned_video_is_sent_upright(tmp_path: Path, degrees: int) -> None:
    path = make_video(tmp_path / "r.mp4", frames=5, rotate=degrees)
    for sampling in ("keyframes", {"fps": 5}):
        record = frames_of(path, sampling=sampling)[0][0]
        wanted = np.rot90(picture(0), degrees // 90)
        assert (record.height, record.width) == wanted.shape[:2]
        assert np.abs(decode_frame("jpeg", record.payload).astype(int) - wanted.astype(int)).mean() < 6


def test_a_truncated_file_gives_what_it_holds(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "a.ts", frames=100).read_bytes()
    (tmp_path / "cut.ts").write_bytes(whole[: len(whole) // 2])
    records, _ = frames_of(tmp_path / "cut.ts")
    assert 1 <= len(times(records, "h264")) < 4
    assert records[-1].kind == "end"


@pytest.mark.parametrize("content", [b"", b"not a video" * 1000, None])
def test_what_is_no_video_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadMessage, match=r"x\.mp4: (not a readable video|no such file)"):
        open_file(path)


def test_late_times_never_fall_behind_a_watermark() -> None:
    stamper = Stamper(Camera(id="c", source="x"), "e")
    records = list(stamper.records(Shot(0, 0, "jpeg"), 0, 0))
    records += stamper.records(Shot(0, 0, "jpeg"), 2500, 2500)
    records += stamper.records(Shot(0, 0, "jpeg"), 1200, 1200)
    assert [(r.kind, r.captured_ms) for r in records] == [
        ("jpeg", 0), ("watermark", 1000), ("watermark", 2000), ("jpeg", 2500), ("jpeg", 2001),
    ]  # fmt: skip


def test_arrival_is_smoothed_to_the_stream_clock() -> None:
    clock, rng = ArrivalClock(), np.random.default_rng(5)
    base_ms = 1_000_000.0
    placed = [clock.place(n * 40.0, base_ms + n * 40 + d) for n, d in enumerate(rng.exponential(30, 500))]
    errors = [p - (base_ms + n * 40) for n, p in enumerate(placed)]
    assert max(errors[50:]) < 20, "jitter of the network reaches the capture times"
    assert min(errors) >= -1


def test_pictures_before_the_clock_is_known_come_before_the_others() -> None:
    timeline = Timeline(40.0)
    assert [timeline.place(raw) for raw in (None, None, 1080.0, None, 1160.0)] == [
        0.0,
        40.0,
        80.0,
        120.0,
        160.0,
    ]
    assert [timeline.place(raw) for raw in (3_000.0, 10.0, 50.0)] == [2_000.0, 2_040.0, 2_080.0]
    assert timeline.jumps == 1


def test_a_stream_without_usable_times_takes_arrival() -> None:
    clock = ArrivalClock()
    placed = [clock.place(0.0, 5_000.0 + n * 100) for n in range(30)]
    assert placed[-1] == 5_000 + 2_900
