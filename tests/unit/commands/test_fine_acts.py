"""An act that can change nothing any more is refused before it is sent, and said."""

from __future__ import annotations

import json
from importlib.resources import files

import msgspec
import pytest

from waysight.authority.fine_acts import require_open
from waysight.commands import fine_campaigns
from waysight.domain.fines.actions import ACTS
from waysight.errors import NotAllowed
from waysight.messages import Fine

NUMBER = "KZ-2026-03-000123-U"


def _fine(status: str) -> Fine:
    text = files("waysight.schemas").joinpath("examples", "Fine.json").read_text()
    accepted = json.loads(text, object_hook=lambda o: o.get("$decimal", o))["accepted"][0]
    return msgspec.convert({**accepted, "number": NUMBER, "status": status}, Fine, strict=False)


@pytest.mark.parametrize("kind", sorted(ACTS))
def test_only_what_still_takes_a_fine_that_has_ended_is_sent(kind: str) -> None:
    for status in ("issued", "paid", "suspended"):
        require_open(kind, _fine(status))  # the order of time decides, and what is stored may be behind
    for status in ("cancelled", "written_off"):
        if status in ACTS[kind].statuses:
            require_open(kind, _fine(status))
        else:
            with pytest.raises(NotAllowed, match=f"{NUMBER} is {status}: {kind} changes nothing any more"):
                require_open(kind, _fine(status))


def test_cancelling_what_is_cancelled_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fine_campaigns, "connect", lambda _: None)
    for status in ("issued", "cancelled"):
        monkeypatch.setattr(fine_campaigns, "find_fine", lambda *_, status=status: _fine(status))
        fine_campaigns.cancel(NUMBER, reason="faulty", by="C. Chief", json_=True)
        out, err = capsys.readouterr()
        assert json.loads(out)["acted"] is False
        assert (f"{NUMBER} is cancelled already" in err) is (status == "cancelled")
