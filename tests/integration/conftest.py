"""One real stack for all integration tests: own folder, own ports, ended with the test run whatever happens."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from waysight.adapters.kafka_admin import apply_topics
from waysight.local import clickhouse, control, ports
from waysight.local.doctor import PORT_SETTINGS
from waysight.settings import Settings, get_settings, load_settings


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a running Kafka with its topics, registry and ClickHouse; also what `get_settings()` returns meanwhile."""
    numbers = zip(PORT_SETTINGS, ports.free_ports(len(PORT_SETTINGS)), strict=True)
    settings = get_settings().model_copy(
        update={"state_dir": tmp_path_factory.mktemp("stack"), "kafka_bootstrap": "", "registry_url": ""}
        | dict(numbers)
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.child_environment().items():
            if name.startswith("WAYSIGHT_"):
                patch.setenv(name, value)
        load_settings.cache_clear()
        try:
            control.up(settings, ("kafka", "clickhouse", "registry"), owner_pid=os.getpid())
            apply_topics(settings)
            yield settings
        finally:
            control.down(settings)
    load_settings.cache_clear()


@pytest.fixture(scope="session")
def full_stack(stack: Settings) -> Settings:
    """The same with Triton and every model."""
    control.up(stack, owner_pid=os.getpid())
    return stack


@pytest.fixture
def unique() -> str:
    """A name for this test's topics, groups or databases."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def clickhouse_client(stack: Settings) -> Iterator[Callable[..., Client]]:
    """Makes clickhouse-connect's ordinary HTTP clients for the stack; takes get_client's keywords."""
    made: list[Client] = []

    def make(**options: object) -> Client:
        given: dict[str, object] = {
            "host": "127.0.0.1",
            "port": stack.clickhouse_port,
            "username": stack.clickhouse_user,
            "password": clickhouse.password(stack),
        }
        made.append(clickhouse_connect.get_client(**(given | options)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def database(clickhouse_client: Callable[..., Client], unique: str) -> Iterator[Client]:
    """A client whose database is new and empty, dropped after the test."""
    admin = clickhouse_client()
    admin.command(f"CREATE DATABASE {unique}")
    yield clickhouse_client(database=unique)
    admin.command(f"DROP DATABASE {unique}")
