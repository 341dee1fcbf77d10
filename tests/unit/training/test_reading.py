"""Reading one plate with several views and two readers, with networks that answer a given text."""

import json
from pathlib import Path

import numpy as np
import pytest
from waysight.triton_models.vision.confidence import FEATURES, UNFITTED, Chances, features, load_chances
from waysight.triton_models.vision.ctc import CODE, log_softmax
from waysight.triton_models.vision.fusion import LARGE, SMALL, Ranked, View, character_confidences, rank
from waysight.triton_models.vision.reading import Read, Readers, read_plates

PLATE = (np.full((200, 400, 3), 128, np.uint8), (100.0, 80.0, 220.0, 110.0))


def logits_of(text: str, sure: float = 9.0, steps: int = 32) -> np.ndarray:
    logits = np.zeros((steps, 37), np.float32)
    logits[:, 0] = sure
    for index, character in enumerate(text):
        logits[2 + 2 * index] = 0
        logits[2 + 2 * index, CODE[character]] = sure
    return logits


def small(text: str, sure: float = 9.0):
    return lambda batch: np.stack([logits_of(text, sure)] * len(batch))


def large(text: str, sure: float = 9.0):
    return lambda batch: np.stack([np.exp(log_softmax(logits_of(text, sure, 24)))] * len(batch))


def one(readers: Readers) -> Read:
    [read] = read_plates(readers, [PLATE])
    return read


def ranked_of(*views: View) -> Ranked:
    [ranked] = rank([views])
    assert ranked is not None
    return ranked


def seen(text: str, reader: str = SMALL, sure: float = 9.0) -> View:
    return View(log_softmax(logits_of(text, sure)), reader)


def test_a_sure_small_reader_is_not_second_guessed() -> None:
    def never(batch: np.ndarray) -> np.ndarray:
        raise AssertionError(f"asked about {len(batch)} crops")

    chances = Chances({"constant": 5.0}, {})
    read = one(Readers(small("123ABC02"), never, chances=chances))
    assert (read.text, read.reader) == ("123ABC02", SMALL)
    assert read.confidence == pytest.approx(0.9933, abs=1e-3)


def test_a_sure_second_reader_prevails_and_the_first_stays_a_candidate() -> None:
    read = one(Readers(small("AB128", 6.5), large("AB123")))
    assert (read.text, read.reader) == ("AB123", LARGE)
    assert "AB128" in dict(read.candidates)
    assert read.confidence < one(Readers(small("AB123", 6.5), large("AB123"))).confidence


def test_candidates_are_ordered_and_share_one_whole() -> None:
    read = one(Readers(small("AB128", 6.2), large("AB123", 6.5)))
    chances = [chance for _, chance in read.candidates]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= 1.0001
    assert read.candidates[0] == (read.text, read.confidence)
    assert len(read.confidences) == len(read.text)
    assert all(c >= read.confidence - 1e-6 for c in read.confidences)


def test_a_reader_without_arabic_does_not_object_to_the_series_letter() -> None:
    ranked = ranked_of(seen("12345B6"), seen("123456", LARGE))
    assert ranked.texts[0] == "12345B6"
    assert ranked_of(seen("AB1234"), seen("AB124", LARGE)).scores[0] < ranked.scores[0] - 1


def test_what_differs_between_candidates_is_the_doubtful_character() -> None:
    ranked = ranked_of(seen("AB128"), seen("AB123"))
    sure = character_confidences(ranked, 0.5)
    assert min(range(5), key=lambda k: sure[k]) == 4
    assert sure[0] > 0.9


def test_a_look_alike_is_always_weighed() -> None:
    assert {"AB0123", "ABO123"} <= set(ranked_of(seen("AB0123")).texts)


def test_nothing_legible_is_no_reading() -> None:
    assert one(Readers(small(""), large(""))).text == ""
    assert rank([[seen("")]]) == [None]
    assert read_plates(Readers(small("AB123")), []) == []


def test_features_are_named_and_more_belief_means_more_chance() -> None:
    sure, unsure = ranked_of(seen("AB123")), ranked_of(seen("AB123", sure=6.0))
    assert len(features(sure, 20)) == len(FEATURES)
    assert UNFITTED.of(sure, 20) > UNFITTED.of(unsure, 20)


def test_coefficients_are_data(tmp_path: Path) -> None:
    file = tmp_path / "confidence.json"
    assert load_chances(file) is UNFITTED
    file.write_text(json.dumps({"alone": {"constant": 0.0}, "both": {"constant": 3.0}}))
    chances = load_chances(file)
    assert chances.of(ranked_of(seen("AB123")), 20) == 0.5
    assert chances.of(ranked_of(seen("AB123"), seen("AB123", LARGE)), 20) > 0.9


def lines_network(legible: float, two_line: float = -9.0):
    """Quads over the middle of the crop, and the given logits."""
    quad = [[0.2, 0.3], [0.8, 0.3], [0.8, 0.7], [0.2, 0.7]]

    def run(batch: np.ndarray) -> np.ndarray:
        row = np.array([*np.ravel([quad, quad]), two_line, legible], np.float32)
        return np.tile(row, (len(batch), 1))

    return run


def test_what_the_corner_network_calls_illegible_is_not_read() -> None:
    assert one(Readers(small("AB123"), lines=lines_network(3.0))).text == "AB123"
    assert one(Readers(small("AB123"), lines=lines_network(-3.0))).text == ""


@pytest.mark.parametrize(("two_line", "expected"), [(-9.0, False), (9.0, True)])
def test_lines_are_read_as_many_as_there_are(two_line: float, expected: bool) -> None:
    asked: list[int] = []

    def counting(batch: np.ndarray) -> np.ndarray:
        asked.append(len(batch))
        return small("AB123")(batch)

    read = one(Readers(counting, lines=lines_network(3.0, two_line)))
    assert read.two_line is expected
    assert asked == [2]


def test_a_character_that_only_the_wide_view_shows_widens_the_large_readers_view() -> None:
    widths: list[float] = []
    picture = np.zeros((200, 400, 3), np.uint8)
    picture[80:110, 100:220] = 255

    def near_then_wide(_: np.ndarray) -> np.ndarray:
        return np.stack([logits_of("B123"), logits_of("AB123")])

    def measuring(text: str):
        def run(batch: np.ndarray) -> np.ndarray:
            widths.append(float((batch[0, 0] > 0).mean()))
            return large(text)(batch)

        return run

    unsure = Chances({"constant": -1.0}, {"constant": 1.0})
    both = [(picture, PLATE[1])]
    read_plates(Readers(small("AB123"), measuring("AB123"), chances=unsure), both)
    read_plates(Readers(near_then_wide, measuring("AB123"), chances=unsure), both)
    assert widths[1] < 0.85 * widths[0]


def test_what_a_view_disputes_stays_below_the_gate_of_a_fine() -> None:
    certain = Chances({"constant": 9.0}, {"constant": 9.0})
    assert certain.of(ranked_of(seen("AB123"), seen("AB123")), 20) > 0.99
    assert certain.of(ranked_of(seen("AB123"), seen("AB128")), 20) < 0.9
    assert certain.of(ranked_of(seen("AB123"), seen("AB128", LARGE)), 20) < 0.9
