"""A stack of one's own in a temporary folder, for measurements: nothing of the usual stack is touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from waysight.local import control, ports
from waysight.local.doctor import PORT_SETTINGS
from waysight.settings import Settings

Say = Callable[[str], None]


@contextmanager
def temporary_stack(
    settings: Settings, parts: Sequence[str], say: Say = lambda _line: None
) -> Iterator[Settings]:
    """Settings of a fresh stack on free ports, with the models in force in `settings`; ended with the body.

    It also ends when this process is killed.
    """
    with tempfile.TemporaryDirectory(prefix="waysight-own-") as folder:
        numbers = dict(zip(PORT_SETTINGS, ports.free_ports(len(PORT_SETTINGS)), strict=True))
        elsewhere = {"kafka_bootstrap": "", "registry_url": "", "triton_urls": "", "evidence_url": ""}
        folders = {"state_dir": Path(folder), "models_dir": settings.models_folder}
        own = settings.model_copy(update=folders | elsewhere | numbers)
        try:
            control.up(own, parts, say=say, owner_pid=os.getpid())
            yield own
        finally:
            control.down(own)
