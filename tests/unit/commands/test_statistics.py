"""Published figures as records: what a line means, and what is refused."""

from __future__ import annotations

import pytest

from waysight.commands.statistics import statistic_of
from waysight.errors import BadConfiguration

ROW = {"source": "Police", "place": "camera:cam-1", "category": "crashes_injury", "from": "2026-01-01",
       "until": "2026-02-01", "value": "12"}  # fmt: skip


def test_a_line_becomes_a_figure_with_the_same_id_whenever_it_is_imported() -> None:
    first, again = statistic_of(ROW, 1), statistic_of({**ROW, "value": "13"}, 2)
    assert (first.from_ms, first.until_ms, first.value) == (1_767_225_600_000, 1_769_904_000_000, 12.0)
    assert first.statistic_id == again.statistic_id
    assert statistic_of({**ROW, "category": "theft"}, 1).statistic_id != first.statistic_id


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("place", "cam-1", "camera:<id>"),
        ("category", "Crashes!", "small letters"),
        ("category", "violations", "our own"),
        ("value", "many", "no number"),
        ("value", "-1", "0 or above"),
        ("value", "inf", "0 or above"),
        ("until", "2026-01-01", "not after"),
        ("source", "", "source empty"),
    ],
)
def test_a_wrong_line_says_what_is_wrong(column: str, value: str, said: str) -> None:
    with pytest.raises(BadConfiguration, match=said):
        statistic_of({**ROW, column: value}, 1)
