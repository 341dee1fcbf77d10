"""Every error that waysight raises on purpose.

::

    WaysightError
    ├── BadMessage         a record cannot be used: goes to the dead letters, the rest goes on
    ├── BadConfiguration   a file, setting or command line is wrong: fix it and start again
    ├── EngineDown         Kafka, the registry, Triton, ClickHouse or the object store does not answer
    └── NotAllowed         the law, a purpose or an authorisation is missing

A message says what is wrong, where (topic, partition, offset, camera, file and line), and what to do.
Exceptions of other packages end at the adapter that uses them.
"""

from __future__ import annotations


class WaysightError(Exception):
    """Base of all errors; `exit_code` is what the command line returns for it."""

    exit_code = 1


class BadMessage(WaysightError):
    """A record that cannot be decoded or is not valid."""

    def __init__(self, reason: str, topic: str = "", partition: int = -1, offset: int = -1) -> None:
        where = (
            f" at {topic}[{partition}]@{offset}" if topic and offset >= 0 else f" on {topic}" if topic else ""
        )
        super().__init__(f"{reason}{where}")
        self.reason, self.topic, self.partition, self.offset = reason, topic, partition, offset


class BadConfiguration(WaysightError):
    """A file, a setting or a command line that cannot be used."""

    exit_code = 2


class EngineDown(WaysightError):
    """An engine that does not answer, or answered with a failure that a retry may mend."""

    exit_code = 3


class NotAllowed(WaysightError):
    """An act without its legal basis, purpose, case number or authorisation."""

    exit_code = 4
