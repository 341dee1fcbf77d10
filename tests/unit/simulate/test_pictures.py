"""Projection, pictures and clips: exact geometry, readable plates, the same bytes each time."""

from pathlib import Path

import av
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from waysight.simulate.city import City, build_city
from waysight.simulate.film import Film, write_clip
from waysight.simulate.geometry import aimed
from waysight.simulate.papers import HOTLIST_COLUMNS, camera_file, hotlist_large, neighbours, write_papers
from waysight.simulate.scene import render_training_scene
from waysight.simulate.truth import make_truth

LABELS = {"person", "bicycle", "motorcycle", "car", "bus", "truck"}


@given(
    st.floats(700, 8000), st.floats(2, 10), st.floats(5, 40), st.floats(-0.2, 0.2),
    st.floats(0.1, 0.9), st.floats(0.35, 0.95),
)  # fmt: skip
def test_ground_and_projection_are_inverse(
    f: float, h: float, near: float, yaw: float, u: float, v: float
) -> None:
    view = aimed(1920, 1080, f, h, near, yaw)
    pixel = np.array([[u * 1920, v * 1080]])
    ground = view.ground(pixel)
    if not np.isfinite(ground).all() or ground[0, 1] > 3000:
        return
    back, depth = view.project(np.append(ground[0], 0.0)[None])
    assert depth[0] > 0
    assert np.allclose(back, pixel, atol=1e-3)


def test_calibration_points_lie_where_the_camera_sees_them(city: City) -> None:
    cameras = camera_file(city)["cameras"]
    for site, camera in zip(city.sites, cameras, strict=True):
        points = camera["calibration"]["points"]
        assert len(points) >= 6
        ground = np.array([[*p["ground"], 0.0] for p in points])
        pixels, _ = site.view.project(ground)
        assert np.abs(pixels - np.array([p["image"] for p in points])).max() <= 0.006


def test_every_legible_pass_is_readable_where_the_system_looks(city: City) -> None:
    truth = make_truth(city)
    legible = {(p["camera_id"], p["plate"]) for p in truth["passes"] if p["legible"]}
    assert len(legible) >= 60
    for drive in city.drives:
        if (drive.site.camera_id, drive.vehicle.plate) in legible:
            wide = [t for t in city.samples(drive) if drive.plate_width_px(t) >= 50]
            assert len(wide) >= (1 if drive.site.sampling == "keyframes" else 3)


def test_violators_and_wanted_vehicles_are_legible(city: City) -> None:
    truth = make_truth(city)
    legible = {(p["camera_id"], p["plate"]) for p in truth["passes"] if p["legible"]}
    assert {(v["camera_id"], v["plate"]) for v in truth["violations"]} <= legible
    assert {w.vehicle.plate for w in city.wanted} <= {plate for _, plate in legible}


def test_the_same_number_draws_the_same_picture(city: City) -> None:
    site = city.at("kz-k3-market")
    busy = next(round(t * 25) for d in city.drives if d.site is site for t in city.samples(d))
    again = build_city(7, 60.0, city.start_ms)
    a, b = Film(city, site).planes(busy), Film(again, again.at(site.camera_id)).planes(busy)
    assert a.shape == (720 * 3 // 2, 1280)
    assert np.array_equal(a, b)
    assert not np.array_equal(a[:720], Film(city, site).planes(busy + 5)[:720])


def test_the_plate_is_painted_where_the_truth_says(city: City) -> None:
    site = city.at("kz-j1-north")
    drive = next(
        d for d in city.drives if d.site is site and d.vehicle.country == "kz" and d.vehicle.label == "car"
    )
    t = max(city.samples(drive), key=drive.plate_width_px)
    quad = drive.plate(t)
    assert quad is not None
    x0, y0 = np.ceil(quad.min(axis=0)).astype(int) + 2
    x1, y1 = np.floor(quad.max(axis=0)).astype(int) - 2
    plate = Film(city, site).picture(round(t * 25))[y0:y1, x0:x1]
    assert plate.max() > 150  # a bright ground
    assert plate.std() > 30  # with dark writing


@pytest.mark.parametrize("seed", range(4))
def test_training_scenes_are_labelled_exactly_and_repeat(seed: int) -> None:
    picture, labels = render_training_scene(np.random.default_rng(seed), (640, 360))
    again, same = render_training_scene(np.random.default_rng(seed), (640, 360))
    assert picture.shape == (360, 640, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, again)
    assert [(label, box, text) for label, box, _, text in labels] == [
        (label, box, text) for label, box, _, text in same
    ]
    for label, (x0, y0, x1, y1), quad, text in labels:
        assert label in LABELS
        assert 0 <= x0 < x1 <= 640
        assert 0 <= y0 < y1 <= 360
        assert (text is None) or (quad is not None and quad.shape == (4, 2))


def test_a_clip_has_a_keyframe_each_second_and_nothing_out_of_order(tmp_path: Path, city: City) -> None:
    short = build_city(3, 3.0, city.start_ms)
    path, seen = tmp_path / "clip.mp4", []
    write_clip(short, short.at("pe-lima-1"), path, seen.append)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 1920, 1080)
        packets = [p for p in container.demux(stream) if p.pts is not None]
    keys = [i for i, p in enumerate(packets) if p.is_keyframe]
    assert keys == [0, 25, 50]
    assert all(p.pts == p.dts for p in packets)
    assert seen == [25, 50, 75]
    assert not list(tmp_path.glob("*.partial.mp4"))


def test_papers_are_complete(tmp_path: Path, city: City) -> None:
    write_papers(city, tmp_path)
    cameras = yaml.safe_load((tmp_path / "cameras.yaml").read_text(encoding="utf-8"))
    assert {c["id"] for c in cameras["cameras"]} == {s.camera_id for s in city.sites}
    header, *lines = (tmp_path / "hotlist.csv").read_text(encoding="utf-8").splitlines()
    assert tuple(header.split(",")) == HOTLIST_COLUMNS
    assert len(lines) == len(city.wanted)
    assert len((tmp_path / "revoked.csv").read_text(encoding="utf-8").splitlines()) == 2
    assert '"state": "red"' in (tmp_path / "signals.jsonl").read_text(encoding="utf-8")


def test_the_large_hotlist_stays_clear_of_the_city(city: City) -> None:
    plates = [v.plate for v in city.fleet.vehicles]
    rows = list(hotlist_large(2000, 7, city.start_ms, plates))
    near = {form for plate in plates for form in neighbours(plate)}
    assert len({row["plate"] for row in rows}) == 2000
    assert all(near.isdisjoint(neighbours(row["plate"])) for row in rows)
    assert [r["plate"] for r in hotlist_large(50, 7, city.start_ms, plates)] == [
        r["plate"] for r in rows[:50]
    ]
