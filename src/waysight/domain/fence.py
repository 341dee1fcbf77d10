"""Which records were applied already, by where they came from.

A replay upstream sends the same records again at new offsets; what stays the same is their origin: the
input message they were made from, and their place among what it gave. Per input topic and origin
partition these rise, so the last one applied says everything.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Offset of the message a record was made from, and the record's ordinal among what it gave."""

    offset: int
    ordinal: int


def fence_key(topic: str, origin_partition: int) -> str:
    """Key of a fence in a partition's state."""
    return f"{topic}|{origin_partition}"
