"""Keyframes travel undecoded and decode alone, whatever the container did to them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.videos import make_video, picture
from waysight.adapters.access_units import START, ParameterSets, begins_picture, nal_type, nal_units
from waysight.adapters.pictures import decode_frame, encode_jpeg
from waysight.adapters.video import open_file
from waysight.errors import BadMessage

SLICES = {"x264-params": "scenecut=0:slices=4:sliced-threads=0"}
CASES = {
    "plain.mp4": {},
    "plain.mkv": {},
    "plain.avi": {},
    "raw.h264": {},
    "b-frames.mp4": {"options": {"tune": "", "bf": "2"}},
    "slices.ts": {"options": SLICES},
    "slices.mp4": {"options": SLICES},
    "odd.mp4": {"size": (322, 246)},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "hevc.ts": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
}


@pytest.mark.parametrize("name", CASES)
def test_every_keyframe_decodes_alone_and_is_the_right_picture(tmp_path: Path, name: str) -> None:
    path = make_video(tmp_path / name, frames=60, **CASES[name])  # type: ignore[arg-type]
    with open_file(path) as video:
        coded = list(video.coded())
        codec, size = video.codec, video.size
    keys = [c for c in coded if c.key]
    assert len(coded) == 60
    assert [round(k.time_ms) for k in keys] == [0, 1000, 2000]
    assert all(k.until_ms <= k.time_ms for k in keys)
    for key in keys:
        shown = decode_frame(codec, key.data)
        wanted = picture(round(key.time_ms / 40), *size)
        assert np.abs(shown.astype(int) - wanted.astype(int)).mean() < 6


def test_nothing_after_a_bound_is_older_than_it(tmp_path: Path) -> None:
    path = make_video(tmp_path / "b.mp4", frames=60, options={"tune": "", "bf": "3", "b-adapt": "0"})
    with open_file(path) as video:
        coded = list(video.coded())
    assert any(a.time_ms > b.time_ms for a, b in pairwise(coded)), "no reordering in the file"
    for at, one in enumerate(coded):
        assert all(later.time_ms >= one.until_ms - 1e-6 for later in coded[at:])


def test_parameter_sets_are_put_in_front_of_a_keyframe_that_lacks_them(tmp_path: Path) -> None:
    with open_file(make_video(tmp_path / "a.ts", frames=30)) as video:
        whole = next(c for c in video.coded() if c.key).data
    bare = b"".join(START + n for n in nal_units(whole) if nal_type("h264", n) not in (7, 8))
    with pytest.raises(BadMessage):
        decode_frame("h264", bare)
    sets = ParameterSets("h264")
    assert sets.complete(bare) is None, "no parameter sets were ever seen"
    assert sets.complete(whole) == whole
    completed = sets.complete(bare)
    assert completed is not None
    assert np.array_equal(decode_frame("h264", completed), decode_frame("h264", whole))


def test_a_following_slice_does_not_begin_a_picture(tmp_path: Path) -> None:
    with open_file(make_video(tmp_path / "s.ts", frames=2, options=SLICES)) as video:
        data = next(c for c in video.coded() if c.key).data
    slices = [n for n in nal_units(data) if nal_type("h264", n) == 5]
    assert [begins_picture("h264", START + s) for s in slices] == [True, False, False, False]
    assert begins_picture("h264", b"") is None


def test_slices_in_packets_of_their_own_become_one_picture(tmp_path: Path) -> None:
    """What RTSP does with multi-slice cameras that repeat SPS/PPS within a picture."""
    with open_file(make_video(tmp_path / "s.ts", frames=2, options=SLICES)) as video:
        whole = next(c for c in video.coded() if c.key).data
        units = list(nal_units(whole))
        sets = [u for u in units if nal_type("h264", u) in (7, 8)]
        slices = [u for u in units if nal_type("h264", u) == 5]
        packets = [b"".join(START + u for u in [*sets, s]) for s in slices]
        packets = [packets[0], *packets[1:]]
        joined = video._joined(packets, None)
        assert video._continues(packets[:1], packets[1])
        assert not video._continues(packets[:1], packets[0])
    assert np.array_equal(decode_frame("h264", joined), decode_frame("h264", whole))
    assert not np.array_equal(decode_frame("h264", packets[0]), decode_frame("h264", whole))


@pytest.mark.parametrize("kind", ["h264", "hevc", "jpeg", "watermark"])
@pytest.mark.parametrize("payload", [b"", b"garbage" * 100, START + b"\x67"])
def test_garbage_is_a_bad_message(kind: str, payload: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_frame(kind, payload)


def test_a_jpeg_comes_back() -> None:
    shown = decode_frame("jpeg", encode_jpeg(picture(3), 95))
    assert np.abs(shown.astype(int) - picture(3).astype(int)).mean() < 3
    with pytest.raises(ValueError, match="uint8"):
        encode_jpeg(np.zeros((4, 4), dtype=np.float32))  # type: ignore[arg-type]
