"""Reads on while what was read is being written, so that the engine and the writer work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")
_LOOK_S = 0.2


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[T], depth: int = 1) -> Iterator[T]:
    """The same items in the same order, at most `depth` of them read before they are asked for.

    An error of `items` is raised where it happened. When the reader of this stops early, `items` is closed.
    """
    queue: Queue[T | _End] = Queue(depth)
    stopped = threading.Event()

    def put(item: T | _End) -> bool:
        while not stopped.is_set():
            try:
                queue.put(item, timeout=_LOOK_S)
            except Full:
                continue
            return True
        return False

    def read() -> None:
        end = _End()
        try:
            for item in items:
                if not put(item):
                    break
            if isinstance(items, Generator):
                items.close()
        except BaseException as error:  # noqa: BLE001  # raised again by who asks
            end = _End(error)
        put(end)

    thread = threading.Thread(target=read, name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        thread.join()
