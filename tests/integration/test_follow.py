"""Following and convoys on real parts: refused without an authorisation, live under one, ended when it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sightings import sighting
from workers import eventually, running, said, waysight

from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.messages import PassBatch, Sighting, SightingBatch
from waysight.settings import Settings
from waysight.streaming.passes import pass_of

pytestmark = pytest.mark.integration
PROMISED_S = 5.0


def test_a_vehicle_is_followed_and_its_convoy_told_while_an_authorisation_lasts(
    stack: Settings, unique: str, tmp_path: Path
) -> None:
    number = uuid.uuid4().int % 9000 + 1000
    subject, before, beside = (f"{series}{number}" for series in ("SBJ", "BFR", "BSD"))
    cameras = [f"cam-{unique}-{n}" for n in range(3)]
    _import_cameras(stack, tmp_path, cameras)
    street = Street(stack, cameras)
    refused = waysight(stack, "follow", subject, "--authorisation", "none")
    assert refused.returncode == 4
    assert f"authorise grant --purpose follow --subject {subject}" in refused.stderr
    log, shown, picture = tmp_path / "workers.log", tmp_path / "follow.jsonl", tmp_path / "path.png"
    with ExitStack() as ends, running(stack, log, "process", "match", "convoy", "--instance", unique):
        street.drive(subject, before, ago_s=60)
        follow, convoy = (_grant(stack, purpose, subject, unique) for purpose in ("follow", "convoy"))
        time.sleep(PROMISED_S)
        command = [sys.executable, "-m", "waysight.cli", "follow", subject, "--authorisation", follow, "--json", "--map",
                   str(picture)]  # fmt: skip
        with shown.open("wb") as out, (tmp_path / "follow.err").open("wb") as err:
            watching = subprocess.Popen(command, env=stack.child_environment(), stdout=out, stderr=err)
        ends.callback(_ended, watching)
        street.drive(subject, beside)
        lines = eventually(lambda: shown.read_text().splitlines(), lambda found: len(found) >= 3)
        points = [json.loads(line) for line in lines]
        assert [p["camera_id"] for p in points] == cameras, log.read_text()[-3000:]
        assert [round(p["lat"], 3) for p in points] == [43.2, 43.21, 43.22]
        told = eventually(lambda: _convoys(stack, street.codec, subject), bool)
        assert {(a.plate, a.authorisation_id, a.case_number) for a in told} == {(beside, convoy, unique)}
        said(stack, "authorise", "revoke", follow, "--reason", "the court ended it")
        assert watching.wait(300) == 0
        street.drive(subject, beside)
        eventually(lambda: _convoys(stack, street.codec, subject), lambda found: found[-1].sightings >= 6)
    said(stack, "authorise", "revoke", convoy, "--reason", "the test is over")
    assert len(shown.read_text().splitlines()) == 3
    assert len([p for _, p in read_all(stack, street.codec, "follows") if p.plate == subject]) == 3
    assert "the court ended it" in (tmp_path / "follow.err").read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
    mine = sorted(
        (e for e in said(stack, "audit", "list") if subject in e["detail"]), key=lambda e: e["sequence"]
    )
    acts = [e["action"] for e in mine if e["action"].startswith("follow.")]
    assert acts == ["follow.start", "follow.end"]
    at_ms = {(e["action"], e["case_number"]): e["at_ms"] for e in mine if follow in e["detail"]}
    gone_on_ms = at_ms["follow.end", unique] - at_ms["authorise.revoke", unique]
    assert 0 < gone_on_ms < 1000 * PROMISED_S


class Street:
    """Two vehicles that pass some cameras together, again and again."""

    def __init__(self, settings: Settings, cameras: list[str]) -> None:
        self.codec, self._cameras = Codec(ConfluentRegistry(settings.registry)), cameras
        self._publisher = Publisher(settings, self.codec)
        self._origin, self._sent = uuid.uuid4().int % 2**31, 0

    def drive(self, first: str, second: str, ago_s: int = 0) -> None:
        """Pass every camera from so long ago on, ten seconds apart, each in an envelope of its own."""
        begin_ms = time.time_ns() // 1_000_000 - 1000 * ago_s
        for n, camera in enumerate(self._cameras):
            for gap_ms, plate in ((0, first), (3000, second)):
                self._sent += 1
                last_ms = begin_ms + n * 10_000 + gap_ms
                self._send(
                    replace(
                        sighting(camera, plate, 0), sighting_id=f"{camera}-{self._sent}", first_ms=last_ms - 900,
                        last_ms=last_ms, captured_ms=last_ms, origin_partition=self._origin, origin_offset=self._sent,
                    )
                )  # fmt: skip
        self._publisher.flush()

    def _send(self, seen: Sighting) -> None:
        key = f"camera:{seen.camera_id}"
        passes = PassBatch(records=(pass_of(self.codec, key, seen),), watermarks=())
        self._publisher.publish("passes", key, passes)
        self._publisher.publish("sightings", seen.plate, SightingBatch(records=(seen,), watermarks=()))


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def _import_cameras(settings: Settings, folder: Path, cameras: list[str]) -> None:
    file = folder / "cameras.yaml"
    file.write_text(
        "cameras:\n"
        + "".join(
            f"- {{id: {camera}, source: 'rtsp://127.0.0.1/x', purposes: [hotlist], "
            f"location: {{lat: {43.2 + n / 100}, lon: 76.9}}}}\n"
            for n, camera in enumerate(cameras)
        )
    )
    assert said(settings, "cameras", "import", str(file))["imported"] == len(cameras)


def _grant(settings: Settings, purpose: str, plate: str, case: str) -> str:
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
    granted = said(
        settings, "authorise", "grant", "--purpose", purpose, "--subject", plate, "--until", until, "--authority",
        "court 7", "--legal-basis", "CPC art. 231", "--case", case,
    )  # fmt: skip
    return str(granted["authorisation_id"])


def _convoys(settings: Settings, codec: Codec, subject: str) -> list[Any]:
    return [a for _, a in read_all(settings, codec, "alerts") if (a.kind, a.subject) == ("convoy", subject)]
