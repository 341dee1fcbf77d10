"""The demonstration as a newcomer runs it: the city under kills, and real footage over RTSP."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from waysight.local import ports
from waysight.local.doctor import PORT_SETTINGS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
RTSP = Path(__file__).with_name("rtsp_server.py")
VICTIMS = ("produce", "detect", "streams", "triton", "kafka", "clickhouse", "store", "registry")


def _start(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    numbers = zip(PORT_SETTINGS, ports.free_ports(len(PORT_SETTINGS)), strict=True)
    env = {**os.environ, "WAYSIGHT_STATE_DIR": str(tmp_path / "state"), "WAYSIGHT_OUT_DIR": str(tmp_path / "out"),
           "WAYSIGHT_TRITON_VENV": str(Path(".waysight/triton-venv").resolve()),
           **{f"WAYSIGHT_{name.upper()}": str(port) for name, port in numbers}}  # fmt: skip
    command = [sys.executable, "-m", "waysight.cli", "demo", "--json", *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finish(demo: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = demo.communicate(timeout=1700)
    assert demo.returncode == 0, err[-3000:]
    summary: dict[str, Any] = json.loads(out)
    return summary


def _children(state: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((state / "demo" / "status.json").read_text())["children"]
    except FileNotFoundError:
        return {}
    return found


def _kill_when_up(state: Path, name: str, deadline: float) -> bool:
    """SIGKILL a child once it is healthy; False when it had finished its work before."""
    while time.monotonic() < deadline:
        child = _children(state).get(name, {})
        if child.get("state") == "finished":
            return False
        if child.get("state") == "healthy" and child.get("pid"):
            try:
                psutil.Process(child["pid"]).send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
            return True
        time.sleep(0.2)
    raise AssertionError(f"{name} never became healthy: {_children(state)}")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_city_is_judged_rightly_when_everything_is_killed_once(tmp_path: Path) -> None:
    demo = _start(tmp_path)
    deadline = time.monotonic() + 1200
    try:
        killed = [name for name in VICTIMS if _kill_when_up(tmp_path / "state", name, deadline)]
        summary = _finish(demo)
    finally:
        demo.kill()
    assert len(killed) >= len(VICTIMS) - 1  # the producer may have been done before
    for name in ("violations", "alerts", "fines"):
        assert summary[name]["found"] >= 0.95 * summary[name]["truth"] > 0, (name, summary[name])
    assert summary["fines"]["false"] == summary["alerts"]["false"] == 0
    assert summary["fines"]["sum_found"] == summary["fines"]["sum_truth"]
    assert summary["plates"]["read_exact"] >= 0.95 * summary["plates"]["truth"] > 0
    wrong = summary["wrong_fines"]
    assert (wrong["count"], wrong["total"]) == (0, summary["fines"]["found"])
    assert wrong["upper_95"] == pytest.approx(1 - 0.05 ** (1 / wrong["total"]), abs=1e-5)
    because = summary["reviews"]["rejected_because"]
    assert {"not_enforceable", "register_missing", "register_type"} <= set(because)
    assert summary["reviews"]["accepted"] + sum(because.values()) == summary["reviews"]["all"]
    page = (tmp_path / "out" / "demo" / "accuracy.html").read_text()
    assert "True fines that were not issued" in page
    assert not any(row["plate"] in page for row in _rows(tmp_path / "out" / "demo" / "exports" / "fines.csv"))
    exports = tmp_path / "out" / "demo" / "exports"
    for name, key in (("violations", "violation_id"), ("alerts", "alert_id"), ("fines", "fine_id")):
        ids = [row[key] for row in _rows(exports / f"{name}.csv")]
        assert len(ids) == len(set(ids)) > 0
    for made in ("contact-sheet.png", "notice.pdf", "dashboard.png", "evidence/manifest.json"):
        assert (tmp_path / "out" / "demo" / made).stat().st_size > 500


def test_footage_over_rtsp_gives_one_alert_and_a_reviewed_zone_violation(
    tmp_path: Path, shared_data: Path
) -> None:
    clip = shared_data / "footage" / "toll-1.mp4"
    (port,) = ports.free_ports(1)
    server = subprocess.Popen(
        ["/usr/bin/python3", str(RTSP), str(port), "h264", str(clip)], stdout=subprocess.PIPE, text=True
    )
    lane = [[0, 300], [1280, 300], [1280, 720], [0, 720]]
    camera = {"id": "toll", "source": f"rtsp://127.0.0.1:{port}/cam", "sampling": {"fps": 5}, "country": "kz",
              "purposes": ["hotlist", "count", "restricted_zone"],
              "zones": [{"id": "lane", "kind": "restricted", "image": lane}]}  # fmt: skip
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"version": 1, "cameras": [camera]}))
    (tmp_path / "hotlist.csv").write_text(
        "plate,kind,legal_basis,authority,case_number,expires\n"
        "34A36837,stolen,Criminal Procedure Code art. 1,Test police,2026-1,2030-01-01T00:00:00Z\n"
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline().strip() == "ready"
        demo = _start(
            tmp_path, "--cameras", str(tmp_path / "cameras.yaml"), "--hotlist", str(tmp_path / "hotlist.csv")
        )
        summary = _finish(demo)
    finally:
        server.kill()
        server.communicate()
    assert {row["plate"] for row in summary["plates_read"]} == {"34A36837", "34A23126"}
    exports = tmp_path / "out" / "demo" / "exports"
    assert [row["plate"] for row in _rows(exports / "alerts.csv")] == ["34A36837"]
    violations = _rows(exports / "violations.csv")
    assert "34A36837" in {row["plate"] for row in violations}
    assert {row["offence"] for row in violations} == {"restricted_zone"}
    assert summary["reviews"]["all"] == len(violations)
    assert summary["stored"]["fines"] == 0
