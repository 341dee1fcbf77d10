"""The evidence report speaks English and the languages of the country's law, in letters that its fonts have."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import yaml
from matplotlib.ft2font import FT2Font

from waysight.adapters.pictures import encode_jpeg
from waysight.authority.evidence.blur import Blur
from waysight.authority.evidence.records import Facts, how_measured, measurement
from waysight.authority.evidence.report import report_pdf
from waysight.authority.evidence.words import report_words
from waysight.authority.notice_words import notice_words
from waysight.authority.rulepacks import all_packs
from waysight.messages import CameraRecord

Make = Callable[..., Any]
REF = "frames/c/20261116/e-000000001.jpg"


@pytest.mark.parametrize(
    ("country", "languages"),
    [
        ("kz", ("en", "kk", "ru")),
        ("pe", ("en", "es")),
        ("ma", ("en", "fr", "ar")),
        ("", ("en",)),
        ("xx", ("en",)),
    ],
)
def test_the_languages_of_a_country(country: str, languages: tuple[str, ...]) -> None:
    words = report_words(country)
    assert words.languages == languages
    assert all(t.strip() for texts in words.texts.values() for t in texts)


def test_what_is_filled_in_is_the_same_in_every_language(root: Path) -> None:
    spoken = yaml.safe_load((root / "src/waysight/authority/evidence/words.yaml").read_text(encoding="utf-8"))
    assert {code for pack in all_packs().values() for code in pack.code} == set(spoken)
    for key, english in spoken["en"].items():
        holes = sorted(re.findall(r"\{\w*\}", english))
        assert {str(sorted(re.findall(r"\{\w*\}", texts[key]))) for texts in spoken.values()} == {str(holes)}


def test_the_fonts_have_every_letter(root: Path) -> None:
    words = (root / "src/waysight/authority/evidence/words.yaml").read_text(encoding="utf-8")
    said = words + "".join(t for c in all_packs() for texts in notice_words(c).texts.values() for t in texts)
    said += "".join(t for p in all_packs().values() for o in p.offences for t in o.title.values())
    said += "".join(t for p in all_packs().values() for r in p.readings for t in r.texts.values())
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        have = set(FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)).get_charmap())
        assert {c for c in said if ord(c) not in have} <= {"\n"}, name


@pytest.fixture
def facts(violation: Make, frame: Make, review: Make) -> Callable[..., Facts]:
    """A case of a country with four pictures."""
    rng = np.random.default_rng(3)
    pictures = {}
    for n in range(4):
        data = encode_jpeg(rng.integers(0, 255, (180, 320, 3), dtype=np.uint8))
        pictures[REF.replace("0001", f"000{n}")] = data

    def make(country: str, offence: str, **changes: Any) -> Facts:
        refs = tuple(
            frame(evidence_ref=name, sha256=hashlib.sha256(data).hexdigest())
            for name, data in pictures.items()
        )
        found = violation(country=country, offence=offence, evidence=refs, camera_id="c", **changes)
        config = '{"id": "c", "source": "rtsp://host/live", "timezone": "Africa/Casablanca"}'
        camera = CameraRecord(camera_id="c", record_kind="camera", version="1", config_json=config)
        return Facts(violation=found, frames=pictures, cameras=[camera], reviews=[review()])

    return make


@pytest.mark.parametrize(
    ("country", "offence", "expected"),
    [
        ("kz", "average_speed", ["Жол учаскесінде орташа жылдамдықты асыру", "Өлшенген", "Решения", "held against the driver"]),
        ("pe", "spot_speed", ["No respetar los límites máximos", "Medición", "se imputa al conductor", "Decisions"]),
        ("ma", "red_light", ["عدم احترام الضوء الأحمر", "Étalonnage", "القياس", "retenu contre le conducteur", "أُخذ الأصلح للسائق"]),
    ],
)  # fmt: skip
def test_the_report_is_printed_in_every_language(
    country: str, offence: str, expected: list[str], facts: Callable[..., Facts], printed: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    case = facts(country, offence, red_ms=1250 if offence == "red_light" else None)
    shown = [(ref, case.frames[ref.evidence_ref]) for ref in case.refs]
    files = [{"path": f"frames/{n}.jpg", "sha256": "0" * 64} for n in range(12)]
    made = report_pdf(case, shown, files, "ab" * 16, 1_795_000_000_000, Blur())
    assert made == report_pdf(case, shown, files, "ab" * 16, 1_795_000_000_000, Blur())
    (tmp_path / "report.pdf").write_bytes(made)
    assert made.count(b"/FontFile2") == 2, "both fonts are embedded"
    text = "\n".join(printed).casefold()
    for words in expected:
        assert words.casefold() in text, words
    for key in ("measurement", "clocks", "calibration", "decisions", "files", how_measured(case.violation)):
        for said in report_words(country)[key]:
            assert said.casefold() in text, said


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"source": "radar:r-7"}, "how_device"),
        ({"source": "register", "offence": "no_insurance"}, "how_register"),
        ({"offence": "spot_speed"}, "how_spot_speed"),
        ({"offence": "illegal_parking", "dwell_ms": 400_000}, "how_stood"),
        ({"offence": "bus_lane"}, "how_seen"),
    ],
)
def test_how_it_was_measured(violation: Make, changes: dict[str, Any], key: str) -> None:
    found = violation(**changes)
    assert how_measured(found) == key
    assert measurement(found)["how"] == report_words("")[key][0].format(source=found.source)
