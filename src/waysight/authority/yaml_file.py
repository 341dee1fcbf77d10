"""A YAML file that is checked against a model and can say on which line a field stands."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Any, Never

import yaml
from pydantic import ValidationError

from waysight.authority.rulepack_files import FileT
from waysight.errors import BadConfiguration

_LOADER: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # libyaml's, where it is there, is nine times faster
Path = tuple[str | int, ...]


class YamlFile:
    """The content of a file; raises BadConfiguration for one that is no YAML or says a key twice."""

    def __init__(self, path: Traversable) -> None:
        self._path = path
        try:
            text = path.read_text(encoding="utf-8")
            self._node, self.data = yaml.compose(text, _LOADER), yaml.load(text, _LOADER)
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise BadConfiguration(f"{path}: cannot be read: {error}") from error
        self._no_twins(self._node)

    def parse(self, kind: type[FileT]) -> FileT:
        """The content as a model; raises BadConfiguration naming the first fault."""
        try:
            return kind.model_validate(self.data)
        except ValidationError as error:
            first = error.errors()[0]
            self.refuse(tuple(first["loc"]), first["msg"])

    def refuse(self, at: Path, reason: str) -> Never:
        """Raise BadConfiguration with file, line and field."""
        field = ".".join(str(p) for p in at)
        raise BadConfiguration(f"{self._path}:{_line(self._node, at)}: {field}: {reason}")

    def _no_twins(self, node: Any) -> None:
        if isinstance(node, yaml.SequenceNode):
            for part in node.value:
                self._no_twins(part)
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise BadConfiguration(f"{self._path}:{line}: {key.value}: is there twice")
                seen.add(key.value)
                self._no_twins(value)


def _line(node: Any, at: Path) -> int:
    line = 1
    for part in at:
        line = node.start_mark.line + 1 if node is not None else line
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(part)), None)
        else:
            node = None
        if node is None:
            return line
    return line if node is None else int(node.start_mark.line) + 1
