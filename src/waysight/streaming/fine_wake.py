"""Wakes every partition of the fine processor when the law changes, so that what waits for it need not wait for traffic."""

from __future__ import annotations

from typing import Protocol

from waysight.messages import Confirmation

TOPIC = "plate-penalties"  # the processor's own: what it says to its other partitions


class Sends(Protocol):
    """An `adapters.kafka.Publisher`."""

    def publish(self, topic: str, key: str, record: None, *, partition: int) -> None:
        """Queue a tombstone for a partition."""


class Waker:
    """Sends an empty message to each partition; it carries nothing, and one too many changes nothing."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._publisher: Sends | None = None

    def start(self, publisher: Sends) -> None:
        """From now on; once at the beginning for what changed while no worker ran."""
        self._publisher = publisher
        self.wake()

    def changed(self, _key: str, _confirmation: Confirmation | None) -> None:
        """A confirmation came or was revoked; those of the first load are none."""
        self.wake()

    def wake(self) -> None:
        """Every partition takes a step soon."""
        if self._publisher is not None:
            for partition in range(self._partitions):
                self._publisher.publish(TOPIC, "", None, partition=partition)
