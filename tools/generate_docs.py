"""Writes docs/reference/: topics and records, the command line, metrics, unsure law. `--check` compares instead."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from prometheus_client import REGISTRY

from waysight import metrics
from waysight.authority.rulepacks import all_packs
from waysight.cli import build
from waysight.domain.confirming import unsure_values
from waysight.topics import all_topics

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by tools/generate_docs.py; change the source, then run `make docs`. -->\n\n"


def main() -> int:
    """Write the pages; with --check return 1 when one differs from its source."""
    folder = ROOT / "docs" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, text in {"topics.md": topics(), "cli.md": cli(), "metrics.md": metric_names(),
                       "law.md": unsure_law()}.items():  # fmt: skip
        path = folder / name
        if not path.exists() or path.read_text() != NOTE + text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(NOTE + text)
    if stale:
        print(f"stale: {', '.join(stale)}; run make docs")
    return 1 if stale and "--check" in sys.argv else 0


def topics() -> str:
    """Every topic, then every record with its fields."""
    rows = [
        f"| `{t.name}` | [{t.schema_name}](#{t.schema_name.lower()}) | {t.key} | {t.partitions or 'setting'} | "
        f"{'compacted' if t.compacted else 'for ever' if t.retention_hours < 0 else f'{t.retention_hours} h'} | "
        f"{', '.join(t.producers)} | {', '.join(t.consumers)} |"
        for t in all_topics().values()
    ]
    head = "# Topics and records\n\n| topic | record | key | partitions | kept | written by | read by |\n|---|---|---|---|---|---|---|\n"
    records = "".join(
        _record(json.loads(p.read_text())) for p in sorted((ROOT / "schemas").glob("waysight.*.avsc"))
    )
    return head + "\n".join(rows) + "\n" + records


def _record(schema: dict[str, Any]) -> str:
    if schema["type"] == "enum":
        return f"\n## {schema['name']}\n\nOne of {', '.join(f'`{s}`' for s in schema['symbols'])}.\n"
    rows = "\n".join(f"| `{f['name']}` | {_type(f['type'])} | {f['doc']} |" for f in schema["fields"])
    return f"\n## {schema['name']}\n\n{schema['doc']}\n\n| field | type | meaning |\n|---|---|---|\n{rows}\n"


def _type(kind: Any) -> str:
    if isinstance(kind, list):
        return " or ".join(_type(k) for k in kind)
    if isinstance(kind, str):
        return kind.removeprefix("waysight.")
    if kind["type"] == "array":
        return f"array of {_type(kind['items'])}"
    if kind["type"] == "enum":
        return "one of " + ", ".join(f"`{s}`" for s in kind["symbols"])
    return str(kind.get("logicalType", kind["type"]))


def cli() -> str:
    """Every command with its help and options."""
    root = typer.main.get_command(build())
    return (
        "# Commands\n\nExit codes: 0 success, 1 failure, 2 bad configuration, 3 an engine is down, 4 not allowed.\n"
        + "".join(_commands(root, "waysight"))
    )


def _commands(command: Any, path: str) -> Iterator[str]:
    subcommands = getattr(command, "commands", None)
    if subcommands:
        for name in sorted(subcommands):
            yield from _commands(subcommands[name], f"{path} {name}")
        return
    lines = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        plain = [(parameter.name or "").upper()]
        names = ", ".join(
            f"`{o}`" for o in (parameter.opts if parameter.param_type_name == "option" else plain)
        )
        lines.append(
            f"- {names}{' (required)' if parameter.required else ''}: {getattr(parameter, 'help', None) or ''}".rstrip(
                ": "
            )
        )
    yield f"\n## {path}\n\n{(command.help or '').strip()}\n" + (
        "\n" + "\n".join(lines) + "\n" if lines else ""
    )


def metric_names() -> str:
    """Every metric of ours."""
    ours = [m for m in REGISTRY.collect() if m.name.startswith("waysight_")]
    labels = {c._name: c._labelnames for c in vars(metrics).values() if hasattr(c, "_labelnames")}
    rows = "\n".join(
        f"| `{m.name}` | {m.type} | {', '.join(labels.get(m.name, ()))} | {m.documentation} |"
        for m in sorted(ours, key=lambda m: m.name)
    )
    return f"# Metrics\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n{rows}\n"


def unsure_law() -> str:
    """What of each rule pack nobody confirmed."""
    text = (
        "# What of the law is unsure\n\nAs `waysight rules list COUNTRY --unsure` shows it. An amount or a tolerance "
        "blocks the fines that need it, a period what would run by it; a reading is decided in the driver's favour.\n"
    )
    for pack in all_packs().values():
        rows = "\n".join(
            f"| `{v.path}` | {v.said or 'not read'} | {', '.join(v.sources)} |" for v in unsure_values(pack)
        )
        text += (
            f"\n## {pack.country}: {pack.reference}\n\n| value | says | sources |\n|---|---|---|\n{rows}\n"
        )
    return text


if __name__ == "__main__":
    raise SystemExit(main())
