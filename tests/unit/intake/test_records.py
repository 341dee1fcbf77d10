"""What a device sends is taken, or refused with the field and the reason."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from waysight.intake.records import MOST_AHEAD_MS, OLDEST_MS, Refused, read_of, signal_of
from waysight.messages import ExternalRead, Signal

NOW_MS = 1_794_805_200_000
READ = {
    "read_id": "r1", "device_id": "radar-7", "device_kind": "radar", "camera_id": "gate", "captured_ms": NOW_MS,
    "clock_error_ms": 20, "plate": "123 авс 02", "plate_confidence": 0.99, "speed_kmh": 91.5, "speed_error_kmh": 1,
}  # fmt: skip
JPEG = b"\xff\xd8\xff\xe0picture"
LIGHT = {"junction_id": "j1", "signal_group": "north", "state": "red", "changed_ms": NOW_MS - 5000, "valid_ms": NOW_MS,
         "clock_error_ms": 20}  # fmt: skip


def test_a_read_is_taken_with_its_plate_in_one_spelling() -> None:
    taken = read_of(READ, NOW_MS)
    assert isinstance(taken.record, ExternalRead)
    assert (taken.topic, taken.key, taken.record.plate) == ("external-reads", "camera:gate", "123ABC02")
    assert (taken.record.speed_kmh, taken.record.received_ms) == (91.5, NOW_MS)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"read_id": None}, "read_id", "Expected `str`"),
        ({"speed_kmh": "fast"}, "speed_kmh", "Expected `float | null`"),
        ({"speed_kmh": 401}, "speed_kmh", "<= 400"),
        ({"speed_kmh": None}, "speed_error_kmh", "no speed_kmh"),
        ({"speeed": 3}, "speeed", "unknown field"),
        ({"device_kind": "sonar"}, "device_kind", "Invalid enum value 'sonar'"),
        ({"captured_ms": NOW_MS + MOST_AHEAD_MS + 1}, "captured_ms", "set the device's clock"),
        ({"captured_ms": NOW_MS - OLDEST_MS - 1}, "captured_ms", "import it from a file"),
        ({"plate": "!"}, "plate", "no plate"),
        ({"device_kind": "loop"}, "plate", "a loop reads no plates"),
        ({"camera_id": "Gate 1"}, "camera_id", "regex"),
        ({"pictures": [{"captured_ms": NOW_MS}]}, "pictures[0]", "give either"),
        ({"pictures": [{"captured_ms": NOW_MS, "part": "x"}]}, "pictures[0].part", "no part 'x'"),
        ({"pictures": [{"captured_ms": NOW_MS, "base64": "aGVsbG8="}]}, "pictures[0]", "no JPEG"),
        ({"pictures": [{"captured_ms": NOW_MS, "x1": -1}]}, "pictures[0].x1", ">= 0"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_of({**READ, **change}, NOW_MS)
    assert refused.value.field == field
    assert reason in refused.value.reason


def test_a_missing_field_is_named() -> None:
    with pytest.raises(Refused) as refused:
        read_of({k: v for k, v in READ.items() if k != "camera_id"}, NOW_MS)
    assert refused.value.field == "camera_id"


@pytest.mark.parametrize("raw", [[], "text", 5, None])
def test_what_is_no_record_is_refused(raw: Any) -> None:
    with pytest.raises(Refused, match="Expected `object`"):
        read_of(raw, NOW_MS)


def test_pictures_come_as_text_or_as_parts() -> None:
    given = [
        {"captured_ms": NOW_MS, "base64": base64.b64encode(JPEG).decode()},
        {"captured_ms": NOW_MS, "part": "b"},
    ]
    taken = read_of({**READ, "pictures": given}, NOW_MS, {"b": JPEG + b"2"})
    assert [p.data for p in taken.pictures] == [JPEG, JPEG + b"2"]


def test_signals_of_lights_and_signs() -> None:
    light = signal_of(LIGHT, NOW_MS, "c1")
    assert (light.key, light.device_id) == ("junction:j1", "c1")
    sign = signal_of({"place": "section:s1", "limit_kmh": 80, "changed_ms": NOW_MS, "valid_ms": NOW_MS,
                      "clock_error_ms": 0}, NOW_MS, "c1")  # fmt: skip
    assert isinstance(sign.record, Signal)
    assert (sign.key, sign.record.state, sign.record.limit_kmh) == ("section:s1", "off", 80.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"place": "section:s"}, "junction_id"),
        ({"place": "street:s", "junction_id": "", "signal_group": ""}, "place"),
        ({"signal_group": ""}, "junction_id"),
        ({"limit_kmh": 50}, "limit_kmh"),
        ({"valid_ms": NOW_MS - 6000}, "valid_ms"),
        ({"state": "blue"}, "state"),
    ],
)
def test_a_wrong_signal_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        signal_of({**LIGHT, **change}, NOW_MS, "c1")
    assert refused.value.field == field
