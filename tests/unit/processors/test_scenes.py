"""Scenes follow the `cameras` topic, and survive nonsense on it."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from waysight.cameras.files import to_records
from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import Scenes
from waysight.messages import CameraRecord
from waysight.simulate.city import build_city
from waysight.simulate.papers import camera_file


@pytest.fixture(scope="module")
def records() -> list[CameraRecord]:
    return to_records(CameraFile.model_validate(camera_file(build_city(7, 10.0, 1_794_891_600_000))))


def test_records_become_scenes_and_sections(records: list[CameraRecord]) -> None:
    scenes = Scenes()
    for record in records:
        scenes.apply(record.camera_id, record)
    entry = scenes.scene("kz-a1-entry")
    assert entry.traffic == 1
    assert entry.homography is not None
    assert entry.papers is not None
    assert [p.section_id for p in scenes.plans_of("kz-a1-entry")] == [entry.section_id]
    assert scenes.scene("kz-j1-north").stop_line is not None


def test_nonsense_keeps_the_last_good_record(
    records: list[CameraRecord], caplog: pytest.LogCaptureFixture
) -> None:
    scenes = Scenes()
    scenes.apply(records[0].camera_id, records[0])
    good = scenes.scene(records[0].camera_id)
    with caplog.at_level(logging.WARNING):
        scenes.apply(records[0].camera_id, replace(records[0], config_json='{"id": 5}'))
    assert scenes.scene(records[0].camera_id) == good
    assert records[0].camera_id in caplog.text


def test_a_camera_out_of_service_only_counts(records: list[CameraRecord]) -> None:
    scenes = Scenes()
    scenes.apply(records[0].camera_id, records[0])
    scenes.apply(records[0].camera_id, replace(records[0], deleted=True))
    assert scenes.scene(records[0].camera_id).purposes == frozenset(("count",))
