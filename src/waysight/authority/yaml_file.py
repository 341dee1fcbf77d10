"""A YAML file that is checked against a model and can say on which line a field stands."""

from __future__ import annotations

import math
from importlib.resources.abc import Traversable
from typing import Any, Never

import yaml
from pydantic import ValidationError

from waysight.authority.rulepack_files import FileT
from waysight.errors import BadConfiguration

_LOADER: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # libyaml's, where it is there, is nine times faster
_DEEPEST = 20  # a pack has eight levels
Path = tuple[str | int, ...]


class YamlFile:
    """The content of a file; raises BadConfiguration for one that is no YAML or says a key twice."""

    def __init__(self, path: Traversable) -> None:
        self._path, text = path, ""
        try:
            text = path.read_text(encoding="utf-8")
            self._node = yaml.compose(text, _LOADER)
            self._sound(self._node, 0)
            self.data = yaml.load(text, _LOADER)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise BadConfiguration(f"{path}{_line_of(error, text)}: cannot be read: {error}") from error

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

    def _sound(self, node: Any, depth: int) -> None:
        """Refuse a key that is there twice or is no word, a date that there is not, and what is nested without end."""
        if depth > _DEEPEST:
            self._refuse_node(node, "", "is nested too deep, or within itself")
        if isinstance(node, yaml.ScalarNode):
            self._value(node)
        elif isinstance(node, yaml.SequenceNode):
            for part in node.value:
                self._sound(part, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    self._refuse_node(key, "", "a key is one word")
                if key.value in seen:
                    self._refuse_node(key, key.value, "is there twice")
                seen.add(key.value)
                self._sound(value, depth + 1)

    def _value(self, node: Any) -> None:
        try:
            made = yaml.constructor.SafeConstructor().construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            self._refuse_node(node, node.value, f"cannot be read: {error}")
        if isinstance(made, float) and not math.isfinite(made):
            self._refuse_node(node, node.value, "is no number")

    def _refuse_node(self, node: Any, what: str, reason: str) -> Never:
        said = f"{what}: {reason}" if what else reason
        raise BadConfiguration(f"{self._path}:{node.start_mark.line + 1}: {said}")


def _line_of(error: Exception, text: str) -> str:
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
    if mark is not None:
        return f":{mark.line + 1}"
    return f":{text.count(chr(10), 0, position) + 1}" if text and isinstance(position, int) else ""


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
