"""Downloading production models: from the catalogue's address, kept only when the checksum is right."""

from __future__ import annotations

import http.client
import shutil
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from waysight.digests import sha256_of
from waysight.errors import BadConfiguration, EngineDown, NotAllowed
from waysight.modelling.catalogue import Production

TIMEOUT_S = 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def pulled_path(folder: Path, name: str) -> Path:
    """Where the pulled weights of a production model are kept."""
    return folder / "pulled" / f"{name}.onnx"


def pull(folder: Path, name: str, model: Production, sha256: str, licence_accepted: bool) -> Path:
    """Download a production model and return where it is; harmless to repeat.

    `sha256` is what the user trusts, needed where the catalogue has none. Raises BadConfiguration for a missing or
    wrong checksum, NotAllowed when the licence was not accepted, EngineDown when nothing could be downloaded.
    """
    wanted = expected_sum(name, model, sha256)
    if not licence_accepted:
        raise NotAllowed(
            f"{name} is not ours: licence {model.licence}, trained on {model.trained_on}; read both, then repeat "
            "with --accept-licence"
        )
    address = urlsplit(model.url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise BadConfiguration(f"{name}: {model.url} is not https")
    path = pulled_path(folder, name)
    if path.is_file() and sha256_of(path) == wanted:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        _download(model.url, part)
        found = sha256_of(part)
        if found != wanted:
            raise BadConfiguration(
                f"{model.url} has sha256 {found}, expected {wanted}: it is not the file that was meant, and was "
                "thrown away"
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def expected_sum(name: str, model: Production, sha256: str) -> str:
    """The checksum that a download must have; raises BadConfiguration when nobody states one, or two differ."""
    given = sha256.strip().lower()
    if given and (len(given) != 64 or not set(given) <= set("0123456789abcdef")):
        raise BadConfiguration(f"--sha256 {sha256!r} is not 64 hexadecimal digits")
    if not given and not model.sha256:
        raise BadConfiguration(
            f"the catalogue has no checksum of {name}, so a download could be anything; give --sha256 HEX from "
            "a source that you trust (your own copy, its makers)"
        )
    if given and model.sha256 and given != model.sha256:
        raise BadConfiguration(f"--sha256 {given} is not the catalogue's for {name} ({model.sha256})")
    return given or model.sha256


def _download(url: str, target: Path) -> None:
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer, target.open("wb") as out:
            shutil.copyfileobj(answer, out, 1 << 20)
    except (URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise EngineDown(
            f"{url} could not be downloaded: {error}; check the network, or `waysight models use` a copy"
        ) from error
