"""Average precision, recall and agreement on cases worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from waysight.triton_models.vision.objects import Found

from waysight.evaluation.detection_scores import agreement, curve, matched, recalls
from waysight.evaluation.scenes import LabelledObject, Scene

A, B, C = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0), (40.0, 0.0, 50.0, 10.0)


def scene(*objects: tuple[str, tuple[float, float, float, float]], ignored: int = 0) -> Scene:
    things = [LabelledObject(label, label, box, k < ignored) for k, (label, box) in enumerate(objects)]
    return Scene(Path("s.jpg"), tuple(things))


def test_a_box_takes_one_object_and_a_second_box_none() -> None:
    assert matched([A, (0, 0, 10, 9), B], [B, A]) == [1, -1, 0]
    assert matched([(0, 0, 10, 4)], [A]) == [-1]
    assert matched([A], []) == [-1]


def test_average_precision_by_all_points() -> None:
    # Hit, miss, hit of three objects: precision 1, then 2/3 from recall 2/3 on; the third is never found.
    found = [[Found("car", 0.9, A), Found("car", 0.8, (60, 60, 70, 70)), Found("car", 0.7, B)]]
    assert curve(found, [scene(("car", A), ("car", B), ("car", C))]).ap == pytest.approx(
        1 / 3 + (2 / 3) / 3, abs=1e-4
    )


def test_all_found_first_is_one_and_nothing_found_is_zero() -> None:
    scenes = [scene(("car", A)), scene(("car", B))]
    assert curve([[Found("car", 0.6, A)], [Found("car", 0.9, B)]], scenes).ap == 1.0
    assert curve([[], []], scenes).ap == 0.0


def test_scores_are_ranked_over_all_pictures() -> None:
    scenes = [scene(("car", A)), scene()]
    sure_and_wrong = curve([[Found("car", 0.6, A)], [Found("car", 0.9, B)]], scenes)
    unsure_and_wrong = curve([[Found("car", 0.6, A)], [Found("car", 0.2, B)]], scenes)
    assert (sure_and_wrong.ap, unsure_and_wrong.ap) == (0.5, 1.0)


def test_any_object_compares_within_the_kinds_that_are_labelled() -> None:
    scenes = [scene(("truck", A))]
    found = [[Found("person", 0.99, B), Found("car", 0.8, A)]]
    assert curve(found, scenes).ap == 1.0
    assert curve(found, scenes, "truck").ap == 0.0


def test_an_ignored_object_counts_neither_way() -> None:
    scenes = [scene(("car", A), ("car", B), ignored=1)]
    found = [[Found("car", 0.9, A), Found("car", 0.8, B)]]
    result = curve(found, scenes)
    assert (result.ap, result.objects) == (1.0, 1)


def test_recall_tells_finding_from_naming() -> None:
    found = recalls(
        [[Found("car", 0.9, A), Found("car", 0.8, B)]], [scene(("truck", A), ("car", B), ("car", C))]
    )
    assert (found["truck"]["found"]["count"], found["truck"]["found_and_named"]["count"]) == (1, 0)
    assert (found["car"]["found"]["count"], found["car"]["found"]["total"]) == (1, 2)


def test_agreement_pools_vehicles_and_leaves_people_apart() -> None:
    ours = [[Found("car", 0.9, A), Found("bus", 0.9, C), Found("person", 0.9, B)]]
    reference = [[Found("truck", 0.9, A), Found("car", 0.9, B)]]
    vehicles = agreement(ours, reference, "vehicles")
    assert (vehicles["both"], vehicles["only_ours"], vehicles["only_reference"]) == (1, 1, 1)
    assert vehicles["f1"] == 0.5
    people = agreement(ours, reference, "people")
    assert (people["f1"], people["only_ours"]) == (0.0, 1)
    assert agreement([[]], [[]], "people")["f1"] is None
