"""The stage of a campaign: a private stack, its tables, and two workers of each kind under the supervisor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import yaml

from waysight.adapters.kafka import Publisher
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.files import load_cameras, to_records
from waysight.cameras.models import CameraFile
from waysight.codec import Codec
from waysight.errors import BadMessage
from waysight.local import control, spec
from waysight.local.temporary import temporary_stack
from waysight.processing import PROCESSORS
from waysight.settings import Settings, get_settings
from waysight.simulate.town import Town
from waysight.storage.migrations import migrate
from waysight.topics import all_topics

PARTS = ("kafka", "registry", "clickhouse")
# What runs together. Worker a has a name in its groups, worker b has none: static and dynamic members take over.
KINDS = {
    "judge": ("match", "fine", "convoy"),
    "road": ("enforce", "count", "rollup"),
    "keep": ("store", "ledger"),
}
IDLE = ("convoy",)  # keeps and refuses nothing while no authorisation lets it
WORKERS = tuple(f"{kind}-{one}" for kind in KINDS for one in "ab")
NAMES = tuple(name for names in KINDS.values() for name in names if name in PROCESSORS)


@contextmanager
def stage(town: Town, offenders: int, entries: int) -> Iterator[tuple[Settings, Codec, CameraFile]]:
    """Everything up, tables loaded, workers healthy; all of it ends with the body, whatever happens."""
    with temporary_stack(get_settings(), PARTS) as settings:
        apply_topics(settings)
        migrate(settings)
        codec = Codec(ConfluentRegistry(settings.registry))
        _know_schemas(codec)
        file = _load(settings, codec, town, offenders, entries)
        for name in WORKERS:
            start(settings, name)
        control.wait_healthy(settings, WORKERS, timeout_s=300.0)
        yield settings, codec, file


def start(settings: Settings, name: str) -> None:
    """Ask the supervisor for a worker."""
    kind, _, one = name.partition("-")
    command = [sys.executable, "-m", "waysight.cli", "process", *(n for n in KINDS[kind] if n in PROCESSORS)]
    if one == "a":
        command += ["--instance", name]
    spec.write_program(settings, name, command, restart="always", depends_on=("kafka", "registry"))


def _know_schemas(codec: Codec) -> None:
    """Ask the registry for every schema now: later it may be away."""
    for name in all_topics():
        with suppress(BadMessage):
            codec.decode(name, None)


def _load(settings: Settings, codec: Codec, town: Town, offenders: int, entries: int) -> CameraFile:
    path = settings.state_dir / "cameras.yaml"
    path.write_text(yaml.safe_dump(town.camera_file()))
    file, publisher = load_cameras(path), Publisher(settings, codec)
    for record in to_records(file):
        publisher.publish("cameras", record.camera_id, record)
    for entry in town.hotlist(entries):
        publisher.publish("watchlist", entry.entry_id, entry)
    for vehicle in town.vehicles(offenders, others=500):
        publisher.publish("vehicles", vehicle.plate, vehicle)
    publisher.flush()
    return file
