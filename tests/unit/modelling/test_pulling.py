"""Pulling production models from a real HTTP server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from waysight.cli import build
from waysight.commands import models as commands
from waysight.errors import BadConfiguration, EngineDown, NotAllowed
from waysight.local.triton import repository
from waysight.modelling.catalogue import Catalogue, Production, read_catalogue
from waysight.modelling.pulling import pull, pulled_path
from waysight.settings import Settings

WEIGHTS = b"weights" * 1000
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, says nothing."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(WEIGHTS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}"
        finally:
            http.shutdown()
            thread.join()


def model(url: str, sha256: str = DIGEST) -> Production:
    return Production(
        replaces="vehicle_detector", kind="yolox", classes="coco", url=url, sha256=sha256, licence="MIT",
        trained_on="streets", measured="no",
    )  # fmt: skip


def test_a_pulled_file_is_kept_only_with_the_right_checksum(server: str, tmp_path: Path) -> None:
    path = pull(tmp_path, "net", model(f"{server}/net.onnx"), "", True)
    assert path == pulled_path(tmp_path, "net")
    assert path.read_bytes() == WEIGHTS
    (path.parent / "other.onnx").unlink(missing_ok=True)
    with pytest.raises(BadConfiguration, match=f"has sha256 {DIGEST}"):
        pull(tmp_path, "other", model(f"{server}/net.onnx", "0" * 64), "", True)
    assert [file.name for file in path.parent.iterdir()] == ["net.onnx"]


def test_what_is_there_already_is_not_downloaded_again(tmp_path: Path) -> None:
    path = pulled_path(tmp_path, "net")
    path.parent.mkdir(parents=True)
    path.write_bytes(WEIGHTS)
    assert pull(tmp_path, "net", model("https://nowhere.invalid/net.onnx"), "", True) == path


def test_without_a_known_checksum_the_user_must_give_one(server: str, tmp_path: Path) -> None:
    unknown = model(f"{server}/net.onnx", "")
    with pytest.raises(BadConfiguration, match="give --sha256 HEX"):
        pull(tmp_path, "net", unknown, "", True)
    with pytest.raises(BadConfiguration, match="64 hexadecimal digits"):
        pull(tmp_path, "net", unknown, "beef", True)
    assert pull(tmp_path, "net", unknown, DIGEST.upper(), True).is_file()
    with pytest.raises(BadConfiguration, match="not the catalogue's"):
        pull(tmp_path, "net", model(f"{server}/net.onnx"), "0" * 64, True)


def test_licence_address_and_server_are_checked(server: str, tmp_path: Path) -> None:
    with pytest.raises(NotAllowed, match=r"licence MIT, trained on streets.*--accept-licence"):
        pull(tmp_path, "net", model(f"{server}/net.onnx"), "", False)
    with pytest.raises(BadConfiguration, match="not https"):
        pull(tmp_path, "net", model("http://models.example/net.onnx"), "", True)
    with pytest.raises(EngineDown, match="could not be downloaded"):
        pull(tmp_path, "net", model(f"{server}/absent.onnx"), "", True)
    assert not list(tmp_path.rglob("*.part"))


def test_the_commands_pull_list_and_say_what_is_missing(
    server: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = read_catalogue(repository())
    catalogue = Catalogue(shipped.models, {"net": model(f"{server}/net.onnx")})
    monkeypatch.setattr(commands, "read_catalogue", lambda _: catalogue)
    run = partial(CliRunner().invoke, build("models"), catch_exceptions=True)
    with pytest.raises(BadConfiguration, match="waysight models pull net"):
        raise run(["models", "use", "vehicle_detector", "net"]).exception or AssertionError
    assert isinstance(run(["models", "pull", "net"]).exception, NotAllowed)
    done = run(["models", "pull", "net", "--accept-licence"])
    assert done.exit_code == 0
    assert "waysight models use vehicle_detector net" in done.stdout
    listed = run(["models", "list", "--json"]).stdout
    assert '"pulled": true' in listed
    assert str(repository() / "vehicle_detector") in listed
    assert isinstance(run(["models", "use", "plate_reader", "net"]).exception, BadConfiguration)
    assert isinstance(run(["models", "use", "vehicle_detector", "x.onnx"]).exception, BadConfiguration)
    assert settings.models_folder.is_dir()
