"""Granting, revoking and showing authorisations: on the audit chain before anything changes or is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from waysight.adapters.registry import MemoryRegistry
from waysight.authority.imports import moment_ms
from waysight.cameras.files import to_records
from waysight.cameras.models import Camera, CameraFile
from waysight.codec import Codec
from waysight.commands import authorise, governed, importing, known_cameras, persons
from waysight.errors import BadConfiguration, NotAllowed, WaysightError
from waysight.messages import Authorisation

GRANT = ("grant", "--purpose", "follow", "--authority", "court 7", "--legal-basis", "CPC art. 231", "--case", "C-7",
         "--subject", "123 abc 02", "--area", "district:Port", "--until", "2099-12-31", "--from", "2099-01-01",
         "--by", "judge")  # fmt: skip
WHY = ("--purpose", "review", "--case", "C-7")


class Office:
    """Stands in for Kafka and the audit log: what was recorded and published, in order, and what the topics hold."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[tuple[Any, ...]] = []
        self.held: dict[str, dict[str, Any]] = {}

    def __call__(self, *_: object) -> Office:
        return self

    def record(self, action: str, *more: Any, actor: str = "") -> None:
        self.lines.append(action)
        self.events.append((action, *more, actor))

    def publish(self, topic: str, key: str, record: object) -> None:
        self.lines.append(topic)
        self.held.setdefault(topic, {})[key] = record

    def flush(self) -> None:
        """Nothing waits."""

    def latest(self, _settings: object, _codec: object, topic: str) -> dict[str, Any]:
        """What a compacted topic holds."""
        return dict(self.held.get(topic, {}))

    def run(self, module: Any, *arguments: str) -> Any:
        """A command's JSON, or what it raised."""
        app = typer.Typer()
        module.register(app)
        result = CliRunner().invoke(app, [module.__name__.rpartition(".")[2], *arguments, "--json"])
        if isinstance(result.exception, WaysightError):
            raise result.exception
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    found = Office()
    for module in (authorise, governed, importing, known_cameras, persons):
        for name, stand_in in (("AuditLog", found), ("Publisher", found), ("latest_by_key", found.latest)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, stand_in)
        monkeypatch.setattr(module, "open_codec", lambda _: Codec(MemoryRegistry()), raising=False)
    return found


def test_a_grant_is_recorded_first_and_entered_once(office: Office) -> None:
    granted = office.run(authorise, *GRANT)
    assert office.lines == ["authorise.grant", "authorisations"]
    assert (granted["subjects"], granted["area"]) == (["123ABC02"], ["district:Port"])
    assert office.events[0][1:3] == ("grant", "C-7")
    assert office.events[0][-1] == "judge"
    assert office.run(authorise, *GRANT) == granted
    assert len(office.held["authorisations"]) == 1


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--purpose", "curiosity", "purpose 'curiosity'"),
        ("--authority", "", "authority is missing"),
        ("--legal-basis", "", "legal basis is missing"),
        ("--case", "", "case number is missing"),
        ("--subject", "-", "needs the plates"),
        ("--area", "planet:earth", "planet:earth"),
        ("--until", "", "--until is missing"),
        ("--until", "2098-12-31", "ends before it begins"),
    ],
)
def test_a_grant_without_its_grounds_is_refused(office: Office, option: str, value: str, said: str) -> None:
    arguments = list(GRANT)
    arguments[arguments.index(option) + 1] = value
    with pytest.raises(NotAllowed, match=said):
        office.run(authorise, *arguments)
    assert not office.lines


@pytest.mark.parametrize(("country", "zone"), [("kz", "+05:00"), ("pe", "-05:00")])
def test_a_grant_is_for_days_of_the_country_with_cameras(office: Office, country: str, zone: str) -> None:
    before = office.run(authorise, *GRANT)
    (camera,) = to_records(CameraFile(cameras=(Camera(id="gate", source="gate.mp4", country=country),)))
    office.publish("cameras", "gate", camera)
    office.publish("cameras", "nonsense", replace(camera, camera_id="nonsense", config_json="{}"))
    office.held.pop("authorisations")
    granted = office.run(authorise, *GRANT)
    assert granted["valid_from_ms"] == moment_ms(f"2099-01-01T00:00{zone}", "from")
    assert granted["ends_ms"] == moment_ms(f"2100-01-01T00:00{zone}", "until")
    assert granted["authorisation_id"] == before["authorisation_id"], "wherever cameras stand"


def test_the_past_cannot_be_allowed(office: Office) -> None:
    arguments = [{"2099-01-01": "2020-01-01", "2099-12-31": "2020-12-31"}.get(a, a) for a in GRANT]
    with pytest.raises(NotAllowed, match="over already"):
        office.run(authorise, *arguments)


def test_a_revoked_one_stays_revoked_and_only_a_new_case_brings_another(office: Office) -> None:
    granted = office.run(authorise, *GRANT)
    with pytest.raises(NotAllowed, match="--reason"):
        office.run(authorise, "revoke", granted["authorisation_id"])
    gone = office.run(
        authorise, "revoke", granted["authorisation_id"][:10], "--reason", "closed", "--by", "chief"
    )
    assert (gone["revoked_by"], gone["reason"]) == ("chief", "closed")
    assert office.lines[-2:] == ["authorise.revoke", "authorisations"]
    again = office.run(authorise, "revoke", granted["authorisation_id"], "--reason", "other", "--by", "x")
    assert (again["revoked_ms"], again["reason"]) == (gone["revoked_ms"], "closed")
    with pytest.raises(NotAllowed, match="was revoked"):
        office.run(authorise, *GRANT)
    for unknown in ("zzz", ""):
        with pytest.raises(BadConfiguration, match="authorise list"):
            office.run(authorise, "revoke", unknown, "--reason", "closed")


def test_looking_needs_a_purpose_and_shows_what_is_in_force(office: Office) -> None:
    granted = office.run(authorise, *GRANT)
    with pytest.raises(NotAllowed, match="--purpose"):
        office.run(authorise, "list")
    assert [a["authorisation_id"] for a in office.run(authorise, "list", *WHY)] == [
        granted["authorisation_id"]
    ]
    assert office.events[-1][0] == "authorise.list"
    office.run(authorise, "revoke", granted["authorisation_id"], "--reason", "closed")
    assert office.run(authorise, "list", *WHY) == []
    assert len(office.run(authorise, "list", "--all", *WHY)) == 1


def test_persons_are_imported_revoked_and_shown(office: Office, tmp_path: Any) -> None:
    path = tmp_path / "persons.csv"
    head = "person_id,name,kind,legal_basis,authority,case_number,expires"
    path.write_text(f"{head}\np-1,A. Person,wanted,CPC art. 185,court,w-1,2099-01-01\n")
    assert office.run(persons, "import", str(path)) == {"entries": 1, "changed": 1, "still_revoked": 0}
    assert office.lines == ["persons.import", "persons"]
    assert [p["person_id"] for p in office.run(persons, "list", *WHY)] == ["p-1"]
    assert office.run(persons, "revoke", "p-1", "--officer", "o")[0]["revoked_by"] == "o"
    assert office.run(persons, "import", str(path)) == {"entries": 1, "changed": 0, "still_revoked": 1}
    with pytest.raises(BadConfiguration, match="no such persons"):
        office.run(persons, "revoke", "p-2")
    with pytest.raises(NotAllowed, match="--purpose"):
        office.run(persons, "list")
    path.write_text(f"{head}\np-1,A. Person,wanted,,court,w-1,2099-01-01\n")
    with pytest.raises(NotAllowed, match=r"persons\.csv:2: legal basis"):
        office.run(persons, "import", str(path))


def test_an_authorisation_survives_its_topic(office: Office) -> None:
    codec = Codec(MemoryRegistry())
    office.run(authorise, *GRANT)
    (held,) = office.held["authorisations"].values()
    read = codec.decode("authorisations", codec.encode("authorisations", held))
    assert isinstance(read, Authorisation)
    assert read == held
