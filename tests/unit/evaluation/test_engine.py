"""Accounting CPU time of processes, and ending on SIGTERM as on Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from waysight.errors import BadConfiguration, EngineDown
from waysight.evaluation.cpu import family, spent_ns
from waysight.evaluation.engine import ended_by_sigterm
from waysight.evaluation.reference import Reference, reference_detector

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"


def test_the_cpu_time_of_another_process_is_seen_to_the_millisecond() -> None:
    child = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdout.readline()
        pids = family(child.pid)
        assert pids == (child.pid,)
        first, second = spent_ns(pids), spent_ns(pids)
        assert 0.29e9 < first < 10e9
        assert 0 <= second - first < 5e7
        assert child.pid in family(os.getpid())
    finally:
        child.communicate(b"\n")
    with pytest.raises(EngineDown, match="ended"):
        spent_ns(pids)
    with pytest.raises(EngineDown, match="ended"):
        family(child.pid)


def test_sigterm_unwinds_the_body_and_the_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    undone = []

    def terminated() -> None:
        with ended_by_sigterm():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                undone.append(True)

    with pytest.raises(SystemExit) as left:
        terminated()
    assert left.value.code == 143
    assert undone == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_worker_that_ends_says_why(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("wb") as errors:
        words = [sys.executable, "-c", "raise SystemExit('no such weights')"]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
    with pytest.raises(EngineDown, match="no such weights"):
        Reference(process, log)
    process.communicate()


def test_a_reference_that_is_not_there_is_told() -> None:
    with pytest.raises(BadConfiguration, match=r"none\.onnx: no such file"):
        reference_detector(Path("none.onnx"), 0.4)
