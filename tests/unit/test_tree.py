"""The tree is what it claims: packages listed, domain pure, only settings reads the environment."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PURE_ROOTS = {"waysight.domain", "waysight.messages", "waysight.errors"}
DOMAIN_MAY_IMPORT = {
    "__future__", "base64", "bisect", "calendar", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "hashlib", "heapq", "itertools", "json", "math", "numpy", "operator", "re", "statistics", "string", "types",
    "typing", "unicodedata", "zoneinfo",
}  # fmt: skip
IMPURE_CALLS = {
    "now",
    "today",
    "utcnow",
    "open",
    "getenv",
    "print",
    "input",
    "random",
    "default_rng",
    "time",
    "time_ns",
}


def _mapping(root: Path) -> tuple[list[str], dict[str, str]]:
    tool = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    return tool["packages"], tool["package-dir"]


def _sources(root: Path) -> list[Path]:
    folders = [root / f for f in ("src/waysight", "producers", "processors")]
    found = [p for f in folders for p in sorted(f.rglob("*.py"))]
    assert len(found) > 100, "the sources are not where this test looks"
    return found


def test_package_list_equals_the_tree(root: Path) -> None:
    listed, mapping = _mapping(root)
    found = set()
    for name, folder in mapping.items():
        for init in (root / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(root / folder).parts
            found.add(".".join((name, *parts)))
    assert set(listed) == found


def test_no_module_is_imported_under_two_names(root: Path) -> None:
    script = (
        "import importlib, pathlib, pkgutil, sys, waysight\n"
        "for m in pkgutil.iter_modules(waysight.__path__):\n    importlib.import_module('waysight.' + m.name)\n"
        "for p in ('processors', 'producers', 'schemas', 'rules', 'infra', 'triton_models'):\n"
        "    importlib.import_module('waysight.' + p)\n"
        "files = {}\n"
        "for n, m in list(sys.modules.items()):\n"
        "    f = getattr(m, '__file__', None)\n"
        "    if f and n != '__main__': files.setdefault(str(pathlib.Path(f).resolve()), set()).add(n)\n"
        f"bad = {{f: n for f, n in files.items() if len(n) > 1 and f.startswith({str(root)!r})"
        " and '.venv' not in f}\n"
        "sys.exit(str(bad) if bad else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _impurities(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found.extend(
            f"line {node.lineno}: imports {name}"  # type: ignore[attr-defined]
            for name in names
            if name.split(".")[0] not in DOMAIN_MAY_IMPORT and not any(name.startswith(p) for p in PURE_ROOTS)
        )
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in IMPURE_CALLS:
                found.append(f"line {node.lineno}: calls {called}()")
    return found


def test_domain_is_pure(root: Path) -> None:
    modules = sorted((root / "src/waysight/domain").rglob("*.py"))
    assert len(modules) > 20
    bad = {str(p.relative_to(root)): i for p in modules if (i := _impurities(p.read_text()))}
    assert not bad


@pytest.mark.parametrize(
    "line", ["import time", "from datetime import datetime\nx = datetime.now()", "open('f')", "import cv2"]
)
def test_the_purity_check_finds_impurity(line: str) -> None:
    assert _impurities(line)


def test_only_settings_reads_the_environment(root: Path) -> None:
    allowed = {"settings.py"}
    bad = []
    for path in _sources(root):
        text = path.read_text()
        reads = "os.environ[" in text or "os.environ.get(" in text or "os.getenv(" in text
        if reads and path.name not in allowed:
            bad.append(str(path.relative_to(root)))
    assert not bad


def test_files_stay_small(root: Path) -> None:
    long = [str(p.relative_to(root)) for p in _sources(root) if len(p.read_text().splitlines()) > 400]
    assert not long


def test_messages_are_generated_from_the_schemas(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "tools/generate_messages.py", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_schema_is_used(root: Path) -> None:
    from waysight.topics import all_topics

    schemas = {p.name.split(".")[1] for p in (root / "schemas").glob("waysight.*.avsc")}
    text = {n: (root / f"schemas/waysight.{n}.avsc").read_text() for n in schemas}
    top = {t.schema_name for t in all_topics().values()}
    assert top <= schemas
    unused = {n for n in schemas - top if not any(f'"waysight.{n}"' in t for m, t in text.items() if m != n)}
    assert not unused
