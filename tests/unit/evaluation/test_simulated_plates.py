"""Simulated passes: repeatable, unlike one another, and accepted only where two frames agree past the gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from waysight.triton_models.vision.parcel import pack, unpack

from waysight.evaluation.plates import formats_of
from waysight.evaluation.reference import Answer
from waysight.evaluation.simulated_plates import COUNTRIES, a_pass, decide, run

FORMATS = formats_of(COUNTRIES)


def entry(text: str, confidence: float) -> dict[str, Any]:
    return {
        "text": text,
        "confidence": confidence,
        "confidences": [confidence] * len(text),
        "candidates": [{"text": text, "confidence": confidence}],
    }


class Oracle:
    """A worker that knows every plate of a seed, and misreads the passes that are told."""

    def __init__(self, seed: int, misread: frozenset[int]) -> None:
        self.seed, self.misread, self.number = seed, misread, 0

    def analyse(self, payload: bytes) -> Answer:
        seen = a_pass(np.random.default_rng([self.seed, self.number]), COUNTRIES[self.number % 3])
        assert [crop.tobytes() for crop in unpack(payload)] == [crop.tobytes() for crop in seen.crops]
        text = (
            f"9{seen.text[1:-1]}{'8' if seen.text[-1] != '8' else '9'}"
            if self.number in self.misread
            else seen.text
        )
        self.number += 1
        return Answer([entry(text, 0.97)] * len(seen.crops), "", 1.0, 2.0)


def test_a_seed_gives_the_same_pass_again_and_frames_differ() -> None:
    one, again = (a_pass(np.random.default_rng([3, 1]), "kz") for _ in range(2))
    assert one.text == again.text
    assert all((a == b).all() for a, b in zip(one.crops, again.crops, strict=True))
    assert one.crops[0].shape != one.crops[1].shape
    assert a_pass(np.random.default_rng([3, 2]), "kz").text != one.text


@pytest.mark.parametrize("country", COUNTRIES)
def test_texts_have_a_format_of_their_country(country: str) -> None:
    formats = formats_of([country])
    for number in range(40):
        seen = a_pass(np.random.default_rng([1, number]), country)
        assert formats[0].has(seen.text), seen.text
        assert 2 <= len(seen.crops) <= 3


@pytest.mark.parametrize(
    ("reads", "accepted"),
    [
        ([("B7X413", 0.97), ("B7X413", 0.95)], True),
        ([("B7X413", 0.99), None], False),
        ([("B7X413", 0.99), ("B7X418", 0.4)], False),
        ([("B7X413", 0.4), ("B7X413", 0.4)], False),
        ([None, None], False),
    ],
)
def test_a_pass_needs_the_gate_and_two_frames_that_agree(
    reads: list[tuple[str, float] | None], accepted: bool
) -> None:
    seen = a_pass(np.random.default_rng(1), "pe")
    answers = [entry(*read) if read else None for read in reads]
    assert decide(seen, answers, FORMATS, 0.9).accepted is accepted


def test_wrong_passes_are_counted_and_told() -> None:
    report, wrong = run(Oracle(5, frozenset((1,))), 9, 5, COUNTRIES, 0.9, lambda: None)  # type: ignore[arg-type]
    assert (report["passes"], report["accepted"], report["wrong"]) == (9, 9, 1)
    assert report["countries"]["pe"]["wrong"] == 1
    assert report["error_rate_upper_95"] > 1 / 9
    assert report["cpu_ms_per_pass"] == 2.0
    assert [one["plate"] for one in report["wrong_passes"]] == [wrong[0].seen.text]
    assert report["single_frames"]["wrong"] == len(wrong[0].seen.crops)


def test_a_parcel_keeps_its_pictures_and_a_short_one_is_refused() -> None:
    pictures = [np.full((7, 5, 3), 9, np.uint8), np.arange(300 * 2 * 3, dtype=np.uint8).reshape(300, 2, 3)]
    assert [p.tolist() for p in unpack(pack(pictures))] == [p.tolist() for p in pictures]
    assert unpack(b"") == []
    with pytest.raises(ValueError, match="reshape"):
        unpack(pack(pictures)[:-1])
