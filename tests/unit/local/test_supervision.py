"""Control files, the catalogue, processes and ports, without any part running."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from workers import eventually

from waysight.errors import BadConfiguration, EngineDown
from waysight.local import (
    catalogue,
    clickhouse,
    doctor,
    kafka,
    parts,
    ports,
    processes,
    spec,
    triton,
    triton_venv,
)
from waysight.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")


def test_a_program_file_becomes_a_child(settings: Settings) -> None:
    spec.write_program(
        settings, "detect-1", ["a", "b"], env={"X": "1"}, restart="always", depends_on=["kafka"], ready_port=9
    )
    child = spec.parse("detect-1", spec.read_all(settings.state_dir)["detect-1"], settings)
    assert (child.command, child.env, child.restart, child.depends_on) == (
        ("a", "b"),
        {"X": "1"},
        "always",
        ("kafka",),
    )
    assert child.cwd == Path.cwd()
    assert child.ready() is not None
    spec.remove(settings.state_dir, "detect-1")
    spec.remove(settings.state_dir, "detect-1")
    assert spec.read_all(settings.state_dir) == {}


def test_an_equal_file_is_left_alone(settings: Settings) -> None:
    spec.write(settings.state_dir, "a", {"command": ["x"]})
    path = spec.folder(settings.state_dir) / "a.json"
    os.utime(path, ns=(1, 1))
    spec.write(settings.state_dir, "a", {"command": ["x"]})
    assert path.stat().st_mtime_ns == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"command": 5}',
        '{"command": ["x"], "restart": "often"}',
        '{"command": ["x"], "ready": {}}',
    ],
)
def test_a_bad_file_is_named(settings: Settings, text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"children\.d/odd\.json"):
        spec.parse("odd", text, settings)


@pytest.mark.parametrize("name", ["", "../x", "A", ".hidden", "a b"])
def test_bad_child_names_are_refused(settings: Settings, name: str) -> None:
    with pytest.raises(BadConfiguration, match="child name"):
        spec.write(settings.state_dir, name, {})


def test_unknown_parts_are_refused(settings: Settings) -> None:
    with pytest.raises(BadConfiguration, match="kafak"):
        catalogue.part("kafak", settings)


def test_missing_downloads_are_named_with_the_command(settings: Settings) -> None:
    with pytest.raises(BadConfiguration, match="waysight up"):
        kafka.child(settings)


def test_downloads_are_tried_again_and_end_whole_or_not_at_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def flaky(_cache: Path, folder: Path) -> None:
        tries.append(folder.name)
        folder.mkdir()
        if len(tries) < 3:
            raise OSError("reset by peer")

    def broken(_cache: Path, folder: Path) -> None:
        folder.mkdir()
        raise ValueError("x.jar has SHA-256 0")

    monkeypatch.setattr(parts, "_fetch_kafka", flaky)
    monkeypatch.setattr(parts, "_fetch_registry", broken)
    said: list[str] = []
    with pytest.raises(EngineDown, match=r"apicurio.*SHA-256"):
        parts.fetch_parts(settings, said.append)
    assert parts.kafka_folder(settings).is_dir()
    assert not parts.registry_folder(settings).exists()
    assert sum("reset by peer; trying again" in line for line in said) == 2


def test_a_file_with_the_wrong_digest_is_refused_and_removed(tmp_path: Path) -> None:
    jar = tmp_path / "kafka-clients-4.1.1.jar"
    jar.write_bytes(b"not it")
    with pytest.raises(ValueError, match=r"kafka-clients-4\.1\.1\.jar has SHA-256"):
        parts._check(jar, parts._known_sums())
    assert not jar.exists()


def test_the_password_is_made_once_and_private(settings: Settings) -> None:
    first = clickhouse.password(settings)
    kept = settings.state_dir / "clickhouse" / "password"
    assert len(first) >= 24
    assert clickhouse.password(settings) == first
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert clickhouse.password(Settings(state_dir=settings.state_dir, clickhouse_password="given")) == "given"


def test_only_marked_processes_are_found_and_ended(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours = subprocess.Popen(sleep, env={**os.environ, **processes.marks(tmp_path, "one")})
    other = subprocess.Popen(sleep, env={**os.environ, **processes.marks(tmp_path / "else", "one")})
    try:
        found = eventually(lambda: processes.of_stack(tmp_path, "one"), bool)
        assert [p.pid for p in found] == [ours.pid]
        assert processes.of_stack(tmp_path, "two") == []
        assert processes.end(processes.of_stack(tmp_path)) == 1
        assert not psutil.pid_exists(ours.pid)
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_the_caller_is_never_among_its_own_stack(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from waysight.local import processes;"
        "sys.exit(len(processes.of_stack(Path(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, **processes.marks(tmp_path, "self")},
        check=False,
    )
    assert done.returncode == 0


def test_only_our_shared_memory_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SHARED_MEMORY", tmp_path)
    ours, other = triton.shared_memory_prefix(tmp_path / "a"), triton.shared_memory_prefix(tmp_path / "b")
    assert ours != other
    (tmp_path / f"{ours}1").touch()
    (tmp_path / f"{other}1").touch()
    assert processes.remove_shared_memory(ours) == 1
    assert [path.name for path in tmp_path.iterdir()] == [f"{other}1"]


def test_a_taken_port_names_holder_and_setting() -> None:
    free = ports.free_ports(3)
    assert len(set(free)) == 3
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free[0]))
        taken.listen()
        with pytest.raises(
            BadConfiguration, match=rf"port {free[0]} .*pid {os.getpid()}.*WAYSIGHT_KAFKA_PORT"
        ):
            ports.require_free(free[0], "kafka_port")
    ports.require_free(free[1], "kafka_port")


def test_the_repository_has_models_and_a_folder_without_is_refused(tmp_path: Path) -> None:
    assert "frame_analysis" in triton.model_names(triton.repository())
    with pytest.raises(BadConfiguration, match=r"config\.pbtxt"):
        triton.model_names(tmp_path)


@pytest.mark.parametrize("line", ["version_info = 3.11.7", "version = 3.11.2"])
def test_the_environments_python_version(tmp_path: Path, line: str) -> None:
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\n")
    assert triton_venv.python_version(tmp_path) == "3.11"
    with pytest.raises(BadConfiguration, match="waysight setup"):
        triton_venv.python_version(tmp_path / "none")


def test_doctor_names_what_is_missing_and_how_to_mend_it(settings: Settings) -> None:
    found = {finding.name: finding for finding in doctor.examine(settings)}
    assert not found["kafka"].ok
    assert found["kafka"].mend == "waysight setup"
    assert all(finding.mend for finding in found.values() if not finding.ok)
    assert "prometheus" in doctor.system_packages()
