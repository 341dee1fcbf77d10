"""Reading CSV files that authorities hand over: a fault names file, line and column; nothing is half imported."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from waysight.errors import BadConfiguration, NotAllowed

T = TypeVar("T")
_SHOWN = 10
_FIRST_YEAR = 1900
_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{8}", re.ASCII)
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII)


def read_rows(
    path: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of a CSV file as (line number from 1, trimmed values by column); UTF-8; comma, semicolon or tab.

    Lines without any value, as spreadsheets leave them, are passed over. Raises BadConfiguration for a file without
    the required columns, with unknown ones, or that is no CSV.
    """
    line = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            first = handle.readline()
            handle.seek(0)
            reader = csv.DictReader(handle, delimiter=max(",;\t", key=first.count), strict=True)
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
                line = reader.line_num
                if None in row or any(v is None for v in row.values()):
                    raise BadConfiguration(f"{path}:{line}: the line has not {len(columns)} values")
                values = {k: v.strip() for k, v in row.items()}
                if "\0" in "".join(values.values()):
                    raise BadConfiguration(f"{path}:{line}: a zero byte; this is no text, correct the line")
                if any(values.values()):
                    yield line, values
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: not in UTF-8 ({error.reason}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise BadConfiguration(
            f"{path}: not a CSV file after line {line}: {error}; correct that line"
        ) from error


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
    if not good:
        raise BadConfiguration(f"{path}: there is no line to import; nothing was imported")
    return good


def moment_ms(text: str, column: str, end_of_day: bool = False, zone: tzinfo = UTC) -> int:
    """UTC epoch ms of an ISO date or time; without a zone it is one of `zone`; a date alone is its start, or its end.

    Raises BadConfiguration for what is neither, and for a year that nobody means.
    """
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=int(end_of_day))
            moment = datetime(day.year, day.month, day.day, tzinfo=zone)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        if moment.year >= _FIRST_YEAR:
            return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise BadConfiguration(
            f"{column} {text!r} is no date or time; write 2026-12-31 or 2026-12-31T18:00:00Z"
        ) from error
    raise BadConfiguration(f"{column} {text!r} is before {_FIRST_YEAR}; write the year with four digits")


def amount_of(text: str, column: str) -> Decimal:
    """A positive amount with at most two decimals; "21.600" is refused, as it may be twenty-one thousand."""
    if not _AMOUNT.fullmatch(text):
        raise BadConfiguration(
            f"{column} {text!r} is no amount; write 21625.00: a point, at most two decimals, no other separators"
        )
    amount = Decimal(text)
    if amount <= 0:
        raise BadConfiguration(f"{column} {text!r} is not above 0")
    return amount.quantize(Decimal("0.01"))
