"""Reads on while what was read is being written, so that the engine and the writer work at the same time."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")
_END: Any = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items in the same order, one of them read before it is asked for.

    An error of `items` is raised where it happened. When the reader of this stops early, `items` is closed.
    """
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(next, source, _END)
        try:
            while (item := coming.result()) is not _END:
                coming = pool.submit(next, source, _END)
                yield item
        finally:
            wait((coming,))
            if isinstance(items, Generator):
                items.close()
