"""A wanted owner's vehicle is told in a running worker while an authorisation lasts; a permit list tells who is not on it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sightings import sighting
from synthetic import START_MS
from workers import eventually, running, said

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.messages import Alert, SightingBatch
from waysight.settings import Settings

pytestmark = pytest.mark.integration
PROMISED_S = 5.0
EPISODE_MS = 600_000
GROUNDS = "legal_basis,authority,case_number,expires\n"


def test_owners_and_permits_in_a_running_worker(stack: Settings, unique: str, tmp_path: Path) -> None:
    codec = Codec(ConfluentRegistry(stack.registry))
    publisher, origin, now_ms = Publisher(stack, codec), uuid.uuid4().int % 2**31, time.time_ns() // 10**6
    number = uuid.uuid4().int % 9000 + 1000
    owned, member, stranger = (f"{series}{number}" for series in ("WNT", "MBR", "STR"))
    street, gate, owner = f"street-{unique}", f"gate-{unique}", f"p-{unique}"
    _prepare(stack, tmp_path, street, gate, owner, {"owned": owned, "member": member, "case": unique})

    def see(step: int, *seen: tuple[str, str]) -> None:
        at_ms = now_ms - START_MS + step * EPISODE_MS
        made = [
            sighting(camera, plate, at_ms, origin_partition=origin, origin_offset=step, ordinal=n)
            for n, (camera, plate) in enumerate(seen)
        ]
        publisher.publish("sightings", owned, SightingBatch(records=tuple(made), watermarks=()))
        publisher.flush()

    def alerts(kind: str, plate: str = "") -> list[Alert]:
        told = (a for _, a in read_all(stack, codec, "alerts") if a.camera_id in (street, gate))
        return [a for a in told if a.kind == kind and a.plate == (plate or a.plate)]

    log = tmp_path / "worker.log"
    with running(stack, log, "process", "match", "--instance", unique):
        see(0, (street, owned), (gate, member), (gate, stranger))
        (offender,) = eventually(lambda: alerts("not_permitted"), bool)
        assert (offender.plate, offender.list, offender.case_number) == (stranger, unique, unique), (
            log.read_text()
        )
        assert not alerts("wanted_owner")
        day = timedelta(days=1)
        period = [(datetime.now(UTC) + d).date().isoformat() for d in (-day, 30 * day)]
        leave = said(stack, "authorise", "grant", "--purpose", "owner_warrant", "--authority", "court 7", "--legal-basis",
                     "CPC art. 231", "--case", unique, "--subject", owner, "--area", street, "--from", period[0], "--until",
                     period[1], "--by", "judge")["authorisation_id"]  # fmt: skip
        time.sleep(PROMISED_S)
        see(1, (gate, owned), (street, owned))
        (found,) = eventually(lambda: alerts("wanted_owner"), bool)
        assert (found.camera_id, found.matched, found.person_id) == (street, "owner", owner), log.read_text()
        assert (found.authorisation_id, found.legal_basis) == (leave, "CPC art. 185")
        said(stack, "authorise", "revoke", leave, "--reason", "the court ended it")
        time.sleep(PROMISED_S)
        see(2, (street, owned), (gate, stranger))
        eventually(lambda: alerts("not_permitted", stranger), lambda told: len(told) == 2)
        assert len(alerts("wanted_owner")) == 1
    actions = [e["action"] for e in said(stack, "audit", "list") if unique in (e["case_number"], e["detail"])]
    assert {"watchlist.add", "authorise.grant", "authorise.revoke"} <= set(actions)


def _prepare(
    settings: Settings, folder: Path, street: str, gate: str, owner: str, names: dict[str, str]
) -> None:
    """Cameras, the register, the wanted owner, and a permit list with one member, all by command."""
    cameras, vehicles, persons = folder / "cameras.yaml", folder / "vehicles.csv", folder / "persons.csv"
    listed = (f"{{id: {c}, source: 'rtsp://127.0.0.1/x', purposes: [hotlist]}}" for c in (street, gate))
    cameras.write_text(f"cameras: [{', '.join(listed)}]")
    vehicles.write_text(f"plate,country,owner_name,owner_id\n{names['owned']},kz,A. Person,{owner}\n")
    persons.write_text(
        f"person_id,name,kind,{GROUNDS}{owner},A. Person,wanted,CPC art. 185,MIA,{names['case']},2030-01-01\n"
    )
    assert said(settings, "cameras", "import", str(cameras))["imported"] == 2
    assert said(settings, "vehicles", "import", str(vehicles)) == {"vehicles": 1}
    assert said(settings, "persons", "import", str(persons))["changed"] == 1
    grounds = ("--kind", "permit", "--list", names["case"], "--expires", "2030-01-01", "--legal-basis", "city order 5",
               "--authority", "city", "--case", names["case"])  # fmt: skip
    said(settings, "watchlist", "add", "--mode", "permit_list", "--area", gate, *grounds)
    said(settings, "watchlist", "add", "--mode", "permit", "--plate", names["member"], *grounds)
