"""The supervised parts survive what happens to them, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import typer
from click.testing import Result
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from typer.testing import CliRunner
from workers import eventually

from waysight.commands import stack as stack_commands
from waysight.errors import BadConfiguration, EngineDown
from waysight.local import control, ports, processes, spec
from waysight.local.doctor import PORT_SETTINGS
from waysight.settings import Settings, get_settings, using

pytestmark = pytest.mark.integration
SLEEPER = [sys.executable, "-c", "import time; print('at work', flush=True); time.sleep(600)"]
# A program that starts another one in a session of its own, as an orphan in the making.
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True); print('at work', flush=True); time.sleep(600)",
]


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty stack with free ports: a supervisor without parts when brought up."""
    numbers = dict(zip(PORT_SETTINGS, ports.free_ports(len(PORT_SETTINGS)), strict=True))
    settings = get_settings().model_copy(update={"state_dir": tmp_path / "state"} | numbers)
    yield settings
    control.down(settings)
    assert processes.of_stack(settings.state_dir) == []


def test_a_client_can_use_kafka_at_once(stack: Settings, unique: str) -> None:
    admin = AdminClient({"bootstrap.servers": stack.bootstrap})
    admin.create_topics([NewTopic(unique, 2, 1)])[unique].result(120)
    failures: list[object] = []
    producer = Producer(
        {"bootstrap.servers": stack.bootstrap, "transactional.id": unique, "message.max.bytes": 16_000_000}
    )
    producer.init_transactions(120)
    producer.begin_transaction()
    producer.produce(unique, b"x" * 15_000_000, on_delivery=lambda error, _: failures.append(error))
    producer.commit_transaction(120)
    assert failures == [None]


def test_a_missing_topic_is_not_made(stack: Settings, unique: str) -> None:
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": stack.bootstrap, "topic.metadata.propagation.max.ms": 1000})
    producer.produce(unique, b"x", on_delivery=lambda error, _: failures.append(error))
    producer.flush(120)
    assert [error.code() for error in failures] == [KafkaError.UNKNOWN_TOPIC_OR_PART]
    assert unique not in producer.list_topics(timeout=120).topics


def test_schema_ids_survive_the_registrys_death(stack: Settings, unique: str) -> None:
    schema = Schema('{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}', "AVRO")
    with SchemaRegistryClient({"url": stack.registry}) as client:
        number = client.register_schema(unique, schema)
    _kill_and_wait(stack, "registry")
    with SchemaRegistryClient({"url": stack.registry}) as client:
        assert client.register_schema(unique, schema) == number


def test_kafka_keeps_topics_over_its_death(stack: Settings, unique: str) -> None:
    admin = AdminClient({"bootstrap.servers": stack.bootstrap})
    admin.create_topics([NewTopic(unique, 3, 1)])[unique].result(120)
    _kill_and_wait(stack, "kafka")
    topics = AdminClient({"bootstrap.servers": stack.bootstrap}).list_topics(timeout=120).topics
    assert len(topics[unique].partitions) == 3


def test_up_twice_is_harmless(stack: Settings) -> None:
    before = control.status(stack)
    after = control.up(stack, ("kafka", "clickhouse", "registry"))
    assert {n: c["pid"] for n, c in after["children"].items()} == {
        n: c["pid"] for n, c in before["children"].items()
    }
    assert after["supervisor"]["pid"] == before["supervisor"]["pid"]


def test_everything_listens_on_loopback_only(stack: Settings) -> None:
    own = {process.pid for process in processes.of_stack(stack.state_dir)}
    listening = [
        c.laddr for c in psutil.net_connections("tcp") if c.pid in own and c.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 5
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_triton_serves_and_leaves_no_shared_memory(full_stack: Settings) -> None:
    from waysight.local.triton import shared_memory_prefix

    prefix = shared_memory_prefix(full_stack.state_dir)
    regions = set(processes.SHARED_MEMORY.glob(f"{prefix}*"))
    assert regions
    _kill_and_wait(full_stack, "triton")
    assert regions.isdisjoint(processes.SHARED_MEMORY.glob(f"{prefix}*"))


def test_programs_start_restart_and_stop_with_their_file(bare: Settings) -> None:
    control.up(bare, ())
    spec.write_program(bare, "worker", SLEEPER, env={"COLOUR": "blue"}, restart="always")
    control.wait_healthy(bare, ["worker"])
    first = _pid(bare, "worker")
    assert psutil.Process(first).environ()["COLOUR"] == "blue"
    assert psutil.Process(first).environ()["WAYSIGHT_KAFKA_PORT"] == str(bare.kafka_port)
    _kill_and_wait(bare, "worker")
    assert control.status(bare)["children"]["worker"]["restarts"] == 1
    spec.remove(bare.state_dir, "worker")
    _until(lambda: "worker" not in control.status(bare)["children"])
    assert processes.of_stack(bare.state_dir, "worker") == []


def test_restart_policies(bare: Settings) -> None:
    control.up(bare, ())
    spec.write_program(bare, "done", [sys.executable, "-c", ""], restart="on-failure")
    spec.write_program(bare, "once", [sys.executable, "-c", "raise SystemExit(3)"], restart="never")
    spec.write_program(bare, "crash", [sys.executable, "-c", "raise SystemExit('no camera file')"])
    _until(lambda: control.status(bare)["children"].get("done", {}).get("state") == "finished")
    _until(lambda: control.status(bare)["children"].get("once", {}).get("exit_code") == 3)
    _until(lambda: control.status(bare)["children"].get("crash", {}).get("deaths_in_a_row", 0) >= 3)
    with pytest.raises(EngineDown, match=r"(?s)crash is .*in a row.*no camera file"):
        control.wait_healthy(bare, ["crash"])


def test_down_after_sigkill_of_the_supervisor(bare: Settings) -> None:
    report = control.up(bare, ())
    spec.write_program(bare, "parent", PARENT)
    control.wait_healthy(bare, ["parent"])
    _until(lambda: len(processes.of_stack(bare.state_dir)) >= 2)
    os.kill(report["supervisor"]["pid"], signal.SIGKILL)
    _until(lambda: not control.status(bare)["supervisor"]["running"])
    assert control.down(bare) >= 2
    assert processes.of_stack(bare.state_dir) == []


def test_a_killed_childs_descendants_go_too(bare: Settings) -> None:
    control.up(bare, ())
    spec.write_program(bare, "parent", PARENT, restart="never")
    control.wait_healthy(bare, ["parent"])
    _until(lambda: len(processes.of_stack(bare.state_dir, "parent")) == 2)
    os.kill(_pid(bare, "parent"), signal.SIGKILL)
    _until(lambda: processes.of_stack(bare.state_dir, "parent") == [])


def test_a_stopped_supervisor_can_be_brought_down(bare: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = control.up(bare, ())["supervisor"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(control, "PATIENCE_S", 1.0)
    control.down(bare)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_stack_ends_with_its_owner(bare: Settings) -> None:
    owner = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    control.up(bare, (), owner_pid=owner.pid)
    spec.write_program(bare, "worker", SLEEPER)
    control.wait_healthy(bare, ["worker"])
    owner.kill()
    owner.wait()
    _until(lambda: not control.status(bare)["supervisor"]["running"])
    assert processes.of_stack(bare.state_dir) == []


def test_a_busy_port_is_named_with_its_holder_and_setting(bare: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", bare.clickhouse_port))
        taken.listen()
        with pytest.raises(BadConfiguration) as caught:
            control.up(bare, ("clickhouse",))
    for part in (str(bare.clickhouse_port), f"pid {os.getpid()}", "WAYSIGHT_CLICKHOUSE_PORT"):
        assert part in str(caught.value)
    control.up(bare, ("clickhouse",))  # the port is free now: trying again is enough


def test_a_bad_child_file_is_named(bare: Settings) -> None:
    control.up(bare, ())
    spec.folder(bare.state_dir).mkdir(parents=True, exist_ok=True)
    (spec.folder(bare.state_dir) / "broken.json").write_text('{"command": 5}')
    with pytest.raises(BadConfiguration, match=r"broken\.json"):
        control.wait_healthy(bare, ["broken"])


def test_the_commands_tell_states_and_exit_codes(bare: Settings) -> None:
    down = _waysight(bare, "status", "--json")
    assert down.exit_code == 1
    assert json.loads(down.stdout)["supervisor"]["state"] == "down"
    control.up(bare, ())
    spec.write_program(bare, "worker", SLEEPER)
    control.wait_healthy(bare, ["worker"])
    running = _waysight(bare, "status", "--json")
    assert running.exit_code == 0
    assert json.loads(running.stdout)["children"]["worker"]["state"] == "healthy"
    assert "worker" in _waysight(bare, "status").stdout
    assert isinstance(_waysight(bare, "up", "--only", "kafak").exception, BadConfiguration)
    assert "the stack is down" in _waysight(bare, "down").stdout
    assert control.status(bare)["supervisor"]["state"] == "down"


def _waysight(settings: Settings, *words: str) -> Result:
    app = typer.Typer()
    stack_commands.register(app)
    with using(settings):
        return CliRunner().invoke(app, list(words))


def _pid(settings: Settings, name: str) -> int:
    return int(control.status(settings)["children"][name]["pid"])


def _kill_and_wait(settings: Settings, name: str) -> None:
    old = _pid(settings, name)
    os.kill(old, signal.SIGKILL)
    _until(lambda: control.status(settings)["children"][name]["pid"] not in (old, None))
    control.wait_healthy(settings, [name])


def _until(true: Callable[[], bool]) -> None:
    assert eventually(true, bool), "it did not happen in time"
