"""The check that tells a hole in the offsets from lost messages."""

from __future__ import annotations

import inspect

import faust
import pytest
from faust.app.base import App
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Producer

from waysight.adapters.faust_fixes import FetchLog


def _lost(log: FetchLog, offset: int, applied: int) -> bool:
    return log.lost_before("t", 0, offset, applied + 1)


def test_contiguous_offsets_are_no_loss() -> None:
    log = FetchLog()
    log.note("t", 0, None, [5, 6])
    log.note("t", 0, 7, [7])
    assert not any(_lost(log, offset, offset - 1) for offset in (5, 6, 7))
    assert log.last["t", 0] == 7


def test_a_marker_inside_a_fetch_between_fetches_and_at_the_start_is_no_loss() -> None:
    log = FetchLog()
    log.note("t", 0, 3, [5, 6, 9])
    assert not _lost(log, 5, 2)
    assert not _lost(log, 9, 6)
    log.note("t", 0, 11, [11])
    assert not _lost(log, 11, 9)
    log.note("t", 0, 13, [])
    log.note("t", 0, 14, [14])
    assert not _lost(log, 14, 11)


def test_messages_that_were_fetched_and_never_came_are_a_loss() -> None:
    log = FetchLog()
    log.note("t", 0, 0, [0, 1])
    log.note("t", 0, 2, [2, 3])
    log.note("t", 0, 5, [5])
    assert _lost(log, 5, 1)
    log.note("t", 0, 6, [7])
    assert _lost(log, 7, 5) is False
    assert _lost(log, 9, 7)


def test_after_a_seek_back_the_chain_starts_there() -> None:
    log = FetchLog()
    log.note("t", 0, 0, [0, 1, 2, 3, 4])
    log.note("t", 0, 2, [])
    log.note("t", 0, 3, [3])
    assert not _lost(log, 3, 1), "offset 2 is a marker that the position passed"
    other = FetchLog()
    other.note("t", 0, 0, [0, 1, 2, 3, 4])
    other.note("t", 0, 5, [5])
    assert _lost(other, 5, 1), "a fetch begun before the seek hides nothing"


def test_partitions_are_apart() -> None:
    log = FetchLog()
    log.note("t", 0, 0, [0])
    log.note("t", 1, 4, [6])
    assert not log.lost_before("t", 1, 6, 4)
    assert log.last == {("t", 0): 0, ("t", 1): 6}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (AIOKafkaConsumerThread, "_fetch_records"),
        (AIOKafkaConsumerThread, "_highwaters"),
        (Consumer, "force_commit"),
        (Consumer, "commit_and_end_transactions"),
        (App, "_consumer_wait_empty"),
        (App, "on_rebalance_end"),
        (App, "crash"),
        (Producer, "commit_transactions"),
    ],
)
def test_the_private_parts_that_we_replace_are_there(owner: type, name: str) -> None:
    assert faust.__version__ == "0.15.3", "read docs/decisions before another version of Faust is taken"
    assert inspect.isfunction(getattr(owner, name))
