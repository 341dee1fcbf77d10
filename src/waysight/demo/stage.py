"""The stage: a stack of the demo's own, started clean, with every program under supervision."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from waysight.errors import BadConfiguration, EngineDown
from waysight.local import control, spec
from waysight.local.ports import free_ports, is_free
from waysight.settings import Settings

Say = Callable[[str], None]
PORTS = ("kafka_port", "kafka_controller_port", "registry_port", "registry_management_port", "clickhouse_port",
         "triton_http_port", "triton_grpc_port", "triton_metrics_port")  # fmt: skip
# Two processes of stream processors keep two cores busy; a larger machine would give each its own.
WORKERS = {
    "detect": ("detect",),
    "streams": ("track", "match", "enforce", "count", "rollup", "fine"),
    "store": ("store", "ledger"),
}


@contextmanager
def alone(base: Settings) -> Iterator[None]:
    """One demo per state folder: a second would end the first one's stack; raises BadConfiguration."""
    base.state_dir.mkdir(parents=True, exist_ok=True)
    with (base.state_dir / "demo.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadConfiguration(
                f"another demo runs in {base.state_dir}; wait for its end, or give this one folders of its own "
                "with WAYSIGHT_STATE_DIR and WAYSIGHT_OUT_DIR"
            ) from None
        yield


def demo_settings(base: Settings) -> Settings:
    """The user's settings with a state folder of the demo's own and another port for each that is taken."""
    own = base.model_copy(update={"state_dir": base.state_dir / "demo"})
    control.down(own)  # what a killed demo left behind holds ports
    taken = [name for name in PORTS if not is_free(getattr(own, name))]
    return own.model_copy(update=dict(zip(taken, free_ports(len(taken)), strict=True)))


@contextmanager
def stack(settings: Settings, say: Say, keep: bool) -> Iterator[None]:
    """A fresh stack for the body; unless `keep` it ends afterwards, and when this process is killed."""
    shutil.rmtree(settings.state_dir, ignore_errors=True)
    try:
        control.up(settings, say=say, owner_pid=None if keep else os.getpid())
        yield
    finally:
        if not keep:
            control.down(settings, say=lambda _line: None)


def start_workers(settings: Settings, workers: Mapping[str, Sequence[str]] = WORKERS) -> None:
    """Start stream processors under the supervisor, each worker its own, and wait until all serve their metrics."""
    ports = free_ports(len(workers))
    for (name, processors), port in zip(workers.items(), ports, strict=True):
        spec.write_program(
            settings,
            name,
            _command("process", *processors, "--instance", name),
            env={"WAYSIGHT_METRICS_PORT": str(port)},
            restart="always",
            depends_on=("kafka", "registry"),
            ready_port=port,
        )
    control.wait_healthy(settings, list(workers), timeout_s=180)


def start_producer(settings: Settings, cameras: Path, extra: Sequence[str] = ()) -> None:
    """Start one producer program for all cameras of a file; it ends by itself when the files do."""
    command = _command("produce", "--cameras", str(cameras.resolve()), *extra)
    spec.write_program(settings, "produce", command, restart="on-failure", depends_on=("kafka", "registry"))


def stop_producer(settings: Settings) -> None:
    """End the producers (live cameras never end by themselves)."""
    spec.remove(settings.state_dir, "produce")
    deadline = time.monotonic() + 60
    while "produce" in control.status(settings)["children"]:
        if time.monotonic() > deadline:
            raise EngineDown("the producer did not end within 60 s; see `waysight status`")
        time.sleep(0.2)


def producer_finished(settings: Settings) -> bool:
    """True when the producer program ended well (all files sent)."""
    child = control.status(settings)["children"].get("produce")
    return child is None or child["state"] == "finished"


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "waysight.cli", *words]
