"""Generated pages equal their sources, and what the README promises exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_reference_pages_equal_their_sources(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "tools/generate_docs.py", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_link_of_the_pages_leads_somewhere(root: Path) -> None:
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    broken = []
    for page in pages:
        targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
        local = [t for t in targets if "://" not in t]
        broken += [f"{page.relative_to(root)}: {t}" for t in local if not (page.parent / t).exists()]
    assert len(pages) > 5
    assert not broken


def test_every_file_that_a_page_names_exists(root: Path) -> None:
    folders = [
        "chaos",
        "docs",
        "examples",
        "infra",
        "processors",
        "producers",
        "rules",
        "schemas",
        "src",
        "tests",
        "tools",
        "training",
        "triton_models",
    ]
    present = [str(p) for folder in folders for p in (root / folder).rglob("*")]
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    named = {
        (page.name, name)
        for page in pages
        for name in re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|yaml|md|txt|json|sql))[:`]", page.read_text())
        if not re.search(r"NAME|NNNN", name)
    }
    assert len(named) > 20
    gone = sorted(n for n in named if not any(p.endswith(f"/{n[1]}") for p in present))
    assert not gone
