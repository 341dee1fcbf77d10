"""`waysight evaluate` through real Triton models, on pictures of our simulator and on shared photographs."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from typer.testing import CliRunner
from workers import eventually

from waysight.cli import build
from waysight.simulate.plates import render_plate
from waysight.simulate.scene import render_training_scene

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("full_stack")]
PLATES = (("kz_2012", "482KTA05"), ("pe_2010", "B7X413"))
PLATE_X, PLATE_Y, PLATE_W = 580, 420, 120


def evaluate(*words: str | Path) -> dict[str, Any]:
    done = CliRunner().invoke(
        build("evaluate"), ["evaluate", *map(str, words), "--json"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plates on dark panels: as photographs with labels, as crops with a CSV, and one picture without a plate."""
    folder = tmp_path_factory.mktemp("plates")
    (folder / "crops").mkdir()
    rows = []
    for number, (design, text) in enumerate(PLATES):
        plate = render_plate(design, text, 128)
        size = (PLATE_W, round(PLATE_W * plate.shape[0] / plate.shape[1]))
        small = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
        image = np.full((720, 1280, 3), (120, 125, 122), np.uint8)
        image[300:520, 480:800] = (60, 40, 30)
        image[PLATE_Y : PLATE_Y + size[1], PLATE_X : PLATE_X + PLATE_W] = small
        image = cv2.GaussianBlur(image, (0, 0), 0.6)
        name = f"{number}.{'png' if number else 'jpg'}"
        cv2.imwrite(str(folder / name), image)
        line = "\t".join(map(str, (name, PLATE_X, PLATE_Y, PLATE_W, size[1], text)))
        (folder / f"{number}.txt").write_text(line + "\n")
        cut = image[PLATE_Y - 2 : PLATE_Y + size[1] + 2, PLATE_X - 2 : PLATE_X + PLATE_W + 2]
        cv2.imwrite(str(folder / "crops" / name), cut)
        rows.append((name, "sim", text))
    cv2.imwrite(str(folder / "2.jpg"), np.full((480, 640, 3), 90, np.uint8))
    (folder / "2.txt").write_text("")
    with (folder / "crops" / "list.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return folder


def test_rendered_plates_are_read_and_accounted(photographs: Path, tmp_path: Path) -> None:
    found = evaluate("plates", "--images", photographs, "--out", tmp_path)
    assert (found["images"], found["plates"]) == (3, len(PLATES))
    assert found["exact"] == found["exact_merged"] == len(PLATES), found["errors"]
    assert found["characters"] == 1.0
    assert found["errors"]["extra"] == 0
    assert found["engine"] == "running stack"
    assert "plate_reader@" in found["models"]
    assert 1.0 < found["cpu_ms_per_image_median"] <= found["cpu_ms_per_image_p95"]
    assert {"accepted", "accepted_exact"} <= found.keys()
    assert json.loads((tmp_path / "report.json").read_text())["exact"] == found["exact"]
    for name in ("worst.png", "reliability.png"):
        assert cv2.imread(str(tmp_path / name)) is not None


def test_crops_are_read_as_whole_plates(photographs: Path, tmp_path: Path) -> None:
    for words in (("--images", photographs / "crops"), ("--csv", photographs / "crops" / "list.csv")):
        found = evaluate("plates", *words, "--out", tmp_path)
        assert (found["images"], found["exact"]) == (len(PLATES), len(PLATES))


def test_a_corrupt_picture_is_a_miss_and_does_not_end_the_run(photographs: Path, tmp_path: Path) -> None:
    for name in ("0.jpg", "0.txt"):
        (tmp_path / name).write_bytes((photographs / name).read_bytes())
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "1.txt").write_text("1.jpg\t1\t1\t9\t9\tABC123\n")
    found = evaluate("plates", "--images", tmp_path, "--out", tmp_path / "out")
    assert (found["exact"], found["errors"]["missed"], found["errors"]["unusable_pictures"]) == (1, 1, 1)


def test_rendered_traffic_is_detected_as_voc_and_as_coco(tmp_path: Path) -> None:
    names: list[str] = []
    document: dict[str, list[dict[str, Any]]] = {"categories": [], "images": [], "annotations": []}
    for number in range(3):
        image, labels = render_training_scene(np.random.default_rng([905, number]), (960, 540))
        file = f"{number}.jpg"
        cv2.imwrite(str(tmp_path / file), image)
        document["images"].append({"id": number, "file_name": file})
        objects = ""
        for label, (x1, y1, x2, y2), _, _ in labels:
            if label not in names:
                names.append(label)
                document["categories"].append({"id": names.index(label), "name": label})
            entry = {"image_id": number, "category_id": names.index(label)}
            document["annotations"].append(
                entry | {"bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)]}
            )
            corners = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
            objects += f"<object><name>{label}</name><bndbox>{corners}</bndbox></object>"
        (tmp_path / f"{number}.xml").write_text(f"<annotation>{objects}</annotation>")
    (tmp_path / "coco.json").write_text(json.dumps(document))
    as_voc = evaluate("detection", "--voc", tmp_path, "--out", tmp_path / "out")
    as_coco = evaluate("detection", "--coco", tmp_path / "coco.json", "--out", tmp_path / "out")
    assert as_voc["images"] == 3
    assert set(as_voc["classes"]) == set(names)
    assert 0.2 < as_voc["ap50_class_agnostic"] <= 1.0
    assert as_coco["ap50_class_agnostic"] == pytest.approx(as_voc["ap50_class_agnostic"], abs=0.02)
    assert as_voc["cpu_ms_per_image_median"] > 1.0
    assert (tmp_path / "out" / "precision_recall.png").exists()


def test_shared_photographs_are_read(shared_data: Path, tmp_path: Path) -> None:
    for path in sorted((shared_data / "plates" / "eu").iterdir())[:24]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = evaluate("plates", "--images", tmp_path, "--split", "even", "--out", tmp_path / "out")
    assert found["images"] == 6
    assert found["exact_merged"] >= 4


def test_agreement_with_a_reference_detector(shared_data: Path, tmp_path: Path) -> None:
    model, clip = shared_data / "models" / "yolox_nano.onnx", shared_data / "footage" / "street-us.mp4"
    found = evaluate("detection", "--reference", model, "--video", clip, "--every-s", 5, "--out", tmp_path)
    assert found["vehicles"]["f1"] > 0.3
    assert found["clips"]["street-us.mp4"]["reference_cpu_ms_per_image_median"] > 1.0


def test_a_killed_run_leaves_no_triton_behind(photographs: Path, tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path), "WAYSIGHT_STATE_DIR": str(tmp_path / "state")}
    words = [
        sys.executable,
        "-m",
        "waysight.cli",
        "evaluate",
        "plates",
        "--images",
        str(photographs),
        "--private",
    ]
    run = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: _servers(tmp_path), bool)
        run.send_signal(signal.SIGTERM)
        assert run.wait(300) == 143
    finally:
        run.kill()
        run.wait()
    assert not eventually(lambda: _servers(tmp_path), lambda servers: not servers)
    assert not list(tmp_path.glob("waysight-own-*"))


def _servers(folder: Path) -> list[str]:
    """Command lines of Triton's processes that work in a folder."""
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if "triton" in line and str(folder) in line]


def test_simulated_passes_are_read_and_voted(tmp_path: Path) -> None:
    found = evaluate("plates", "--simulated", 12, "--seed", 3, "--out", tmp_path)
    assert (found["passes"], found["agreeing_frames"]) == (12, 2)
    assert found["exact"]["count"] >= 5
    assert found["accepted"] >= found["accepted_exact"]
    assert set(found["countries"]) == {"kz", "pe", "ma"}
