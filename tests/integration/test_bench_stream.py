"""The comparison of stream engines, in small: ours and the plain loop work off the same sightings, both rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import stream
from waysight.settings import get_settings, using


@pytest.mark.integration
def test_ours_and_the_plain_loop_put_out_the_truth(tmp_path: Path) -> None:
    with using(get_settings().model_copy(update={"out_dir": tmp_path})):
        found = stream.main(records=4_000, runs=1, engines=("reference",), name="small")
    assert found["wrong"] == found["failed"] == {}
    assert set(found["events_per_cpu_s"]) == set(found["arrow_events_per_cpu_s"]) == {"waysight", "reference"}
    assert (tmp_path / "bench" / "small.json").stat().st_size > 500
    assert (tmp_path / "bench" / "small.png").stat().st_size > 5_000
