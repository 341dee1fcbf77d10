"""A replay in memory: nothing differs until a limit does, and what was published once is not found again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from waysight.processors.enforce import EnforceLogic

from waysight.adapters.clickhouse import ClickHouse
from waysight.authority.rulepacks import all_packs
from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.enforcement.case import Law
from waysight.engine import Message, Output, PartitionState
from waysight.errors import BadConfiguration
from waysight.evaluation.feed import Feed
from waysight.replaying import scratch
from waysight.replaying.difference import WITHDRAWN, Change, Found, fields_changed, stored_rows
from waysight.replaying.publication import decided, held_back, new_version
from waysight.replaying.report import Wanted
from waysight.replaying.scratch import Scratch, in_flow_order, retained_inputs
from waysight.simulate.sightings import Pace, Traffic
from waysight.simulate.town import Town
from waysight.storage.rows import rows_of
from waysight.storage.tables import TABLES

PARTITIONS = 2
VIOLATIONS = TABLES["violations"]
TOWN = Town(3, 1)
RANGE = (TOWN.start_ms, TOWN.start_ms + 86_400_000)


@pytest.fixture(scope="module")
def passed() -> tuple[Codec, list[Message]]:
    """A quarter of an hour of a small town, as Kafka would hold it."""
    from waysight.adapters.registry import MemoryRegistry

    codec, ends = Codec(MemoryRegistry()), dict[tuple[str, int], int]()
    traffic = Traffic(TOWN, 500, Pace(per_s=1, offence_every=6))
    messages = []
    for at_ms, out in Feed(codec, _file({}), PARTITIONS).outputs(traffic.events()):
        at = (
            out.topic,
            scratch.partition_for(out.key, PARTITIONS) if out.partition is None else out.partition,
        )
        ends[at] = ends.get(at, -1) + 1
        messages.append(Message(*at, ends[at], out.key.encode(), out.value, {}, at_ms))
    return codec, messages


def _file(limits: dict[str, float]) -> CameraFile:
    raw = TOWN.camera_file()
    for camera in raw["cameras"]:
        camera["speed_limit_kmh"] = limits.get(camera["id"], camera.get("speed_limit_kmh"))
    return CameraFile.model_validate(raw)


def _replayed(passed: tuple[Codec, list[Message]], **limits: float) -> tuple[Found, list[Message]]:
    codec, messages = passed
    law = Law(packs=all_packs(), formats=plate_formats(), enforcement_gate=0.9)
    scenes = Scenes.of_file(_file({k.replace("_", "-"): v for k, v in limits.items()}))
    found, made = Found(VIOLATIONS, *RANGE), list[Message]()
    run = Scratch([EnforceLogic(codec, scenes, law, PARTITIONS)], dict.fromkeys(
        ("passes", "signals", "violations", "tallies", "dead-letters"), PARTITIONS))  # fmt: skip

    def keep(told: list[Message]) -> None:
        found.keep(codec, told)
        made.extend(m for m in told if m.topic == "violations")

    mine = [m for m in messages if m.topic in ("passes", "signals")]
    asyncio.run(run.run(iter(mine), keep))
    assert (run.read, run.dead_letters) == (len(mine), 0)
    return found, made


def _store(clickhouse: ClickHouse, codec: Codec, told: Sequence[Message]) -> None:
    clickhouse.insert("violations", rows_of(codec, VIOLATIONS, told)[0])


def test_the_same_rules_give_the_same_rows_in_any_pieces(
    clickhouse: ClickHouse, passed: tuple[Codec, list[Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, told = _replayed(passed)
    _store(clickhouse, passed[0], told)
    stored = stored_rows(clickhouse, VIOLATIONS, *RANGE)
    assert len(stored) > 30
    assert found.against(stored) == []
    monkeypatch.setattr(scratch, "_AT_ONCE", 13)
    assert _replayed(passed)[0].against(stored) == []


def test_a_changed_limit_shows_and_once_published_is_not_found_again(
    clickhouse: ClickHouse, passed: tuple[Codec, list[Message]]
) -> None:
    codec, _ = passed
    _store(clickhouse, codec, _replayed(passed)[1])
    found, _ = _replayed(passed, d0_speed_1=95.0, d0_speed_2=45.0)
    changes = found.against(stored_rows(clickhouse, VIOLATIONS, *RANGE))
    assert {c.kind for c in changes} == {"added", "changed", "gone"}
    limits = {fields_changed(VIOLATIONS, c)["limit_kmh"] for c in changes if c.kind == "changed"}
    assert limits <= {(60.0, 95.0), (60.0, 45.0)}
    records = [new_version(VIOLATIONS, c, 77) for c in changes]
    assert {r.revised_ms for r in records} == {77}
    assert [WITHDRAWN in r.obstacles for r in records] == [c.kind == "gone" for c in changes]
    assert not any(r.enforceable for r in records if WITHDRAWN in r.obstacles)
    _store(clickhouse, codec, [Message("violations", 0, n, b"", codec.encode("violations", r))
                               for n, r in enumerate(records)])  # fmt: skip
    assert found.against(stored_rows(clickhouse, VIOLATIONS, *RANGE)) == []


def test_what_a_person_decided_is_held_back(clickhouse: ClickHouse, examples: Callable[[str], Any]) -> None:
    for table, topic in (("reviews", "reviews"), ("fines", "fines")):
        row = {**examples(topic)[0], "violation_id": f"v-{table}"}
        names = [
            n for n in ("violation_id", "review_id", "fine_id", "occurred_ms", "reviewed_ms") if n in row
        ]
        values = ", ".join(repr(row[n]) for n in names)
        clickhouse.run(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})")
    row = {**examples("violations")[0]}
    changes = [Change(f"v-{n}", row, None) for n in ("reviews", "fines", "none")]
    known = decided(clickhouse, {"violations": changes})
    assert [held_back(VIOLATIONS, c, known) for c in changes] == ["reviewed", "fined", ""]
    moved = Change("v", row, {**row, "occurred_ms": row["occurred_ms"] + 1})
    assert held_back(VIOLATIONS, moved, {}) == "moved"
    assert held_back(VIOLATIONS, Change("v", None, row), {}) == ""
    by_hand = {**row, "corrects": "v0"}
    assert held_back(VIOLATIONS, Change("v", by_hand, None), {}) == "corrected"


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [(None, "new", ""), ("new", "new", ""), ("new", None, "raised"), ("verified", "new", "verified")],
)
def test_alerts_that_were_raised_stay(before: str | None, after: str | None, held: str) -> None:
    rows = [None if s is None else {"alert_id": "a", "status": s} for s in (before, after)]
    assert held_back(TABLES["alerts"], Change("a", *rows), {}) == held


def test_a_count_without_facts_becomes_zero_in_a_higher_version(examples: Callable[[str], Any]) -> None:
    row = {**examples("counts")[0], "value": 9, "version": 4}
    gone = new_version(TABLES["counts"], Change("c", row, None), 0)
    assert (gone.value, gone.version) == (0, 5)
    nothing = Found(TABLES["counts"], 0, 1)
    assert nothing.against({"c": row}) == [Change("c", row, None)]
    assert nothing.against({"c": {**row, "value": gone.value}}) == []
    changed = new_version(TABLES["counts"], Change("c", row, {**row, "value": 8, "version": 2}), 0)
    assert (changed.value, changed.version) == (8, 5)


class _Relay:
    """A logic that doubles numbers."""

    tables = ()

    def __init__(self, name: str, source: str, target: str) -> None:
        self.name, self.inputs, self.outputs = name, (source,), (target,)

    async def start(self) -> None:
        return None

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        state.put("t", "sum", (state.get("t", "sum", int) or 0) + len(messages))
        return [Output(self.outputs[0], "k", b"%d" % (2 * int(m.value or b"0"))) for m in messages]


def test_processors_run_in_the_order_of_the_flow() -> None:
    last, first = _Relay("b", "mid", "out"), _Relay("a", "in", "mid")
    ordered = in_flow_order([last, first])
    assert [logic.name for logic in ordered] == ["a", "b"]
    assert retained_inputs(ordered) == ("in",)
    told: list[Message] = []
    run = Scratch(ordered, {"mid": 3, "out": 1})
    asyncio.run(run.run((Message("in", 0, n, b"k", b"%d" % n) for n in range(5)), told.extend))
    assert [m.value for m in told if m.topic == "out"] == [b"%d" % (4 * n) for n in range(5)]
    assert [m.offset for m in told if m.topic == "out"] == list(range(5))
    with pytest.raises(BadConfiguration):
        in_flow_order([first, _Relay("c", "mid", "in")])


def test_a_range_and_processors_that_make_sense() -> None:
    wanted = Wanted(("enforce",), 7_200_000, 9_000_000)
    assert wanted.start_ms == 3_600_000
    assert replace(wanted, warm_up_minutes=1).start_ms == 7_140_000
    assert replace(wanted, since_ms=5).start_ms == 5
    with pytest.raises(BadConfiguration):
        replace(wanted, to_ms=7_200_000)
    with pytest.raises(BadConfiguration):
        replace(wanted, processors=("enforce", "fine"))
