"""Writes src/waysight/messages/ from schemas/*.avsc: one frozen dataclass per Avro record.

Run it after changing a schema; a test compares the result with the files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GROUPS = {
    "perception": ["ObjectLabel", "Frame", "PlateCandidate", "PlateRead", "DetectedObject", "Detections", "PathPoint",
                   "FrameRef", "Sighting", "Watermark", "SightingBatch", "Pass", "PassBatch", "Signal", "CameraHealth"],
    "enforcement": ["Tally", "TallyBatch", "Violation", "Count", "Minute", "MinuteBatch", "Rollup", "ExternalRead", "ClockCheck",
                    "Vehicle", "DutyPeriod", "Exemption", "Statistic"],
    "fines": ["Review", "ReviewLock", "Fine", "FineAction", "FineEvent", "Referral", "Payment", "Penalty", "Confirmation"],
    "governance": ["AlertStatus", "Alert", "AlertAction", "WatchlistEntry", "Person", "Authorisation", "FollowPoint",
                   "Companion", "CameraRecord", "AuditEvent", "DeadLetter", "Shard"],
}  # fmt: skip
PLAIN = {"string": "str", "long": "int", "int": "int", "float": "float", "double": "float", "boolean": "bool",
         "bytes": "bytes", "null": "None"}  # fmt: skip


def main() -> int:
    """Write the package, or with --check compare and return 1 on a difference."""
    check = "--check" in sys.argv
    target = ROOT / "src/waysight/messages"
    target.mkdir(exist_ok=True)
    stale = [name for name, text in render(ROOT / "schemas").items() if _write(target / name, text, check)]
    if stale:
        print(f"stale: {', '.join(stale)}; run python tools/generate_messages.py")
    return 1 if stale and check else 0


def render(folder: Path) -> dict[str, str]:
    """File name → source text for every group; raises KeyError for a schema that no group names."""
    schemas = {
        p.name.split(".")[1]: json.loads(p.read_text()) for p in sorted(folder.glob("waysight.*.avsc"))
    }
    grouped = {n for names in GROUPS.values() for n in names}
    if set(schemas) != grouped:
        raise KeyError(f"schemas and groups differ: {sorted(set(schemas) ^ grouped)}")
    home = {n: g for g, names in GROUPS.items() for n in names}
    files = {f"{g}.py": _module(g, [schemas[n] for n in names], home) for g, names in GROUPS.items()}
    lines = [f"from waysight.messages.{g} import {', '.join(sorted(names))}" for g, names in GROUPS.items()]
    exported = ",\n    ".join(f'"{n}"' for n in sorted(grouped))
    files["__init__.py"] = (
        '"""Every record as a frozen dataclass; made from schemas/*.avsc by '
        'tools/generate_messages.py."""\n\n'
        + "\n".join(lines) + f"\n\n__all__ = [\n    {exported},\n]\n"
    )  # fmt: skip
    return files


def _module(group: str, schemas: list[dict[str, Any]], home: dict[str, str]) -> str:
    used: set[str] = set()
    body = "".join(_definition(s, used) for s in schemas)
    other = sorted((home[n], n) for n in used if home[n] != group)
    imports = "".join(f"from waysight.messages.{g} import {n}\n" for g, n in other)
    decimal = "from decimal import Decimal\n" if "Decimal" in body else ""
    literal = "from typing import Literal\n" if "Literal[" in body else ""
    head = (
        f'"""Records of {group}; made from schemas/*.avsc by tools/generate_messages.py, not by hand."""\n\n'
    )
    # Annotations stay evaluated: msgspec resolves them when it builds its decoders.
    return (
        head
        + "from dataclasses import dataclass\n"
        + decimal
        + literal
        + ("\n" + imports if imports else "")
        + body
    )


def _definition(schema: dict[str, Any], used: set[str]) -> str:
    if schema["type"] == "enum":
        return f"\n{schema['name']} = {_type(schema, used)}\n"
    fields = "".join(f"    {f['name']}: {_type(f['type'], used)}{_default(f)}\n" for f in schema["fields"])
    return (f"\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass {schema['name']}:\n"
            f'    """{schema["doc"]}"""\n\n{fields}')  # fmt: skip


def _type(kind: Any, used: set[str]) -> str:
    if isinstance(kind, list):
        return " | ".join(_type(k, used) for k in sorted(kind, key=lambda k: k == "null"))
    if isinstance(kind, str):
        if kind in PLAIN:
            return PLAIN[kind]
        name = kind.split(".")[-1]
        used.add(name)
        return name
    if kind["type"] == "array":
        return f"tuple[{_type(kind['items'], used)}, ...]"
    if kind["type"] == "enum":
        return "Literal[" + ", ".join(f'"{s}"' for s in kind["symbols"]) + "]"
    return "Decimal" if kind.get("logicalType") == "decimal" else PLAIN[kind["type"]]


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if isinstance(value, list):
        value = tuple(value)
    elif field["type"] == "bytes" and isinstance(value, str):
        value = value.encode("latin-1")  # as Avro writes bytes in JSON
    return f" = {value!r}" if "default" in field else ""


def _write(path: Path, text: str, check: bool) -> bool:
    text = _formatted(text)
    differs = not path.exists() or path.read_text() != text
    if differs and not check:
        path.write_text(text)
    return differs


def _formatted(text: str) -> str:
    import subprocess

    ruff = [sys.executable, "-m", "ruff"]
    first = subprocess.run(
        [*ruff, "check", "--fix", "-q", "--select", "I", "-"],
        input=text,
        text=True,
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    return subprocess.run(
        [*ruff, "format", "-"], input=first.stdout, text=True, capture_output=True, check=True, cwd=ROOT
    ).stdout


if __name__ == "__main__":
    raise SystemExit(main())
