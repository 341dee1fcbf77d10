"""The parts of the stack by name, in the order in which they start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from waysight.errors import BadConfiguration
from waysight.local.child import Child
from waysight.settings import Settings

ORDER = ("kafka", "clickhouse", "triton", "registry")
OPTIONAL = ("prometheus",)


def part(name: str, settings: Settings) -> Child:
    """The child for one part; raises BadConfiguration for an unknown name or a missing file."""
    check_names((name,))
    make: Callable[[Settings], Child] = import_module(f"waysight.local.{name}").child
    return make(settings)


def check_names(names: Iterable[str]) -> None:
    """Raise BadConfiguration when a name is no part."""
    for name in names:
        if name not in (*ORDER, *OPTIONAL):
            raise BadConfiguration(f"no part is called {name!r}; there are {', '.join((*ORDER, *OPTIONAL))}")
