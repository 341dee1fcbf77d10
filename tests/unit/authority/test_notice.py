"""The notice: the printed figures are the fine's own, on one page, the same bytes each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import matplotlib
import numpy as np
import pytest
from fpdf import FPDF
from fpdf.fonts import TTFFont

from waysight.authority import notices
from waysight.authority.notice_words import notice_words, words_of
from waysight.authority.notices import Issuer, _in_order, notice_pdf
from waysight.authority.qr import payment_text, qr_picture
from waysight.authority.rulepacks import load_pack
from waysight.domain.confirming import confirmation_of, confirmed, unsure_values
from waysight.domain.fines.act import settle
from waysight.domain.fines.facts import Case, Law
from waysight.domain.fines.story import Party
from waysight.domain.rulepack import RulePack
from waysight.errors import BadConfiguration
from waysight.messages import Fine

Make = Callable[..., Any]
KZ, ZONE = load_pack("kz"), ZoneInfo("Asia/Almaty")
LAW = Law(KZ, lambda ms: datetime.fromtimestamp(ms / 1000, ZONE).date(), 0.9)


def page(violation: Any, review: Any, vehicle: Any, **issuer: Any) -> bytes:
    fine = settle(Party(Case(violation=violation, reviews=(review,)), LAW, vehicle)).fine
    assert isinstance(fine, Fine), fine
    picture = np.full((360, 640, 3), 90, dtype=np.uint8)
    pictures = [(ref, picture) for ref in violation.evidence]
    return notice_pdf(fine, violation, pictures, KZ, "Asia/Almaty", Issuer(**issuer))


def test_what_the_owner_reads(printed: list[str], violation: Make, review: Make, vehicle: Make) -> None:
    found = violation(measured_kmh=132.24, uncertainty_kmh=1.19, enforced_kmh=131.05)
    data = page(found, review(), vehicle(), authority="Example authority", specimen=True)
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1
    for text in ("Айгерім Ә. Қасымова", "123ABC02", "16.11.2026  10:00:10 (UTC+0500)", "132.2 км/сағ", "1.2 км/сағ",
                 "131.0 км/сағ", "110 км/сағ", "21.0 км/сағ", "43\u00a0250,00 ₸", "21\u00a0625,00 ₸", "KZ.02.03 / AA-17",
                 "Example authority", "A. Officer", "21.11.2026"):  # fmt: skip
        assert text in printed, text
    joined = "\n".join(printed)
    assert "01.12.2026" in joined
    assert "592(2)" in joined
    assert "SPECIMEN" in joined
    assert "calendar" in joined, "the unsure reading that was used is named"


def test_the_same_fine_gives_the_same_bytes(violation: Make, review: Make, vehicle: Make) -> None:
    assert page(violation(), review(), vehicle()) == page(violation(), review(), vehicle())


def test_a_red_light_has_no_speeds(printed: list[str], violation: Make, review: Make, vehicle: Make) -> None:
    found = violation(offence="red_light", measured_kmh=None, enforced_kmh=None, limit_kmh=None, red_ms=1830,
                      distance_m=None, duration_ms=None)  # fmt: skip
    page(found, review(), vehicle())
    assert "1.83 s" in printed
    assert not any("км/сағ" in text for text in printed)


def test_long_texts_stay_on_the_page(violation: Make, review: Make, vehicle: Make) -> None:
    data = page(
        violation(location="A" * 400), review(), vehicle(owner_name="Б " * 200, owner_address="В " * 300)
    )
    assert data.count(b"/Type /Page\n") == 1


@pytest.mark.parametrize("country", ["kz", "ma", "pe"])
def test_every_line_that_there_is_fits_on_the_page(
    country: str, violation: Make, review: Make, vehicle: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(violation=violation(), reviews=(review(),))
    fine = settle(Party(case, LAW, vehicle(owner_name="Б " * 200, owner_address="В " * 300))).fine
    assert isinstance(fine, Fine)
    pack = load_pack(country)
    caveats = ",".join(r.id for r in pack.readings if r.applies != "referral")
    full = replace(fine, country=country, caveats=caveats, appeal_until="2026-12-31", points=50)
    found = violation(
        country=country, location="Some street " * 8, tolerance_kmh=5.0, certificate="KZ.02.03 AA-17; " * 6
    )
    reached: list[float] = []
    original = FPDF.multi_cell

    inside: list[bool] = []  # a dry run writes too, and takes it back

    def spy(self: FPDF, *args: Any, **options: Any) -> Any:
        inside.append(True)
        made = original(self, *args, **options)
        inside.pop()
        if not inside and not options.get("dry_run"):
            reached.append(self.get_y())
        return made

    monkeypatch.setattr(FPDF, "multi_cell", spy)
    pictures = [(ref, np.full((360, 640, 3), 90, dtype=np.uint8)) for ref in found.evidence]
    issuer = Issuer(authority="Authority", address="Street", payment="Pay to account " * 8, specimen=True)
    notice_pdf(full, found, pictures, pack, "UTC", issuer)
    assert 280 < max(reached) <= 296.5


def test_words_are_complete() -> None:
    assert notice_words("kz").languages == ("kk", "ru", "en")
    with pytest.raises(BadConfiguration, match="no words"):
        notice_words("xx")
    good = {"languages": ["en"], **{k: [v[0]] for k, v in notice_words("kz").texts.items()}}
    assert words_of(good, "f")["plate"]
    for bad, message in (
        ({**good, "plate": ["a", "b"]}, "plate: needs 1"),
        ({**good, "x": ["a"]}, "unknown"),
        ([], "languages"),
    ):
        with pytest.raises(BadConfiguration, match=message):
            words_of(bad, "f")


def everything(country: str) -> RulePack:
    """A pack whose amounts a person confirmed."""
    pack = load_pack(country)
    sure = [v for v in unsure_values(pack) if v.path.startswith(("offences.", "tolerances."))]
    return confirmed(pack, [confirmation_of(pack, v.path, "", "A. Jurist", "head", "text", 1) for v in sure])


@pytest.mark.parametrize(
    ("country", "zone", "changes", "served", "texts", "once"),
    [
        ("pe", "America/Lima", {"plate": "A1B234", "offence": "bus_lane"}, "2026-11-20T12:00:00",
         ("74,80 S/", "hasta (inclusive): 27.11.2026", "145,20 S/ hasta la notificación de la sanción"), "G10"),
        ("pe", "America/Lima", {"plate": "A1B234", "offence": "red_light"}, None,
         ("–", "Esta infracción no admite el beneficio de pago reducido. · There is no reduced payment for this offence."), "M17"),
        ("pe", "America/Lima", {"plate": "A1B234", "offence": "spot_speed", "tolerance_kmh": 5.0, "measured_kmh": 139.0}, None,
         ("5.0 km/h", "3.0 km/h", "60"), "M20"),
        ("ma", "Africa/Casablanca", {"plate": "12345A6", "offence": "spot_speed", "enforced_kmh": 131.0}, None,
         ("300,00 MAD", "dans un délai de 1 j après la notification",
          "350,00 MAD dans un délai de 15 j après la notification", "4"), "185"),
        ("ma", "Africa/Casablanca", {"plate": "12345A6", "offence": "red_light"}, "2026-11-20T12:00:00",
         ("400,00 MAD", "jusqu'au (inclus): 21.11.2026", "500,00 MAD jusqu'au (inclus): 05.12.2026"), "184"),
    ],
)  # fmt: skip
def test_the_notice_of_each_country(
    country: str,
    zone: str,
    changes: dict[str, Any],
    served: str | None,
    texts: tuple[str, ...],
    once: str,
    printed: list[str],
    violation: Make,
    review: Make,
    vehicle: Make,
    at_ms: Make,
) -> None:
    pack, days = everything(country), ZoneInfo(zone)
    law = Law(pack, lambda ms: datetime.fromtimestamp(ms / 1000, days).date(), 0.9)
    found = violation(country=country, plate_country=country, evidence=(), **changes)
    owner = vehicle(country=country, plate=changes["plate"])
    fine = settle(Party(Case(violation=found, reviews=(review(plate=changes["plate"]),)), law, owner)).fine
    assert isinstance(fine, Fine), fine
    if served is not None:
        fine = replace(fine, served_ms=at_ms(served))
    data = notice_pdf(fine, found, [], pack, zone, Issuer())
    assert data.count(b"/Type /Page\n") == 1
    for text in texts:
        assert text in printed, (text, printed)
    assert any(t.startswith(f"{once} – ") for t in printed)


def test_arabic_is_joined_and_written_from_the_right() -> None:
    """The letters reach the page in their joined forms, the plate in the order of its characters."""
    page = FPDF()
    page.add_font("dejavu", "", Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf")
    page.set_font("dejavu", "", 10)
    loose = page.get_string_width("السير")
    page.set_text_shaping(True)
    assert page.get_string_width("السير") < loose
    font = page.fonts["dejavu"]
    assert isinstance(font, TTFFont)
    font.ttfont.close()
    assert _in_order("123ABC02") == "123ABC02"
    marked = _in_order("12345أ6")
    assert marked.replace("\u200e", "") == "12345أ6"
    assert "\u200e6" in marked


def test_the_code_says_what_is_to_be_paid(
    monkeypatch: pytest.MonkeyPatch, printed: list[str], violation: Make, review: Make, vehicle: Make
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(notices, "qr_picture", lambda text: shown.append(text) or qr_picture(text))
    page(violation(), review(), vehicle())
    page(violation(), review(), vehicle(), link="https://pay.example/{number}")
    assert shown == [" 21625.00 KZT", "https://pay.example/"], (
        "a fine without a number, as it is before its issue"
    )
    assert "Тексеру және төлеу" in printed
    text = payment_text("KZ-2026-03-000123-G", "21625.00", "KZT")
    decoded, *_ = cv2.QRCodeDetector().detectAndDecode(qr_picture(text))
    assert decoded == text == "KZ-2026-03-000123-G 21625.00 KZT"


def test_the_letter_goes_to_who_is_liable(
    printed: list[str], violation: Make, review: Make, vehicle: Make
) -> None:
    fine = settle(Party(Case(violation=violation(), reviews=(review(),)), LAW, vehicle())).fine
    assert fine is not None
    named = replace(fine, liable_id="77", liable_name="D. Driver", liable_address="Almaty")
    notice_pdf(named, violation(), [], KZ, "Asia/Almaty", Issuer())
    assert {"D. Driver", "Almaty", "77"} <= set(printed)
    assert vehicle().owner_name not in printed


def test_a_pack_that_changed_since_prints_no_other_price(
    printed: list[str], violation: Make, review: Make, vehicle: Make
) -> None:
    fine = settle(Party(Case(violation=violation(), reviews=(review(),)), LAW, vehicle())).fine
    assert fine is not None
    stages = tuple(replace(s, fraction=Decimal("0.9")) for s in KZ.discounts[0].stages)
    dearer = replace(KZ, discounts=(replace(KZ.discounts[0], stages=stages),))
    with pytest.raises(BadConfiguration, match="--rules"):
        notice_pdf(fine, violation(), [], dearer, "Asia/Almaty", Issuer())
    notice_pdf(replace(fine, discount_until="2026-12-17"), violation(), [], KZ, "Asia/Almaty", Issuer())
    assert "17.12.2026" in "\n".join(printed), "the day of the fine, which a suspension moved"
