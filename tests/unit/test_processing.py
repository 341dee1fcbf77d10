"""What is known about processors without building them is what they say themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from waysight.adapters.kafka_admin import wanted_topics
from waysight.errors import BadConfiguration
from waysight.processing import INPUTS, PROCESSORS, build
from waysight.settings import Settings
from waysight.topics import all_topics


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_reads_and_writes_what_is_written_down(name: str, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    logic = build(name, settings)
    assert (logic.name, logic.inputs) == (name, INPUTS[name])
    counts = {w.name: w.partitions for w in wanted_topics(settings)}
    assert len({counts[t] for t in logic.inputs}) == 1, "inputs of one processor need equal partition counts"
    assert set(logic.outputs) <= set(all_topics())
    who = "store" if name == "ledger" else name
    followed = {topic for table in logic.tables for topic in table.topics}
    said = {t.name for t in all_topics().values() if who in t.consumers}
    read = {*INPUTS["store"], *INPUTS["ledger"]} if who == "store" else {*logic.inputs, *followed}
    assert said == read


def test_an_unknown_processor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="no processor 'nothing'; there are detect"):
        build("nothing", Settings(state_dir=tmp_path))
