"""Texts out of CTC logits, against a brute-force sum over all paths."""

import itertools

import numpy as np
import pytest
from waysight.triton_models.vision.ctc import (
    ALPHABET,
    CODE,
    alternatives,
    best_path,
    log_softmax,
    text_probabilities,
)


def logits_of(path: str, sure: float = 9.0) -> np.ndarray:
    """Logits whose best path is `path`, `_` for the blank."""
    logits = np.zeros((len(path), 37), np.float32)
    for step, character in enumerate(path):
        logits[step, CODE.get(character, 0)] = sure
    return logits


@pytest.mark.parametrize(
    ("path", "text"), [("__A_1_", "A1"), ("AA11", "A1"), ("1_1", "11"), ("____", ""), ("Z", "Z")]
)
def test_the_best_path_is_collapsed(path: str, text: str) -> None:
    found, confidences, peaks = best_path(log_softmax(logits_of(path)))
    assert found == text
    assert len(confidences) == len(peaks) == len(text)
    assert all(0.9 < confidence <= 1 for confidence in confidences)


def collapse(codes: tuple[int, ...]) -> str:
    return "".join(
        ALPHABET[code - 1] for i, code in enumerate(codes) if code and (i == 0 or code != codes[i - 1])
    )


def test_probabilities_equal_the_sum_over_all_paths() -> None:
    rng = np.random.default_rng(6)
    logits = np.full((5, 37), -30, np.float32)
    logits[:, :4] = rng.normal(0, 1, (5, 4))
    log_p = log_softmax(logits)
    totals: dict[str, float] = {}
    for codes in itertools.product(range(4), repeat=5):
        weight = float(np.exp(sum(log_p[step, code] for step, code in enumerate(codes))))
        totals[collapse(codes)] = totals.get(collapse(codes), 0.0) + weight
    texts = ["", "0", "1", "00", "012", "0101", "22"]
    found = text_probabilities(log_p[None], texts)[0]
    assert found == pytest.approx([totals.get(text, 0.0) for text in texts], abs=1e-6)


def test_the_runner_up_of_an_uncertain_character_is_offered() -> None:
    logits = logits_of("_A_8_")
    logits[3, CODE["B"]] = 8.5
    offered = alternatives(log_softmax(logits))
    assert offered[0] == "A8"
    assert "AB" in offered
