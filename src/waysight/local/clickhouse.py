"""chdb behind ClickHouse's HTTP protocol as a child, and the password that guards it."""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress

from waysight.local.child import Child
from waysight.local.probes import http_ok
from waysight.settings import Settings

NAME = "clickhouse"


def child(settings: Settings) -> Child:
    """The server process: the only owner of its data folder."""

    def prepare() -> None:
        password(settings)

    return Child(
        name=NAME,
        command=(sys.executable, "-m", "waysight.local.clickhouse_server"),
        env={"TZ": "UTC"},
        ready=http_ok(settings.clickhouse_port, "/ping"),
        ports=((settings.clickhouse_port, "clickhouse_port"),),
        prepare=prepare,
        stop_timeout_s=20.0,
    )


def password(settings: Settings) -> str:
    """The configured password, else the one kept in the state folder, made on first use (mode 600)."""
    given = settings.clickhouse_password.get_secret_value()
    if given:
        return given
    kept = settings.state_dir.resolve() / NAME / "password"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f".password.{os.getpid()}")
        handle = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(24))
        with suppress(FileExistsError):  # two at once: the first one's stays
            os.link(new, kept)
        new.unlink()
    return kept.read_text().strip()
