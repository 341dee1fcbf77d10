"""Unsure values of a rule pack: which there are, and the pack with those that a named person confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast, get_args

from waysight.domain.periods import PeriodUnit
from waysight.domain.rulepack import Period, RulePack, Value
from waysight.errors import BadConfiguration
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
    value is unsure again. A period gets its length from the confirmation, whatever the pack supposes.
    """
    standing = sorted(
        (c for c in confirmations if c.pack == pack.id and not c.revoked), key=lambda c: c.confirmed_ms
    )
    said = {(c.path, c.value) for c in standing}
    lengths = {c.path: period_of(c.value) for c in standing if _LENGTH.fullmatch(c.value)}

    def change(value: Value) -> Value:
        if not value.unsure:
            return value
        if isinstance(value, Period):
            count, unit = lengths.get(value.path, (None, value.unit))
            return replace(value, count=count, unit=unit, confidence="confirmed") if count else value
        known = bool(value.said) and (value.path, value.said) in said
        return replace(value, confidence="confirmed") if known else value

    return cast(RulePack, _mapped(pack, change))


def confirmation_of(
    pack: RulePack, path: str, value: str, by: str, role: str, source: str, at_ms: int
) -> Confirmation:
    """A person's word that an unsure value stands so in the official text.

    `value` is empty, what the pack says, or the length of a period as the text has it. Raises BadConfiguration for
    a path that is not unsure, and for a value that is not the pack's.
    """
    found = {v.path: v for v in unsure_values(pack)}.get(path)
    if found is None:
        known = any(v.path == path for v in all_values(pack))
        raise BadConfiguration(
            f"{path} of {pack.reference} {'is not unsure' if known else 'does not exist'}; "
            f"`waysight rules list {pack.id} --unsure` shows what is"
        )
    text = value.strip() or found.said
    if found.said and text != found.said and not isinstance(found, Period):
        raise BadConfiguration(
            f"{path} says {found.said!r}, not {text!r}: correct rules/{pack.id}/pack.yaml, the official text decides"
        )
    if isinstance(found, Period):
        period_of(text)
    return Confirmation(
        confirmation_id=f"{pack.id}|{path}|{text}",
        pack=pack.id,
        path=path,
        value=text,
        by=by.strip(),
        role=role.strip(),
        source=source.strip(),
        confirmed_ms=at_ms,
    )


def period_of(text: str) -> tuple[int, PeriodUnit]:
    """A length such as ``2 months``, ``10 working_days``, ``30 days``; raises BadConfiguration for anything else.

    >>> period_of("2 months")
    (2, 'months')
    """
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise BadConfiguration(
            f"{text!r} is no length; write --value e.g. '2 months', '10 working_days' or '30 days'"
        )
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
