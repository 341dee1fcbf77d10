"""Prometheus as an optional child: scrapes Triton and every program that children.d gives a metrics port."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from waysight.errors import BadConfiguration
from waysight.local.child import Child
from waysight.local.ports import HOST
from waysight.local.probes import http_ok
from waysight.settings import Settings

NAME = "prometheus"
TARGETS = "targets"


def child(settings: Settings) -> Child:
    """The scraper; raises BadConfiguration when its binary is not installed."""
    binary = shutil.which("prometheus")
    if binary is None:
        raise BadConfiguration(
            "prometheus is not installed; run `apt-get install --no-install-recommends prometheus`"
        )
    folder = settings.state_dir.resolve() / NAME
    configuration = folder / "prometheus.json"

    def prepare() -> None:
        (folder / TARGETS).mkdir(parents=True, exist_ok=True)
        found = {"files": [str(folder / TARGETS / "*.json")], "refresh_interval": "10s"}
        jobs = [
            {"job_name": "waysight", "file_sd_configs": [found]},
            {
                "job_name": "triton",
                "static_configs": [{"targets": [f"{HOST}:{settings.triton_metrics_port}"]}],
            },
        ]
        configuration.write_text(json.dumps({"global": {"scrape_interval": "5s"}, "scrape_configs": jobs}))

    return Child(
        name=NAME,
        command=(
            binary,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=3d",
            f"--web.listen-address={HOST}:{settings.prometheus_port}",
        ),
        ready=http_ok(settings.prometheus_port, "/-/ready"),
        ports=((settings.prometheus_port, "prometheus_port"),),
        prepare=prepare,
    )


def target_file(state_dir: Path, name: str) -> Path:
    """Where the scrape target of program `name` is told to Prometheus."""
    return state_dir.resolve() / NAME / TARGETS / f"{name}.json"


def target_text(name: str, port: int) -> str:
    """The file's content: one target with the program's name as its label."""
    return json.dumps([{"targets": [f"{HOST}:{port}"], "labels": {"program": name}}])
