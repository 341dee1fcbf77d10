"""The law of each country that has fines: its rule pack, its local days, and the gate for a fine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from waysight.authority.rulepacks import all_packs
from waysight.domain.confirming import confirmed
from waysight.domain.fines.facts import Law
from waysight.domain.rulepack import RulePack, plain
from waysight.errors import BadMessage
from waysight.messages import Confirmation
from waysight.settings import Settings


def laws_of(settings: Settings, confirmations: Iterable[Confirmation] = ()) -> dict[str, Law]:
    """By country, for every rule pack that has offences, with what named persons confirmed."""
    known = tuple(confirmations)
    return {
        pack.country: law_of(confirmed(pack, known), settings.enforcement_gate, known)
        for pack in all_packs().values()
        if pack.offences
    }


def law_of(pack: RulePack, gate: float, confirmations: Iterable[Confirmation] = ()) -> Law:
    """The law of a pack as it stands, and when what was confirmed of it was."""
    said = sorted((c for c in confirmations if c.pack == pack.id), key=lambda c: c.confirmed_ms)
    when = {c.path: c.confirmed_ms for c in said if not c.revoked}
    return Law(pack, _days_of(ZoneInfo(pack.timezone)), gate, digest_of(pack), when)


def digest_of(pack: RulePack) -> str:
    """SHA-256 of everything a pack says, 64 hexadecimal digits; the same for the same content in every process."""
    return hashlib.sha256(json.dumps(_canonical(pack), ensure_ascii=True).encode()).hexdigest()


def local_day(at_ms: int, zone: tzinfo) -> date:
    """The day of a UTC epoch ms in a time zone; raises BadMessage for a time that is no date."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, zone).date()
    except (OverflowError, ValueError, OSError) as error:
        raise BadMessage(f"{at_ms} ms is no date") from error


def _days_of(zone: ZoneInfo) -> Callable[[int], date]:
    return lambda at_ms: local_day(at_ms, zone)


def _canonical(node: Any) -> Any:
    """A value as JSON takes it, without what does not belong to its content: the order of sets, zeros at the end."""
    if is_dataclass(node):
        return [[f.name, _canonical(getattr(node, f.name))] for f in fields(node)]
    if isinstance(node, Mapping):
        return sorted([str(key), _canonical(value)] for key, value in node.items())
    if isinstance(node, frozenset):
        return sorted(map(_canonical, node), key=repr)
    if isinstance(node, tuple):
        return [_canonical(each) for each in node]
    if isinstance(node, Decimal):
        return plain(node)
    return node.isoformat() if isinstance(node, date) else node
