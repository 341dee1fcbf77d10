"""Which processors there are, and how each is built from the settings."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from waysight.engine import Logic
from waysight.errors import BadConfiguration
from waysight.settings import Settings

# Name (also the consumer group "waysight-<name>") → module and its factory.
PROCESSORS: dict[str, tuple[str, str]] = {
    "detect": ("waysight.processors.detect", "build"),
    "track": ("waysight.processors.track", "build"),
    "edge": ("waysight.processors.edge", "build"),
    "convoy": ("waysight.processors.convoy", "build"),
    "match": ("waysight.processors.match", "build"),
    "enforce": ("waysight.processors.enforce", "build"),
    "papers": ("waysight.processors.papers", "build"),
    "count": ("waysight.processors.count", "build"),
    "rollup": ("waysight.processors.rollup", "build"),
    "fine": ("waysight.processors.fine", "build"),
    "store": ("waysight.processors.store", "build"),
    "ledger": ("waysight.processors.store", "build_ledger"),
}

# What each one reads; equal to its Logic's `inputs` (a test holds this), known here without building it.
INPUTS: dict[str, tuple[str, ...]] = {
    "detect": ("frames",),
    "track": ("detections",),
    "edge": ("external-reads",),
    "convoy": ("passes",),
    "match": ("sightings", "alert-actions", "companions"),
    "enforce": ("passes", "signals", "external-reads"),
    "papers": ("sightings", "vehicles"),
    "count": ("passes", "tallies"),
    "rollup": ("minutes",),
    "fine": ("violations", "reviews", "vehicles", "payments", "fine-actions", "penalties", "plate-penalties"),
    "store": (
        "sightings",
        "violations",
        "counts",
        "rollups",
        "alerts",
        "follows",
        "reviews",
        "fines",
        "payments",
        "fine-actions",
        "fine-events",
        "referrals",
        "external-reads",
    ),
    "ledger": ("clock-checks", "statistics", "audit", "camera-health", "dead-letters"),
}


def group_id(name: str) -> str:
    """The consumer group of a processor."""
    return f"waysight-{name}"


def state_topic(name: str) -> str:
    """The compacted topic that keeps a processor's state."""
    return f"waysight-{name}-state"


def build(name: str, settings: Settings) -> Logic:
    """One processor by name; raises BadConfiguration for an unknown one."""
    if name not in PROCESSORS:
        raise BadConfiguration(f"no processor {name!r}; there are {', '.join(PROCESSORS)}")
    module, factory = PROCESSORS[name]
    return cast(Logic, getattr(import_module(module), factory)(settings))
