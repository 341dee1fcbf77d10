"""Looking something up about people and vehicles: a purpose and a case are asked for, and every look is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from waysight.adapters.audit import AuditLog, require_purpose
from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.codec import Codec
from waysight.commands.output import open_codec
from waysight.settings import Settings, get_settings

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """What a look-up works with."""

    settings: Settings
    codec: Codec

    @cached_property
    def clickhouse(self) -> ClickHouse:
        """A connection, made when it is asked for: a look into the compacted topics needs none."""
        return connect(self.settings)


def look_up(
    action: str,
    purpose: str,
    case: str,
    find: Callable[[Desk], tuple[Sequence[T], Mapping[str, Any]]],
    officer: str = "",
) -> Sequence[T]:
    """What `find` gives (rows, and what was asked, for the audit log), once the look is recorded.

    Raises NotAllowed without purpose or case, before anything is read. What cannot be recorded is not shown:
    raises EngineDown when the audit log does not answer.
    """
    require_purpose(purpose, case)
    settings = get_settings()
    desk = Desk(settings, open_codec(settings))
    found, asked = find(desk)
    AuditLog(settings, desk.codec).record(action, purpose, case, asked, len(found), officer)
    return found
