"""Reading CSV files that authorities hand over: a fault names file, line and column; nothing is half imported."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from waysight.errors import BadConfiguration, NotAllowed

T = TypeVar("T")
_SHOWN = 10


def read_rows(
    path: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of a CSV file as (line number from 1, trimmed values by column); UTF-8, comma or semicolon.

    Raises BadConfiguration for a file without the required columns, with unknown ones, or that is no CSV.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            first = handle.readline()
            handle.seek(0)
            reader = csv.DictReader(
                handle, delimiter=";" if first.count(";") > first.count(",") else ",", strict=True
            )
            columns = [c.strip() for c in reader.fieldnames or ()]
            reader.fieldnames = columns
            missing = [c for c in required if c not in columns]
            unknown = [c for c in columns if c not in (*required, *optional)]
            if len(set(columns)) != len(columns):
                raise BadConfiguration(f"{path}:1: a column is there twice; keep one of each")
            if missing or unknown:
                wanted = ",".join(required) + (f" and perhaps {','.join(optional)}" if optional else "")
                raise BadConfiguration(
                    f"{path}:1: missing {missing}, unknown {unknown}; the columns are {wanted}"
                )
            for row in reader:
                if None in row or any(v is None for v in row.values()):
                    raise BadConfiguration(
                        f"{path}:{reader.line_num}: the line has not {len(columns)} values"
                    )
                yield reader.line_num, {k: v.strip() for k, v in row.items()}
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path}: not a CSV file in UTF-8: {error}") from error


def convert_all(
    path: Path,
    rows: Iterator[tuple[int, dict[str, str]]],
    convert: Callable[[dict[str, str]], T],
    key: Callable[[T], str] | None = None,
) -> list[T]:
    """Every row converted, or one error that names the first faulty lines.

    `convert` raises BadConfiguration or NotAllowed with the reason; a missing legal ground outweighs the rest.
    Two lines that say different things of one `key` are a fault: the last must not win unseen.
    """
    good: list[T] = []
    said: dict[str, tuple[int, T]] = {}
    faults: list[str] = []
    kind: type[BadConfiguration] | type[NotAllowed] = BadConfiguration
    for line, row in rows:
        try:
            good.append(convert(row))
            name = key(good[-1]) if key else ""
            before, same = said.setdefault(name, (line, good[-1])) if key else (line, good[-1])
            if same != good[-1]:
                raise BadConfiguration(f"contradicts line {before} on {name}; keep one of them")
        except (BadConfiguration, NotAllowed) as error:
            kind = NotAllowed if isinstance(error, NotAllowed) else kind
            faults.append(f"{path}:{line}: {error}")
    if faults:
        more = f"\n… and {len(faults) - _SHOWN} more lines" if len(faults) > _SHOWN else ""
        raise kind("nothing was imported:\n" + "\n".join(faults[:_SHOWN]) + more)
    return good


def moment_ms(text: str, column: str, end_of_day: bool = False) -> int:
    """UTC epoch ms of an ISO date or time; without a zone it is UTC; a date alone is its start, or its end."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=int(end_of_day))
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise BadConfiguration(
            f"{column} {text!r} is no date or time; write 2026-12-31 or 2026-12-31T18:00:00Z"
        ) from error


def amount_of(text: str, column: str) -> Decimal:
    """A positive amount with at most two decimals."""
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise BadConfiguration(f"{column} {text!r} is no amount; write 21625.00") from error
    if (
        not amount.is_finite()
        or amount <= 0
        or amount >= Decimal("1e12")
        or amount != amount.quantize(Decimal("0.01"))
    ):
        raise BadConfiguration(f"{column} {text!r} is not above 0 with at most two decimals")
    return amount.quantize(Decimal("0.01"))
