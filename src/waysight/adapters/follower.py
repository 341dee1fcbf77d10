"""A background thread that loads a compacted topic and follows it; whoever uses it asks it before each step."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from threading import Event, Thread

from confluent_kafka import Consumer, KafkaException

from waysight.errors import EngineDown, WaysightError
from waysight.settings import Settings

_log = logging.getLogger(__name__)


class Follower(ABC):
    """`start` returns when everything that the topic held at that moment is loaded; `check` raises what ended it.

    `topics` are all that it reads.
    """

    load_s = 60.0

    def __init__(self, settings: Settings, topic: str, *others: str) -> None:
        self._settings, self._topic, self.topics = settings, topic, (topic, *others)
        self._loaded, self._stopped = Event(), Event()
        self._failure: Exception | None = None
        self._thread: Thread | None = None

    @abstractmethod
    def _consumer(self) -> Consumer:
        """A consumer of one's own."""

    @abstractmethod
    def _follow(self, consumer: Consumer) -> None:
        """Load, set `_loaded`, and follow until `_stopped` is set."""

    def start(self, timeout_s: float | None = None) -> None:
        """Load, then follow; harmless to repeat. Raises EngineDown, or BadConfiguration for a missing topic."""
        timeout_s = self.load_s if timeout_s is None else timeout_s
        if self._thread is None:
            self._thread = Thread(target=self._run, name=f"follower-{self._topic}", daemon=True)
            self._thread.start()
        if not self._loaded.wait(timeout_s):
            raise EngineDown(
                f"{self._topic} was not loaded in {timeout_s:g} s; is Kafka at {self._settings.bootstrap} up?"
            )
        self.check()

    def stop(self) -> None:
        """End the background thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10.0)

    def check(self) -> None:
        """Raise what ended the background thread."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        consumer = self._consumer()
        try:
            self._follow(consumer)
        except WaysightError as error:
            self._fail(error)
        except (KafkaException, RuntimeError) as error:
            self._fail(EngineDown(f"cannot follow {self._topic}: {error}"))
        finally:
            consumer.close()
            if self._failure is None and not self._stopped.is_set():
                self._fail(EngineDown(f"the reader of {self._topic} ended on an error of ours; see the log"))

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._loaded.set()
        _log.error("%s", error)
