"""A simulated month: its truth is its own, and the real processors find exactly that."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from waysight.evaluation.month.run import Order, run_month
from waysight.settings import Settings
from waysight.simulate.month import court
from waysight.simulate.month.deeds import DEEDS
from waysight.simulate.month.streets import Streets, plate_of
from waysight.simulate.month.tariffs import KZ, NATIONS
from waysight.simulate.month.traffic import Traffic


def _order(country: str = "kz", seed: int = 1, **more: object) -> Order:
    given: dict[str, object] = {"start": date(2025, 12, 30), "days": 3, "passes": 900, **more}
    return Order(country=country, seed=seed, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("country", sorted(NATIONS))
def test_the_real_processors_find_the_truth(country: str) -> None:
    score = run_month(_order(country), Settings())
    assert not score.differences
    assert score.right
    assert score.violations.truth > 40
    assert score.fines.truth > 25
    assert score.fines.sum_truth > score.fines.paid_truth > 0


@pytest.mark.parametrize(
    ("country", "start"),
    [
        ("kz", date(2024, 12, 2)),
        ("ma", date(2026, 2, 13)),
    ],  # a dearer tier from the 4th; clocks go back on the 15th
)
def test_days_on_which_the_law_or_the_clock_changes(country: str, start: date) -> None:
    score = run_month(_order(country, start=start, seed=2, passes=500), Settings())
    assert not score.differences
    assert score.right


def test_a_changed_price_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    units = dict(KZ.units) | {date(2026, 1, 1): Decimal(4326)}
    dearer = replace(KZ, units=tuple(units.items()))
    monkeypatch.setitem(NATIONS, "kz", dearer)
    score = run_month(_order(start=date(2026, 1, 5), days=1, passes=300), Settings())
    assert score.violations.right
    assert not score.fines.right
    assert any("amount is" in line for line in score.differences)


def test_every_deed_is_done_in_every_way() -> None:
    assert math.gcd(len(DEEDS), 6) == 1, "variants go by a number's remainders by two and three"


def test_the_same_seed_gives_the_same_month() -> None:
    one, two, other = (Traffic(Streets(KZ, date(2025, 12, 30)), 300, 3, seed) for seed in (4, 4, 5))
    assert list(one.events()) == list(two.events()) != list(other.events())
    assert one.truth.deeds == two.truth.deeds != other.truth.deeds


@pytest.mark.parametrize("country", sorted(NATIONS))
def test_no_two_vehicles_share_a_plate(country: str) -> None:
    numbers = (*range(20_000), *range(149_000, 170_000))
    assert len({plate_of(country, n) for n in numbers}) == len(numbers)


def test_the_truth_shares_nothing_with_what_it_judges() -> None:
    folder = Path(court.__file__).parent
    named = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                named.add(node.module or "")
    ours = {n for n in named if n.startswith("waysight")}
    assert ours
    assert all(n.startswith(("waysight.simulate", "waysight.messages")) for n in ours)
