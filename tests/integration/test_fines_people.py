"""What people do about fines, through their commands, on real Kafka and ClickHouse."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from officers import WHY, own_database, plates, write_csv
from workers import eventually, running, said

from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.domain.fines.pricing import fine_id_of
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Fine, Review, Vehicle, Violation
from waysight.settings import Settings

pytestmark = pytest.mark.integration
# Nine days ago, or the last of December that the rule pack has prices for.
ISSUED = min(datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0) - timedelta(days=9),
             datetime(2026, 12, 20, 6, tzinfo=UTC))  # fmt: skip
BY = ("--by", "B. Chief")
Run = Callable[..., Any]


def ms(day: float = 0.0) -> int:
    """So many days after the issue, UTC epoch ms."""
    return round((ISSUED + timedelta(days=day)).timestamp() * 1000)


def at(day: float) -> tuple[str, str]:
    return "--at", (ISSUED + timedelta(days=day)).isoformat()


@pytest.fixture
def settings(stack: Settings, tmp_path: Path, unique: str) -> Iterator[Settings]:
    """The stack with a database of this test's own."""
    with own_database(stack, tmp_path, unique) as found:
        yield found


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs a command in this process and gives its JSON, or raises what it raised."""
    return partial(said, settings)


def registered(settings: Settings, owners: Mapping[str, str]) -> None:
    """Vehicles with the numbers of their owners, known before the acceptance: what is known later dates the fine."""
    publisher = Publisher(settings, Codec(ConfluentRegistry(settings.registry)))
    for plate, owner_id in owners.items():
        publisher.publish("vehicles", plate, Vehicle(
            plate=plate, country="kz", make="Kia", model="Rio", type="car", colour="white", owner_id=owner_id,
            owner_name="A. Owner", owner_address="Astana", owner_kind="person",
        ), timestamp_ms=ms(-2))  # fmt: skip
    publisher.flush()


def accepted(settings: Settings, name: str, plate: str, camera: str, **changes: Any) -> None:
    """A violation by spot speed and an officer's acceptance of it."""
    violation: dict[str, Any] = {
        "violation_id": name, "offence": "spot_speed", "camera_id": camera, "country": "kz", "location": "A-1",
        "occurred_ms": ms(-1), "plate": plate, "plate_country": "kz", "plate_confidence": 0.97, "label": "car",
        "measured_kmh": 126.0, "uncertainty_kmh": 1.0, "enforced_kmh": 125.0, "limit_kmh": 110.0, "enforceable": True,
        "obstacles": (), "certificate": "X", "sighting_ids": (name,), "evidence": (), "rule_pack": "kz", "models": "m",
        "origin_partition": 0, "origin_offset": 1, "ordinal": 0, **changes,
    }  # fmt: skip
    publisher = Publisher(settings, Codec(ConfluentRegistry(settings.registry)))
    publisher.publish("violations", plate, Violation(**violation))
    publisher.publish("reviews", plate, Review(
        review_id=name, violation_id=name, plate=plate, decision="accepted", reason="", officer="A. Officer",
        reviewed_ms=ms(), evidence_sha256="0" * 64,
    ))  # fmt: skip
    publisher.flush()


def test_what_people_do_about_fines(settings: Settings, run: Run, unique: str, tmp_path: Path) -> None:
    own = plates(8)
    camera, log = f"cam-{unique}", tmp_path / "workers.log"
    registered(settings, {plate: f"{unique}{n}" for n, plate in enumerate(own)})

    def current() -> dict[str, dict[str, Any]]:
        return {f["violation_id"]: f for f in run("fines", "list", "--limit", "100000", *WHY)}

    def state(n: int, of: str = "") -> dict[str, Any]:
        return current()[f"{unique}-{n}{of}"]

    with running(settings, log, "process", "fine", "store", "ledger", "--instance", unique):
        for n, plate in enumerate(own):
            accepted(settings, f"{unique}-{n}", plate, camera if n in (5, 6) else "c")
        # A second, graver measurement of one drive: of the two one fine stands.
        accepted(settings, f"{unique}-6b", own[6], camera, enforced_kmh=135.0, occurred_ms=ms(-1) + 9000)
        stand = {f"{unique}-{n}{'b' * (n == 6)}" for n in range(8)}

        def issued(seen: dict[str, dict[str, Any]]) -> bool:
            """One fine for each act; the topics are shared with other tests, whose fines are stored here as well."""
            return {v for v in seen if v.startswith(unique) and seen[v]["status"] != "cancelled"} == stand

        found = eventually(current, issued)
        assert issued(found), log.read_text()[-3000:]
        number = {n: found[f"{unique}-{n}{'b' * (n == 6)}"]["number"] for n in range(8)}
        amount = Decimal(found[f"{unique}-0"]["amount"])

        def act(kind: str, n: int, day: float, *more: str) -> None:
            run("fines", "act", kind, number[n], *BY, *at(day), *more)

        with pytest.raises(NotAllowed, match="--by"):
            run("fines", "act", "suspended", number[0], "--reason", "x")
        with pytest.raises(BadConfiguration, match="future"):
            act("served", 0, (datetime.now(UTC) - ISSUED).days + 2, "--channel", "post", "--proof", "P-1")
        act("served", 0, 0.5, "--channel", "post", "--proof", "P-1")
        act("appealed", 0, 1)
        act("appeal_dismissed", 0, 3, "--reason", "no_ground")
        act("appealed", 1, 1)
        act("appeal_upheld", 1, 2, "--reason", "stolen")
        act("nominated", 2, 1, "--person-id", f"{unique}D", "--person-name", "D. Driver")
        act("nomination_confirmed", 2, 2, "--reason", "agreed")
        act("suspended", 3, 1, "--reason", "court")
        act("resumed", 3, 4)
        act("resumed", 3, 5)
        statement = [
            {"payment_id": f"{unique}{k}", "fine_number": name, "plate": own[n], "amount": str(paid),
             "currency": money, "paid_at": (ISSUED + timedelta(days=2)).date().isoformat()}
            for k, (name, n, paid, money) in enumerate([
                (number[4], 4, 1000, "KZT"), (number[5], 5, amount, "KZT"), (number[0], 0, 50, "USD"),
                ("KZ-2020-00-000001-X", 7, 70, "KZT"), (number[7], 7, "12,5", "KZT"),
            ])
        ]  # fmt: skip
        path, aside = write_csv(tmp_path / "bank.csv", *statement), tmp_path / "aside.csv"
        with pytest.raises(BadConfiguration, match=r"bank\.csv:6: amount"):
            run("payments", "import", path)
        for _ in range(2):
            assert run("payments", "import", path, "--quarantine", str(aside)) == {"payments": 4}
            with aside.open() as handle:
                (wrong,) = csv.DictReader(handle)
            assert (wrong["line"], wrong["amount"]) == ("6", "12,5")

        wanted = {
            (0, "appeal"): "dismissed", (1, "status"): "cancelled", (2, "liable_id"): f"{unique}D",
            (3, "transition"): "resumed", (4, "paid"): "1000.00", (5, "status"): "paid",
        }  # fmt: skip

        def lacking() -> dict[tuple[int, str], Any]:
            rows = current()
            return {
                k: rows[f"{unique}-{k[0]}"][k[1]]
                for k, v in wanted.items()
                if rows[f"{unique}-{k[0]}"][k[1]] != v
            }

        left = eventually(lacking, lambda found: not found)
        assert not left, (left, log.read_text()[-3000:])
        assert [state(n)["status"] for n in (0, 1, 2, 3, 4)] == [
            "issued",
            "cancelled",
            "issued",
            "issued",
            "issued",
        ]
        told = eventually(lambda: run("fines", "show", number[3], *WHY), lambda shown: shown["events"][3])
        assert [e["transition"] for e in told["events"]] == ["issued", "suspended", "resumed", "refused"]
        past = run("fines", "show", number[3], "--at", (ISSUED + timedelta(days=2)).date().isoformat(), *WHY)
        assert (past["state"]["status"], told["state"]["status"]) == ("suspended", "issued")
        assert run("fines", "show", number[3], "--at", "2020-01-01", *WHY)["state"] is None

        def findings() -> dict[str, str]:
            rows = run("payments", "report", *WHY)
            return {r["payment_id"]: r["finding"] for r in rows if r["payment_id"].startswith(unique)}

        right = {f"{unique}{n}": finding for n, finding in enumerate(
            ("partial", "paid_too_much", "wrong_currency", "unknown_number"))}  # fmt: skip
        assert eventually(findings, right.__eq__) == right

        with pytest.raises(BadConfiguration, match="no violation rests"):
            run("fines", "cancel", "--camera", f"{camera}x", "--from", "2020-01-01", "--to", "2030-01-01",
                "--reason", "faulty", *BY)  # fmt: skip
        mass = ("fines", "cancel", "--camera", camera, "--from", (ISSUED - timedelta(days=3)).date().isoformat(),
                "--to", (ISSUED + timedelta(days=1)).date().isoformat(), "--reason", "faulty_camera", *BY)  # fmt: skip
        listed = run(*mass)
        assert {f["number"] for f in listed["fines"]} >= {number[5], number[6]}
        assert not listed["acted"]
        run(*mass, "--yes")

        def cancelled() -> bool:
            rows = current()
            mine = [r for r in rows.values() if r["plate"] in (own[5], own[6])]
            return (
                all(r["status"] == "cancelled" for r in mine)
                and rows[f"{unique}-5"]["refund_due"] is not None
            )

        assert eventually(cancelled, bool), current()
        assert Decimal(state(5)["refund_due"]) == amount
        run("fines", "refund", number[5], "--proof", "T-1", *BY, "--yes")
        assert eventually(lambda: state(5)["refund_due"], lambda due: due is None) is None
        with pytest.raises(NotAllowed, match="nothing is due"):
            run("fines", "refund", number[5], *BY, "--yes")
        assert {r["status"] for r in current().values() if r["plate"] == own[6]} == {"cancelled"}

        reminding = ("fines", "remind", "--after-days", "5", *BY)
        assert {f["number"] for f in run(*reminding)["fines"]} >= {number[0], number[4], number[7]}
        run(*reminding, "--yes")
        assert eventually(lambda: state(7)["reminders"], bool) == 1
        assert number[7] not in {f["number"] for f in run(*reminding)["fines"]}
        assert run("fines", "write-off", *BY)["fines"] == [], "the pack does not surely say when"
        notice = tmp_path / "notice.pdf"
        run("fines", "notice", number[7], "--out", str(notice), "--specimen")
        assert notice.read_bytes().startswith(b"%PDF-")
        with pytest.raises(BadConfiguration, match="cancelled"):
            run("fines", "notice", number[5], "--out", str(notice))
        crashes = {"source": "police", "place": f"camera:{camera}", "category": "crashes", "from": "2026-01-01",
                   "until": "2026-02-01", "value": "7"}  # fmt: skip
        for _ in range(2):
            run("statistics", "import", write_csv(tmp_path / "s.csv", crashes))
        client = connect(settings)
        sql, given = (
            "SELECT value FROM statistics_current WHERE place = {p:String}",
            {"p": f"camera:{camera}"},
        )
        assert eventually(lambda: client.rows(sql, given), bool) == [{"value": 7.0}]
        client.close()
    series: dict[str, set[int]] = {}
    for _, fine in read_all(settings, Codec(ConfluentRegistry(settings.registry)), "fines"):
        assert isinstance(fine, Fine)
        series.setdefault(fine.series, set()).add(fine.serial)
    assert all(serials == set(range(1, max(serials) + 1)) for serials in series.values())
    assert fine_id_of(f"{unique}-0") == found[f"{unique}-0"]["fine_id"]
