"""Records to build on."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fpdf import FPDF

from waysight.messages import FrameRef, Payment, Review, Vehicle, Violation

MakeAny = Callable[..., Any]


def at(text: str) -> int:
    """UTC epoch ms of an ISO time; without a zone it is UTC."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


@pytest.fixture
def at_ms() -> Callable[[str], int]:
    """UTC epoch ms of an ISO time."""
    return at


@pytest.fixture
def frame() -> MakeAny:
    """A kept frame on which the plate was read."""

    def make(**changes: Any) -> FrameRef:
        base: dict[str, Any] = {
            "captured_ms": at("2026-11-16T05:00:10"), "evidence_ref": "frames/c/20261116/e-000000001.h264", "sha256": "0" * 64,
            "x1": 100.0, "y1": 80.0, "x2": 300.0, "y2": 260.0, "plate_x1": 160.0, "plate_y1": 200.0, "plate_x2": 240.0,
            "plate_y2": 220.0, "plate_text": "123ABC02", "plate_confidence": 0.97,
        }  # fmt: skip
        return FrameRef(**{**base, **changes})

    return make


@pytest.fixture
def violation(frame: MakeAny) -> MakeAny:
    """A violation by average speed: 131.0 km/h enforced where 110 is allowed."""

    def make(**changes: Any) -> Violation:
        base: dict[str, Any] = {
            "violation_id": "v1", "offence": "average_speed", "camera_id": "kz-a1-exit", "section_id": "a1-112-113",
            "country": "kz", "location": "A-1 km 113", "occurred_ms": at("2026-11-16T05:00:10"), "plate": "123ABC02",
            "plate_country": "kz", "plate_confidence": 0.97, "label": "car", "measured_kmh": 132.2, "uncertainty_kmh": 1.2,
            "enforced_kmh": 131.0, "limit_kmh": 110.0, "distance_m": 1000.0, "duration_ms": 27_480, "enforceable": True,
            "obstacles": (), "certificate": "KZ.02.03 / AA-17", "sighting_ids": ("s1", "s2"),
            "evidence": (frame(), frame(captured_ms=at("2026-11-16T04:59:43"))), "rule_pack": "kz@2026.11",
            "models": "m", "origin_partition": 0, "origin_offset": 5, "ordinal": 0,
        }  # fmt: skip
        return Violation(**{**base, **changes})

    return make


@pytest.fixture
def review() -> MakeAny:
    """An accepted review on Saturday 21 November 2026."""

    def make(**changes: Any) -> Review:
        base: dict[str, Any] = {
            "review_id": "r1", "violation_id": "v1", "plate": "123ABC02", "decision": "accepted", "reason": "",
            "officer": "A. Officer", "reviewed_ms": at("2026-11-21T05:00:00"), "evidence_sha256": "0" * 64,
        }  # fmt: skip
        return Review(**{**base, **changes})

    return make


@pytest.fixture
def vehicle() -> MakeAny:
    """A registered car."""

    def make(**changes: Any) -> Vehicle:
        base: dict[str, Any] = {
            "plate": "123ABC02", "country": "kz", "make": "Kia", "model": "Rio", "type": "car", "colour": "white",
            "owner_id": "900101300123", "owner_name": "Айгерім Ә. Қасымова", "owner_address": "Astana", "owner_kind": "person",
        }  # fmt: skip
        return Vehicle(**{**base, **changes})

    return make


@pytest.fixture
def payment() -> MakeAny:
    """A payment of half of 43,250 tenge."""

    def make(number: str, **changes: Any) -> Payment:
        base: dict[str, Any] = {
            "payment_id": "p1", "fine_number": number, "plate": "123ABC02", "amount": Decimal("21625.00"),
            "currency": "KZT", "paid_ms": at("2026-11-25T05:00:00"),
        }  # fmt: skip
        return Payment(**{**base, **changes})

    return make


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that reaches a page."""
    texts: list[str] = []
    original = FPDF.multi_cell

    def spy(self: FPDF, w: float, h: float, text: str = "", **options: Any) -> Any:
        if not options.get("dry_run"):
            texts.append(text)
        return original(self, w, h, text, **options)

    monkeypatch.setattr(FPDF, "multi_cell", spy)
    return texts


@pytest.fixture(scope="session")
def standalone(root: Path) -> ModuleType:
    """The verifier that needs no waysight."""
    spec = importlib.util.spec_from_file_location("verify_evidence", root / "examples/verify_evidence.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
