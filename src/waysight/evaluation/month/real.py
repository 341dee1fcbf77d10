"""A simulated month through the real stack: Kafka, the registry, Faust workers, ClickHouse and `waysight export`.

Officers, owners and banks answer to what is read back from Kafka, portion by portion of simulated time; the next
portion is sent once the processors have committed everything before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from waysight.adapters.kafka import Publisher, read_messages
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.lag import drained
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.files import to_records
from waysight.cameras.models import CameraFile
from waysight.codec import Codec
from waysight.demo.stage import start_workers
from waysight.domain.exemptions import Exemptions
from waysight.engine import Message
from waysight.errors import BadConfiguration, EngineDown
from waysight.evaluation.month.clerk import Clerk
from waysight.evaluation.month.exports import DATASETS, file_of, read_found
from waysight.evaluation.month.run import PARTITIONS, Order, Progress, confirmations
from waysight.evaluation.month.score import Score, scored
from waysight.evaluation.month.turns import Turns, steps
from waysight.local.temporary import temporary_stack
from waysight.messages import Exemption
from waysight.settings import Settings
from waysight.simulate.month.streets import Streets
from waysight.simulate.month.tariffs import NATIONS
from waysight.simulate.month.traffic import DAY_MS, Traffic
from waysight.storage.migrations import migrate

WORKERS = {"streams": ("edge", "enforce", "papers", "count", "fine"), "store": ("store",)}
ANSWERS = ("violations", "fines", "dead-letters")  # a fine after its violation
OLDEST_DAYS = 390  # by the clock of today `fine` forgets what was closed 400 days ago
_TABLE_S = 2.0  # until every worker has read on in a table
_PATIENCE_S, _LOOK_S = 300.0, 0.1
_MARGIN_MS = 10_000
Exporting = Callable[[Settings, str, Path], None]  # of a stack, a dataset, to a file


class _Desk:
    """Sends portions to a stack and waits until they are worked off; the clerk gets what came of them."""

    def __init__(self, settings: Settings, codec: Codec, clerk: Clerk) -> None:
        self._settings, self._clerk = settings, clerk
        self._publisher = Publisher(settings, codec)
        self._read: dict[tuple[str, int], int] = {}
        self._looked_ms = 0

    def table(self, topic: str, key: str, record: object) -> None:
        """An entry of a table that every worker reads."""
        self._publisher.publish(topic, key, record)
        self._publisher.flush()

    def send(self, portion: list[Message]) -> None:
        """Register entries first, as they are known before somebody drives; then all else."""
        first = [m for m in portion if m.topic == "vehicles"]
        if first:
            self._publish(first)
            self.settled(("papers", "fine"))
        for step in steps(m for m in portion if m.topic != "vehicles"):
            self._publish(step)
            self.settled(("edge", "enforce"))
        self.settled(WORKERS["streams"])
        self._hear()

    def settled(self, processors: tuple[str, ...]) -> None:
        """Return when nothing is left to do for them, looked at twice; raises EngineDown."""
        self._publisher.flush()
        calm, deadline = 0, time.monotonic() + _PATIENCE_S
        while calm < 2:
            left = drained(self._settings, processors)
            calm = 0 if any(left.values()) else calm + 1
            if time.monotonic() > deadline:
                said = ", ".join(f"{name} {n}" for name, n in left.items() if n)
                raise EngineDown(
                    f"not worked off within {_PATIENCE_S:g} s: {said}; is the machine overloaded?"
                )
            if calm < 2:
                time.sleep(_LOOK_S)

    def _publish(self, messages: list[Message]) -> None:
        for m in messages:
            # The register's entries hold from when they came; else a message's time is its arrival.
            at_ms = max(1, m.timestamp_ms) if m.topic == "vehicles" else None
            self._publisher.publish_bytes(m.topic, m.key, m.value, m.headers, at_ms, m.partition)

    def _hear(self) -> None:
        since_ms, self._looked_ms = self._looked_ms, time.time_ns() // 1_000_000 - _MARGIN_MS
        for topic in ANSWERS:
            for message in read_messages(self._settings, topic, since_ms=since_ms or None):
                at = topic, message.partition
                if message.offset > self._read.get(at, -1):
                    self._read[at] = message.offset
                    self._clerk.keep([message])


class _Announced(Exemptions):
    """Exemptions that the workers read."""

    def __init__(self, tell: Callable[[str, str, object], None]) -> None:
        super().__init__()
        self._tell = tell

    def apply(self, key: str, record: Exemption | None) -> None:
        """Tell them, and wait until they know."""
        super().apply(key, record)
        self._tell("exemptions", key, record)
        time.sleep(_TABLE_S)


def run_real_month(
    order: Order, settings: Settings, progress: Progress, folder: Path, export: Exporting
) -> Score:
    """The month of an order on a stack of its own; exports, made by `export`, stay in `folder`.

    Those who offended long before the month are left out: the clock of the workers is today's. Raises
    BadConfiguration for a month too long ago, EngineDown.
    """
    streets = Streets(NATIONS[order.country], order.start)
    if time.time() * 1000 - streets.start_ms > OLDEST_DAYS * DAY_MS:
        raise BadConfiguration(
            f"--start {order.start}: what was closed 400 days ago is forgotten, so on a real stack a month begins "
            f"at most {OLDEST_DAYS} days ago"
        )
    traffic = Traffic(streets, order.passes, order.days, order.seed, long_ago=False)
    file = CameraFile.model_validate(streets.camera_file())
    wanted = settings.model_copy(update={"partitions": PARTITIONS})
    with temporary_stack(wanted, ("kafka", "registry", "clickhouse")) as own:
        apply_topics(own)
        migrate(own)
        codec = Codec(ConfluentRegistry(own.registry))
        clerk = Clerk(codec, traffic.truth, PARTITIONS)
        desk = _Desk(own, codec, clerk)
        clerk.exemptions = _Announced(desk.table)
        for record in to_records(file):
            desk.table("cameras", record.camera_id, record)
        for said in confirmations():
            desk.table("confirmations", said.confirmation_id, said)
        start_workers(own, WORKERS)
        clerk.open(traffic, file)
        for portion in Turns(clerk, codec.decode):
            desk.send(portion)
            progress(traffic.truth.passes, order.passes)
        desk.settled((*WORKERS["streams"], *WORKERS["store"]))
        for dataset in DATASETS:
            export(own, dataset, file_of(folder, dataset))
    return scored(traffic.truth, read_found(folder), clerk.letters)
