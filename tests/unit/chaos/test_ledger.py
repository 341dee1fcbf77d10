"""The ledger sees what is lost, twice, wrong or false; the plan of harm follows from its seed and spares nobody."""

from __future__ import annotations

import pytest

from chaos.harm import plan
from chaos.ledger import Line, balances, line, table
from chaos.stage import PARTS, WORKERS

TRUTH = {"a": 1, "b": 2, "c": 3}


def test_a_ledger_that_balances() -> None:
    one = line("fines", "topic", TRUTH, TRUTH.items(), resent=4)
    assert one == Line("fines", "topic", 3, 3, 0, 0, 0, 0, 4)
    assert one.balances
    assert balances([one, one])


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ([("a", 1), ("b", 2)], "lost"),
        ([("a", 1), ("b", 2), ("c", 3), ("c", 3)], "twice"),
        ([("a", 1), ("b", 9), ("c", 3)], "wrong"),
        ([("a", 1), ("b", 2), ("c", 3), ("d", 4)], "false"),
    ],
)
def test_each_fault_is_seen_and_named(found: list[tuple[str, int]], fault: str) -> None:
    one = line("fines", "topic", TRUTH, found)
    assert {name: getattr(one, name) for name in ("lost", "twice", "wrong", "false")} == {
        name: int(name == fault) for name in ("lost", "twice", "wrong", "false")
    }
    assert not balances([line("fines", "topic", TRUTH, TRUTH.items()), one])
    assert table([one]).splitlines()[0].split()[2:] == [
        "truth",
        "found",
        "lost",
        "twice",
        "wrong",
        "false",
        "resent",
    ]


def test_the_same_seed_does_the_same_harm_and_ten_minutes_reach_everybody() -> None:
    acts = plan(1, 600.0)
    assert acts == plan(1, 600.0) != plan(2, 600.0)
    assert {a.target for a in acts} == {*WORKERS, *PARTS}
    assert {a.what for a in acts} == {"kill", "pause", "restart", "away"}
    assert all(1.0 <= a.lasts_s <= 25.0 for a in acts if a.what in ("pause", "away"))
    assert [a.at_s for a in acts] == sorted(a.at_s for a in acts)
