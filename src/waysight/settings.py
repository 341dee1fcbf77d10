"""All settings, with defaults for one machine; the only module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from waysight.errors import BadConfiguration


class Settings(BaseSettings):
    """Every value can be set by an environment variable ``WAYSIGHT_<NAME>`` (or in a ``.env`` file)."""

    model_config = SettingsConfigDict(env_prefix="WAYSIGHT_", env_file=".env", extra="ignore", frozen=True)

    state_dir: Path = Field(Path(".waysight"), description="children's folders, logs, local data")
    cache_dir: Path = Field(Path.home() / ".cache" / "waysight", description="downloads and rendered clips")
    out_dir: Path = Field(Path("out"), description="where demo, bench and reports write")

    kafka_port: int = 19092
    kafka_controller_port: int = 19093
    registry_port: int = 18081
    registry_management_port: int = 18082
    clickhouse_port: int = 18123
    triton_http_port: int = 18000
    triton_grpc_port: int = 18001
    triton_metrics_port: int = 18002
    prometheus_port: int = 19090
    metrics_port: int = Field(0, description="where a program serves its metrics; 0 = off")

    kafka_bootstrap: str = Field("", description="empty: the local broker")
    registry_url: str = Field("", description="empty: the local registry")
    triton_urls: str = Field("", description="comma-separated gRPC addresses; empty: the local server")
    clickhouse_host: str = "127.0.0.1"
    clickhouse_user: str = "waysight"
    clickhouse_password: SecretStr = Field(
        SecretStr(""), description="empty: read from the local stack's state"
    )
    clickhouse_database: str = "waysight"
    evidence_url: str = Field("", description="object store, e.g. s3://bucket/prefix; empty: a local folder")
    evidence_key: SecretStr = Field(
        SecretStr(""), description="Ed25519 private key (PEM); empty: made locally"
    )

    triton_in_flight: int = Field(
        8, ge=1, description="frames one detect worker keeps in flight at each server"
    )
    triton_timeout_s: float = Field(30.0, gt=0)
    models_dir: Path | None = Field(None, description="models put in place of ours; empty: in state_dir")
    triton_venv: Path | None = Field(None, description="Triton's own virtual environment")
    partitions: int = Field(4, ge=1, description="partitions of the keyed topics at creation")
    replication: int = Field(1, ge=1)
    enforcement_gate: float = Field(0.90, ge=0, le=1, description="least whole-plate confidence for a fine")
    alert_gate: float = Field(0.80, ge=0, le=1, description="least whole-plate confidence for an alert")
    cloned_legal_basis: str = Field(
        "", description="law by which cloned plates are looked for; empty: they are not"
    )
    cloned_authority: str = Field("", description="authority on whose behalf that is done")
    search_gate: float = Field(0.50, ge=0, le=1, description="least whole-plate confidence kept as a read")
    allowed_lateness_ms: int = Field(600_000, ge=0, description="how late a fact may still correct a window")
    user: str = Field("", description="who acts (audit); empty: the login name")

    def child_environment(self) -> dict[str, str]:
        """The environment for a program of ours that must see exactly these settings (folders made absolute)."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items()}
        paths = {n: v.expanduser().resolve() if isinstance(v, Path) else v for n, v in plain.items()}
        return {**os.environ, **{f"WAYSIGHT_{n.upper()}": str(v) for n, v in paths.items() if v is not None}}

    @property
    def bootstrap(self) -> str:
        """Kafka's bootstrap servers."""
        return self.kafka_bootstrap or f"127.0.0.1:{self.kafka_port}"

    @property
    def registry(self) -> str:
        """The schema registry's Confluent-compatible address."""
        return self.registry_url or f"http://127.0.0.1:{self.registry_port}/apis/ccompat/v7"

    @property
    def triton_addresses(self) -> tuple[str, ...]:
        """gRPC addresses of the inference servers."""
        return tuple(u.strip() for u in self.triton_urls.split(",") if u.strip()) or (
            f"127.0.0.1:{self.triton_grpc_port}",
        )

    @property
    def models_folder(self) -> Path:
        """Where `waysight models` keeps what was pulled and what takes the place of our models."""
        return (self.models_dir or self.state_dir / "models").expanduser().resolve()

    @property
    def evidence(self) -> str:
        """URL of the evidence store."""
        return self.evidence_url or (self.state_dir.resolve() / "evidence").as_uri()


_chosen: list[Settings] = []


def get_settings() -> Settings:
    """The process's settings; raises BadConfiguration naming the variable at fault."""
    return _chosen[-1] if _chosen else load_settings()


@contextmanager
def using(settings: Settings) -> Iterator[None]:
    """These settings for the whole process while the body runs (the demo has a stack of its own)."""
    _chosen.append(settings)
    try:
        yield
    finally:
        _chosen.remove(settings)


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of the environment; raises BadConfiguration naming the variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        lines = "; ".join(f"WAYSIGHT_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise BadConfiguration(
            f"bad settings: {lines}; correct the environment or .env and start again"
        ) from error
