"""Two chained processors on real Kafka stay exact while their workers are killed, paused, sent away and called back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chaos.trials import KINDS, chosen, plan, trial
from waysight.settings import Settings

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("kind", "seed"), [("mixed", 1), ("rebalance", 2)])
def test_exact_under_harm(stack: Settings, kind: str, seed: int, tmp_path: Path) -> None:
    outcome = trial(stack, tmp_path, kind, seed, rounds=11)
    log = "".join(p.read_text()[-3000:] for p in tmp_path.glob("*.log"))
    assert outcome.exact, f"{outcome}\n{log}"
    assert outcome.ends >= 1, "no worker was killed"
    assert outcome.truth == outcome.found == 4400


def test_every_kind_has_a_plan_that_its_seed_decides() -> None:
    for kind in KINDS:
        one, two = (plan(kind, random.Random(5)) for _ in range(2))
        assert one == two
        # In these two the workers fail or stick by themselves.
        assert sum(map(len, one.values())) >= (1 if kind in ("fail", "stuck") else 3)
    assert chosen("1-3", "kill,stop") == [("stop", 1), ("kill", 2), ("stop", 3)]
    assert chosen("4,9", "kill") == [("kill", 4), ("kill", 9)]
