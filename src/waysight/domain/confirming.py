"""Unsure values of a rule pack: which there are, and the pack with those that a named person confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast, get_args

from waysight.domain.periods import PeriodUnit
from waysight.domain.rulepack import Period, RulePack, Value
from waysight.messages import Confirmation

_LENGTH = re.compile(rf"([1-9]\d{{0,3}}) ({'|'.join(get_args(PeriodUnit))})")


def unsure_values(pack: RulePack) -> tuple[Value, ...]:
    """Every value of a pack that nobody confirmed, in the order of the file."""
    return tuple(v for v in all_values(pack) if v.unsure)


def all_values(pack: RulePack) -> tuple[Value, ...]:
    """Every value of a pack with its certainty, in the order of the file."""
    found: dict[str, Value] = {}
    _mapped(pack, lambda value: found.setdefault(value.path, value))
    return tuple(found.values())


def confirmed(pack: RulePack, confirmations: Iterable[Confirmation]) -> RulePack:
    """The pack with what was confirmed and not revoked.

    A confirmation counts while the pack says what was confirmed: once another version says something else, the
    value is unsure again. A period that nobody had read gets its length from the confirmation.
    """
    said = {(c.path, c.value) for c in confirmations if c.pack == pack.id and not c.revoked}
    lengths = {path: period_of(value) for path, value in sorted(said) if _LENGTH.fullmatch(value)}

    def change(value: Value) -> Value:
        if not value.unsure:
            return value
        if isinstance(value, Period) and value.count is None:
            count, unit = lengths.get(value.path, (None, value.unit))
            return replace(value, count=count, unit=unit, confidence="confirmed") if count else value
        known = bool(value.said) and (value.path, value.said) in said
        return replace(value, confidence="confirmed") if known else value

    return cast(RulePack, _mapped(pack, change))


def period_of(text: str) -> tuple[int, PeriodUnit]:
    """A length such as ``2 months``, ``10 working_days``, ``30 days``; raises ValueError for anything else.

    >>> period_of("2 months")
    (2, 'months')
    """
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no length; write e.g. '2 months', '10 working_days' or '30 days'")
    return int(found[1]), cast(PeriodUnit, found[2])


def _mapped(node: Any, change: Callable[[Value], Value]) -> Any:
    if isinstance(node, tuple):
        return tuple(_mapped(n, change) for n in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    parts = {f.name: getattr(node, f.name) for f in fields(node)}
    changed = {k: new for k, old in parts.items() if (new := _mapped(old, change)) != old}
    node = replace(node, **changed) if changed else node
    return change(node) if isinstance(node, Value) else node
