"""Which reading counts for which plate, and the figures that follow; on cases worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.models import cpu_ratio, plate_like, pooled_gate
from waysight.adapters.inference import Analysis
from waysight.errors import BadConfiguration
from waysight.evaluation.formats import LabelledPicture, LabelledPlate
from waysight.evaluation.plate_scores import Reading, Seen, edits, figures, judged
from waysight.evaluation.plates import formats_of, readings_of
from waysight.evaluation.reference import Answer
from waysight.messages import DetectedObject, PlateCandidate, PlateRead

BOX, ELSEWHERE = (100.0, 100.0, 200.0, 130.0), (400.0, 100.0, 500.0, 130.0)
GATES = {"search": 0.5, "enforcement": 0.9}


def picture(
    *plates: tuple[str, tuple[float, float, float, float] | None], group: str = "us"
) -> LabelledPicture:
    return LabelledPicture(Path("p.jpg"), group, tuple(LabelledPlate(text, box) for text, box in plates))


def seen(
    truth: str, read: str, confidence: float, box: tuple[float, float, float, float] = BOX, group: str = "us"
) -> Seen:
    readings = [Reading(read, confidence, box)] if read else []
    return judged(picture((truth, BOX), group=group), readings, 10.0, 4.0)


def test_of_several_readings_the_one_at_the_plates_place_counts() -> None:
    far, near = Reading("FAR1", 0.99, ELSEWHERE), Reading("NEAR1", 0.4, (95.0, 98.0, 198.0, 131.0))
    one = judged(picture(("NEAR1", BOX)), [far, near], 1.0, None)
    assert one.outcomes[0].reading == near
    assert one.extra == (far,)
    assert one.best == far


def test_two_plates_get_a_reading_each() -> None:
    left, right = Reading("L1", 0.9, BOX), Reading("R1", 0.8, ELSEWHERE)
    one = judged(picture(("R1", ELSEWHERE), ("L1", BOX)), [left, right], 1.0, None)
    assert [o.exact for o in one.outcomes] == [True, True]
    assert one.extra == ()


def test_a_reading_beside_the_plate_leaves_it_missed() -> None:
    found = figures([seen("ABC123", "ABC123", 0.95, ELSEWHERE)], GATES)
    assert (found["exact"], found["errors"]["missed"], found["errors"]["extra"]) == (0, 1, 1)
    assert found["best"]["exact"] == 1
    assert (found["accepted"], found["gates"]["enforcement"]["extra_accepted"]) == (0, 1)


def test_exact_merged_characters_and_gates() -> None:
    found = figures(
        [
            seen("RK026AJ", "RKO26AJ", 0.95),
            seen("ABC1234", "ABC1234", 0.97),
            seen("ABC1234", "ABC124", 0.92),
            seen("ZZZ9999", "", 0.0),
        ],
        GATES,
    )
    assert (found["images"], found["plates"]) == (4, 4)
    assert (found["exact"], found["exact_rate"]) == (1, 0.25)
    assert (found["exact_merged"], found["exact_merged_rate"]) == (2, 0.5)
    assert found["characters"] == pytest.approx((6 + 7 + 6 + 0) / 28, abs=1e-4)
    assert (found["accepted"], found["accepted_exact"], found["accepted_exact_merged"]) == (3, 1, 2)
    assert found["errors"] == {"missed": 1, "wrong": 2, "wrong_merged": 1, "extra": 0, "unusable_pictures": 0}
    assert found["gates"]["search"]["accepted"] == 3
    assert found["cpu_ms_per_image_median"] == 4.0


def test_a_picture_without_a_plate_only_has_extras() -> None:
    one = judged(picture(), [Reading("2024", 0.6, BOX)], 1.0, None, "")
    found = figures([one], GATES)
    assert (found["images"], found["plates"], found["exact_rate"], found["errors"]["extra"]) == (
        1,
        0,
        None,
        1,
    )
    assert found["cpu_ms_per_image_median"] is None


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("", "ABC", 3), ("ABC", "ABC", 0), ("ABD", "ABC", 1), ("BC", "ABC", 1), ("AXBC", "ABC", 1)],
)
def test_edit_distance(one: str, other: str, distance: int) -> None:
    assert edits(one, other) == edits(other, one) == distance


def analysis(text: str, *candidates: tuple[str, float]) -> Analysis:
    read = PlateRead(
        text=text, confidence=candidates[0][1], confidences=(), x1=1, y1=2, x2=3, y2=4, score=1, reader="small",
        candidates=tuple(PlateCandidate(text=t, confidence=c) for t, c in candidates),
    )  # fmt: skip
    return Analysis(9, 9, (DetectedObject(label="car", score=1, x1=0, y1=0, x2=9, y2=9, plate=read),), "")


def test_formats_decide_between_near_candidates_only_when_a_country_is_named() -> None:
    close = analysis("123ABCO2", ("123ABCO2", 0.5), ("123ABC02", 0.45))
    assert [r.text for r in readings_of(close)] == ["123ABCO2"]
    assert [r.text for r in readings_of(close, formats_of(["kz"]))] == ["123ABC02"]
    foreign = analysis("M5XSX", ("M5XSX", 0.9))
    assert [r.text for r in readings_of(foreign, formats_of(["kz"]))] == ["M5XSX"]
    with pytest.raises(BadConfiguration, match="no rule pack for country 'xx'"):
        formats_of(["xx"])


def test_of_an_ocrs_texts_the_surest_plate_like_one_is_taken() -> None:
    rows = [
        ["2014-04-30", 0.99, 0, 0, 1, 1],
        ["TAXI", 0.98, 0, 0, 1, 1],
        ["TZC-207", 0.9, *BOX],
        ["A1", 0.95, 0, 0, 1, 1],
    ]
    assert [r.text for r in plate_like(Answer(rows, "", 1.0, 1.0))] == ["TZC207"]
    assert [r.text for r in plate_like(Answer(rows[:2], "", 1.0, 1.0))] == ["20140430"]
    assert plate_like(Answer(None, "unreadable", 1.0, 1.0)) == []


def test_the_pooled_gate_merges_look_alikes_only_where_labels_do_not_tell_them() -> None:
    both = [seen("RK026AJ", "RKO26AJ", 0.95, group=group).outcomes[0] for group in ("eu", "us")]
    unsure = seen("ABC123", "ABC123", 0.5).outcomes[0]
    found = pooled_gate([*both, unsure])
    assert (found["plates"], found["accepted"], found["wrong"]) == (3, 2, 1)


def test_cpu_ratios_pair_the_same_pictures() -> None:
    ours = [judged(picture(), [], 1.0, cpu) for cpu in (10.0, 20.0, 40.0)]
    theirs = [judged(picture(), [], 1.0, cpu) for cpu in (100.0, 600.0, 600.0)]
    assert cpu_ratio(theirs, ours) == {"of_medians": 30.0, "median_of_ratios": 15.0}
