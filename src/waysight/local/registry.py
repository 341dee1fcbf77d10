"""Apicurio Registry as a child; schemas are kept in Kafka, so that their ids survive a restart."""

from __future__ import annotations

from waysight.local import parts
from waysight.local.child import Child
from waysight.local.ports import HOST
from waysight.local.probes import http_ok
from waysight.settings import Settings

NAME = "registry"


def child(settings: Settings) -> Child:
    """The registry; healthy once its Confluent-compatible interface lists subjects."""
    return Child(
        name=NAME,
        command=(
            *(parts.java(), *parts.JVM_OPTIONS),
            "-Dquarkus.http.access-log.enabled=false",
            '-Dquarkus.log.category."org.apache.kafka".level=WARN',
            f"-Dquarkus.http.host={HOST}",
            f"-Dquarkus.http.port={settings.registry_port}",
            f"-Dquarkus.management.host={HOST}",
            f"-Dquarkus.management.port={settings.registry_management_port}",
            *("-jar", str(parts.registry_jar(settings))),
        ),
        env={
            "APICURIO_STORAGE_KIND": "kafkasql",
            # It reads its journals to the end at the start, and waits out one poll each time: 5 s by default.
            "APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT": "200",
            "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": f"{HOST}:{settings.kafka_port}",
        },
        ready=http_ok(settings.registry_port, "/apis/ccompat/v7/subjects"),
        depends_on=("kafka",),
        ports=(
            (settings.registry_port, "registry_port"),
            (settings.registry_management_port, "registry_management_port"),
        ),
        ready_timeout_s=180.0,
    )
