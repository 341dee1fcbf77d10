"""Ratios, aims and verdicts out of measurements; nothing is measured here."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import cv2
import pytest
from rich.console import Console

from bench import __main__ as bench
from bench.latency import rate_per_s, summary
from bench.table import Line, draw, lines_of, show
from waysight.errors import EngineDown
from waysight.messages import Alert
from waysight.settings import get_settings, using

SAMPLING = {
    "file": {"opencv": 7.5, "waysight": 0.05, "ratio": 150.0},
    "rtsp": {"opencv": 7.7, "waysight": 0.52, "ratio": 14.8},
}
STREAM = {
    "events_per_cpu_s": {"waysight": 86000, "reference": 47000},
    "arrow_events_per_cpu_s": {"waysight": 86000, "reference": 100000, "bytewax": 95000},
    "ratios": {"reference": 1.83},
    "ratio_to_best_arrow": 0.86,
}
LATENCY = {"p50_ms": 900, "p99_ms": 1800, "model_ms": 300, "ratio": 3.0, "ratio_p99": 6.0, "load_share": 0.5}


def models(read: int, other: int, cpu_ms: float) -> dict[str, Any]:
    """A result of `bench.models` in which every folder has the same counts."""

    def reader(count: int, cpu: float) -> dict[str, Any]:
        folders = {group: {"images": 57, "exact": count, "best_exact": count} for group in ("eu", "us", "br")}
        return folders | {"cpu_ms_per_image_median": cpu}

    readers = {
        "waysight": reader(read, cpu_ms),
        "rapidocr": reader(other, 750.0),
        "chain": reader(other, 60.0),
    }
    gate = {"accepted": 40, "plates": 57, "accepted_share": 0.7018, "wrong": 1, "error_rate_upper_95": 0.11}
    own = {"ap50_class_agnostic": 0.8, "cpu_ms_per_image_median": 20.0}
    yolox = {"ap50_class_agnostic": 0.6, "cpu_ms_per_image_median": 25.0}
    return {
        "plates": {"all": readers | {"gate": gate}},
        "detection": {"waysight": own, "yolox_nano": yolox},
    }


def alert(captured_ms: int, raised_ms: int, received_ms: int = 0) -> Alert:
    """An alert of camera c."""
    words = ("alert_id", "kind", "subject", "plate", "entry_id", "legal_basis", "authority", "case_number", "audience",
             "location", "sighting_id", "colour", "status_by", "status_reason")  # fmt: skip
    numbers = (
        "priority",
        "distance",
        "occurred_ms",
        "version",
        "origin_partition",
        "origin_offset",
        "ordinal",
    )
    plain: dict[str, Any] = {**dict.fromkeys(words, "x"), **dict.fromkeys(numbers, 0)}
    return Alert(
        **plain, exact=True, camera_id="c", captured_ms=captured_ms, received_ms=received_ms, raised_ms=raised_ms,
        plate_confidence=0.9, label="car", status="new",
    )  # fmt: skip


def test_an_aim_that_is_reached_exactly_is_met_and_a_missed_one_is_not_hidden() -> None:
    verdicts = {line.figure: line.met for line in lines_of({"sampling": SAMPLING, "stream": STREAM})}
    assert verdicts == {
        "sampling cost from a file": True,
        "sampling cost from RTSP": False,
        "match+enforce+count+store": False,
        "the same, best of the second column": True,
    }


def test_a_most_is_met_from_below() -> None:
    assert Line("f", "m", "r", 1.9, 2.0, bigger_is_better=False).met
    assert Line("f", "m", "r", 2.1, 2.0, bigger_is_better=False).met is False


def test_reading_as_many_plates_as_rapidocr_is_not_ahead_of_it() -> None:
    level, ahead = (lines_of({"models": models(read, 49, 50.0)}) for read in (49, 50))
    assert [line.met for line in level[:3]] == [False] * 3
    assert [line.met for line in ahead[:3]] == [True] * 3
    assert [line.met for line in ahead if line.figure == "plates, CPU saved"] == [True, None]
    slow = lines_of({"models": models(50, 49, 50.1)})
    assert [line.met for line in slow if line.figure == "plates, CPU saved"] == [False, None]
    assert [(line.figure, line.ratio) for line in ahead[-2:]] == [
        ("objects on CCTV stills, AP50", 1.33),
        ("objects on CCTV stills, CPU-ms", 1.25),
    ]


def test_an_export_that_takes_too_much_memory_is_said_so() -> None:
    result = {
        "rows": 10_000_000, "rows_per_s": {"waysight": 107, "outfile": 140, "unordered": 200}, "ratio": 0.764,
        "ratio_unordered": 0.535, "own_mib": 296, "server_mib": 3322, "server_mib_reports": 2007, "slowest_report_s": 9.9,
        "aims": {"ratio": 0.7, "own_mib": 300, "server_mib": 2048, "report_s": 10.0},
    }  # fmt: skip
    assert [line.met for line in lines_of({"exports": result})] == [True, None, True, False, True, True]


def test_what_was_not_measured_has_no_verdict() -> None:
    rtsp = lines_of({"sampling": {**SAMPLING, "rtsp": "not measured: no server"}})[1]
    assert (rtsp.ratio, rtsp.met, rtsp.aim) == (None, None, 40.0)
    assert "no server" in rtsp.measured


def test_the_table_names_reference_ratio_and_verdict() -> None:
    text = io.StringIO()
    show(
        lines_of({"sampling": SAMPLING, "stream": STREAM, "latency": LATENCY}), Console(file=text, width=200)
    )
    rows = {line.split("  ")[0]: line for line in text.getvalue().splitlines()}
    assert rows["sampling cost from RTSP"].split()[-4:] == ["14.8", "≥", "40", "no"]
    assert "confluent-kafka + fastavro loop 47,000" in rows["match+enforce+count+store"]
    assert "1,800 ms" in rows["capture→alert at 50% load, p99"]


def test_the_picture_is_an_image_that_grows_with_the_lines(tmp_path: Path) -> None:
    lines = lines_of({"sampling": SAMPLING, "stream": STREAM, "latency": LATENCY})
    heights = []
    for count in (1, len(lines)):
        draw(lines[:count], tmp_path / "b.png")
        heights.append(cv2.imread(str(tmp_path / "b.png")).shape[0])
    assert heights[0] < heights[1]


def test_latency_counts_from_received_ms_or_else_from_the_frames_message() -> None:
    alerts = [alert(1, 1500), alert(2, 2900, received_ms=2000)]
    found = summary(alerts, {("c", 1): 1000, ("c", 2): 7}, {("c", 1): 1300, ("c", 2): 2300}, 350.0)
    assert found["latencies_ms"] == [500, 900]
    assert (found["p50_ms"], found["p99_ms"], found["ratio"]) == (700, 896, 2.0)
    assert found["detected_p50_ms"] == 300


def test_no_alert_is_a_failure_not_a_fast_system() -> None:
    with pytest.raises(EngineDown, match="nothing was measured"):
        summary([], {}, {}, 350.0)


def test_rate_leaves_the_warm_up_out() -> None:
    assert rate_per_s([0, 5000, 6000, 6500, 7000], skip=1) == pytest.approx(1.5)
    with pytest.raises(EngineDown, match="too few"):
        rate_per_s([1, 2], skip=1)


def test_a_failed_measurement_exits_1_and_the_others_are_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down() -> dict[str, Any]:
        raise EngineDown("no Kafka")

    monkeypatch.setattr(bench, "MEASUREMENTS", {"sampling": lambda: SAMPLING, "stream": down})
    with using(get_settings().model_copy(update={"out_dir": tmp_path})):
        assert bench.main(["--json"]) == 1
        assert bench.main(["sampling"]) == 0
    shown = capsys.readouterr()
    assert "stream failed: no Kafka" in shown.err
    assert len(json.loads((tmp_path / "bench" / "bench.json").read_text())["lines"]) == 2
    assert (tmp_path / "bench" / "bench.png").stat().st_size > 1000


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert "no measurement speed; there are sampling, stream, latency" in capsys.readouterr().err
