"""Triton's own virtual environment: where it is, how it is made."""

from __future__ import annotations

import ctypes.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from waysight.errors import BadConfiguration, EngineDown
from waysight.settings import Settings

DONE_MARK = "waysight-complete"


def location(settings: Settings) -> Path:
    """Where the environment is or will be: the setting, else `.waysight` of a checkout, else the cache folder."""
    if settings.triton_venv is not None:
        return settings.triton_venv.expanduser().resolve()
    root = Path(str(files("waysight.infra"))).resolve().parent
    checkout = (root / "pyproject.toml").exists()
    return (root / ".waysight" if checkout else settings.cache_dir.expanduser().resolve()) / "triton-venv"


def find(settings: Settings) -> Path:
    """The environment's folder; raises BadConfiguration when it was not made or misses the server."""
    home = location(settings)
    if not (home / "bin" / "python").exists() or not (packages(home) / "pytriton").is_dir():
        raise BadConfiguration(f"Triton's environment {home} is missing or incomplete; run `waysight setup`")
    return home


def create(settings: Settings, say: Callable[[str], None]) -> None:
    """Make the environment from the locked requirements; harmless to repeat."""
    if settings.triton_venv is not None:
        return  # an environment that was named by hand is its owner's to fill
    requirements = Path(str(files("waysight.infra"))) / "local" / "requirements-triton.txt"
    make(location(settings), requirements, say, "Triton's environment (about 700 MB)")


def make(home: Path, requirements: Path, say: Callable[[str], None], what: str) -> None:
    """Make a virtual environment at `home` from locked requirements, unless it has just these."""
    wanted = requirements.read_text()
    mark = home / DONE_MARK
    if mark.exists() and mark.read_text() == wanted:
        return
    say(f"making {what} in {home}, once")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise BadConfiguration("the installer `uv` is missing; run `pip install uv` and repeat")
    _run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(home)])
    python = str(home / "bin" / "python")
    _run([uv, "pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", str(requirements)])
    mark.write_text(wanted)


def packages(home: Path) -> Path:
    """The environment's site-packages."""
    return home / "lib" / f"python{python_version(home)}" / "site-packages"


def python_version(home: Path) -> str:
    """`3.11` for an environment made with Python 3.11.x; raises BadConfiguration when it cannot be read."""
    try:
        found = re.search(
            r"^version(?:_info)?\s*=\s*(\d+\.\d+)", (home / "pyvenv.cfg").read_text(), re.MULTILINE
        )
    except FileNotFoundError as error:
        raise BadConfiguration(f"Triton's environment {home} is missing; run `waysight setup`") from error
    if found is None:
        raise BadConfiguration(
            f"{home / 'pyvenv.cfg'} names no Python version; delete {home}, run `waysight setup`"
        )
    return found[1]


def library_folder(home: Path) -> str:
    """Where the interpreter's own shared library would be; Triton's model processes are linked to it."""
    done = subprocess.run(
        [str(home / "bin" / "python"), "-c", "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def has_python_library(home: Path) -> bool:
    """True when libpythonX.Y.so.1.0 can be loaded."""
    name = f"libpython{python_version(home)}.so.1.0"
    if (Path(library_folder(home)) / name).exists():
        return True
    try:
        ctypes.CDLL(name)
    except OSError:
        return ctypes.util.find_library(f"python{python_version(home)}") is not None
    return True


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineDown(f"`{' '.join(command[:4])} ...` failed: {(done.stderr or done.stdout)[-2000:]}")
