"""Type-checks the distribution as it will be installed: one package tree, made of links to the sources."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Exit code of mypy."""
    mapping: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-dir"
    ]
    tree = ROOT / "build" / "types" / "waysight"
    tree.mkdir(parents=True, exist_ok=True)
    for old in tree.iterdir():
        old.unlink()
    for entry in (ROOT / mapping["waysight"]).iterdir():
        (tree / entry.name).symlink_to(entry)
    for package, folder in mapping.items():
        if package != "waysight":
            (tree / package.split(".")[1]).symlink_to(ROOT / folder)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            str(ROOT / "pyproject.toml"),
            "-p",
            "waysight",
            *sys.argv[1:],
        ],
        cwd=tree.parent,
        check=False,
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
