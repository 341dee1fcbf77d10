"""Other people's models in processes of their own (Triton's environment), measured as ours are: with our process."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waysight.errors import BadConfiguration, EngineDown
from waysight.evaluation.cpu import family, spent_ns
from waysight.local import triton_venv
from waysight.local.triton import repository
from waysight.settings import Settings
from waysight.triton_models.vision.objects import Found

MS = 1e6  # ns
LENGTH_BYTES = 4
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker said of one picture, and what it cost, ms."""

    result: Any
    error: str
    wall_ms: float
    cpu_ms: float

    @property
    def objects(self) -> list[Found]:
        """Rows label, score, x1, y1, x2, y2 as objects."""
        rows = self.result or []
        return [Found(row[0], row[1], (row[2], row[3], row[4], row[5])) for row in rows]


class Reference:
    """One picture after the other through a worker (`vision.worker.serve`); made by `reference_worker`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log
        self._receive()
        self._pids = family(process.pid)

    def analyse(self, payload: bytes) -> Answer:
        """Send one request (for most workers a JPEG); raises EngineDown when the worker has ended."""
        began_ns, cpu_ns = time.perf_counter_ns(), self._cpu_ns()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(len(payload).to_bytes(LENGTH_BYTES) + payload)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        answer = self._receive()
        wall_ms, used_ms = (time.perf_counter_ns() - began_ns) / MS, (self._cpu_ns() - cpu_ns) / MS
        return Answer(answer.get("result"), answer.get("error", ""), round(wall_ms, 2), round(used_ms, 2))

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _cpu_ns(self) -> int:
        return time.process_time_ns() + spent_ns(self._pids)

    def _ended(self) -> EngineDown:
        self._process.wait(PATIENCE_S)
        lines = self._log.read_text(errors="replace").splitlines()[-5:]
        return EngineDown("the reference model's process ended:\n" + "\n".join(lines))


@contextmanager
def reference_worker(
    settings: Settings, words: Sequence[str], log: Path, home: Path | None = None
) -> Iterator[Reference]:
    """A worker started as `python WORDS…` in Triton's environment (or that of `home`), one thread; ended with the body."""
    python = (home or triton_venv.find(settings)) / "bin" / "python"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = (
        settings.child_environment()
        | threads
        | {"PYTHONPATH": str(repository()), "PYTHONDONTWRITEBYTECODE": "1"}
    )
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [str(python), *words],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            yield Reference(process, log)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(BrokenPipeError):
                    pipe.close()


def reference_detector(weights: Path, score: float) -> list[str]:
    """The words that make `reference_worker` serve a YOLOX; raises BadConfiguration when there is no such file."""
    if not weights.is_file():
        raise BadConfiguration(f"{weights}: no such file; name the reference detector's ONNX file")
    return ["-m", "vision.worker", "detector", str(weights.resolve()), str(score)]
